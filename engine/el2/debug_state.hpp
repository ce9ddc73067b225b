// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>

#include "arch/aarch64/guest_system_registers.hpp"
#include "base/bits.hpp"

namespace gimbal::el2 {

/// How many there are of each, 1 to 16 (ID_AA64DFR0_EL1).
struct DebugCounts {
    unsigned breakpoints{};
    unsigned watchpoints{};
};

constexpr DebugCounts debug_counts(u64 id_aa64dfr0)
{
    return {static_cast<unsigned>(bits(id_aa64dfr0, 12, 4)) + 1, static_cast<unsigned>(bits(id_aa64dfr0, 20, 4)) + 1};
}

/// The breakpoints and watchpoints of one vCPU. Every access of the guest traps (MDCR_EL2.TDA), so this is the truth,
/// and it is copied to the hardware only while the guest's MDSCR_EL1.MDE lets them happen: with MDE clear, what another
/// vCPU left there is inert. MDSCR_EL1 is with the system registers. The owner only.
class DebugState {
public:
    static constexpr unsigned most = 16;

    /// MRS. Nothing: no register of these. The vCPU is on the CPU of `port`.
    template <aarch64::RegisterPort P>
    std::optional<u64> read(P& port, aarch64::SysReg reg, DebugCounts counts) const
    {
        if (reg == aarch64::SysReg::mdscr_el1) return port.template read<aarch64::SysReg::mdscr_el1>() & mdscr_bits;
        if (!has(reg, counts)) return std::nullopt;
        return value_[family(reg)][aarch64::crm(reg)];
    }
    /// MSR. False: no register of these.
    template <aarch64::RegisterPort P>
    bool write(P& port, aarch64::SysReg reg, u64 value, DebugCounts counts)
    {
        using aarch64::SysReg;
        if (reg == SysReg::mdscr_el1) {
            port.template write<SysReg::mdscr_el1>(value & mdscr_bits);
        } else {
            if (!has(reg, counts)) return false;
            value_[family(reg)][aarch64::crm(reg)] = value & writable[family(reg)];
        }
        if (may_happen(port.template read<SysReg::mdscr_el1>())) load(port, counts);
        return true;
    }

    static bool may_happen(u64 mdscr) { return aarch64::MdscrEl1::mde::get({mdscr}); }

    template <aarch64::RegisterPort P>
    void load(P& port, DebugCounts counts) const
    {
        using aarch64::debug_register;
        using aarch64::SysReg;
        [&]<unsigned... n>(std::integer_sequence<unsigned, n...>) {
            ((n < counts.breakpoints
                  ? (port.template write<debug_register(SysReg::dbgbvr0_el1, n)>(value_[bvr][n]),
                     port.template write<debug_register(SysReg::dbgbcr0_el1, n)>(effective_control(value_[bcr][n])))
                  : void()),
             ...);
            ((n < counts.watchpoints ? (port.template write<debug_register(SysReg::dbgwvr0_el1, n)>(value_[wvr][n]),
                                        port.template write<debug_register(SysReg::dbgwcr0_el1, n)>(value_[wcr][n]))
                                     : void()),
             ...);
        }(std::make_integer_sequence<unsigned, most>());
    }

private:
    enum Family : unsigned { bvr, bcr, wvr, wcr }; // as op2 has them, from 4

    static constexpr u64 mdscr_bits = aarch64::MdscrEl1::ss::mask | aarch64::MdscrEl1::tdcc::mask |
                                      aarch64::MdscrEl1::kde::mask | aarch64::MdscrEl1::mde::mask;
    static constexpr u64 writable[] = {
        ~u64{3},
        aarch64::Dbgbcr::e::mask | aarch64::Dbgbcr::pmc::mask | aarch64::Dbgbcr::bas::mask |
            aarch64::Dbgbcr::hmc::mask | aarch64::Dbgbcr::ssc::mask | aarch64::Dbgbcr::lbn::mask |
            aarch64::Dbgbcr::bt::mask,
        ~u64{3},
        aarch64::Dbgwcr::e::mask | aarch64::Dbgwcr::pac::mask | aarch64::Dbgwcr::lsc::mask |
            aarch64::Dbgwcr::bas::mask | aarch64::Dbgwcr::hmc::mask | aarch64::Dbgwcr::ssc::mask |
            aarch64::Dbgwcr::lbn::mask | aarch64::Dbgwcr::wt::mask | aarch64::Dbgwcr::mask::mask,
    };

    static unsigned family(aarch64::SysReg reg) { return aarch64::op2(reg) - 4; }
    static bool has(aarch64::SysReg reg, DebugCounts counts)
    {
        if (aarch64::op0(reg) != 2 || aarch64::op1(reg) != 0 || aarch64::crn(reg) != 0 || aarch64::op2(reg) < 4)
            return false;
        return aarch64::crm(reg) < (family(reg) <= bcr ? counts.breakpoints : counts.watchpoints);
    }
    /// Breakpoints by VMID or by CONTEXTIDR_EL2 (BT from 8 on) are not for a guest without EL2: reserved, so disabled.
    static u64 effective_control(u64 control)
    {
        const bool of_el2 = aarch64::Dbgbcr::bt::get({control}) >= 8;
        return of_el2 ? control & ~aarch64::Dbgbcr::e::mask : control;
    }

    u64 value_[4][most]{};
};

} // namespace gimbal::el2
