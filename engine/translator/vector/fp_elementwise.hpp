// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/vector/elementwise.hpp"
#include "engine/translator/vector/fp_operations.hpp"

// How an operation of fp_op becomes functions on registers, one for each format and length.

namespace gimbal::translator::vector {

template <auto op, class F, unsigned bytes>
void run_fp_unary(CpuState& state, V128* d, const V128* a, const V128*, const V128*, u64)
{
    const Lanes<fp::Bits<F>, bytes> x(a);
    Lanes<fp::Bits<F>, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = op(F{}, x.e[i], state.fp);
    result.store(d);
}

template <auto op, class F, unsigned bytes>
void run_fp_binary(CpuState& state, V128* d, const V128* a, const V128* b, const V128*, u64)
{
    const Lanes<fp::Bits<F>, bytes> x(a), y(b);
    Lanes<fp::Bits<F>, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = op(F{}, x.e[i], y.e[i], state.fp);
    result.store(d);
}

template <auto op, class F, unsigned bytes>
void run_fp_ternary(CpuState& state, V128* d, const V128* a, const V128* b, const V128* c, u64)
{
    const Lanes<fp::Bits<F>, bytes> x(a), y(b), z(c);
    Lanes<fp::Bits<F>, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = op(F{}, x.e[i], y.e[i], z.e[i], state.fp);
    result.store(d);
}

/// Neighbouring elements of b:a.
template <auto op, class F, unsigned bytes>
void run_fp_pairwise(CpuState& state, V128* d, const V128* a, const V128* b, const V128*, u64)
{
    const Lanes<fp::Bits<F>, bytes> x(a), y(b);
    Lanes<fp::Bits<F>, bytes> result;
    constexpr unsigned half_count = x.count / 2;
    for (unsigned i = 0; i < half_count; ++i) {
        result.e[i] = op(F{}, x.e[2 * i], x.e[2 * i + 1], state.fp);
        result.e[half_count + i] = op(F{}, y.e[2 * i], y.e[2 * i + 1], state.fp);
    }
    result.store(d);
}

/// Reduce() of the manual: the order matters to NaNs.
template <auto op, class F, unsigned bytes>
void run_fp_across(CpuState& state, V128* d, const V128* a, const V128*, const V128*, u64)
{
    Lanes<fp::Bits<F>, bytes> x(a);
    for (unsigned count = x.count; count > 1; count /= 2)
        for (unsigned i = 0; i < count / 2; ++i) x.e[i] = op(F{}, x.e[2 * i], x.e[2 * i + 1], state.fp);
    *d = {x.e[0], 0};
}

/// Calls f.template operator()<F, bytes>() for each format and the lengths of one element, 8 and 16 bytes.
template <class Fn>
constexpr void for_each_fp_shape(Fn f)
{
    f.template operator()<fp::F16, 2>();
    f.template operator()<fp::F16, 8>();
    f.template operator()<fp::F16, 16>();
    f.template operator()<fp::F32, 4>();
    f.template operator()<fp::F32, 8>();
    f.template operator()<fp::F32, 16>();
    f.template operator()<fp::F64, 8>();
    f.template operator()<fp::F64, 16>();
}

/// The same for the lengths of two elements or more.
template <class Fn>
constexpr void for_each_fp_group(Fn f)
{
    f.template operator()<fp::F16, 4>();
    f.template operator()<fp::F16, 8>();
    f.template operator()<fp::F16, 16>();
    f.template operator()<fp::F32, 8>();
    f.template operator()<fp::F32, 16>();
    f.template operator()<fp::F64, 16>();
}

#define GIMBAL_VECTOR_FP_ROW_MAKER(maker, runner, for_each)                                                            \
    template <auto op>                                                                                                 \
    constexpr Row maker(ir::VecOp name)                                                                                \
    {                                                                                                                  \
        Row row{name};                                                                                                 \
        for_each([&]<class F, unsigned bytes>() { row.at(fp_op::width<F>, bytes) = runner<op, F, bytes>; });           \
        return row;                                                                                                    \
    }
GIMBAL_VECTOR_FP_ROW_MAKER(fp_unary, run_fp_unary, for_each_fp_shape)
GIMBAL_VECTOR_FP_ROW_MAKER(fp_binary, run_fp_binary, for_each_fp_shape)
GIMBAL_VECTOR_FP_ROW_MAKER(fp_ternary, run_fp_ternary, for_each_fp_shape)
GIMBAL_VECTOR_FP_ROW_MAKER(fp_pairwise, run_fp_pairwise, for_each_fp_group)
GIMBAL_VECTOR_FP_ROW_MAKER(fp_across, run_fp_across, for_each_fp_group)
#undef GIMBAL_VECTOR_FP_ROW_MAKER

} // namespace gimbal::translator::vector
