// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/esr.hpp"
#include "base/bits.hpp"
#include "engine/translator/frontend/aarch64/system_helpers.hpp"
#include "engine/translator/frontend/aarch64/system_registers.hpp"
#include "engine/translator/frontend/aarch64/translator.hpp"

// Exceptions, barriers, hints and system registers.
namespace gimbal::translator::aarch64::insn {

using arch::SysReg;
using ir::Type;
using ir::Value;

namespace {

constexpr u64 payload_write = bit(16);

/// What CSSELR_EL1 and its like need: the VM answers.
void leave_for_register(Translator& t, SysReg reg, unsigned rt, bool write)
{
    const u64 payload = u64{arch::encoding(reg)} | (write ? payload_write : 0) | u64{rt} << 17;
    t.ir.event(ir::Event::system_register, payload, t.offset());
}

void trap_register(Translator& t, Insn i, bool read)
{
    t.exception(arch::make_sysreg_trap(arch::sysreg_of_instruction(i.raw), i.rt(), read).raw);
}

bool floating_point(SysReg reg) { return reg == SysReg::fpcr || reg == SysReg::fpsr; }

/// The EL0 accesses that SCTLR_EL1 decides on. True: the trap is emitted.
bool el0_trapped(Translator& t, Insn i, SysReg reg, bool read)
{
    if (t.mode.el != 0) return false;
    const bool trapped = (reg == SysReg::daif && t.mode.el0_daif_trap) ||
                         (reg == SysReg::ctr_el0 && t.mode.el0_ctr_trap) ||
                         (reg == SysReg::scxtnum_el0 && t.mode.el0_scxtnum_trap);
    if (trapped) trap_register(t, i, read);
    return trapped;
}

void write_register(Translator& t, const SystemRegister& row, Value value)
{
    Value masked = row.writable == ~u64{0} ? value : t.ir.and_(value, t.ir.i64c(row.writable));
    if (row.ones != 0) masked = t.ir.or_(masked, t.ir.i64c(row.ones));
    if (row.kind == RegisterKind::plain) {
        t.ir.write(row.offset, masked);
        return;
    }
    t.ir.call(helper_write_register, t.ir.i64c(arch::encoding(row.reg)), masked);
    t.synchronize();
}

} // namespace

void mrs(Translator& t, Insn i)
{
    const SysReg reg = arch::sysreg_of_instruction(i.raw);
    const SystemRegister* row = find_system_register(reg);
    if (row == nullptr) {
        if (t.mode.el < lowest_el(reg)) return t.undefined();
        return leave_for_register(t, reg, i.rt(), false);
    }
    if (t.mode.el < row->read_el) return t.undefined();
    if (el0_trapped(t, i, reg, true) || (floating_point(reg) && t.fp_trapped())) return;
    if (row->kind == RegisterKind::computed) {
        const u64 argument = u64{arch::encoding(reg)} | u64{i.rt()} << 16;
        t.set_reg(i.rt(), t.ir.call(helper_read_register, t.ir.i64c(argument)));
        return;
    }
    t.set_reg(i.rt(), t.ir.read(Type::i64, row->offset));
}

void msr_register(Translator& t, Insn i)
{
    const SysReg reg = arch::sysreg_of_instruction(i.raw);
    const SystemRegister* row = find_system_register(reg);
    if (row == nullptr) {
        if (t.mode.el < lowest_el(reg)) return t.undefined();
        return leave_for_register(t, reg, i.rt(), true);
    }
    if (t.mode.el < row->write_el) return t.undefined();
    if (el0_trapped(t, i, reg, false) || (floating_point(reg) && t.fp_trapped())) return;
    if (reg == SysReg::sp_el0 && t.mode.sp_el0) return t.undefined();
    write_register(t, *row, t.x(i.rt()));
}

void msr_immediate(Translator& t, Insn i)
{
    const unsigned selector = i.field(16, 3) << 3 | i.field(5, 3); // op1:op2
    const u64 imm = i.field(8, 4);
    const auto set = [&](SysReg reg, u64 value) {
        if (t.mode.el == 0 && reg != SysReg::dit && reg != SysReg::ssbs) return t.undefined();
        t.ir.call(helper_write_register, t.ir.i64c(arch::encoding(reg)), t.ir.i64c(value));
        t.synchronize();
    };
    switch (selector) {
    case 0b000'011: return set(SysReg::uao, (imm & 1) << 23);
    case 0b000'100: return set(SysReg::pan, (imm & 1) << 22);
    case 0b000'101: return set(SysReg::spsel, imm & 1);
    case 0b011'001: return set(SysReg::ssbs, (imm & 1) << 12);
    case 0b011'010: return set(SysReg::dit, (imm & 1) << 24);
    case 0b011'110:
    case 0b011'111: {
        if (t.mode.el == 0 && t.mode.el0_daif_trap) {
            // The syndrome names DAIF's own MSR space: op0 0, CRn 4.
            t.exception(
                arch::make_sysreg_trap(arch::make_sysreg(0, 3, 4, static_cast<unsigned>(imm), i.field(5, 3)), 31, false)
                    .raw);
            return;
        }
        const Value daif = t.ir.read(Type::i32, offsetof(GuestState, daif));
        const Value mask = t.ir.i32c(static_cast<u32>(imm << 6));
        const bool is_set = selector == 0b011'110;
        t.ir.write(offsetof(GuestState, daif), is_set ? t.ir.or_(daif, mask) : t.ir.and_not(daif, mask));
        if (!is_set) t.synchronize(); // an interrupt may be due now
        return;
    }
    }
    t.undefined();
}

namespace {

/// DC, IC, AT and TLBI by op1:CRn:CRm:op2.
constexpr unsigned operation(unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    return arch::encode_sysreg(1, op1, crn, crm, op2);
}

void dc_zva(Translator& t, Insn i)
{
    if (t.mode.el0_dczva_trap) return trap_register(t, i, false);
    // FAR_EL1 holds the address as the register gives it, not that of the block.
    const Value given = t.x(i.rt());
    t.ir.probe(given, {.size_log2 = 0, .align = ir::Align::normal, .is_write = true}, 1);
    const Value address = t.ir.and_not(given, t.ir.i64c(63));
    const Value zero = t.ir.vec_from_halves(t.ir.i64c(0), t.ir.i64c(0));
    const ir::MemOp op{.size_log2 = 4, .align = ir::Align::normal};
    for (unsigned offset = 0; offset < 64; offset += 16) t.ir.store(t.ir.add_imm(address, offset), zero, op);
}

void dc_by_address(Translator& t, Insn i, bool writes)
{
    if (t.mode.el0_cache_trap) return trap_register(t, i, false);
    t.ir.call(helper_data_cache, t.ir.i64c(writes ? 1 : 0), t.x(i.rt()));
}

bool is_tlbi(Insn i)
{
    if (i.field(12, 4) != 8 || i.field(16, 3) != 0) return false;
    const unsigned crm = i.field(8, 4);
    const unsigned op2 = i.field(5, 3);
    const bool plain = crm == 1 || crm == 3 || crm == 7;
    const bool range = crm == 2 || crm == 5 || crm == 6;
    return (plain && op2 != 4 && op2 != 6) || (range && (op2 & 1) == 1);
}

} // namespace

void sys(Translator& t, Insn i)
{
    const unsigned which = static_cast<u16>(bits(i.raw, 5, 16)) | 1U << 14;
    const Value encoding = t.ir.i64c(which);
    if (t.mode.el < lowest_el(static_cast<SysReg>(which))) return t.undefined();
    switch (which) {
    case operation(3, 7, 4, 1): return dc_zva(t, i);
    case operation(3, 7, 10, 1): // CVAC
    case operation(3, 7, 11, 1): // CVAU
    case operation(3, 7, 12, 1): // CVAP
    case operation(3, 7, 14, 1): // CIVAC
        return dc_by_address(t, i, false);
    case operation(0, 7, 6, 1): // IVAC
        return dc_by_address(t, i, true);
    case operation(0, 7, 6, 2):  // ISW
    case operation(0, 7, 10, 2): // CSW
    case operation(0, 7, 14, 2): // CISW
        return;                  // there is no cache to clean
    case operation(0, 7, 1, 0):  // IALLUIS
    case operation(0, 7, 5, 0):  // IALLU
        t.ir.call(helper_all_instructions);
        return;
    case operation(3, 7, 5, 1): // IVAU
        if (t.mode.el0_cache_trap) return trap_register(t, i, false);
        t.ir.call(helper_instruction_line, encoding, t.x(i.rt()));
        return;
    case operation(0, 7, 8, 0):
    case operation(0, 7, 8, 1):
    case operation(0, 7, 8, 2):
    case operation(0, 7, 8, 3):
    case operation(0, 7, 9, 0):
    case operation(0, 7, 9, 1): t.ir.call(helper_translate_address, encoding, t.x(i.rt())); return;
    }
    if (!is_tlbi(i)) return t.undefined();
    t.ir.call(helper_tlb_maintenance, encoding, t.x(i.rt()));
    // The fetch side must not go on with a translation that was just dropped.
    t.synchronize();
}

void eret(Translator& t, Insn)
{
    if (t.mode.el == 0) return t.undefined();
    t.ir.synchronize_register(t.ir.call(helper_exception_return));
}

void svc(Translator& t, Insn i) { t.exception_after(arch::make_svc(static_cast<u16>(i.field(5, 16))).raw); }

void hvc(Translator& t, Insn i)
{
    if (t.mode.el == 0) return t.undefined();
    t.ir.event(ir::Event::hypercall, i.field(5, 16), t.next_offset());
}

void smc(Translator& t, Insn i)
{
    if (t.mode.el == 0) return t.undefined();
    t.ir.event(ir::Event::secure_call, i.field(5, 16), t.offset());
}

void brk(Translator& t, Insn i) { t.exception(arch::make_brk(static_cast<u16>(i.field(5, 16))).raw); }
void hlt(Translator& t, Insn) { t.undefined(); } // no external debugger: halting is not allowed
void udf(Translator& t, Insn) { t.undefined(); }

void wfi(Translator& t, Insn)
{
    if (t.mode.el0_wfi_trap) return t.exception(arch::make_wfx_trap(arch::TrappedWait::wfi).raw);
    t.ir.event(ir::Event::wait_for_interrupt, 0, t.next_offset());
}

void wfe(Translator& t, Insn)
{
    if (t.mode.el0_wfe_trap) return t.exception(arch::make_wfx_trap(arch::TrappedWait::wfe).raw);
    t.ir.event(ir::Event::wait_for_event, 0, t.next_offset());
}

void sev(Translator& t, Insn) { t.ir.call(helper_send_event); }
void sevl(Translator& t, Insn) { t.ir.call(helper_send_event_local); }
void yield(Translator&, Insn) {}
void hint(Translator&, Insn) {} // NOP, and the hints of features that are not there

void clrex(Translator& t, Insn) { t.ir.clear_exclusive(); }

void dsb(Translator& t, Insn)
{
    t.ir.fence(ir::Fence::full);
    t.ir.call(helper_wait_for_maintenance);
}

void dmb(Translator& t, Insn i)
{
    switch (i.field(8, 2)) { // CRm[1:0]: the access types; the domain does not matter here
    case 1: return t.ir.fence(ir::Fence::load_any);
    case 2: return t.ir.fence(ir::Fence::store_store);
    }
    t.ir.fence(ir::Fence::full);
}

void isb(Translator& t, Insn) { t.synchronize(); }
void sb(Translator&, Insn) {} // nothing is speculated that a guest could observe

} // namespace gimbal::translator::aarch64::insn
