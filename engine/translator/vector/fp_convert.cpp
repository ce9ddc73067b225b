// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/fp_elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using fp::Bits;
using fp::F16;
using fp::F32;
using fp::F64;
using fp::FpEnv;
using ir::FpConversion;
using ir::VecOp;

template <auto op, class F, unsigned bytes>
void run_conversion(CpuState& state, V128* d, const V128* a, const V128*, const V128*, u64 imm)
{
    const FpConversion conversion = FpConversion::unpack(imm);
    const Lanes<Bits<F>, bytes> x(a);
    Lanes<Bits<F>, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = op(F{}, x.e[i], conversion, state.fp);
    result.store(d);
}

template <auto op>
constexpr Row conversion(VecOp name)
{
    Row row{name};
    for_each_fp_shape(
        [&]<class F, unsigned bytes>() { row.at(fp_op::width<F>, bytes) = run_conversion<op, F, bytes>; });
    return row;
}

constexpr auto round_to_int = []<class F>(F, Bits<F> a, FpConversion how, FpEnv& env) {
    return fp_op::round_to_int<F>(a, how, env);
};
template <bool is_signed>
constexpr auto to_int = []<class F>(F, Bits<F> a, FpConversion how, FpEnv& env) {
    return static_cast<Bits<F>>(fp_op::to_int<F, fp_op::width<F>, is_signed>(a, how, env));
};
template <bool is_signed>
constexpr auto from_int = []<class F>(F, Bits<F> a, FpConversion how, FpEnv& env) {
    return fp_op::from_int<F, fp_op::width<F>, is_signed>(a, how, env);
};

/// `bytes` is the result's length.
template <class To, class From, unsigned bytes>
void narrow(CpuState& state, V128* d, const V128* a, const V128*, const V128*, u64 imm)
{
    const fp::Rounding rounding = fp_op::rounding_of(FpConversion::unpack(imm), state.fp);
    const Lanes<Bits<From>, 2 * bytes> x(a);
    Lanes<Bits<To>, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = fp::convert<To, From>(x.e[i], rounding, state.fp);
    result.store(d);
}

template <class To, class From>
void widen(CpuState& state, V128* d, const V128* a, const V128*, const V128*, u64 imm)
{
    const Lanes<Bits<From>, 8> x = half<Bits<From>, 8>(a, imm);
    Lanes<Bits<To>, 16> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = fp::convert<To, From>(x.e[i], state.fp.rounding, state.fp);
    result.store(d);
}

constexpr Row narrow_row()
{
    Row row{VecOp::fp_narrow};
    row.at(16, 8) = narrow<F16, F32, 8>;
    row.at(32, 8) = narrow<F32, F64, 8>;
    row.at(32, 4) = narrow<F32, F64, 4>;
    return row;
}

constexpr Row widen_row()
{
    Row row{VecOp::fp_widen};
    row.at(16, 16) = widen<F32, F16>;
    row.at(32, 16) = widen<F64, F32>;
    return row;
}

constexpr Row rows[] = {
    conversion<round_to_int>(VecOp::fp_round_to_int),
    conversion<to_int<true>>(VecOp::fp_to_int_s),
    conversion<to_int<false>>(VecOp::fp_to_int_u),
    conversion<from_int<true>>(VecOp::fp_from_int_s),
    conversion<from_int<false>>(VecOp::fp_from_int_u),
    narrow_row(),
    widen_row(),
};

} // namespace

std::span<const Row> fp_convert_rows() { return rows; }

} // namespace gimbal::translator::vector
