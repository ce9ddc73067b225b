// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "arch/aarch64/sysreg.hpp"
#include "base/result.hpp"
#include "vm/aarch64/cpu_profile.hpp"
#include "vm/aarch64/pmu.hpp"
#include "vm/trapped_registers.hpp"
#include "vm/virtual_timer.hpp"

namespace gimbal::aarch64 {

/// The CPU interface of the interrupt controller as system registers (IHI 0069).
class IccPort {
public:
    /// The owner of `vcpu`. Direction was checked against the table; what the chip does not implement is undefined.
    virtual Result<u64, RegisterError> read(VcpuId vcpu, SysReg reg) = 0;
    virtual Result<void, RegisterError> write(VcpuId vcpu, SysReg reg, u64 value) = 0;

protected:
    ~IccPort() = default;
};

enum class RegisterAccess : u8 { read_only, write_only, read_write };

/// Where a row's value comes from and what a write does.
enum class RegisterRule : u8 {
    constant,    ///< `reset`; a write to a read_write row is ignored because the manual says so (RAZ/WI, RES0).
    id_register, ///< From the CpuProfile, by CRm and op2.
    midr,
    mpidr,
    revidr,
    ctr,
    dczid,
    clidr,
    ccsidr,    ///< From the CpuProfile, chosen by CSSELR_EL1.
    storage,   ///< A per-vCPU value: `reset` at power-on, `write_mask` of it writable.
    timer,     ///< CNTP and CNTV.
    counter,   ///< CNTPCT and CNTVCT.
    frequency, ///< CNTFRQ.
    interrupt_controller,
    os_lock_access, ///< OSLAR_EL1
    os_lock_status, ///< OSLSR_EL1
    claim_set,      ///< DBGCLAIMSET_EL1
    claim_clear,    ///< DBGCLAIMCLR_EL1
    pmu,            ///< Undefined unless the profile has a PMU.
};

struct TrappedRegisterRow {
    SysReg reg;
    RegisterAccess access;
    RegisterRule rule;
    u64 reset;      ///< constant and storage
    u64 write_mask; ///< storage
};

/// Every register that an engine may trap, sorted by encoding; one table for el2, hvf and the translator. What is not
/// in it is undefined. Checks that depend on the exception level (CNTKCTL_EL1, PMUSERENR_EL0) happened at the engine's
/// edge.
std::span<const TrappedRegisterRow> trapped_register_table();

/// The table, applied to one VM.
class TrappedRegisters final : public TrappedRegisterFile {
public:
    /// `icc` may be null where the engine owns the interrupt controller. `frequency_hz` is what CNTFRQ_EL0 reads.
    TrappedRegisters(const CpuProfile& profile, VirtualTimers& timers, IccPort* icc, u64 frequency_hz);

    Completion access(VcpuId vcpu, const SystemRegisterExit& exit, HostTicks now) override;
    void reset(VcpuId vcpu) override;

    Result<u64, RegisterError> read(VcpuId vcpu, SysReg reg, HostTicks now);
    Result<void, RegisterError> write(VcpuId vcpu, SysReg reg, u64 value, HostTicks now);

private:
    static constexpr unsigned max_storage = 16;

    /// Owner thread only.
    struct State {
        u64 storage[max_storage]{};
        bool os_locked{true}; // OSLSR_EL1.OSLK resets to 1
        u64 claim_tags{};
        Pmu pmu{};
    };
    u64& stored(VcpuId vcpu, SysReg reg);
    u64 cache_size(VcpuId vcpu);
    bool has_pmu() const;

    const CpuProfile profile_;
    VirtualTimers& timers_;
    IccPort* icc_;
    u64 frequency_hz_;
    State state_[max_vcpus];
};

} // namespace gimbal::aarch64
