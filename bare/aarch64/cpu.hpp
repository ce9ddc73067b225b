// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bare/aarch64/el2_mode.hpp"
#include "bare/aarch64/gic.hpp"
#include "bare/aarch64/ich_port.hpp"
#include "bare/aarch64/registers.hpp"
#include "bare/options.hpp"
#include "bare/scheduler.hpp"
#include "device/gicv3/list_registers.hpp"
#include "engine/el2/hardware/world_switch.hpp"
#include "engine/el2/vcpu.hpp"

namespace gimbal::bare {

class Cpu;
using ListRegisters = gicv3::ListRegisters<IchPort>;
using GuestCpu = el2::Vcpu<Cpu, ListRegisters>;

/// What interrupts beyond the CPU's own mean.
class BoardInterrupts {
public:
    /// A shared interrupt, acknowledged, its priority dropped; the callee deactivates it.
    virtual void take_spi(u32 intid) = 0;

protected:
    ~BoardInterrupts() = default;
};

/// One physical CPU, as its vCPUs and its scheduler use it. Touched by that CPU only, but for kick().
class alignas(64) Cpu final : public CpuPort {
public:
    static constexpr u32 virtual_timer_ppi = 27;
    static constexpr u32 hypervisor_timer_ppi = PhysicalGic::scheduler_ppi;
    static constexpr u32 maintenance_ppi = 25;

    void set_up(unsigned index, u64 mpidr, PhysicalGic& gic, BoardInterrupts& board, u64 frequency_hz);
    /// On the CPU itself.
    bool start();
    /// On the CPU itself, after a fault: no vCPU is on it any more, no interrupt is being served.
    void recover();

    u64 test_fault_turns{}; ///< Until the fault that somebody asked for; 0: never. The CPU itself.
    FaultKind test_fault{};
    bool has_faulted{}; ///< Once. The CPU itself.

    el2::Residence<GuestCpu> residence; // the vCPUs' business

    unsigned index() const { return index_; }
    u64 mpidr() const { return mpidr_; }
    Scheduler& scheduler() { return *scheduler_; }
    static RegisterFile registers() { return {}; }

    static el2::ExitCode enter(aarch64::ContextFrame& frame) { return static_cast<el2::ExitCode>(enter_guest(&frame)); }
    static el2::Trap read_trap()
    {
        using aarch64::SysReg;
        return {{read_register<SysReg::esr_el2>()},
                read_register<SysReg::far_el2>(),
                read_register<SysReg::hpfar_el2>(),
                read_register<SysReg::sctlr_el1>()};
    }
    bool take_interrupt(GuestCpu& vcpu);

    static void load_fp(const el2::FpState& state) { ::load_fp(&state); }
    static void save_fp(el2::FpState& state) { ::save_fp(&state); }
    static u64 cptr(bool fp_traps) { return el2::cptr_el2(el2_mode.vhe, fp_traps); }
    static void trap_fp(bool trap)
    {
        write_register<aarch64::SysReg::cptr_el2>(cptr(trap));
        isb();
    }
    static el2::DebugCounts debug_counts()
    {
        return el2::debug_counts(read_register<aarch64::SysReg::id_aa64dfr0_el1>());
    }
    static bool has_pointer_auth();
    static void forget_deferred_error()
    {
        constexpr unsigned ras = 28; // ID_AA64PFR0_EL1.RAS
        if (bits(read_register<aarch64::SysReg::id_aa64pfr0_el1>(), ras, 4) != 0)
            write_register<aarch64::SysReg::vdisr_el2>(0);
    }
    static void flush_own_tlb();
    static void flush_vm_tlb();
    static unsigned zero_block_bytes();
    static void clean_guest_memory(const el2::Stage2& stage2);
    static Result<el2::StageOneResult, aarch64::FaultStatus> translate_stage1(u64 va, Direction direction, bool as_el0);

    // CpuPort
    HostTicks now() const override { return {read_register<aarch64::SysReg::cntpct_el0>()}; }
    void set_timer(std::optional<HostTicks> deadline) override;
    void idle() override;
    void kick() noexcept override { PhysicalGic::kick(mpidr_); }

private:
    bool take(u32 intid, GuestCpu* vcpu);
    static void set_controls();

    unsigned index_{};
    u64 mpidr_{};
    PhysicalGic* gic_{};
    BoardInterrupts* board_{};
    std::optional<Scheduler> scheduler_;
};

} // namespace gimbal::bare
