// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/translation.hpp"
#include "bare/aarch64/registers.hpp"
#include "engine/el2/tlb.hpp"

namespace gimbal::bare {

class HardwareTlb final : public el2::Tlb {
public:
    void publish() noexcept override { asm volatile("dsb ishst\n\tisb" ::: "memory"); }
    void invalidate_ipa(u16 vmid, Gpa ipa, unsigned) noexcept override
    {
        const ForVmid turn(vmid);
        asm volatile("tlbi ipas2e1is, %0\n\tdsb ish\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::"r"(ipa.value >> 12)
                     : "memory");
    }
    void invalidate_vm(u16 vmid) noexcept override
    {
        const ForVmid turn(vmid);
        asm volatile("tlbi vmalls12e1is\n\tdsb ish\n\tisb" ::: "memory");
    }

private:
    /// VTTBR_EL2 says whose entries a TLBI means.
    class ForVmid {
    public:
        explicit ForVmid(u16 vmid) : before_(read_register<aarch64::SysReg::vttbr_el2>())
        {
            write_register<aarch64::SysReg::vttbr_el2>(aarch64::VttbrEl2::vmid::set({before_}, vmid).raw);
            isb();
        }
        ~ForVmid()
        {
            write_register<aarch64::SysReg::vttbr_el2>(before_);
            isb();
        }
        ForVmid(const ForVmid&) = delete;
        ForVmid& operator=(const ForVmid&) = delete;

    private:
        u64 before_;
    };
};

} // namespace gimbal::bare
