// SPDX-License-Identifier: Apache-2.0
#include "base/bits.hpp"
#include "engine/translator/backend/x86_64/compiler.hpp"

namespace gimbal::translator::x86_64 {

using ir::Inst;
using ir::Opcode;

namespace {

bool is_wide(const Inst& inst) { return ir::byte_size(inst.type) == 8; }
unsigned width_of(const Inst& inst) { return is_wide(inst) ? 64 : 32; }

Xbyak::Reg sized(const Xbyak::Reg64& reg, bool wide)
{
    if (wide) return reg;
    return reg.cvt32();
}

} // namespace

/// A value that waits, for a user that cannot take it in.
void Compiler::materialise(u16 root)
{
    const u32 locked = locked_;
    emit_pure(root);
    locked_ = locked;
}

void Compiler::emit_pure(u16 index)
{
    const Inst& inst = a_.at(index);
    if (inst.op == Opcode::select) return ir::is_vector(inst.type) ? select_vector(index) : select(index);
    if (inst.op >= Opcode::cmp_eq && inst.op <= Opcode::cmp_les) return compare_value(index);
    if (inst.op >= Opcode::nzcv_add && inst.op <= Opcode::nzcv_test) return flags_value(index);
    if (emit_arithmetic(index) || emit_shift(index) || emit_unary(index) || emit_width(index) || emit_vector(index))
        return;
    fail(LowerError::unsupported);
}

bool Compiler::emit_arithmetic(u16 index)
{
    const Inst& inst = a_.at(index);
    switch (inst.op) {
    case Opcode::add:
    case Opcode::sub:
    case Opcode::mul:
    case Opcode::and_:
    case Opcode::or_:
    case Opcode::xor_: break;
    case Opcode::add_carry: return add_carry(index), true;
    case Opcode::mul_high_u:
    case Opcode::mul_high_s: return multiply_high(index), true;
    case Opcode::div_u:
    case Opcode::div_s:
    case Opcode::rem_u:
    case Opcode::rem_s: return divide(index), true;
    case Opcode::and_not:
    case Opcode::or_not:
    case Opcode::xor_not: return emit_logic_not(index);
    default: return false;
    }
    const bool wide = is_wide(inst);
    const Reg a = use_as(inst, inst.args[0]);
    const std::optional<i32> imm = immediate(inst.args[1], width_of(inst));
    const Reg b = imm ? a : use_as(inst, inst.args[1]);
    if (inst.op == Opcode::mul && imm) {
        const Reg d = dies_here(inst, inst.args[0], a) ? a : take();
        x_.imul(sized(d, wide), sized(a, wide), *imm);
        define(index, d);
        return true;
    }
    if (inst.op == Opcode::add && !dies_here(inst, inst.args[0], a)) {
        const Reg d = take();
        if (imm && wide)
            x_.lea(d, x_.ptr[a + static_cast<usize>(i64{*imm})]);
        else if (imm)
            x_.lea(d.cvt32(), x_.ptr[a + static_cast<usize>(i64{*imm})]);
        else if (wide)
            x_.lea(d, x_.ptr[a + b]);
        else
            x_.lea(d.cvt32(), x_.ptr[a + b]);
        define(index, d);
        return true;
    }
    const Reg d = copy_or_reuse(inst, inst.args[0], a, wide);
    const Xbyak::Reg to = sized(d, wide);
    const Xbyak::Reg from = sized(b, wide);
    if (inst.op == Opcode::add)
        imm ? x_.add(to, static_cast<u32>(*imm)) : x_.add(to, from);
    else if (inst.op == Opcode::sub)
        imm ? x_.sub(to, static_cast<u32>(*imm)) : x_.sub(to, from);
    else if (inst.op == Opcode::and_)
        imm ? x_.and_(to, static_cast<u32>(*imm)) : x_.and_(to, from);
    else if (inst.op == Opcode::or_)
        imm ? x_.or_(to, static_cast<u32>(*imm)) : x_.or_(to, from);
    else if (inst.op == Opcode::xor_)
        imm ? x_.xor_(to, static_cast<u32>(*imm)) : x_.xor_(to, from);
    else
        x_.imul(to, from);
    define(index, d);
    return true;
}

bool Compiler::emit_logic_not(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    const Reg a = use_as(inst, inst.args[0]);
    const Reg b = use_as(inst, inst.args[1]);
    const Xbyak::Reg turned = sized(x_.rax, wide);
    x_.mov(turned, sized(b, wide));
    x_.not_(turned);
    const Reg d = copy_or_reuse(inst, inst.args[0], a, wide);
    if (inst.op == Opcode::and_not)
        x_.and_(sized(d, wide), turned);
    else if (inst.op == Opcode::or_not)
        x_.or_(sized(d, wide), turned);
    else
        x_.xor_(sized(d, wide), turned);
    define(index, d);
    return true;
}

void Compiler::add_carry(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    const Reg a = use_as(inst, inst.args[0]);
    const Reg b = use_as(inst, inst.args[1]);
    const Reg c = use_clean(inst.args[2]);
    x_.mov(x_.ecx, c.cvt32());
    const Reg d = copy_or_reuse(inst, inst.args[0], a, wide);
    x_.add(x_.cl, 0xFF); // the carry
    x_.adc(sized(d, wide), sized(b, wide));
    define(index, d);
}

void Compiler::multiply_high(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    const Reg a = use_as(inst, inst.args[0]);
    const Reg b = use_as(inst, inst.args[1]);
    x_.mov(x_.rax, a);
    if (inst.op == Opcode::mul_high_u)
        x_.mul(sized(b, wide));
    else
        x_.imul(sized(b, wide));
    const Reg d = take();
    x_.mov(sized(d, wide), sized(x_.rdx, wide));
    define(index, d);
}

/// x / 0 = 0, x % 0 = x, MIN / -1 = MIN, MIN % -1 = 0: none of them may reach the host's instruction.
void Compiler::divide(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    const bool is_signed = inst.op == Opcode::div_s || inst.op == Opcode::rem_s;
    const bool remainder = inst.op == Opcode::rem_u || inst.op == Opcode::rem_s;
    const Reg a = use_as(inst, inst.args[0]);
    const Reg b = use_as(inst, inst.args[1]);
    const Reg d = take();
    Xbyak::Label done;
    Xbyak::Label divide;
    // The answers for zero.
    x_.mov(sized(x_.rax, wide), sized(a, wide));
    if (remainder)
        x_.mov(sized(d, wide), sized(a, wide));
    else
        x_.xor_(d.cvt32(), d.cvt32());
    x_.test(sized(b, wide), sized(b, wide));
    x_.jz(done, Xbyak::CodeGenerator::T_NEAR);
    if (is_signed) {
        x_.cmp(sized(b, wide), ~0U);
        x_.jne(divide);
        if (remainder) {
            x_.xor_(d.cvt32(), d.cvt32());
        } else {
            x_.mov(sized(d, wide), sized(a, wide));
            x_.neg(sized(d, wide));
        }
        x_.jmp(done, Xbyak::CodeGenerator::T_NEAR);
        x_.L(divide);
        wide ? x_.cqo() : x_.cdq();
        x_.idiv(sized(b, wide));
    } else {
        x_.xor_(x_.edx, x_.edx);
        x_.div(sized(b, wide));
    }
    x_.mov(sized(d, wide), sized(remainder ? x_.rdx : x_.rax, wide));
    x_.L(done);
    define(index, d);
}

bool Compiler::emit_shift(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    if (inst.op == Opcode::funnel_shr) {
        const Reg a = use_as(inst, inst.args[0]);
        const Reg b = use_as(inst, inst.args[1]);
        const Reg d = copy_or_reuse(inst, inst.args[1], b, wide);
        if (inst.imm != 0)
            x_.shrd(sized(d, wide), sized(a, wide), static_cast<u8>(inst.imm));
        else if (!wide)
            x_.mov(d.cvt32(), d.cvt32());
        define(index, d);
        return true;
    }
    if (inst.op < Opcode::shl || inst.op > Opcode::rotr) return false;
    const Reg a = use_as(inst, inst.args[0]);
    if (const auto imm = immediate(inst.args[1], 32)) {
        const int amount = static_cast<int>(static_cast<u32>(*imm) % width_of(inst));
        const Xbyak::Reg to = sized(copy_or_reuse(inst, inst.args[0], a, wide), wide);
        if (amount == 0 && !wide) x_.mov(to, to);
        if (amount != 0 && inst.op == Opcode::shl) x_.shl(to, amount);
        if (amount != 0 && inst.op == Opcode::shr_u) x_.shr(to, amount);
        if (amount != 0 && inst.op == Opcode::shr_s) x_.sar(to, amount);
        if (amount != 0 && inst.op == Opcode::rotr) x_.ror(to, amount);
        define(index, Reg(to.getIdx()));
        return true;
    }
    const Reg b = use(inst.args[1]);
    if (options_.host.bmi2 && inst.op != Opcode::rotr) {
        const Reg d = take();
        const Xbyak::Reg32e to = wide ? Xbyak::Reg32e(d) : Xbyak::Reg32e(d.cvt32());
        const Xbyak::Reg32e from = wide ? Xbyak::Reg32e(a) : Xbyak::Reg32e(a.cvt32());
        const Xbyak::Reg32e by = wide ? Xbyak::Reg32e(b) : Xbyak::Reg32e(b.cvt32());
        if (inst.op == Opcode::shl) x_.shlx(to, from, by);
        if (inst.op == Opcode::shr_u) x_.shrx(to, from, by);
        if (inst.op == Opcode::shr_s) x_.sarx(to, from, by);
        define(index, d);
        return true;
    }
    x_.mov(x_.ecx, b.cvt32());
    const Reg d = copy_or_reuse(inst, inst.args[0], a, wide);
    const Xbyak::Reg to = sized(d, wide);
    if (!wide) x_.mov(to, to); // an amount of zero leaves the upper half alone
    if (inst.op == Opcode::shl) x_.shl(to, x_.cl);
    if (inst.op == Opcode::shr_u) x_.shr(to, x_.cl);
    if (inst.op == Opcode::shr_s) x_.sar(to, x_.cl);
    if (inst.op == Opcode::rotr) x_.ror(to, x_.cl);
    define(index, d);
    return true;
}

bool Compiler::emit_unary(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    switch (inst.op) {
    case Opcode::clz:
    case Opcode::ctz:
    case Opcode::cls: return count_zeros(index), true;
    case Opcode::bit_reverse: return reverse_bits(index), true;
    case Opcode::byte_swap: return swap_bytes(index), true;
    case Opcode::crc32: return checksum(index), true;
    case Opcode::not_:
    case Opcode::neg: break;
    default: return false;
    }
    const Reg a = use_as(inst, inst.args[0]);
    const Reg d = copy_or_reuse(inst, inst.args[0], a, wide);
    if (inst.type == ir::Type::i1)
        x_.xor_(d.cvt32(), 1);
    else if (inst.op == Opcode::not_)
        x_.not_(sized(d, wide));
    else
        x_.neg(sized(d, wide));
    define(index, d);
    return true;
}

void Compiler::count_zeros(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    const unsigned width = width_of(inst);
    Reg a = use_as(inst, inst.args[0]);
    if (inst.op == Opcode::cls) {
        // Leading zeros of the value with its sign folded away, less one.
        x_.mov(sized(x_.rdx, wide), sized(a, wide));
        x_.mov(sized(x_.rax, wide), sized(a, wide));
        x_.sar(sized(x_.rax, wide), static_cast<int>(width - 1));
        x_.xor_(sized(x_.rdx, wide), sized(x_.rax, wide));
        a = x_.rdx;
    }
    const Reg d = take();
    if (inst.op == Opcode::ctz) {
        x_.mov(x_.eax, width);
        x_.bsf(sized(d, wide), sized(a, wide));
        x_.cmovz(d.cvt32(), x_.eax);
    } else if (options_.host.lzcnt) {
        x_.lzcnt(sized(d, wide), sized(a, wide));
    } else {
        x_.mov(x_.eax, 2 * width - 1);
        x_.bsr(sized(d, wide), sized(a, wide));
        x_.cmovz(d.cvt32(), x_.eax);
        x_.xor_(d.cvt32(), width - 1);
    }
    if (inst.op == Opcode::cls) x_.dec(d.cvt32());
    define(index, d);
}

void Compiler::reverse_bits(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    const Reg a = use_as(inst, inst.args[0]);
    const Reg d = copy_or_reuse(inst, inst.args[0], a, wide);
    const Xbyak::Reg to = sized(d, wide);
    const Xbyak::Reg other = sized(x_.rax, wide);
    const Xbyak::Reg mask = sized(x_.rcx, wide);
    constexpr struct {
        u64 mask;
        int shift;
    } steps[] = {
        {0x5555'5555'5555'5555, 1},
        {0x3333'3333'3333'3333, 2},
        {0x0F0F'0F0F'0F0F'0F0F, 4}
    };
    for (const auto& step : steps) {
        set(x_.rcx, wide ? step.mask : static_cast<u32>(step.mask));
        x_.mov(other, to);
        x_.shr(other, step.shift);
        x_.and_(other, mask);
        x_.and_(to, mask);
        x_.shl(to, step.shift);
        x_.or_(to, other);
    }
    wide ? x_.bswap(d) : x_.bswap(d.cvt32());
    define(index, d);
}

void Compiler::swap_bytes(u16 index)
{
    const Inst& inst = a_.at(index);
    const bool wide = is_wide(inst);
    const Reg a = use_as(inst, inst.args[0]);
    const Reg d = copy_or_reuse(inst, inst.args[0], a, wide);
    if (inst.imm == 2) {
        const Xbyak::Reg to = sized(d, wide);
        const Xbyak::Reg other = sized(x_.rax, wide);
        set(x_.rcx, wide ? 0x00FF'00FF'00FF'00FF : 0x00FF'00FF);
        x_.mov(other, to);
        x_.shr(other, 8);
        x_.and_(other, sized(x_.rcx, wide));
        x_.and_(to, sized(x_.rcx, wide));
        x_.shl(to, 8);
        x_.or_(to, other);
    } else {
        wide ? x_.bswap(d) : x_.bswap(d.cvt32());
        if (wide && inst.imm == 4) x_.ror(d, 32);
    }
    define(index, d);
}

void Compiler::checksum(u16 index)
{
    const Inst& inst = a_.at(index);
    if (inst.imm != 0 && options_.host.sse42) {
        const Reg a = use_as(inst, inst.args[0]);
        const Reg b = use(inst.args[1]);
        const Reg d = copy_or_reuse(inst, inst.args[0], a, false);
        x_.mov(x_.rax, b);
        if (inst.size == 1) x_.crc32(d.cvt32(), x_.al);
        if (inst.size == 2) x_.crc32(d.cvt32(), x_.ax);
        if (inst.size == 4) x_.crc32(d.cvt32(), x_.eax);
        if (inst.size == 8) x_.crc32(d, x_.rax);
        define(index, d);
        return;
    }
    for (const ir::Value arg : inst.args)
        if (arg.valid() && pending(a_.ref(arg).root)) materialise(a_.ref(arg).root);
    spill_for_call();
    fetch_into(x_.rdi, inst.args[0], false);
    fetch_into(x_.rsi, inst.args[1], false);
    x_.mov(x_.edx, inst.size);
    call(reinterpret_cast<u64>(inst.imm != 0 ? &crc32c : &crc32));
    const Reg d = take();
    x_.mov(d.cvt32(), x_.eax);
    define(index, d);
}

} // namespace gimbal::translator::x86_64
