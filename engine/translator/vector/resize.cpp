// SPDX-License-Identifier: Apache-2.0
//
// Operations whose result has elements of another size: twice (long), half (narrow), or one for all (across).

#include "engine/translator/vector/shift_amount.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

template <auto op, class T, unsigned bytes>
void run_long_unary(CpuState&, V128* d, const V128* a, const V128*, const V128*, u64 imm)
{
    const auto x = half<T, bytes / 2>(a, imm);
    Lanes<Twice<T>, bytes> result;
    for (unsigned i = 0; i < result.count; ++i)
        result.e[i] = static_cast<Twice<T>>(op(static_cast<Twice<T>>(x.e[i]), imm));
    result.store(d);
}

template <auto op, class T, unsigned bytes>
void run_long_binary(CpuState& state, V128* d, const V128* a, const V128* b, const V128*, u64 imm)
{
    Context context{imm};
    const auto x = half<T, bytes / 2>(a, imm);
    const auto y = half<T, bytes / 2>(b, imm);
    Lanes<Twice<T>, bytes> result;
    for (unsigned i = 0; i < result.count; ++i)
        result.e[i] = apply<op, Twice<T>>(context, static_cast<Twice<T>>(x.e[i]), static_cast<Twice<T>>(y.e[i]));
    result.store(d);
    note_saturation(state, context);
}

/// Result elements of type T from elements of type Source, which has twice the size.
template <auto op, class T, class Source, unsigned bytes>
void run_narrow(CpuState& state, V128* d, const V128* a, u64 imm)
{
    Context context{};
    const auto amount = static_cast<unsigned>(imm & 0xFF);
    const bool rounding = (imm & 0x100) != 0;
    const Lanes<Source, bytes * 2> x(a);
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < result.count; ++i) {
        const Source shifted = rounding ? shift_right_rounding(x.e[i], amount) : shift_right(x.e[i], amount);
        result.e[i] = op.template operator()<T>(context, shifted);
    }
    result.store(d);
    note_saturation(state, context);
}

template <class T, unsigned bytes>
void run_pairwise_long(CpuState&, V128* d, const V128* a, const V128*, const V128*, u64)
{
    const Lanes<T, bytes> x(a);
    Lanes<Twice<T>, bytes> result;
    for (unsigned i = 0; i < result.count; ++i)
        result.e[i] = static_cast<Twice<T>>(static_cast<Twice<T>>(x.e[2 * i]) + static_cast<Twice<T>>(x.e[2 * i + 1]));
    result.store(d);
}

template <auto op, class T, class Result, unsigned bytes>
void run_across(CpuState&, V128* d, const V128* a, const V128*, const V128*, u64)
{
    const Lanes<T, bytes> x(a);
    auto sum = static_cast<Result>(x.e[0]);
    for (unsigned i = 1; i < x.count; ++i) sum = static_cast<Result>(op(sum, static_cast<Result>(x.e[i])));
    *d = {static_cast<std::make_unsigned_t<Result>>(sum), 0};
}

// Rows. Sources of 8, 16 and 32 bits; long results of one element or of a whole register.

template <bool is_signed, unsigned sizes, class F>
constexpr void for_each_source(F f)
{
    auto one_size = [&]<unsigned bits>() {
        if constexpr ((sizes & (bits / 8)) != 0)
            f.template operator()<std::conditional_t<is_signed, Signed<bits>, Unsigned<bits>>, bits>();
    };
    one_size.template operator()<8>();
    one_size.template operator()<16>();
    one_size.template operator()<32>();
}

template <auto op, bool is_signed>
constexpr Row long_unary(VecOp name)
{
    Row row{name};
    for_each_source<is_signed, up_to_32>(
        [&]<class T, unsigned bits>() { row.at(bits, 16) = run_long_unary<op, T, 16>; });
    return row;
}

template <auto op, bool is_signed, unsigned sizes = up_to_32>
constexpr Row long_binary(VecOp name)
{
    Row row{name};
    for_each_source<is_signed, sizes>([&]<class T, unsigned bits>() {
        row.at(bits, bits / 4) = run_long_binary<op, T, bits / 4>;
        row.at(bits, 16) = run_long_binary<op, T, 16>;
    });
    return row;
}

template <auto op, bool source_signed, bool result_signed>
constexpr Row narrowing(VecOp name)
{
    Row row{name};
    for_each_source<result_signed, up_to_32>([&]<class T, unsigned bits>() {
        using Source = std::conditional_t<source_signed, Signed<bits * 2>, Unsigned<bits * 2>>;
        row.at(bits, bits / 8) = [](CpuState& s, V128* d, const V128* a, const V128*, const V128*, u64 imm) {
            run_narrow<op, T, Source, bits / 8>(s, d, a, imm);
        };
        row.at(bits, 8) = [](CpuState& s, V128* d, const V128* a, const V128*, const V128*, u64 imm) {
            run_narrow<op, T, Source, 8>(s, d, a, imm);
        };
    });
    return row;
}

template <bool is_signed>
constexpr Row pairwise_long(VecOp name)
{
    Row row{name};
    for_each_source<is_signed, up_to_32>([&]<class T, unsigned bits>() {
        row.at(bits, 8) = run_pairwise_long<T, 8>;
        row.at(bits, 16) = run_pairwise_long<T, 16>;
    });
    return row;
}

template <auto op, bool is_signed, bool is_long = false>
constexpr Row across(VecOp name)
{
    Row row{name};
    for_each_source<is_signed, up_to_32>([&]<class T, unsigned bits>() {
        using Result = std::conditional_t<is_long, Twice<T>, T>;
        row.at(bits, 8) = run_across<op, T, Result, 8>;
        row.at(bits, 16) = run_across<op, T, Result, 16>;
    });
    return row;
}

constexpr auto widen = []<class T>(T a, u64 imm) { return shift_left(a, static_cast<unsigned>(imm >> 8 & 0xFF)); };
/// Of two values that were narrower, so that the product fits; u64, because int would overflow.
constexpr auto multiply = [](auto a, auto b) { return static_cast<u64>(a) * static_cast<u64>(b); };
constexpr auto doubling_multiply = []<class T>(Context& context, T a, T b) {
    return saturate<T>(context, static_cast<i128>(a) * b * 2);
};
constexpr auto truncate = []<class T>(Context&, auto value) { return static_cast<T>(value); };
constexpr auto saturating = []<class T>(Context& context, auto value) {
    return saturate<T>(context, static_cast<i128>(value));
};
/// Adds modulo the type, which signed addition may not overflow.
constexpr auto sum = []<class T>(T a, T b) { return static_cast<u64>(a) + static_cast<u64>(b); };
constexpr auto maximum = [](auto a, auto b) { return a > b ? a : b; };
constexpr auto minimum = [](auto a, auto b) { return a < b ? a : b; };

constexpr Row rows[] = {
    long_unary<widen, true>(VecOp::widen_s),
    long_unary<widen, false>(VecOp::widen_u),
    long_binary<multiply, true>(VecOp::mul_long_s),
    long_binary<multiply, false>(VecOp::mul_long_u),
    long_binary<doubling_multiply, true, from_16_to_32>(VecOp::doubling_mul_long),
    pairwise_long<true>(VecOp::add_pairwise_long_s),
    pairwise_long<false>(VecOp::add_pairwise_long_u),
    narrowing<truncate, false, false>(VecOp::narrow),
    narrowing<saturating, true, true>(VecOp::narrow_saturating_s),
    narrowing<saturating, false, false>(VecOp::narrow_saturating_u),
    narrowing<saturating, true, false>(VecOp::narrow_saturating_su),
    across<sum, false>(VecOp::add_across),
    across<sum, true, true>(VecOp::add_long_across_s),
    across<sum, false, true>(VecOp::add_long_across_u),
    across<maximum, true>(VecOp::max_across_s),
    across<maximum, false>(VecOp::max_across_u),
    across<minimum, true>(VecOp::min_across_s),
    across<minimum, false>(VecOp::min_across_u),
};

} // namespace

std::span<const Row> resize_rows() { return rows; }

} // namespace gimbal::translator::vector
