// SPDX-License-Identifier: Apache-2.0
//
// Cryptographic instructions (Arm ARM, "A64 instruction set encoding"): each is one vector operation.

#include "engine/translator/frontend/aarch64/simd_common.hpp"

namespace gimbal::translator::aarch64 {
namespace {

using namespace simd;

void aes_round(Translator& t, Insn insn, VecOp op)
{
    if (!t.fp_trapped()) t.set_v(insn.rd(), t.ir.vec(op, 8, 16, t.v(insn.rd()), t.v(insn.rn())));
}

void aes_columns(Translator& t, Insn insn, VecOp op)
{
    if (!t.fp_trapped()) t.set_v(insn.rd(), t.ir.vec(op, 8, 16, t.v(insn.rn())));
}

void sha_three(Translator& t, Insn insn, VecOp op)
{
    if (!t.fp_trapped()) t.set_v(insn.rd(), t.ir.vec(op, 32, 16, t.v(insn.rd()), t.v(insn.rn()), t.v(insn.rm())));
}

void sha_two(Translator& t, Insn insn, VecOp op)
{
    if (!t.fp_trapped()) t.set_v(insn.rd(), t.ir.vec(op, 32, 16, t.v(insn.rd()), t.v(insn.rn())));
}

} // namespace

namespace insn {

void aese(Translator& t, Insn insn) { aes_round(t, insn, VecOp::aes_encrypt); }
void aesd(Translator& t, Insn insn) { aes_round(t, insn, VecOp::aes_decrypt); }
void aesmc(Translator& t, Insn insn) { aes_columns(t, insn, VecOp::aes_mix_columns); }
void aesimc(Translator& t, Insn insn) { aes_columns(t, insn, VecOp::aes_inverse_mix_columns); }

void sha1c(Translator& t, Insn insn) { sha_three(t, insn, VecOp::sha1_choose); }
void sha1p(Translator& t, Insn insn) { sha_three(t, insn, VecOp::sha1_parity); }
void sha1m(Translator& t, Insn insn) { sha_three(t, insn, VecOp::sha1_majority); }
void sha1su0(Translator& t, Insn insn) { sha_three(t, insn, VecOp::sha1_schedule_0); }
void sha1su1(Translator& t, Insn insn) { sha_two(t, insn, VecOp::sha1_schedule_1); }
void sha256h(Translator& t, Insn insn) { sha_three(t, insn, VecOp::sha256_hash); }
void sha256h2(Translator& t, Insn insn) { sha_three(t, insn, VecOp::sha256_hash_2); }
void sha256su0(Translator& t, Insn insn) { sha_two(t, insn, VecOp::sha256_schedule_0); }
void sha256su1(Translator& t, Insn insn) { sha_three(t, insn, VecOp::sha256_schedule_1); }

/// The fixed rotation of one word.
void sha1h(Translator& t, Insn insn)
{
    if (!t.fp_trapped()) t.set_scalar(insn.rd(), t.ir.rotr(t.scalar(insn.rn(), ir::Type::i32), t.ir.i32c(2)));
}

void pmull_64(Translator& t, Insn insn)
{
    if (t.fp_trapped()) return;
    const u64 upper = insn.q() ? 1 : 0;
    t.set_v(insn.rd(), t.ir.vec(VecOp::polynomial_mul_long, 64, 16, t.v(insn.rn()), t.v(insn.rm()), {}, upper));
}

} // namespace insn
} // namespace gimbal::translator::aarch64
