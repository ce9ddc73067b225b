// SPDX-License-Identifier: Apache-2.0
//
// Loads and stores of register pairs (Arm ARM, "A64 instruction set encoding").
//
// CONSTRAINED UNPREDICTABLE: write-back with Rt or Rt2 == Rn stores the old base, or loads and then leaves the
// written-back address in the base register; LDP with Rt == Rt2 leaves the second value there.
#include "engine/translator/frontend/aarch64/insn_helpers.hpp"
#include "engine/translator/frontend/aarch64/instructions.hpp"

namespace gimbal::translator::aarch64 {
namespace {

enum class Form : u8 { offset, post_index, pre_index };

struct PairAddress {
    i64 displacement;
    ir::Value first;
    ir::Value second;
};

PairAddress pair_address(Translator& t, Insn i, Form form, unsigned size_log2)
{
    const i64 displacement = i.signed_field(15, 7) * (i64{1} << size_log2);
    const ir::Value base = t.base_address(i.rn());
    const bool moved = form != Form::post_index && displacement != 0;
    const ir::Value first = moved ? t.ir.add_imm(base, static_cast<u64>(displacement)) : base;
    return {displacement, first, t.ir.add_imm(first, u64{1} << size_log2)};
}

void write_back(Translator& t, Insn i, Form form, const PairAddress& address)
{
    if (form == Form::post_index)
        t.move_base(i.rn(), t.ir.add_imm(address.first, static_cast<u64>(address.displacement)), address.displacement);
    else if (form == Form::pre_index)
        t.move_base(i.rn(), address.first, address.displacement);
}

unsigned size_log2_field(Insn i) { return i.test(31) ? 3 : 2; }

void store_pair(Translator& t, Insn i, Form form)
{
    const unsigned size_log2 = size_log2_field(i);
    const PairAddress address = pair_address(t, i, form, size_log2);
    t.ir.store(address.first, t.reg(i.rt(), i.sf()), t.mem(size_log2));
    t.ir.store(address.second, t.reg(i.rt2(), i.sf()), t.mem(size_log2));
    write_back(t, i, form, address);
}

void load_pair(Translator& t, Insn i, Form form)
{
    const unsigned size_log2 = size_log2_field(i);
    const PairAddress address = pair_address(t, i, form, size_log2);
    const ir::Value first = t.ir.load(ir::Type::i64, address.first, t.mem(size_log2));
    const ir::Value second = t.ir.load(ir::Type::i64, address.second, t.mem(size_log2));
    t.set_reg(i.rt(), first);
    t.set_reg(i.rt2(), second);
    write_back(t, i, form, address);
}

void load_pair_signed_words(Translator& t, Insn i, Form form)
{
    const PairAddress address = pair_address(t, i, form, 2);
    const ir::Value first = t.ir.load(ir::Type::i64, address.first, t.mem(2));
    const ir::Value second = t.ir.load(ir::Type::i64, address.second, t.mem(2));
    const ir::Value first_extended = t.ir.sext(ir::Type::i64, first, 32);
    const ir::Value second_extended = t.ir.sext(ir::Type::i64, second, 32);
    t.set_reg(i.rt(), first_extended);
    t.set_reg(i.rt2(), second_extended);
    write_back(t, i, form, address);
}

} // namespace

namespace insn {

// The hint of LDNP and STNP has no meaning here.
void stnp(Translator& t, Insn i) { store_pair(t, i, Form::offset); }
void ldnp(Translator& t, Insn i) { load_pair(t, i, Form::offset); }

void stp_offset(Translator& t, Insn i) { store_pair(t, i, Form::offset); }
void stp_post_index(Translator& t, Insn i) { store_pair(t, i, Form::post_index); }
void stp_pre_index(Translator& t, Insn i) { store_pair(t, i, Form::pre_index); }
void ldp_offset(Translator& t, Insn i) { load_pair(t, i, Form::offset); }
void ldp_post_index(Translator& t, Insn i) { load_pair(t, i, Form::post_index); }
void ldp_pre_index(Translator& t, Insn i) { load_pair(t, i, Form::pre_index); }
void ldpsw_offset(Translator& t, Insn i) { load_pair_signed_words(t, i, Form::offset); }
void ldpsw_post_index(Translator& t, Insn i) { load_pair_signed_words(t, i, Form::post_index); }
void ldpsw_pre_index(Translator& t, Insn i) { load_pair_signed_words(t, i, Form::pre_index); }

} // namespace insn
} // namespace gimbal::translator::aarch64
