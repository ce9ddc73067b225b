// SPDX-License-Identifier: Apache-2.0
#include "base/assert.hpp"
#include "engine/translator/backend/x86_64/compiler.hpp"

/// Comparisons and NZCV. Both are made where they are used, by the host's own comparison; NZCV as a word only where it
/// is stored. The host's carry after a subtraction is the guest's inverted, so additions invert theirs to match.
namespace gimbal::translator::x86_64 {

using ir::Cond;
using ir::Inst;
using ir::Opcode;

namespace {

constexpr u32 n_bit = 1U << 31;
constexpr u32 z_bit = 1U << 30;
constexpr u32 c_bit = 1U << 29;
constexpr u32 v_bit = 1U << 28;

} // namespace

/// Leaves the flags so that the result holds if `value` (i1) is true. The uses are the caller's to consume.
Compiler::Test Compiler::condition(ir::Value value)
{
    const Ref ref = a_.ref(value);
    const Inst& root = a_.at(ref.root);
    if (pending(ref.root)) {
        if (root.op == Opcode::nzcv_test) return flags_condition(root.args[0], static_cast<Cond>(root.imm));
        if (root.op >= Opcode::cmp_eq && root.op <= Opcode::cmp_les) return compare(root);
    }
    const Reg reg = use(value);
    x_.test(reg.cvt8(), reg.cvt8());
    return Test::ne;
}

Compiler::Test Compiler::compare(const Inst& inst)
{
    const bool wide = inst.size == 64;
    const unsigned bytes = ir::byte_size(a_.at(inst.args[0].index).type);
    const auto operand = [&](ir::Value value) { return bytes < 4 ? use_clean(value) : use(value); };
    const Reg a = operand(inst.args[0]);
    const std::optional<i32> imm = immediate(inst.args[1], wide ? 64 : 32);
    if (imm && *imm == 0 && (inst.op == Opcode::cmp_eq || inst.op == Opcode::cmp_ne)) {
        wide ? x_.test(a, a) : x_.test(a.cvt32(), a.cvt32());
    } else if (imm) {
        wide ? x_.cmp(a, static_cast<u32>(*imm)) : x_.cmp(a.cvt32(), static_cast<u32>(*imm));
    } else {
        const Reg b = operand(inst.args[1]);
        wide ? x_.cmp(a, b) : x_.cmp(a.cvt32(), b.cvt32());
    }
    switch (inst.op) {
    case Opcode::cmp_eq: return Test::e;
    case Opcode::cmp_ne: return Test::ne;
    case Opcode::cmp_ltu: return Test::b;
    case Opcode::cmp_leu: return Test::be;
    case Opcode::cmp_lts: return Test::l;
    default: return Test::le;
    }
}

void Compiler::compare_value(u16 index)
{
    const Test test = compare(a_.at(index));
    const Reg d = take();
    x_.mov(d.cvt32(), 0); // leaves the flags alone
    set_if(test, d.cvt8());
    define(index, d);
}

/// The host's flags as `maker` says, with C as it is, or inverted as after the host's subtraction.
void Compiler::host_flags(const Inst& maker, bool inverted)
{
    const bool wide = maker.size == 64;
    const Reg a = use(maker.args[0]);
    if (maker.op == Opcode::nzcv_logic) {
        wide ? x_.test(a, a) : x_.test(a.cvt32(), a.cvt32());
        if (inverted) x_.stc();
        return;
    }
    const std::optional<i32> imm = immediate(maker.args[1], wide ? 64 : 32);
    const Reg b = imm ? a : use(maker.args[1]);
    if (maker.op == Opcode::nzcv_sub) {
        if (imm)
            wide ? x_.cmp(a, static_cast<u32>(*imm)) : x_.cmp(a.cvt32(), static_cast<u32>(*imm));
        else
            wide ? x_.cmp(a, b) : x_.cmp(a.cvt32(), b.cvt32());
        if (!inverted) x_.cmc();
        return;
    }
    x_.mov(x_.rax, a);
    if (imm)
        wide ? x_.add(x_.rax, static_cast<u32>(*imm)) : x_.add(x_.eax, static_cast<u32>(*imm));
    else
        wide ? x_.add(x_.rax, b) : x_.add(x_.eax, b.cvt32());
    if (inverted) x_.cmc();
}

Compiler::Test Compiler::flags_condition(ir::Value flags, Cond cond)
{
    const Inst& maker = inst(flags);
    if (!pending(a_.ref(flags).root) || !makes_flags(maker.op)) return stored_flags_condition(flags, cond);
    host_flags(maker, true);
    switch (cond) {
    case Cond::eq: return Test::e;
    case Cond::ne: return Test::ne;
    case Cond::cs: return Test::ae;
    case Cond::cc: return Test::b;
    case Cond::mi: return Test::s;
    case Cond::pl: return Test::ns;
    case Cond::vs: return Test::o;
    case Cond::vc: return Test::no;
    case Cond::hi: return Test::a;
    case Cond::ls: return Test::be;
    case Cond::ge: return Test::ge;
    case Cond::lt: return Test::l;
    case Cond::gt: return Test::g;
    case Cond::le: return Test::le;
    case Cond::al:
    case Cond::nv: break;
    }
    x_.cmp(x_.eax, x_.eax);
    return Test::e;
}

/// From a word in a register or in memory.
Compiler::Test Compiler::stored_flags_condition(ir::Value flags, Cond cond)
{
    const Reg word = use(flags);
    const auto single = [&](u32 bit, bool set) {
        x_.test(word.cvt32(), bit);
        return set ? Test::ne : Test::e;
    };
    switch (cond) {
    case Cond::eq: return single(z_bit, true);
    case Cond::ne: return single(z_bit, false);
    case Cond::cs: return single(c_bit, true);
    case Cond::cc: return single(c_bit, false);
    case Cond::mi: return single(n_bit, true);
    case Cond::pl: return single(n_bit, false);
    case Cond::vs: return single(v_bit, true);
    case Cond::vc: return single(v_bit, false);
    case Cond::hi:
    case Cond::ls:
        x_.mov(x_.eax, word.cvt32());
        x_.and_(x_.eax, c_bit | z_bit);
        x_.cmp(x_.eax, c_bit);
        return cond == Cond::hi ? Test::e : Test::ne;
    case Cond::ge:
    case Cond::lt:
    case Cond::gt:
    case Cond::le:
        x_.mov(x_.eax, word.cvt32());
        x_.shl(x_.eax, 3); // V to N's place
        x_.xor_(x_.eax, word.cvt32());
        if (cond == Cond::gt || cond == Cond::le) {
            x_.mov(x_.ecx, word.cvt32());
            x_.shl(x_.ecx, 1); // Z to N's place
            x_.or_(x_.eax, x_.ecx);
        }
        x_.test(x_.eax, x_.eax);
        return cond == Cond::ge || cond == Cond::gt ? Test::ns : Test::s;
    case Cond::al:
    case Cond::nv: break;
    }
    x_.cmp(x_.eax, x_.eax);
    return Test::e;
}

/// The host's flags, C not inverted, as NZCV in EAX.
void Compiler::gather_flags()
{
    // AH: S, Z, .., C in bits 7, 6, 0; the multiplication takes bits 15, 14, 8 and 0 to 31:28.
    x_.lahf();
    x_.seto(x_.al);
    x_.and_(x_.eax, 0xC101);
    x_.imul(x_.eax, x_.eax, 1 << 28 | 1 << 21 | 1 << 16);
    x_.and_(x_.eax, n_bit | z_bit | c_bit | v_bit);
}

/// NZCV as a word, of flags that nobody has computed yet; they may stay so for tests to come.
void Compiler::flags_into_eax(u16 root)
{
    host_flags(a_.at(root), false);
    gather_flags();
}

void Compiler::flags_value(u16 index)
{
    const Inst& inst = a_.at(index);
    switch (inst.op) {
    case Opcode::nzcv_add:
    case Opcode::nzcv_sub:
    case Opcode::nzcv_logic: flags_into_eax(index); break;
    case Opcode::nzcv_add_carry: {
        const bool wide = inst.size == 64;
        const Reg a = use(inst.args[0]);
        const Reg b = use(inst.args[1]);
        const Reg c = use_clean(inst.args[2]);
        x_.mov(x_.rax, a);
        x_.mov(x_.ecx, c.cvt32());
        x_.add(x_.cl, 0xFF);
        wide ? x_.adc(x_.rax, b) : x_.adc(x_.eax, b.cvt32());
        gather_flags();
        break;
    }
    case Opcode::nzcv_make:
    case Opcode::nzcv_bits:
        x_.mov(x_.eax, use(inst.args[0]).cvt32());
        x_.and_(x_.eax, n_bit | z_bit | c_bit | v_bit);
        break;
    case Opcode::nzcv_carry: {
        const Reg word = use(inst.args[0]);
        x_.mov(x_.eax, word.cvt32());
        x_.shr(x_.eax, 29);
        x_.and_(x_.eax, 1);
        break;
    }
    case Opcode::nzcv_test: {
        const Test test = flags_condition(inst.args[0], static_cast<Cond>(inst.imm));
        x_.mov(x_.eax, 0);
        set_if(test, x_.al);
        break;
    }
    default: GIMBAL_UNREACHABLE();
    }
    const Reg d = take();
    x_.mov(d.cvt32(), x_.eax);
    define(index, d);
}

void Compiler::jump_if(Test test, const Xbyak::Label& to)
{
    constexpr auto near = Xbyak::CodeGenerator::T_NEAR;
    switch (test) {
    case Test::o: return x_.jo(to, near);
    case Test::no: return x_.jno(to, near);
    case Test::b: return x_.jb(to, near);
    case Test::ae: return x_.jae(to, near);
    case Test::e: return x_.je(to, near);
    case Test::ne: return x_.jne(to, near);
    case Test::be: return x_.jbe(to, near);
    case Test::a: return x_.ja(to, near);
    case Test::s: return x_.js(to, near);
    case Test::ns: return x_.jns(to, near);
    case Test::l: return x_.jl(to, near);
    case Test::ge: return x_.jge(to, near);
    case Test::le: return x_.jle(to, near);
    case Test::g: return x_.jg(to, near);
    }
}

void Compiler::set_if(Test test, const Xbyak::Reg8& to)
{
    switch (test) {
    case Test::o: return x_.seto(to);
    case Test::no: return x_.setno(to);
    case Test::b: return x_.setb(to);
    case Test::ae: return x_.setae(to);
    case Test::e: return x_.sete(to);
    case Test::ne: return x_.setne(to);
    case Test::be: return x_.setbe(to);
    case Test::a: return x_.seta(to);
    case Test::s: return x_.sets(to);
    case Test::ns: return x_.setns(to);
    case Test::l: return x_.setl(to);
    case Test::ge: return x_.setge(to);
    case Test::le: return x_.setle(to);
    case Test::g: return x_.setg(to);
    }
}

void Compiler::move_if(Test test, const Xbyak::Reg& to, const Xbyak::Reg& from)
{
    switch (test) {
    case Test::o: return x_.cmovo(to, from);
    case Test::no: return x_.cmovno(to, from);
    case Test::b: return x_.cmovb(to, from);
    case Test::ae: return x_.cmovae(to, from);
    case Test::e: return x_.cmove(to, from);
    case Test::ne: return x_.cmovne(to, from);
    case Test::be: return x_.cmovbe(to, from);
    case Test::a: return x_.cmova(to, from);
    case Test::s: return x_.cmovs(to, from);
    case Test::ns: return x_.cmovns(to, from);
    case Test::l: return x_.cmovl(to, from);
    case Test::ge: return x_.cmovge(to, from);
    case Test::le: return x_.cmovle(to, from);
    case Test::g: return x_.cmovg(to, from);
    }
}

} // namespace gimbal::translator::x86_64
