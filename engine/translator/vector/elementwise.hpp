// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "engine/translator/vector/rows.hpp"

// How an operation on elements (a captureless lambda) becomes functions on registers, one for each element size and
// length. Loops have constant bounds and no exits, so that compilers vectorise them.

namespace gimbal::translator::vector {

static_assert(std::endian::native == std::endian::little, "V128 is accessed as an array of elements");

/// What an operation sees beside its elements.
struct Context {
    u64 imm{};
    bool saturated{};
};

/// `bytes` of a register as elements, copied out so that the result may alias the arguments.
template <class T, unsigned bytes>
struct Lanes {
    static constexpr unsigned count = bytes / sizeof(T);
    T e[count]{};

    Lanes() = default;
    explicit Lanes(const V128* v) { std::memcpy(e, v, bytes); }

    /// Zeroes what lies above `bytes`.
    void store(V128* d) const
    {
        u64 halves[2]{};
        std::memcpy(halves, e, bytes);
        *d = {halves[0], halves[1]};
    }
};

/// Lanes of the lower or (imm bit 0) upper half of a 16-byte register; of its start if the length is another.
template <class T, unsigned bytes>
Lanes<T, bytes> half(const V128* v, u64 imm)
{
    if constexpr (bytes == 8) {
        const V128 chosen{(imm & 1) != 0 ? v->hi : v->lo, 0};
        return Lanes<T, bytes>(&chosen);
    } else {
        return Lanes<T, bytes>(v);
    }
}

template <unsigned bits>
using Unsigned =
    std::conditional_t<bits == 8, u8, std::conditional_t<bits == 16, u16, std::conditional_t<bits == 32, u32, u64>>>;
template <unsigned bits>
using Signed = std::make_signed_t<Unsigned<bits>>;

/// An element type of twice the size.
template <class T>
using Twice = std::conditional_t<std::is_signed_v<T>, Signed<sizeof(T) * 16>, Unsigned<sizeof(T) * 16>>;

/// A signed type that holds the sum, difference or (up to 32 bits) product of two elements of either signedness.
template <class T>
using Exact = std::conditional_t<sizeof(T) == 8, i128, i64>;

template <class T>
inline constexpr unsigned bits_of = sizeof(T) * 8;

/// Narrows to T, noting whether that changed the value.
template <class T, class V>
constexpr T saturate(Context& context, V value)
{
    constexpr auto low = static_cast<V>(std::numeric_limits<T>::min());
    constexpr auto high = static_cast<V>(std::numeric_limits<T>::max());
    const V clamped = value < low ? low : value > high ? high : value;
    context.saturated |= clamped != value;
    return static_cast<T>(clamped);
}

template <auto op, class T, class... Args>
constexpr T apply(Context& context, Args... args)
{
    if constexpr (std::invocable<decltype(op), Context&, Args...>)
        return static_cast<T>(op(context, args...));
    else
        return static_cast<T>(op(args...));
}

inline void note_saturation(CpuState& state, const Context& context)
{
    if (context.saturated) state.fp_saturated = 1;
}

template <auto op, class T, unsigned bytes>
void run_unary(CpuState& state, V128* d, const V128* a, const V128*, const V128*, u64 imm)
{
    Context context{imm};
    const Lanes<T, bytes> x(a);
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = apply<op, T>(context, x.e[i]);
    result.store(d);
    note_saturation(state, context);
}

template <auto op, class T, unsigned bytes>
void run_binary(CpuState& state, V128* d, const V128* a, const V128* b, const V128*, u64 imm)
{
    Context context{imm};
    const Lanes<T, bytes> x(a), y(b);
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = apply<op, T>(context, x.e[i], y.e[i]);
    result.store(d);
    note_saturation(state, context);
}

template <auto op, class T, unsigned bytes>
void run_ternary(CpuState& state, V128* d, const V128* a, const V128* b, const V128* c, u64 imm)
{
    Context context{imm};
    const Lanes<T, bytes> x(a), y(b), z(c);
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < x.count; ++i) result.e[i] = apply<op, T>(context, x.e[i], y.e[i], z.e[i]);
    result.store(d);
    note_saturation(state, context);
}

/// Neighbouring elements of b:a.
template <auto op, class T, unsigned bytes>
void run_pairwise(CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64)
{
    const Lanes<T, bytes> x(a), y(b);
    Lanes<T, bytes> result;
    for (unsigned i = 0; i < x.count / 2; ++i) {
        result.e[i] = static_cast<T>(op(x.e[2 * i], x.e[2 * i + 1]));
        result.e[x.count / 2 + i] = static_cast<T>(op(y.e[2 * i], y.e[2 * i + 1]));
    }
    result.store(d);
}

/// Which element sizes an operation has; bit n is 8 << n bits.
enum Sizes : unsigned {
    size_8 = 1,
    size_16 = 2,
    size_32 = 4,
    size_64 = 8,
    up_to_32 = 7,
    from_16_to_32 = 6,
    all_sizes = 15
};

/// Calls f.template operator()<T, bytes>() for each element type and length: one element, 8 and 16 bytes.
template <bool is_signed, unsigned sizes, class F>
constexpr void for_each_shape(F f)
{
    auto one_size = [&]<unsigned bits>() {
        if constexpr ((sizes & (bits / 8)) != 0) {
            using T = std::conditional_t<is_signed, Signed<bits>, Unsigned<bits>>;
            f.template operator()<T, bits / 8>();
            if constexpr (bits < 64) f.template operator()<T, 8>();
            f.template operator()<T, 16>();
        }
    };
    one_size.template operator()<8>();
    one_size.template operator()<16>();
    one_size.template operator()<32>();
    one_size.template operator()<64>();
}

#define GIMBAL_VECTOR_ROW_MAKER(maker, runner, is_signed)                                                              \
    template <auto op, unsigned sizes = all_sizes>                                                                     \
    constexpr Row maker(ir::VecOp name)                                                                                \
    {                                                                                                                  \
        Row row{name};                                                                                                 \
        for_each_shape<is_signed, sizes>(                                                                              \
            [&]<class T, unsigned bytes>() { row.at(bits_of<T>, bytes) = runner<op, T, bytes>; });                     \
        return row;                                                                                                    \
    }
GIMBAL_VECTOR_ROW_MAKER(unary_u, run_unary, false)
GIMBAL_VECTOR_ROW_MAKER(unary_s, run_unary, true)
GIMBAL_VECTOR_ROW_MAKER(binary_u, run_binary, false)
GIMBAL_VECTOR_ROW_MAKER(binary_s, run_binary, true)
GIMBAL_VECTOR_ROW_MAKER(ternary_u, run_ternary, false)
GIMBAL_VECTOR_ROW_MAKER(ternary_s, run_ternary, true)
GIMBAL_VECTOR_ROW_MAKER(pairwise_u, run_pairwise, false)
GIMBAL_VECTOR_ROW_MAKER(pairwise_s, run_pairwise, true)
#undef GIMBAL_VECTOR_ROW_MAKER

} // namespace gimbal::translator::vector
