// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/sysreg.hpp"
#include "base/types.hpp"

// The CPU that runs this, as functions. Only files below bare/aarch64 include it.
namespace gimbal::bare {

template <aarch64::SysReg reg>
inline u64 read_register()
{
    u64 value;
    asm volatile("mrs %0, S%c1_%c2_C%c3_C%c4_%c5"
                 : "=r"(value)
                 : "i"(aarch64::op0(reg)), "i"(aarch64::op1(reg)), "i"(aarch64::crn(reg)), "i"(aarch64::crm(reg)),
                   "i"(aarch64::op2(reg)));
    return value;
}

template <aarch64::SysReg reg>
inline void write_register(u64 value)
{
    asm volatile("msr S%c1_%c2_C%c3_C%c4_%c5, %0" ::"r"(value), "i"(aarch64::op0(reg)), "i"(aarch64::op1(reg)),
                 "i"(aarch64::crn(reg)), "i"(aarch64::crm(reg)), "i"(aarch64::op2(reg))
                 : "memory");
}

/// A RegisterPort on the registers themselves (HCR_EL2.E2H = 0).
struct RegisterFile {
    template <aarch64::SysReg reg>
    u64 read() const
    {
        return read_register<reg>();
    }
    template <aarch64::SysReg reg>
    void write(u64 value) const
    {
        write_register<reg>(value);
    }
};

inline void isb() { asm volatile("isb" ::: "memory"); }
inline void dsb_ish() { asm volatile("dsb ish" ::: "memory"); }
inline void dsb_sy() { asm volatile("dsb sy" ::: "memory"); }
inline void wfi() { asm volatile("dsb sy\n\twfi" ::: "memory"); }

/// Writes a range back to the point of coherency, where a guest with its caches off finds it.
inline void clean_to_memory(const void* data, usize size)
{
    const u64 line = u64{4} << (read_register<aarch64::SysReg::ctr_el0>() >> 16 & 0xF); // CTR_EL0.DminLine
    const u64 first = reinterpret_cast<u64>(data) & ~(line - 1);
    const u64 last = reinterpret_cast<u64>(data) + size;
    for (u64 address = first; address < last; address += line) asm volatile("dc civac, %0" ::"r"(address) : "memory");
    dsb_sy();
}

} // namespace gimbal::bare
