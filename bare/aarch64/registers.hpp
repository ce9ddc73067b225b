// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/e2h.hpp"
#include "base/types.hpp"

// The CPU that runs this, as functions. Only files below bare/aarch64 include it.
namespace gimbal::bare {

// An access to a register that HCR_EL2.E2H gives to EL2 notes its place, so that boot can rename it if EL2 will run so
// (e2h_sites.hpp). The note is in the function's own COMDAT group: it goes where the function goes.
#define GIMBAL_E2H_SITE "\n\t.pushsection .e2h_sites, \"a?\", @progbits\n\t.long 1b - .\n\t.popsection"
#define GIMBAL_REGISTER_OPERANDS                                                                                       \
    "i"(aarch64::op0(reg)), "i"(aarch64::op1(reg)), "i"(aarch64::crn(reg)), "i"(aarch64::crm(reg)),                    \
        "i"(aarch64::op2(reg))

/// A register that E2H moves is the guest's, whatever the mode: EL2's own are read by their _EL2 names.
template <aarch64::SysReg reg>
inline u64 read_register()
{
    u64 value;
    if constexpr (aarch64::moves_under_e2h<reg>)
        asm volatile("1: mrs %0, S%c1_%c2_C%c3_C%c4_%c5" GIMBAL_E2H_SITE : "=r"(value) : GIMBAL_REGISTER_OPERANDS);
    else
        asm volatile("mrs %0, S%c1_%c2_C%c3_C%c4_%c5" : "=r"(value) : GIMBAL_REGISTER_OPERANDS);
    return value;
}

template <aarch64::SysReg reg>
inline void write_register(u64 value)
{
    if constexpr (aarch64::moves_under_e2h<reg>)
        asm volatile("1: msr S%c1_%c2_C%c3_C%c4_%c5, %0" GIMBAL_E2H_SITE ::"r"(value), GIMBAL_REGISTER_OPERANDS
                     : "memory");
    else
        asm volatile("msr S%c1_%c2_C%c3_C%c4_%c5, %0" ::"r"(value), GIMBAL_REGISTER_OPERANDS : "memory");
}

#undef GIMBAL_REGISTER_OPERANDS
#undef GIMBAL_E2H_SITE

/// A RegisterPort on the guest's registers in the hardware, in both modes.
struct RegisterFile {
    template <aarch64::SysReg reg>
    u64 read() const
    {
        using aarch64::SysReg;
        // EL2 reads CNTVCT_EL0 without the offset while E2H is set.
        if constexpr (reg == SysReg::cntvct_el0)
            return read_register<SysReg::cntpct_el0>() - read_register<SysReg::cntvoff_el2>();
        else if constexpr (is_absent(reg))
            return 0;
        else
            return read_register<reg>();
    }
    template <aarch64::SysReg reg>
    void write(u64 value) const
    {
        if constexpr (!is_absent(reg)) write_register<reg>(value);
    }

private:
    /// No guest has a PMU, its accesses trap, and the CPU may have none either.
    static constexpr bool is_absent(aarch64::SysReg reg) { return reg == aarch64::SysReg::pmcr_el0; }
};

inline void isb() { asm volatile("isb" ::: "memory"); }
inline void dsb_ish() { asm volatile("dsb ish" ::: "memory"); }
inline void dsb_sy() { asm volatile("dsb sy" ::: "memory"); }
inline void wfi() { asm volatile("dsb sy\n\twfi" ::: "memory"); }

/// Forgets what the data cache holds of a range that was written with the MMU off. None of it is dirty: a boot loader
/// has cleaned the image, and nobody else has written to free memory.
inline void discard_cached(const void* data, usize size)
{
    const u64 line = u64{4} << (read_register<aarch64::SysReg::ctr_el0>() >> 16 & 0xF); // CTR_EL0.DminLine
    const u64 last = reinterpret_cast<u64>(data) + size;
    for (u64 address = reinterpret_cast<u64>(data) & ~(line - 1); address < last; address += line)
        asm volatile("dc ivac, %0" ::"r"(address) : "memory");
    dsb_sy();
}

/// Writes a range back to the point of coherency, where a guest with its caches off finds it.
inline void clean_to_memory(const void* data, usize size)
{
    const u64 line = u64{4} << (read_register<aarch64::SysReg::ctr_el0>() >> 16 & 0xF); // CTR_EL0.DminLine
    const u64 first = reinterpret_cast<u64>(data) & ~(line - 1);
    const u64 last = reinterpret_cast<u64>(data) + size;
    for (u64 address = first; address < last; address += line) asm volatile("dc civac, %0" ::"r"(address) : "memory");
    dsb_sy();
}

/// On all CPUs: instructions are fetched from memory anew, which has been cleaned to the point of coherency.
inline void forget_instructions() { asm volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory"); }

} // namespace gimbal::bare
