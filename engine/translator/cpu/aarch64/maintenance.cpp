// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "arch/aarch64/sysreg.hpp"
#include "base/bits.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"

// TLB and instruction-cache maintenance, address translation instructions, events between CPUs.
namespace gimbal::translator::aarch64 {

using arch::SysReg;

namespace {

/// CRm of the inner- and outer-shareable forms, which reach every CPU.
bool broadcast(unsigned crm) { return crm == 1 || crm == 2 || crm == 3 || crm == 5; }
bool is_range(unsigned crm) { return crm == 2 || crm == 5 || crm == 6; }

/// TLBI R*: BaseADDR, NUM, SCALE and TG.
void decode_range(u64 operand, TlbInvalidation& what)
{
    const u64 tg = bits(operand, 46, 2);
    const unsigned granule = tg == 3 ? 16 : tg == 2 ? 14 : 12;
    const u64 pages = (bits(operand, 39, 5) + 1) << (5 * bits(operand, 44, 2) + 1);
    what.first = static_cast<u64>(sign_extend(operand, 37)) << granule;
    u64 end = 0;
    what.last = add_overflows(what.first, (pages << granule) - 1, end) ? ~u64{0} : end;
}

} // namespace

void Cpu::invalidate_tlb(SysReg operation, u64 operand)
{
    using Scope = TlbInvalidation::Scope;
    TlbInvalidation what;
    what.asid = static_cast<u16>(bits(operand, 48, test_bit(state_->el[1].tcr, 36) ? 16 : 8));
    const unsigned crm = arch::crm(operation);
    const unsigned op2 = arch::op2(operation);
    if (!is_range(crm) && op2 == 0) {
        what.scope = Scope::all;
    } else if (!is_range(crm) && op2 == 2) {
        what.scope = Scope::asid;
    } else {
        what.scope = op2 == 3 || op2 == 7 ? Scope::address_all : Scope::address;
        if (is_range(crm))
            decode_range(operand, what);
        else
            what.first = what.last = static_cast<u64>(sign_extend(operand << 12, 56));
    }
    tlb_.invalidate(what);
    if (!broadcast(crm)) return;
    machine_.for_each_other(*this, [&](Cpu& other) {
        const u64 number = other.mailbox_->post(what);
        // A mailbox is served in order, so its last ticket stands for all: a guest may put off its DSB for ever.
        const auto earlier = std::ranges::find(maintenance_, other.mailbox_, &TlbTicket::mailbox);
        if (earlier != maintenance_.end())
            earlier->number = number;
        else
            maintenance_.push_back({other.mailbox_, number});
    });
}

void Cpu::wait_for_tlb_maintenance()
{
    if (maintenance_.empty()) return;
    // Two CPUs may wait for each other: this one uses no translation meanwhile, and does its own work before it goes
    // on.
    mailbox_->set_outside(true);
    for (const TlbTicket& ticket : maintenance_) ticket.mailbox->wait(ticket.number);
    mailbox_->set_outside(false);
    if (mailbox_->waiting()) mailbox_->serve(tlb_);
    maintenance_.clear();
}

bool Cpu::invalidate_instruction_line(u64 va)
{
    constexpr u64 line = 64; // CTR_EL0.IminLine
    const auto translation = translate(va, WalkAccess::read, mode_.el != 0);
    if (!translation) {
        data_abort(va, translation.error().status, true, true);
        return false;
    }
    machine_.code().invalidate_changed(align_down(translation->page + (va & low_mask(tlb_.granule())), line), line);
    return true;
}

void Cpu::invalidate_all_instructions() { machine_.code().invalidate_all_changed(); }

void Cpu::translate_address(SysReg operation, u64 va)
{
    const unsigned op2 = arch::op2(operation);
    const bool with_pan = arch::crm(operation) == 9;
    const WalkAccess access = (op2 & 1) != 0 ? WalkAccess::write : WalkAccess::read;
    const bool privileged = op2 < 2;
    const auto result =
        walk_stage1(machine_.memory(), walk_registers(), va, access, privileged, with_pan && privileged && mode_.pan);
    // PAR_EL1
    if (!result) {
        state_->par = bit(11) | static_cast<u64>(result.error().status) << 1 | 1;
        return;
    }
    // Non-cacheable memory is outer shareable whatever SH says (PAREncodeShareability).
    constexpr u8 non_cacheable = 0x44;
    const u64 shareability = result->memory_attributes == non_cacheable ? 2 : result->shareability;
    const u64 page = result->page | align_down(va & low_mask(result->page_shift), 4096);
    state_->par = u64{result->memory_attributes} << 56 | (page & 0x0000'FFFF'FFFF'F000) | bit(11) | shareability << 7;
}

void Cpu::send_event()
{
    set_event_register();
    machine_.for_each_other(*this, [](Cpu& other) { other.receive_event(); });
}

void Cpu::receive_event()
{
    event_posted_.store(true, MemoryOrder::release);
    state_->common.request.fetch_or(request::interrupt, MemoryOrder::acq_rel);
    machine_.wake(id_);
}

} // namespace gimbal::translator::aarch64
