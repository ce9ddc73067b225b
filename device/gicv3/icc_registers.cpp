// SPDX-License-Identifier: Apache-2.0
#include "device/gicv3/icc_registers.hpp"

#include "arch/aarch64/mpidr.hpp"
#include "device/gicv3/registers.hpp"

namespace gimbal::gicv3 {

using aarch64::SysReg;

namespace {

constexpr unsigned index_of(Group group) { return static_cast<unsigned>(group); }
constexpr u32 intid_field = 0xFFFF; // INTID of EOIR and DIR: [23:16] are RES0, as ICC_CTLR_EL1.IDbits says

u8 group_priority(const IccRegisters& cpu, u8 priority, Group group)
{
    const bool own_bpr1 = group == Group::group1 && !cpu.cbpr;
    const unsigned low_bit = own_bpr1 ? cpu.bpr1 : cpu.bpr0 + 1U;
    return static_cast<u8>(priority & (0xFFU << low_bit));
}

std::optional<Candidate> pending(const State& state, VcpuId vcpu, const IccRegisters& cpu)
{
    return state.highest_pending(vcpu, cpu.enable[0], cpu.enable[1]);
}

u64 acknowledge(State& state, VcpuId vcpu, IccRegisters& cpu, Group group)
{
    const std::optional<Candidate> candidate = cpu.signalled(state, vcpu);
    if (!candidate || candidate->group != group) return spurious_intid;
    const u8 priority = group_priority(cpu, candidate->priority, group);
    cpu.active[index_of(group)] |= u32{1} << (priority >> priority_shift);
    state.acknowledge(vcpu, candidate->intid);
    return candidate->intid;
}

u64 highest_pending_intid(const State& state, VcpuId vcpu, const IccRegisters& cpu, Group group)
{
    const std::optional<Candidate> candidate = pending(state, vcpu, cpu);
    return candidate && candidate->group == group ? candidate->intid : spurious_intid;
}

void end_of_interrupt(State& state, VcpuId vcpu, IccRegisters& cpu, u64 value, Group group)
{
    const u32 intid = static_cast<u32>(value & intid_field);
    if (intid >= max_intids) return; // a write of a special INTID is ignored
    const u32 own = cpu.active[index_of(group)];
    const u32 other = cpu.active[1 - index_of(group)];
    // Only the highest active priority can be dropped, and only by the register of its group.
    if (own == 0 || (other != 0 && std::countr_zero(other) < std::countr_zero(own))) return;
    cpu.active[index_of(group)] = own & (own - 1);
    if (!cpu.eoi_mode && state.group_of(vcpu, intid) == group) state.deactivate(vcpu, intid);
}

void deactivate(State& state, VcpuId vcpu, const IccRegisters& cpu, u64 value)
{
    const u32 intid = static_cast<u32>(value & intid_field);
    if (intid >= max_intids || !cpu.eoi_mode) return;
    state.deactivate(vcpu, intid);
}

void set_binary_point(IccRegisters& cpu, Group group, u64 value)
{
    const u8 wanted = static_cast<u8>(value & 7);
    if (group == Group::group0)
        cpu.bpr0 = wanted < IccRegisters::min_bpr0 ? IccRegisters::min_bpr0 : wanted;
    else if (!cpu.cbpr)
        cpu.bpr1 = wanted < IccRegisters::min_bpr1 ? IccRegisters::min_bpr1 : wanted;
}

u64 read_bpr1(const IccRegisters& cpu)
{
    if (!cpu.cbpr) return cpu.bpr1;
    return cpu.bpr0 == 7 ? 7U : cpu.bpr0 + 1U;
}

void send_sgis(State& state, VcpuId sender, IccSgir request, bool group1_too)
{
    if (request.all_but_self()) {
        for (u32 i = 0; i < state.cpus(); ++i) {
            if (i != sender.value) state.send_sgi({i}, request.intid(), group1_too);
        }
        return;
    }
    for (u32 list = request.target_list(); list != 0; list &= list - 1) {
        const u64 affinity = request.affinity(static_cast<unsigned>(std::countr_zero(list)));
        state.send_sgi({aarch64::index_of_affinity(affinity)}, request.intid(), group1_too);
    }
}

} // namespace

u8 IccRegisters::running_priority() const
{
    const u32 both = active[0] | active[1];
    return both == 0 ? idle_priority : static_cast<u8>(std::countr_zero(both) << priority_shift);
}

bool IccRegisters::preempts(const Candidate& candidate) const
{
    if (candidate.priority >= pmr) return false;
    const u8 running = running_priority();
    if (running == idle_priority) return true;
    // Both by the binary point of now, which may not be that of the acknowledgement.
    return group_priority(*this, candidate.priority, candidate.group) < group_priority(*this, running, candidate.group);
}

std::optional<Candidate> IccRegisters::signalled(const State& state, VcpuId vcpu) const
{
    const std::optional<Candidate> candidate = pending(state, vcpu, *this);
    return candidate && preempts(*candidate) ? candidate : std::nullopt;
}

bool generate_sgi(State& state, VcpuId sender, SysReg reg, u64 value)
{
    switch (static_cast<u16>(reg)) {
    case encoding(SysReg::icc_sgi1r_el1): send_sgis(state, sender, {value}, true); return true;
    case encoding(SysReg::icc_sgi0r_el1):
    case encoding(SysReg::icc_asgi1r_el1): send_sgis(state, sender, {value}, false); return true;
    }
    return false;
}

Result<u64, RegisterError> read_icc(State& state, VcpuId vcpu, IccRegisters& cpu, SysReg reg)
{
    switch (static_cast<u16>(reg)) {
    case encoding(SysReg::icc_iar0_el1): return acknowledge(state, vcpu, cpu, Group::group0);
    case encoding(SysReg::icc_iar1_el1): return acknowledge(state, vcpu, cpu, Group::group1);
    case encoding(SysReg::icc_hppir0_el1): return highest_pending_intid(state, vcpu, cpu, Group::group0);
    case encoding(SysReg::icc_hppir1_el1): return highest_pending_intid(state, vcpu, cpu, Group::group1);
    case encoding(SysReg::icc_rpr_el1): return cpu.running_priority();
    case encoding(SysReg::icc_pmr_el1): return cpu.pmr;
    case encoding(SysReg::icc_bpr0_el1): return cpu.bpr0;
    case encoding(SysReg::icc_bpr1_el1): return read_bpr1(cpu);
    case encoding(SysReg::icc_ap0r0_el1): return cpu.active[0];
    case encoding(SysReg::icc_ap1r0_el1): return cpu.active[1];
    case encoding(SysReg::icc_ctlr_el1):
        return icc_ctlr::pri_bits | (cpu.cbpr ? icc_ctlr::cbpr : 0) | (cpu.eoi_mode ? icc_ctlr::eoi_mode : 0);
    case encoding(SysReg::icc_sre_el1): return icc_sre_value;
    case encoding(SysReg::icc_igrpen0_el1): return cpu.enable[0] ? 1U : 0U;
    case encoding(SysReg::icc_igrpen1_el1): return cpu.enable[1] ? 1U : 0U;
    }
    // Write-only registers, and AP0R1..3, AP1R1..3 that exist only with more than five priority bits.
    return fail(RegisterError::undefined);
}

Result<void, RegisterError> write_icc(State& state, VcpuId vcpu, IccRegisters& cpu, SysReg reg, u64 value)
{
    if (generate_sgi(state, vcpu, reg, value)) return {};
    switch (static_cast<u16>(reg)) {
    case encoding(SysReg::icc_eoir0_el1): end_of_interrupt(state, vcpu, cpu, value, Group::group0); return {};
    case encoding(SysReg::icc_eoir1_el1): end_of_interrupt(state, vcpu, cpu, value, Group::group1); return {};
    case encoding(SysReg::icc_dir_el1): deactivate(state, vcpu, cpu, value); return {};
    case encoding(SysReg::icc_igrpen0_el1): cpu.enable[0] = (value & 1) != 0; return {};
    case encoding(SysReg::icc_igrpen1_el1): cpu.enable[1] = (value & 1) != 0; return {};
    case encoding(SysReg::icc_sre_el1): return {}; // RAO/WI: there is no legacy interface
    case encoding(SysReg::icc_pmr_el1): cpu.pmr = static_cast<u8>(value & priority_mask); return {};
    case encoding(SysReg::icc_bpr0_el1): set_binary_point(cpu, Group::group0, value); return {};
    case encoding(SysReg::icc_bpr1_el1): set_binary_point(cpu, Group::group1, value); return {};
    case encoding(SysReg::icc_ap0r0_el1): cpu.active[0] = static_cast<u32>(value); return {};
    case encoding(SysReg::icc_ap1r0_el1): cpu.active[1] = static_cast<u32>(value); return {};
    case encoding(SysReg::icc_ctlr_el1):
        cpu.cbpr = (value & icc_ctlr::cbpr) != 0;
        cpu.eoi_mode = (value & icc_ctlr::eoi_mode) != 0;
        return {};
    }
    return fail(RegisterError::undefined); // an encoding is an open set
}

} // namespace gimbal::gicv3
