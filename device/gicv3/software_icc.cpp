// SPDX-License-Identifier: Apache-2.0
#include "device/gicv3/software_icc.hpp"

#include "arch/aarch64/mpidr.hpp"
#include "device/gicv3/registers.hpp"

namespace gimbal::gicv3 {

using aarch64::SysReg;

namespace {

constexpr unsigned index_of(Group group) { return static_cast<unsigned>(group); }
constexpr u32 intid_field = 0xFFFF; // INTID of EOIR and DIR: [23:16] are RES0, as ICC_CTLR_EL1.IDbits says

} // namespace

u8 SoftwareIcc::group_priority(const Cpu& cpu, u8 priority, Group group)
{
    const bool own_bpr1 = group == Group::group1 && !cpu.cbpr;
    const unsigned low_bit = own_bpr1 ? cpu.bpr1 : cpu.bpr0 + 1U;
    return static_cast<u8>(priority & (0xFFU << low_bit));
}

u8 SoftwareIcc::running_priority(const Cpu& cpu)
{
    const u32 active = cpu.active[0] | cpu.active[1];
    return active == 0 ? idle_priority : static_cast<u8>(std::countr_zero(active) << priority_shift);
}

std::optional<Candidate> SoftwareIcc::pending(VcpuId vcpu) const
{
    const Cpu& cpu = cpus_[vcpu.value];
    return state_.highest_pending(vcpu, cpu.enable[0], cpu.enable[1]);
}

bool SoftwareIcc::preempts(const Cpu& cpu, const Candidate& candidate) const
{
    if (candidate.priority >= cpu.pmr) return false;
    const u8 running = running_priority(cpu);
    if (running == idle_priority) return true;
    // Both by the binary point of now, which may not be that of the acknowledgement.
    return group_priority(cpu, candidate.priority, candidate.group) < group_priority(cpu, running, candidate.group);
}

void SoftwareIcc::update(VcpuId vcpu)
{
    Cpu& cpu = cpus_[vcpu.value];
    const std::optional<Candidate> candidate = pending(vcpu);
    const bool signalled = candidate && preempts(cpu, *candidate);
    const bool irq = signalled && candidate->group == Group::group1;
    const bool fiq = signalled && candidate->group == Group::group0;
    // Under the lock, so that the sink hears of changes in the order in which they happen.
    if (irq != cpu.irq) {
        cpu.irq = irq;
        sink_.set_cpu_interrupt(vcpu, InterruptInput::irq, irq);
    }
    if (fiq != cpu.fiq) {
        cpu.fiq = fiq;
        sink_.set_cpu_interrupt(vcpu, InterruptInput::fiq, fiq);
    }
}

bool SoftwareIcc::accepts(VcpuId vcpu, Group group) const { return cpus_[vcpu.value].enable[index_of(group)]; }

void SoftwareIcc::reset(VcpuId vcpu)
{
    Cpu& cpu = cpus_[vcpu.value];
    const Cpu before = cpu;
    cpu = Cpu{};
    cpu.irq = before.irq;
    cpu.fiq = before.fiq;
    update(vcpu);
}

u64 SoftwareIcc::acknowledge(VcpuId vcpu, Group group)
{
    Cpu& cpu = cpus_[vcpu.value];
    const std::optional<Candidate> candidate = pending(vcpu);
    if (!candidate || candidate->group != group || !preempts(cpu, *candidate)) return spurious_intid;
    const u8 priority = group_priority(cpu, candidate->priority, group);
    cpu.active[index_of(group)] |= u32{1} << (priority >> priority_shift);
    state_.acknowledge(vcpu, candidate->intid);
    update(vcpu);
    return candidate->intid;
}

u64 SoftwareIcc::highest_pending_intid(VcpuId vcpu, Group group) const
{
    const std::optional<Candidate> candidate = pending(vcpu);
    return candidate && candidate->group == group ? candidate->intid : spurious_intid;
}

void SoftwareIcc::end_of_interrupt(VcpuId vcpu, u64 value, Group group)
{
    const u32 intid = static_cast<u32>(value & intid_field);
    if (intid >= max_intids) return; // a write of a special INTID is ignored
    Cpu& cpu = cpus_[vcpu.value];
    const u32 own = cpu.active[index_of(group)];
    const u32 other = cpu.active[1 - index_of(group)];
    // Only the highest active priority can be dropped, and only by the register of its group.
    if (own == 0 || (other != 0 && std::countr_zero(other) < std::countr_zero(own))) return;
    cpu.active[index_of(group)] = own & (own - 1);
    if (!cpu.eoi_mode && state_.group_of(vcpu, intid) == group) state_.deactivate(vcpu, intid);
    update(vcpu);
}

void SoftwareIcc::deactivate(VcpuId vcpu, u64 value)
{
    const u32 intid = static_cast<u32>(value & intid_field);
    if (intid >= max_intids || !cpus_[vcpu.value].eoi_mode) return;
    state_.deactivate(vcpu, intid);
}

void SoftwareIcc::set_group_enable(VcpuId vcpu, Group group, u64 value)
{
    cpus_[vcpu.value].enable[index_of(group)] = (value & 1) != 0;
    state_.changed_all(); // 1-of-N interrupts move to a CPU that takes them
}

void SoftwareIcc::set_binary_point(Cpu& cpu, Group group, u64 value)
{
    const u8 wanted = static_cast<u8>(value & 7);
    if (group == Group::group0)
        cpu.bpr0 = wanted < min_bpr0 ? min_bpr0 : wanted;
    else if (!cpu.cbpr)
        cpu.bpr1 = wanted < min_bpr1 ? min_bpr1 : wanted;
}

u64 SoftwareIcc::read_bpr1(const Cpu& cpu)
{
    if (!cpu.cbpr) return cpu.bpr1;
    return cpu.bpr0 == 7 ? 7U : cpu.bpr0 + 1U;
}

void SoftwareIcc::generate_sgi(VcpuId sender, u64 value, bool group1_too)
{
    const IccSgir request{value};
    if (request.all_but_self()) {
        for (u32 i = 0; i < state_.cpus(); ++i) {
            if (i != sender.value) state_.send_sgi({i}, request.intid(), group1_too);
        }
        return;
    }
    for (u32 list = request.target_list(); list != 0; list &= list - 1) {
        const u64 affinity = request.affinity(static_cast<unsigned>(std::countr_zero(list)));
        state_.send_sgi({aarch64::index_of_affinity(affinity)}, request.intid(), group1_too);
    }
}

Result<u64, RegisterError> SoftwareIcc::read(VcpuId vcpu, SysReg reg)
{
    SpinGuard guard(state_.lock());
    const Cpu& cpu = cpus_[vcpu.value];
    switch (static_cast<u16>(reg)) {
    case encoding(SysReg::icc_iar0_el1): return acknowledge(vcpu, Group::group0);
    case encoding(SysReg::icc_iar1_el1): return acknowledge(vcpu, Group::group1);
    case encoding(SysReg::icc_hppir0_el1): return highest_pending_intid(vcpu, Group::group0);
    case encoding(SysReg::icc_hppir1_el1): return highest_pending_intid(vcpu, Group::group1);
    case encoding(SysReg::icc_rpr_el1): return running_priority(cpu);
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

Result<void, RegisterError> SoftwareIcc::write(VcpuId vcpu, SysReg reg, u64 value)
{
    SpinGuard guard(state_.lock());
    Cpu& cpu = cpus_[vcpu.value];
    switch (static_cast<u16>(reg)) {
    case encoding(SysReg::icc_eoir0_el1): end_of_interrupt(vcpu, value, Group::group0); return {};
    case encoding(SysReg::icc_eoir1_el1): end_of_interrupt(vcpu, value, Group::group1); return {};
    case encoding(SysReg::icc_dir_el1): deactivate(vcpu, value); return {};
    case encoding(SysReg::icc_sgi1r_el1): generate_sgi(vcpu, value, true); return {};
    case encoding(SysReg::icc_sgi0r_el1):
    case encoding(SysReg::icc_asgi1r_el1): generate_sgi(vcpu, value, false); return {};
    case encoding(SysReg::icc_igrpen0_el1): set_group_enable(vcpu, Group::group0, value); return {};
    case encoding(SysReg::icc_igrpen1_el1): set_group_enable(vcpu, Group::group1, value); return {};
    case encoding(SysReg::icc_sre_el1): return {}; // RAO/WI: there is no legacy interface
    case encoding(SysReg::icc_pmr_el1): cpu.pmr = static_cast<u8>(value & priority_mask); break;
    case encoding(SysReg::icc_bpr0_el1): set_binary_point(cpu, Group::group0, value); break;
    case encoding(SysReg::icc_bpr1_el1): set_binary_point(cpu, Group::group1, value); break;
    case encoding(SysReg::icc_ap0r0_el1): cpu.active[0] = static_cast<u32>(value); break;
    case encoding(SysReg::icc_ap1r0_el1): cpu.active[1] = static_cast<u32>(value); break;
    case encoding(SysReg::icc_ctlr_el1):
        cpu.cbpr = (value & icc_ctlr::cbpr) != 0;
        cpu.eoi_mode = (value & icc_ctlr::eoi_mode) != 0;
        break;
    default: return fail(RegisterError::undefined); // an encoding is an open set
    }
    update(vcpu);
    return {};
}

} // namespace gimbal::gicv3
