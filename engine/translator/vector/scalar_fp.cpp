// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/scalar_fp.hpp"

#include "engine/translator/vector/fp_operations.hpp"

namespace gimbal::translator::vector {
namespace {

using fp::Bits;
using fp::F16;
using fp::F32;
using fp::F64;
using ir::FpConversion;
using ir::FpOp;
using ir::Type;

template <class F>
constexpr Type float_type = std::same_as<F, F16>   ? Type::f16
                            : std::same_as<F, F32> ? Type::f32
                                                   : Type::f64;

/// Index by the result's type; result_count if no operation gives it.
constexpr unsigned result_count = 6;
constexpr unsigned result_index(Type type)
{
    constexpr Type results[result_count] = {Type::f16, Type::f32, Type::f64, Type::i32, Type::i64, Type::nzcv};
    unsigned at = 0;
    while (at < result_count && results[at] != type) ++at;
    return at;
}

/// Index by the arguments' width; 3 if there is none of that width.
constexpr unsigned source_index(unsigned bits) { return bits == 16 ? 0 : bits == 32 ? 1 : bits == 64 ? 2 : 3; }

struct Row {
    FpOp op{};
    FpFn by_type[3][result_count]{};

    constexpr FpFn& at(unsigned source_bits, Type result)
    {
        return by_type[source_index(source_bits)][result_index(result)];
    }
};

template <auto op, class F>
u64 run_unary(CpuState& state, u64 a, u64, u64, u64)
{
    return op(F{}, static_cast<Bits<F>>(a), state.fp);
}

template <auto op, class F>
u64 run_binary(CpuState& state, u64 a, u64 b, u64, u64)
{
    return op(F{}, static_cast<Bits<F>>(a), static_cast<Bits<F>>(b), state.fp);
}

template <auto op, class F>
u64 run_ternary(CpuState& state, u64 a, u64 b, u64 c, u64)
{
    return op(F{}, static_cast<Bits<F>>(a), static_cast<Bits<F>>(b), static_cast<Bits<F>>(c), state.fp);
}

template <class F, fp::NanCompare nans>
u64 run_compare(CpuState& state, u64 a, u64 b, u64, u64)
{
    switch (fp::compare<F>(static_cast<Bits<F>>(a), static_cast<Bits<F>>(b), nans, state.fp)) {
    case fp::Order::less: return 0x8000'0000;
    case fp::Order::equal: return 0x6000'0000;
    case fp::Order::greater: return 0x2000'0000;
    case fp::Order::unordered: return 0x3000'0000;
    }
    return 0;
}

template <class F>
u64 run_round(CpuState& state, u64 a, u64, u64, u64 imm)
{
    return fp_op::round_to_int<F>(static_cast<Bits<F>>(a), FpConversion::unpack(imm), state.fp);
}

template <class F, unsigned int_width, bool is_signed>
u64 run_to_int(CpuState& state, u64 a, u64, u64, u64 imm)
{
    return fp_op::to_int<F, int_width, is_signed>(static_cast<Bits<F>>(a), FpConversion::unpack(imm), state.fp);
}

template <class F, unsigned int_width, bool is_signed>
u64 run_from_int(CpuState& state, u64 a, u64, u64, u64 imm)
{
    return fp_op::from_int<F, int_width, is_signed>(a, FpConversion::unpack(imm), state.fp);
}

template <class To, class From>
u64 run_convert(CpuState& state, u64 a, u64, u64, u64)
{
    return fp::convert<To, From>(static_cast<Bits<From>>(a), state.fp.rounding, state.fp);
}

/// The flags of FPToFixedJS are those of a saturating conversion.
constexpr fp::IntFormat javascript_int{32, true, 0};

u64 run_to_int_modulo(CpuState& state, u64 a, u64, u64, u64)
{
    const u64 in_range = fp::to_int<F64>(a, javascript_int, fp::Rounding::zero, state.fp);
    const auto exponent = static_cast<int>(bits(a, 52, 11)) - 1023;
    if (exponent < 31 || exponent > 52 + 31) return exponent < 31 ? in_range : 0; // infinities and NaNs are beyond, too
    const u64 mantissa = bits(a, 0, 52) | bit(52);
    const u64 magnitude = exponent <= 52 ? mantissa >> (52 - exponent) : mantissa << (exponent - 52);
    return (test_bit(a, 63) ? ~magnitude + 1 : magnitude) & low_mask(32);
}

u64 run_to_int_is_exact(CpuState& state, u64 a, u64, u64, u64)
{
    fp::FpEnv env = state.fp;
    env.flags = 0;
    fp::to_int<F64>(a, javascript_int, fp::Rounding::zero, env);
    state.fp.raise(env.flags);
    // A flag tells of any loss, a denormal flushed to zero included.
    return env.flags == 0 && a != bit(63) ? 0x4000'0000 : 0;
}

template <class Fn>
constexpr void for_each_format(Fn f)
{
    f(F16{});
    f(F32{});
    f(F64{});
}

#define GIMBAL_FP_ROW_MAKER(maker, runner)                                                                             \
    template <auto op>                                                                                                 \
    constexpr Row maker(FpOp name)                                                                                     \
    {                                                                                                                  \
        Row row{name};                                                                                                 \
        for_each_format([&]<class F>(F) { row.at(fp_op::width<F>, float_type<F>) = runner<op, F>; });                  \
        return row;                                                                                                    \
    }
GIMBAL_FP_ROW_MAKER(unary, run_unary)
GIMBAL_FP_ROW_MAKER(binary, run_binary)
GIMBAL_FP_ROW_MAKER(ternary, run_ternary)
#undef GIMBAL_FP_ROW_MAKER

template <fp::NanCompare nans>
constexpr Row compare(FpOp name)
{
    Row row{name};
    for_each_format([&]<class F>(F) { row.at(fp_op::width<F>, Type::nzcv) = run_compare<F, nans>; });
    return row;
}

constexpr Row round_to_int(FpOp name)
{
    Row row{name};
    for_each_format([&]<class F>(F) { row.at(fp_op::width<F>, float_type<F>) = run_round<F>; });
    return row;
}

template <bool is_signed>
constexpr Row to_int(FpOp name)
{
    Row row{name};
    for_each_format([&]<class F>(F) {
        row.at(fp_op::width<F>, Type::i32) = run_to_int<F, 32, is_signed>;
        row.at(fp_op::width<F>, Type::i64) = run_to_int<F, 64, is_signed>;
    });
    return row;
}

template <bool is_signed>
constexpr Row from_int(FpOp name)
{
    Row row{name};
    for_each_format([&]<class F>(F) {
        row.at(32, float_type<F>) = run_from_int<F, 32, is_signed>;
        row.at(64, float_type<F>) = run_from_int<F, 64, is_signed>;
    });
    return row;
}

constexpr Row convert(FpOp name)
{
    Row row{name};
    row.at(16, Type::f32) = run_convert<F32, F16>;
    row.at(16, Type::f64) = run_convert<F64, F16>;
    row.at(32, Type::f16) = run_convert<F16, F32>;
    row.at(32, Type::f64) = run_convert<F64, F32>;
    row.at(64, Type::f16) = run_convert<F16, F64>;
    row.at(64, Type::f32) = run_convert<F32, F64>;
    return row;
}

constexpr Row single(FpOp name, unsigned source_bits, Type result, FpFn function)
{
    Row row{name};
    row.at(source_bits, result) = function;
    return row;
}

/// In the order of ir/fp_ops.inc.
constexpr Row rows[] = {
    binary<fp_op::add>(FpOp::add),
    binary<fp_op::sub>(FpOp::sub),
    binary<fp_op::mul>(FpOp::mul),
    binary<fp_op::mul_neg>(FpOp::mul_neg),
    binary<fp_op::div>(FpOp::div),
    unary<fp_op::sqrt>(FpOp::sqrt),
    unary<fp_op::abs>(FpOp::abs),
    unary<fp_op::neg>(FpOp::neg),
    binary<fp_op::max>(FpOp::max),
    binary<fp_op::min>(FpOp::min),
    binary<fp_op::maxnm>(FpOp::maxnm),
    binary<fp_op::minnm>(FpOp::minnm),
    ternary<fp_op::fma>(FpOp::fma),
    ternary<fp_op::fms>(FpOp::fms),
    ternary<fp_op::fnma>(FpOp::fnma),
    ternary<fp_op::fnms>(FpOp::fnms),
    compare<fp::NanCompare::quiet>(FpOp::compare),
    compare<fp::NanCompare::signaling>(FpOp::compare_signaling),
    convert(FpOp::convert),
    round_to_int(FpOp::round_to_int),
    to_int<true>(FpOp::to_int_s),
    to_int<false>(FpOp::to_int_u),
    from_int<true>(FpOp::from_int_s),
    from_int<false>(FpOp::from_int_u),
    single(FpOp::to_int_modulo, 64, Type::i32, run_to_int_modulo),
    single(FpOp::to_int_is_exact, 64, Type::nzcv, run_to_int_is_exact),
};

struct Description {
    const char* name;
    unsigned argument_count;
};
constexpr Description descriptions[] = {
#define GIMBAL_FP_OP(name, args) {#name, args},
#include "engine/translator/ir/fp_ops.inc"
#undef GIMBAL_FP_OP
};

constexpr bool in_order()
{
    for (usize i = 0; i < std::size(rows); ++i)
        if (static_cast<usize>(rows[i].op) != i) return false;
    return std::size(rows) == std::size(descriptions);
}
static_assert(in_order());

} // namespace

FpFn fp_function(FpOp op, unsigned source_bits, Type result)
{
    const unsigned source = source_index(source_bits);
    const unsigned to = result_index(result);
    return source < 3 && to < result_count ? rows[static_cast<usize>(op)].by_type[source][to] : nullptr;
}

unsigned argument_count(FpOp op) { return descriptions[static_cast<usize>(op)].argument_count; }

const char* name(FpOp op) { return descriptions[static_cast<usize>(op)].name; }

} // namespace gimbal::translator::vector
