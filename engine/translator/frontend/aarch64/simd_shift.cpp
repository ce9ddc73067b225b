// SPDX-License-Identifier: Apache-2.0
//
// Advanced SIMD shift by immediate, vector and scalar, integer part (Arm ARM, "A64 instruction set encoding").

#include <bit>

#include "engine/translator/frontend/aarch64/simd_common.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using namespace simd;

/// Element size and amount from immh:immb: the highest set bit of immh is the size, what is below it the amount, for
/// shifts to the right counted down from twice the size.
struct Shift {
    unsigned bits{}; ///< 0: reserved
    unsigned bytes{};
    unsigned left{};
    unsigned right{};

    explicit Shift(Insn insn)
    {
        const unsigned value = insn.field(16, 7);
        if (value < 8) return;
        bits = std::bit_floor(value);
        bytes = insn.test(28) ? bits / 8 : insn.q() ? 16 : 8;
        left = value - bits;
        right = 2 * bits - value;
    }
    bool reserved() const { return bits == 0; }
};

/// A vector of one 64-bit element is the scalar form's; it has bit 28 set.
bool reserved_vector(Insn insn, const Shift& shift)
{
    return shift.reserved() || (!insn.test(28) && shift.bits == 64 && shift.bytes == 8);
}

/// Most scalar shifts work on 64 bits only; the saturating ones on all sizes.
enum class ScalarSizes : u8 { only_64, all };

bool reserved(Insn insn, const Shift& shift, ScalarSizes sizes)
{
    return reserved_vector(insn, shift) || (insn.test(28) && sizes == ScalarSizes::only_64 && shift.bits != 64);
}

void right(Translator& t, Insn insn, VecOp op)
{
    const Shift shift(insn);
    if (!refused(t, reserved(insn, shift, ScalarSizes::only_64)))
        t.set_v(insn.rd(), t.ir.vec(op, shift.bits, shift.bytes, t.v(insn.rn()), {}, {}, shift.right));
}

void right_accumulate(Translator& t, Insn insn, VecOp op)
{
    const Shift shift(insn);
    if (refused(t, reserved(insn, shift, ScalarSizes::only_64))) return;
    const Value shifted = t.ir.vec(op, shift.bits, shift.bytes, t.v(insn.rn()), {}, {}, shift.right);
    t.set_v(insn.rd(), t.ir.vec(VecOp::add, shift.bits, shift.bytes, t.v(insn.rd()), shifted));
}

void left(Translator& t, Insn insn, VecOp op, ScalarSizes sizes)
{
    const Shift shift(insn);
    if (!refused(t, reserved(insn, shift, sizes)))
        t.set_v(insn.rd(), t.ir.vec(op, shift.bits, shift.bytes, t.v(insn.rn()), {}, {}, shift.left));
}

void insert(Translator& t, Insn insn, VecOp op, bool to_left)
{
    const Shift shift(insn);
    if (refused(t, reserved(insn, shift, ScalarSizes::only_64))) return;
    const u64 amount = to_left ? shift.left : shift.right;
    t.set_v(insn.rd(), t.ir.vec(op, shift.bits, shift.bytes, t.v(insn.rd()), t.v(insn.rn()), {}, amount));
}

void narrow(Translator& t, Insn insn, VecOp op, bool rounding)
{
    const Shift shift(insn);
    if (refused(t, shift.reserved() || shift.bits == 64)) return;
    const u64 imm = u64{shift.right} | u64{rounding} << 8;
    if (insn.test(28))
        t.set_v(insn.rd(), t.ir.vec(op, shift.bits, shift.bytes, t.v(insn.rn()), {}, {}, imm));
    else
        set_narrowed(t, insn, t.ir.vec(op, shift.bits, 8, t.v(insn.rn()), {}, {}, imm));
}

void widen(Translator& t, Insn insn, VecOp op)
{
    const Shift shift(insn);
    if (refused(t, shift.reserved() || shift.bits == 64)) return;
    const u64 upper = insn.q() ? 1 : 0;
    t.set_v(insn.rd(), t.ir.vec(op, shift.bits, 16, t.v(insn.rn()), {}, {}, upper | u64{shift.left} << 8));
}

} // namespace

namespace insn {

void sshr_vector(Translator& t, Insn insn) { right(t, insn, VecOp::shift_right_s); }
void sshr_scalar(Translator& t, Insn insn) { right(t, insn, VecOp::shift_right_s); }
void ushr_vector(Translator& t, Insn insn) { right(t, insn, VecOp::shift_right_u); }
void ushr_scalar(Translator& t, Insn insn) { right(t, insn, VecOp::shift_right_u); }
void srshr_vector(Translator& t, Insn insn) { right(t, insn, VecOp::shift_right_rounding_s); }
void srshr_scalar(Translator& t, Insn insn) { right(t, insn, VecOp::shift_right_rounding_s); }
void urshr_vector(Translator& t, Insn insn) { right(t, insn, VecOp::shift_right_rounding_u); }
void urshr_scalar(Translator& t, Insn insn) { right(t, insn, VecOp::shift_right_rounding_u); }
void ssra_vector(Translator& t, Insn insn) { right_accumulate(t, insn, VecOp::shift_right_s); }
void ssra_scalar(Translator& t, Insn insn) { right_accumulate(t, insn, VecOp::shift_right_s); }
void usra_vector(Translator& t, Insn insn) { right_accumulate(t, insn, VecOp::shift_right_u); }
void usra_scalar(Translator& t, Insn insn) { right_accumulate(t, insn, VecOp::shift_right_u); }
void srsra_vector(Translator& t, Insn insn) { right_accumulate(t, insn, VecOp::shift_right_rounding_s); }
void srsra_scalar(Translator& t, Insn insn) { right_accumulate(t, insn, VecOp::shift_right_rounding_s); }
void ursra_vector(Translator& t, Insn insn) { right_accumulate(t, insn, VecOp::shift_right_rounding_u); }
void ursra_scalar(Translator& t, Insn insn) { right_accumulate(t, insn, VecOp::shift_right_rounding_u); }

void shl_vector(Translator& t, Insn insn) { left(t, insn, VecOp::shift_left, ScalarSizes::only_64); }
void shl_scalar(Translator& t, Insn insn) { left(t, insn, VecOp::shift_left, ScalarSizes::only_64); }
void sli_vector(Translator& t, Insn insn) { insert(t, insn, VecOp::shift_left_insert, true); }
void sli_scalar(Translator& t, Insn insn) { insert(t, insn, VecOp::shift_left_insert, true); }
void sri_vector(Translator& t, Insn insn) { insert(t, insn, VecOp::shift_right_insert, false); }
void sri_scalar(Translator& t, Insn insn) { insert(t, insn, VecOp::shift_right_insert, false); }

void sqshl_immediate_vector(Translator& t, Insn insn)
{
    left(t, insn, VecOp::shift_left_saturating_s, ScalarSizes::all);
}
void sqshl_immediate_scalar(Translator& t, Insn insn)
{
    left(t, insn, VecOp::shift_left_saturating_s, ScalarSizes::all);
}
void uqshl_immediate_vector(Translator& t, Insn insn)
{
    left(t, insn, VecOp::shift_left_saturating_u, ScalarSizes::all);
}
void uqshl_immediate_scalar(Translator& t, Insn insn)
{
    left(t, insn, VecOp::shift_left_saturating_u, ScalarSizes::all);
}
void sqshlu_vector(Translator& t, Insn insn) { left(t, insn, VecOp::shift_left_saturating_su, ScalarSizes::all); }
void sqshlu_scalar(Translator& t, Insn insn) { left(t, insn, VecOp::shift_left_saturating_su, ScalarSizes::all); }

void shrn(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow, false); }
void rshrn(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow, true); }
void sqshrn_vector(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_s, false); }
void sqshrn_scalar(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_s, false); }
void sqrshrn_vector(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_s, true); }
void sqrshrn_scalar(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_s, true); }
void uqshrn_vector(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_u, false); }
void uqshrn_scalar(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_u, false); }
void uqrshrn_vector(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_u, true); }
void uqrshrn_scalar(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_u, true); }
void sqshrun_vector(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_su, false); }
void sqshrun_scalar(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_su, false); }
void sqrshrun_vector(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_su, true); }
void sqrshrun_scalar(Translator& t, Insn insn) { narrow(t, insn, VecOp::narrow_saturating_su, true); }

void sshll(Translator& t, Insn insn) { widen(t, insn, VecOp::widen_s); }
void ushll(Translator& t, Insn insn) { widen(t, insn, VecOp::widen_u); }

} // namespace insn
} // namespace gimbal::translator::aarch64
