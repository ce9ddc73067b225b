// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/spinlock.hpp"
#include "device/gicv3/cpu_interface.hpp"
#include "device/gicv3/interrupt_bank.hpp"
#include "vm/types.hpp"

namespace gimbal::gicv3 {

inline constexpr u32 first_spi = 32;
inline constexpr u32 max_intids = 1020; ///< 1020..1023 are special (IHI 0069, "Special INTIDs").
inline constexpr u32 bank_size = 32;

struct Config {
    u32 cpus{1};     ///< 1..max_vcpus
    u32 intids{288}; ///< 64..992, a multiple of 32: SGIs, PPIs and SPIs together
};

struct Candidate {
    u32 intid{};
    u8 priority{idle_priority};
    Group group{Group::group1};
};

/// One CPU's redistributor: its SGIs and PPIs.
struct Redistributor {
    InterruptBank bank{};
    bool asleep{true}; ///< GICR_WAKER.ProcessorSleep
};

/// Where an SPI goes: GICD_IROUTER<n>.
struct Route {
    u64 raw{};  ///< The register as written, reserved bits cleared.
    u32 vcpu{}; ///< no_vcpu if no CPU has the affinity
    bool any{}; ///< Interrupt_Routing_Mode: 1 of N
    static constexpr u32 no_vcpu = ~u32{0};
};

/// Distributor and redistributors: which interrupts exist, in which state, for which CPU. It knows nothing of how a CPU
/// is told; that is the CpuInterface's business. One Security state (GICD_CTLR.DS = 1), affinity routing always on, no
/// LPIs. Everything is under lock().
class State {
public:
    explicit State(const Config& config);

    /// Before the first run.
    void attach(CpuInterface& port) { port_ = &port; }
    SpinLock& lock() { return lock_; }
    u32 cpus() const { return config_.cpus; }
    u32 intids() const { return config_.intids; }

    void reset();
    void reset_cpu(VcpuId vcpu);

    /// The best interrupt for this CPU among those that are ready, of the groups the CPU takes; equal priorities go by
    /// INTID. Nothing about masks or running priorities: those are the CPU's.
    std::optional<Candidate> highest_pending(VcpuId vcpu, bool takes_group0, bool takes_group1) const;
    /// Pending to active. The latch goes; a high level line stays pending behind it.
    void acknowledge(VcpuId vcpu, u32 intid);
    /// Not active any more; a line that is still high is signalled again.
    void deactivate(VcpuId vcpu, u32 intid);
    std::optional<Group> group_of(VcpuId vcpu, u32 intid) const; ///< None if there is no such INTID.

    /// The SPI goes to this CPU, as its route and the CPUs that are awake stand.
    bool is_target(VcpuId vcpu, u32 intid, Group group) const;
    /// Who acknowledged the SPI last, or has it in a list register.
    VcpuId holder(u32 intid) const { return {holders_[intid]}; }
    void set_holder(u32 intid, VcpuId vcpu) { holders_[intid] = static_cast<u8>(vcpu.value); }

    void set_line(VcpuId vcpu, u32 intid, bool level); ///< `vcpu` matters for PPIs only.
    /// ICC_SGI1R_EL1 reaches a target in whichever group the SGI is there; the other two registers only in Group 0, as
    /// one Security state has no second Group 1 (IHI 0069, "Forwarding an SGI to a target PE").
    void send_sgi(VcpuId target, u32 intid, bool group1_too)
    {
        if (target.value >= config_.cpus) return;
        InterruptBank& bank = redistributors_[target.value].bank;
        const u32 mask = u32{1} << intid;
        if (!group1_too && (bank.group & mask) != 0) return;
        bank.latch |= mask;
        if (port_ != nullptr) port_->update_interrupt(target, intid);
    }

    /// Registers that belong to banks. `index` 0 is the redistributor of `vcpu`.
    InterruptBank* bank(VcpuId vcpu, u32 index)
    {
        if (index == 0) return &redistributors_[vcpu.value].bank;
        return index < config_.intids / bank_size ? &spis_[index] : nullptr;
    }
    const InterruptBank* bank(VcpuId vcpu, u32 index) const
    {
        if (index == 0) return &redistributors_[vcpu.value].bank;
        return index < config_.intids / bank_size ? &spis_[index] : nullptr;
    }
    Redistributor& redistributor(VcpuId vcpu) { return redistributors_[vcpu.value]; }
    Route& route(u32 intid) { return routes_[intid]; }
    void set_route(u32 intid, u64 raw);
    u32 control() const { return control_; } ///< GICD_CTLR bits EnableGrp0 and EnableGrp1
    void set_control(u32 value);

    /// Tells the CPU interface after a register write: of one bank's CPUs, or of all.
    void changed(VcpuId vcpu);
    /// The same after one interrupt has become pending, or is so no more; `vcpu` matters for SGIs and PPIs only.
    void changed_interrupt(VcpuId vcpu, u32 intid)
    {
        if (port_ == nullptr) return;
        if (intid < first_spi)
            port_->update_interrupt(vcpu, intid);
        else
            changed_spi(intid);
    }
    void changed_all();

private:
    void changed_spi(u32 intid);
    void consider(const InterruptBank& bank, u32 ready, u32 base, std::optional<Candidate>& best, VcpuId vcpu) const;

    Config config_;
    SpinLock lock_;
    CpuInterface* port_{};
    u32 control_{};
    InterruptBank spis_[max_intids / bank_size + 1]{}; // by INTID / 32; the first is unused
    Route routes_[max_intids]{};
    u8 holders_[max_intids]{};
    static_assert(max_vcpus <= 256);
    Redistributor redistributors_[max_vcpus]{};
};

} // namespace gimbal::gicv3
