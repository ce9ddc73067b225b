// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bitset>

#include "arch/aarch64/sysreg.hpp"
#include "vm/types.hpp"

namespace gimbal::test {

/// One CPU's virtual CPU interface, written from IHI 0069 chapter 8 and sharing nothing with device/gicv3: list
/// registers and ICH_*_EL2 on one side, ICV_* as a guest reads and writes them on the other. Where the manual leaves a
/// choice: of equal priorities the lowest INTID is taken; a mismatched EOIR drops the priority first and deactivates
/// what it names if it is active in the same group.
class FakeIch {
public:
    using SysReg = aarch64::SysReg;

    unsigned count{4}; ///< list registers
    unsigned preemption_bits{5};
    bool traps_dir_alone{true}; ///< ICH_VTR_EL2.TDS
    u64 lr[16]{};
    u32 apr[2][4]{};
    u64 hcr{};
    u64 vmcr{};
    std::bitset<1024> physical_active; ///< of this CPU's physical interface

    u64 vtr() const
    {
        return (u64{count} - 1) | u64{traps_dir_alone} << 19 | u64{preemption_bits - 1} << 26 |
               u64{preemption_bits - 1} << 29;
    }

    /// ICH_MISR_EL2
    u64 misr() const
    {
        if ((hcr & 1) == 0) return 0;
        unsigned valid = 0;
        bool pending = false;
        bool ended = false;
        for (unsigned n = 0; n < count; ++n) {
            const u64 state = lr[n] >> 62;
            valid += state != 0 ? 1 : 0;
            pending = pending || state == 1;
            ended = ended || (state == 0 && (lr[n] >> 61 & 1) == 0 && (lr[n] >> 41 & 1) != 0);
        }
        const bool group0 = (vmcr & 1) != 0;
        const bool group1 = (vmcr & 2) != 0;
        u64 value = ended ? 1 : 0;
        if ((hcr & 1U << 1) != 0 && valid <= 1) value |= 1U << 1;
        if ((hcr & 1U << 2) != 0 && (hcr >> 27 & 0x1F) != 0) value |= 1U << 2;
        if ((hcr & 1U << 3) != 0 && !pending) value |= 1U << 3;
        if ((hcr & 1U << 4) != 0 && group0) value |= 1U << 4;
        if ((hcr & 1U << 5) != 0 && !group0) value |= 1U << 5;
        if ((hcr & 1U << 6) != 0 && group1) value |= 1U << 6;
        if ((hcr & 1U << 7) != 0 && !group1) value |= 1U << 7;
        return value;
    }

    bool virq() const { return signalled(1); }
    bool vfiq() const { return signalled(0); }

    bool traps(SysReg reg, bool write) const
    {
        switch (reg) {
        case SysReg::icc_sgi1r_el1:
        case SysReg::icc_sgi0r_el1:
        case SysReg::icc_asgi1r_el1: return true; // HCR_EL2.IMO and FMO are set
        case SysReg::icc_dir_el1: return (hcr & (1U << 14 | 1U << 10)) != 0 && write;
        case SysReg::icc_pmr_el1:
        case SysReg::icc_ctlr_el1:
        case SysReg::icc_rpr_el1: return (hcr & 1U << 10) != 0;
        case SysReg::icc_iar0_el1:
        case SysReg::icc_eoir0_el1:
        case SysReg::icc_hppir0_el1:
        case SysReg::icc_bpr0_el1:
        case SysReg::icc_ap0r0_el1:
        case SysReg::icc_igrpen0_el1: return (hcr & 1U << 11) != 0;
        case SysReg::icc_iar1_el1:
        case SysReg::icc_eoir1_el1:
        case SysReg::icc_hppir1_el1:
        case SysReg::icc_bpr1_el1:
        case SysReg::icc_ap1r0_el1:
        case SysReg::icc_igrpen1_el1: return (hcr & 1U << 12) != 0;
        default: return false;
        }
    }

    u64 read(SysReg reg)
    {
        switch (reg) {
        case SysReg::icc_iar0_el1: return acknowledge(0);
        case SysReg::icc_iar1_el1: return acknowledge(1);
        case SysReg::icc_hppir0_el1: return highest_pending(0);
        case SysReg::icc_hppir1_el1: return highest_pending(1);
        case SysReg::icc_rpr_el1: return running();
        case SysReg::icc_pmr_el1: return vmcr >> 24 & 0xFF;
        case SysReg::icc_bpr0_el1: return bpr0();
        case SysReg::icc_bpr1_el1: return cbpr() ? std::min(bpr0() + 1, 7U) : bpr1();
        case SysReg::icc_ap0r0_el1: return apr[0][0];
        case SysReg::icc_ap1r0_el1: return apr[1][0];
        case SysReg::icc_ctlr_el1: return u64{preemption_bits - 1} << 8 | (cbpr() ? 1U : 0U) | (eoi_mode() ? 2U : 0U);
        case SysReg::icc_sre_el1: return 7;
        case SysReg::icc_igrpen0_el1: return vmcr & 1;
        case SysReg::icc_igrpen1_el1: return vmcr >> 1 & 1;
        default: return ~u64{0};
        }
    }

    void write(SysReg reg, u64 value)
    {
        switch (reg) {
        case SysReg::icc_eoir0_el1: end(value & 0xFFFF, 0); break;
        case SysReg::icc_eoir1_el1: end(value & 0xFFFF, 1); break;
        case SysReg::icc_dir_el1:
            if (eoi_mode() && (value & 0xFFFF) < 1020) deactivate(value & 0xFFFF, 2);
            break;
        case SysReg::icc_pmr_el1: field(24, 8, value & (0xFF00U >> preemption_bits & 0xFF)); break;
        case SysReg::icc_bpr0_el1: field(21, 3, std::max<u64>(value & 7, 7 - preemption_bits)); break;
        case SysReg::icc_bpr1_el1:
            if (!cbpr()) field(18, 3, std::max<u64>(value & 7, 8 - preemption_bits));
            break;
        case SysReg::icc_ap0r0_el1: apr[0][0] = static_cast<u32>(value); break;
        case SysReg::icc_ap1r0_el1: apr[1][0] = static_cast<u32>(value); break;
        case SysReg::icc_ctlr_el1:
            field(4, 1, value & 1);
            field(9, 1, value >> 1 & 1);
            break;
        case SysReg::icc_igrpen0_el1: field(0, 1, value & 1); break;
        case SysReg::icc_igrpen1_el1: field(1, 1, value & 1); break;
        default: break;
        }
    }

private:
    unsigned bpr0() const { return static_cast<unsigned>(vmcr >> 21 & 7); }
    unsigned bpr1() const { return static_cast<unsigned>(vmcr >> 18 & 7); }
    bool cbpr() const { return (vmcr >> 4 & 1) != 0; }
    bool eoi_mode() const { return (vmcr >> 9 & 1) != 0; }
    void field(unsigned lo, unsigned width, u64 value)
    {
        const u64 mask = ((u64{1} << width) - 1) << lo;
        vmcr = (vmcr & ~mask) | (value << lo & mask);
    }

    static unsigned group_of(u64 entry) { return static_cast<unsigned>(entry >> 60 & 1); }
    static unsigned priority_of(u64 entry) { return static_cast<unsigned>(entry >> 48 & 0xFF); }
    static unsigned intid_of(u64 entry) { return static_cast<u32>(entry); }

    unsigned group_mask(unsigned group) const
    {
        const unsigned drop = group == 1 && !cbpr() ? bpr1() : bpr0() + 1;
        return 0xFFU << drop & 0xFF;
    }

    /// Position of the highest active priority of one group, or 128.
    unsigned top(unsigned group) const
    {
        for (unsigned i = 0; i < 128; ++i)
            if ((apr[group][i / 32] >> (i % 32) & 1) != 0) return i;
        return 128;
    }
    unsigned running() const
    {
        const unsigned best = std::min(top(0), top(1));
        return best == 128 ? 0xFF : best << (8 - preemption_bits) & 0xFF;
    }

    /// The list register with the highest pending interrupt of an enabled group, or `count`.
    unsigned best() const
    {
        unsigned found = count;
        for (unsigned n = 0; n < count; ++n) {
            if (lr[n] >> 62 != 1 || (vmcr >> group_of(lr[n]) & 1) == 0) continue;
            if (found == count || priority_of(lr[n]) < priority_of(lr[found]) ||
                (priority_of(lr[n]) == priority_of(lr[found]) && intid_of(lr[n]) < intid_of(lr[found])))
                found = n;
        }
        return found;
    }
    bool can_preempt(unsigned n) const
    {
        const unsigned priority = priority_of(lr[n]);
        if (priority >= (vmcr >> 24 & 0xFF)) return false;
        if (running() == 0xFF && top(0) == 128 && top(1) == 128) return true;
        const unsigned mask = group_mask(group_of(lr[n]));
        return (priority & mask) < (running() & mask);
    }
    bool signalled(unsigned group) const
    {
        if ((hcr & 1) == 0) return false;
        const unsigned n = best();
        return n != count && group_of(lr[n]) == group && can_preempt(n);
    }

    u64 highest_pending(unsigned group) const
    {
        const unsigned n = best();
        return n != count && group_of(lr[n]) == group ? intid_of(lr[n]) : 1023;
    }
    u64 acknowledge(unsigned group)
    {
        const unsigned n = best();
        if (n == count || group_of(lr[n]) != group || !can_preempt(n)) return 1023;
        const unsigned level = (priority_of(lr[n]) & group_mask(group)) >> (8 - preemption_bits);
        apr[group][level / 32] |= 1U << (level % 32);
        lr[n] = (lr[n] & ~(u64{3} << 62)) | u64{2} << 62;
        return intid_of(lr[n]);
    }
    /// `group` 2 stands for any.
    void deactivate(u64 intid, unsigned group)
    {
        for (unsigned n = 0; n < count; ++n) {
            if ((lr[n] >> 63) == 0 || intid_of(lr[n]) != intid || (group != 2 && group_of(lr[n]) != group)) continue;
            lr[n] &= ~(u64{1} << 63);
            if ((lr[n] >> 61 & 1) != 0) physical_active.reset(lr[n] >> 32 & 0x3FF);
            return;
        }
        const u64 missed = hcr >> 27 & 0x1F;
        hcr = (hcr & ~(u64{0x1F} << 27)) | ((missed + 1) & 0x1F) << 27;
    }
    void end(u64 intid, unsigned group)
    {
        if (intid >= 1020) return;
        const unsigned own = top(group);
        if (own == 128 || top(1 - group) < own) return;
        apr[group][own / 32] &= ~(1U << (own % 32));
        if (!eoi_mode()) deactivate(intid, group);
    }
};

} // namespace gimbal::test
