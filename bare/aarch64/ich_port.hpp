// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "bare/aarch64/registers.hpp"
#include "device/gicv3/cpu_interface.hpp"

namespace gimbal::bare {

/// The ICH_*_EL2 registers of the CPU that calls (IHI 0069, "AArch64 virtualization control System registers").
class IchPort {
public:
    static u64 vtr() { return read_register<SysReg::ich_vtr_el2>(); }
    static u64 read_lr(unsigned n) { return indexed<SysReg::ich_lr0_el2, 16>(n); }
    static void write_lr(unsigned n, u64 value) { indexed<SysReg::ich_lr0_el2, 16>(n, value); }
    static u32 read_apr(gicv3::Group group, unsigned n)
    {
        return static_cast<u32>(group == gicv3::Group::group0 ? indexed<SysReg::ich_ap0r0_el2, 4>(n)
                                                              : indexed<SysReg::ich_ap1r0_el2, 4>(n));
    }
    static void write_apr(gicv3::Group group, unsigned n, u32 value)
    {
        if (group == gicv3::Group::group0)
            indexed<SysReg::ich_ap0r0_el2, 4>(n, value);
        else
            indexed<SysReg::ich_ap1r0_el2, 4>(n, value);
    }
    static u64 read_vmcr() { return read_register<SysReg::ich_vmcr_el2>(); }
    static void write_vmcr(u64 value) { write_register<SysReg::ich_vmcr_el2>(value); }
    static void write_hcr(u64 value) { write_register<SysReg::ich_hcr_el2>(value); }

private:
    using SysReg = aarch64::SysReg;

    // The register's number is part of the instruction.
    template <SysReg first, unsigned count>
    static u64 indexed(unsigned n)
    {
        u64 value = 0;
        [&]<unsigned... i>(std::integer_sequence<unsigned, i...>) {
            static_cast<void>(
                ((n == i && (value = read_register<aarch64::numbered_register(first, i)>(), true)) || ...));
        }(std::make_integer_sequence<unsigned, count>());
        return value;
    }
    template <SysReg first, unsigned count>
    static void indexed(unsigned n, u64 value)
    {
        [&]<unsigned... i>(std::integer_sequence<unsigned, i...>) {
            static_cast<void>(((n == i && (write_register<aarch64::numbered_register(first, i)>(value), true)) || ...));
        }(std::make_integer_sequence<unsigned, count>());
    }
};

} // namespace gimbal::bare
