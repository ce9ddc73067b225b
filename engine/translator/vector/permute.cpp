// SPDX-License-Identifier: Apache-2.0
//
// Operations that move or count bits and elements.

#include <bit>

#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

constexpr auto leading_zeros = [](auto a) { return std::countl_zero(a); };
/// Leading bits equal to the sign bit, itself not counted: zeros of a ^ (a >> 1) but for the first.
constexpr auto leading_sign = []<class T>(T a) {
    using S = std::make_signed_t<T>;
    return std::countl_zero(static_cast<T>(a ^ static_cast<T>(static_cast<S>(a) >> 1))) - 1;
};
constexpr auto ones = [](auto a) { return std::popcount(a); };
constexpr auto reversed_bits = [](u8 a) {
    unsigned v = a;
    v = (v & 0x55) << 1 | (v >> 1 & 0x55);
    v = (v & 0x33) << 2 | (v >> 2 & 0x33);
    return v << 4 | v >> 4;
};

template <class T, unsigned bytes>
void reverse_elements(CpuState&, V128* d, const V128* a, const V128*, const V128*, u64 unit_bytes)
{
    const Lanes<T, bytes> x(a);
    const auto flip = static_cast<unsigned>(unit_bytes / sizeof(T)) - 1;
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = x.e[i ^ flip];
    result.store(d);
}

/// How two registers' elements make one: result element i of `count` is element `at(i, count)` of b:a.
template <auto at, class T, unsigned bytes>
void run_permute(CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64)
{
    const Lanes<T, bytes> x(a), y(b);
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) {
        const unsigned from = at(i, x.count);
        result.e[i] = from < x.count ? x.e[from] : y.e[from - x.count];
    }
    result.store(d);
}

template <unsigned part>
constexpr auto zip = [](unsigned i, unsigned count) { return (i & 1) * count + part * (count / 2) + i / 2; };
template <unsigned part>
constexpr auto unzip = [](unsigned i, unsigned) { return 2 * i + part; };
template <unsigned part>
constexpr auto transpose = [](unsigned i, unsigned count) { return (i & 1) * count + (i & ~1U) + part; };

template <unsigned bytes>
void extract(CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64 first)
{
    u8 both[2 * bytes];
    std::memcpy(both, a, bytes);
    std::memcpy(both + bytes, b, bytes);
    Lanes<u8, bytes> result;
    std::memcpy(result.e, both + first, bytes);
    result.store(d);
}

template <class T, unsigned bytes>
void interleave_3(CpuState&, V128* d, const V128* a, const V128* b, const V128* c, u64 part)
{
    const Lanes<T, bytes> from[3] = {Lanes<T, bytes>(a), Lanes<T, bytes>(b), Lanes<T, bytes>(c)};
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < result.count; ++i) {
        const auto at = static_cast<unsigned>(part) * result.count + i;
        result.e[i] = from[at % 3].e[at / 3];
    }
    result.store(d);
}

template <class T, unsigned bytes>
void deinterleave_3(CpuState&, V128* d, const V128* a, const V128* b, const V128* c, u64 part)
{
    const Lanes<T, bytes> from[3] = {Lanes<T, bytes>(a), Lanes<T, bytes>(b), Lanes<T, bytes>(c)};
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < result.count; ++i) {
        const auto at = 3 * i + static_cast<unsigned>(part);
        result.e[i] = from[at / result.count].e[at % result.count];
    }
    result.store(d);
}

template <unsigned bytes>
void table_lookup(CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64)
{
    const Lanes<u8, 16> table(a);
    const Lanes<u8, bytes> index(b);
    Lanes<u8, bytes> result;
    for (unsigned i = 0; i < bytes; ++i) result.e[i] = index.e[i] < 16 ? table.e[index.e[i]] : u8{0};
    result.store(d);
}

template <unsigned bytes>
void table_extend(CpuState&, V128* d, const V128* a, const V128* b, const V128* c, u64 base)
{
    const Lanes<u8, bytes> old(a), index(c);
    const Lanes<u8, 16> table(b);
    Lanes<u8, bytes> result;
    for (unsigned i = 0; i < bytes; ++i) {
        const u64 at = u64{index.e[i]} - base;
        result.e[i] = at < 16 ? table.e[at] : old.e[i];
    }
    result.store(d);
}

#define GIMBAL_VECTOR_WHOLE_ROW(maker, function)                                                                       \
    constexpr Row maker(VecOp name)                                                                                    \
    {                                                                                                                  \
        Row row{name};                                                                                                 \
        for_each_shape<false, all_sizes>([&]<class T, unsigned bytes>() {                                              \
            if constexpr (bytes >= 8) row.at(bits_of<T>, bytes) = function<T, bytes>;                                  \
        });                                                                                                            \
        return row;                                                                                                    \
    }
GIMBAL_VECTOR_WHOLE_ROW(interleave_3_row, interleave_3)
GIMBAL_VECTOR_WHOLE_ROW(deinterleave_3_row, deinterleave_3)
#undef GIMBAL_VECTOR_WHOLE_ROW

template <auto at>
constexpr Row permute_row(VecOp name)
{
    Row row{name};
    for_each_shape<false, all_sizes>([&]<class T, unsigned bytes>() {
        if constexpr (bytes >= 2 * sizeof(T) && bytes >= 8) row.at(bits_of<T>, bytes) = run_permute<at, T, bytes>;
    });
    return row;
}

constexpr Row reverse_elements_row(VecOp name)
{
    Row row{name};
    for_each_shape<false, up_to_32>([&]<class T, unsigned bytes>() {
        if constexpr (bytes >= 8) row.at(bits_of<T>, bytes) = reverse_elements<T, bytes>;
    });
    return row;
}

constexpr Row bytes_row(VecOp name, VecFn short_form, VecFn long_form)
{
    Row row{name};
    row.at(8, 8) = short_form;
    row.at(8, 16) = long_form;
    return row;
}

constexpr Row rows[] = {
    unary_u<leading_sign, up_to_32>(VecOp::count_leading_sign),
    unary_u<leading_zeros, up_to_32>(VecOp::count_leading_zeros),
    unary_u<ones, size_8>(VecOp::count_ones),
    unary_u<reversed_bits, size_8>(VecOp::reverse_bits),
    reverse_elements_row(VecOp::reverse_elements),
    permute_row<zip<0>>(VecOp::zip_low),
    permute_row<zip<1>>(VecOp::zip_high),
    permute_row<unzip<0>>(VecOp::unzip_even),
    permute_row<unzip<1>>(VecOp::unzip_odd),
    permute_row<transpose<0>>(VecOp::transpose_even),
    permute_row<transpose<1>>(VecOp::transpose_odd),
    bytes_row(VecOp::extract, extract<8>, extract<16>),
    interleave_3_row(VecOp::interleave_3),
    deinterleave_3_row(VecOp::deinterleave_3),
    bytes_row(VecOp::table_lookup, table_lookup<8>, table_lookup<16>),
    bytes_row(VecOp::table_extend, table_extend<8>, table_extend<16>),
};

} // namespace

std::span<const Row> permute_rows() { return rows; }

} // namespace gimbal::translator::vector
