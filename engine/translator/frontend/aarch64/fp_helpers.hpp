// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "engine/translator/frontend/aarch64/instructions.hpp"
#include "engine/translator/frontend/aarch64/translator.hpp"
#include "engine/translator/ir/fp_immediate.hpp"

namespace gimbal::translator::aarch64::floating {

/// Whether to emit the instruction. If not, its exception has been emitted: unallocated comes before trapped.
inline bool begin(Translator& t, bool allocated)
{
    if (!allocated) {
        t.undefined();
        return false;
    }
    return !t.fp_trapped();
}

/// Format of a scalar instruction's operand.
struct Format {
    ir::Type type;
    unsigned bits;
};

/// Of the `type` field; 2 is reserved.
constexpr std::optional<Format> decode_format(unsigned field)
{
    switch (field) {
    case 0: return Format{ir::Type::f32, 32};
    case 1: return Format{ir::Type::f64, 64};
    case 3: return Format{ir::Type::f16, 16};
    }
    return {};
}

/// begin() for a scalar instruction: its format, or nothing.
inline std::optional<Format> begin_scalar(Translator& t, Insn i)
{
    const std::optional<Format> format = decode_format(i.field(22, 2));
    return begin(t, format.has_value()) ? format : std::nullopt;
}

/// VFPExpandImm: a number of `bits` from sign, three bits of exponent and four of fraction.
constexpr u64 expand_immediate(u32 imm8, unsigned bits)
{
    const unsigned exponent_bits = bits == 16 ? 5 : bits == 32 ? 8 : 11;
    const unsigned fraction_bits = bits - exponent_bits - 1;
    const u64 ones = test_bit(imm8, 6) ? low_mask(exponent_bits - 3) << 2 : u64{1} << (exponent_bits - 1);
    const u64 exponent = ones | gimbal::bits(imm8, 4, 2);
    return u64{test_bit(imm8, 7)} << (bits - 1) | exponent << fraction_bits |
           gimbal::bits(imm8, 0, 4) << (fraction_bits - 4);
}

/// How an Advanced SIMD instruction cuts up its registers. No bytes: the encoding is reserved.
struct Shape {
    unsigned element_bits{};
    unsigned bytes{};
    bool is_scalar{};
};

// sz is bit 22, Q bit 30.
constexpr Shape vector_shape(Insn i)
{
    if (i.test(22)) return {64, i.q() ? 16u : 0};
    return {32, i.q() ? 16u : 8};
}
constexpr Shape vector_half_shape(Insn i) { return {16, i.q() ? 16u : 8}; }
constexpr Shape simd_shape(Insn i) { return i.test(22) ? Shape{64, 8, true} : Shape{32, 4, true}; }
constexpr Shape simd_half_shape(Insn) { return {16, 2, true}; }

inline bool begin(Translator& t, const Shape& shape) { return begin(t, shape.bytes != 0); }

} // namespace gimbal::translator::aarch64::floating

// The rows of one instruction: GIMBAL_FP_VECTOR(name, emit, more...) defines name_vector and name_vector_half as
// emit(t, i, shape, more...), GIMBAL_FP_SIMD its scalar forms.
#define GIMBAL_FP_VECTOR(name, emit, ...)                                                                              \
    void name##_vector(Translator& t, Insn i) { emit(t, i, floating::vector_shape(i), __VA_ARGS__); }                  \
    void name##_vector_half(Translator& t, Insn i) { emit(t, i, floating::vector_half_shape(i), __VA_ARGS__); }
#define GIMBAL_FP_SIMD(name, emit, ...)                                                                                \
    void name##_simd(Translator& t, Insn i) { emit(t, i, floating::simd_shape(i), __VA_ARGS__); }                      \
    void name##_simd_half(Translator& t, Insn i) { emit(t, i, floating::simd_half_shape(i), __VA_ARGS__); }
#define GIMBAL_FP_VECTOR_AND_SIMD(name, emit, ...)                                                                     \
    GIMBAL_FP_VECTOR(name, emit, __VA_ARGS__)                                                                          \
    GIMBAL_FP_SIMD(name, emit, __VA_ARGS__)
