// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/frontend/aarch64/translator.hpp"

// What the SIMD integer instructions share. Each function here first settles whether the encoding is reserved, then
// whether the mode traps, and only then emits code.

namespace gimbal::translator::aarch64::simd {

using ir::Value;
using ir::VecOp;

/// Element size in bits and length in bytes of the vectors that an instruction works on.
struct Shape {
    unsigned bits{};
    unsigned bytes{};
};

inline Shape vector_shape(Insn insn) { return {8U << insn.field(22, 2), insn.q() ? 16U : 8U}; }
/// The scalar forms work on element 0 alone.
inline Shape scalar_shape(Insn insn) { return {8U << insn.field(22, 2), 1U << insn.field(22, 2)}; }

/// A vector of one 64-bit element is the scalar form's.
inline bool single_element(Shape shape) { return shape.bits == 64 && shape.bytes == 8; }

/// True, with the exception emitted, if the encoding is reserved or the mode traps.
inline bool refused(Translator& t, bool reserved)
{
    if (reserved) {
        t.undefined();
        return true;
    }
    return t.fp_trapped();
}

/// An element of register n in all elements of a vector.
inline Value broadcast(Translator& t, unsigned n, unsigned bits, unsigned index, unsigned bytes)
{
    return t.ir.vec_duplicate(t.ir.vec_element(ir::Type::i64, t.v(n), bits, index), bits, bytes);
}

/// Writes the 8-byte result of a narrowing instruction, to the upper half of Rd for the "2" form (Q = 1).
inline void set_narrowed(Translator& t, Insn insn, Value narrowed)
{
    if (!insn.q()) {
        t.set_v(insn.rd(), narrowed);
        return;
    }
    const Value low = t.ir.vec_element(ir::Type::i64, t.v(insn.rd()), 64, 0);
    t.set_v(insn.rd(), t.ir.vec_from_halves(low, t.ir.vec_element(ir::Type::i64, narrowed, 64, 0)));
}

} // namespace gimbal::translator::aarch64::simd
