// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "engine/translator/frontend/aarch64/translator.hpp"

namespace gimbal::translator::aarch64 {

constexpr ir::Type integer_type(bool is_64) { return is_64 ? ir::Type::i64 : ir::Type::i32; }

/// i8, i16, i32, i64 or i128 for 2^size_log2 bytes.
constexpr ir::Type integer_type_of(unsigned size_log2)
{
    constexpr ir::Type types[] = {ir::Type::i8, ir::Type::i16, ir::Type::i32, ir::Type::i64, ir::Type::i128};
    return types[size_log2];
}

/// The low bits of general register n as an integer of `type` (i8 to i64); register 31 reads as zero.
ir::Value low_bits(Translator& t, unsigned n, ir::Type type);

// The constant is emitted after its operand on every compiler, whatever order it evaluates arguments in.
ir::Value and_constant(Translator& t, ir::Value a, u64 mask);
ir::Value shift_left(Translator& t, ir::Value a, unsigned amount);
ir::Value shift_right(Translator& t, ir::Value a, unsigned amount); ///< Logical.

/// ExtendReg (Arm ARM aarch64/instrs/extendreg): `option` 0..7 is UXTB, UXTH, UXTW, UXTX, SXTB, ... SXTX.
ir::Value extended_register(Translator& t, unsigned m, unsigned option, unsigned shift, bool is_64);

// Pairs that one access moves (LDXP, STXP, CASP): 2^size_log2 is 8 or 16 bytes. The first register is at the lower
// address, hence in the upper half of a big-endian access.

/// The access of a pair: aligned to both together.
ir::MemOp pair_access(const Translator& t, unsigned size_log2, ir::Order order);
/// i64 or i128 of two registers.
ir::Value join_pair(Translator& t, unsigned first, unsigned second, unsigned size_log2);
/// Writes the halves of an i64 or i128 to two registers, the second last.
void set_pair(Translator& t, unsigned first, unsigned second, ir::Value both);

/// The bit mask of a logical immediate (DecodeBitMasks with `immediate` set); nothing if it is reserved. For 32-bit
/// instructions, whose N is zero, the low half is what counts.
std::optional<u64> decode_bit_mask(bool n, unsigned imms, unsigned immr);

/// Takes the stack pointer; unwinds with an SP alignment fault (EC 0x26) unless it is a multiple of 16.
extern const ir::Helper check_sp_alignment;

} // namespace gimbal::translator::aarch64
