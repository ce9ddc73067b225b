// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/guest_system_registers.hpp"

namespace gimbal::el2 {

/// A guest's pointer-authentication keys while it is not on a CPU. Its first use of them traps (HCR_EL2.API and APK are
/// 0); from then on they move with its system registers.
struct PointerKeys {
#define GIMBAL_POINTER_KEY(reg) u64 reg{};
#include "arch/aarch64/guest_pointer_keys.inc"
#undef GIMBAL_POINTER_KEY

    template <aarch64::RegisterPort P>
    void store(P& port)
    {
        using aarch64::SysReg;
#define GIMBAL_POINTER_KEY(reg) reg = port.template read<SysReg::reg>();
#include "arch/aarch64/guest_pointer_keys.inc"
#undef GIMBAL_POINTER_KEY
    }
    template <aarch64::RegisterPort P>
    void restore(P& port) const
    {
        using aarch64::SysReg;
#define GIMBAL_POINTER_KEY(reg) port.template write<SysReg::reg>(reg);
#include "arch/aarch64/guest_pointer_keys.inc"
#undef GIMBAL_POINTER_KEY
    }

    friend bool operator==(const PointerKeys&, const PointerKeys&) = default;
};

inline constexpr aarch64::SysReg pointer_key_registers[] = {
#define GIMBAL_POINTER_KEY(reg) aarch64::SysReg::reg,
#include "arch/aarch64/guest_pointer_keys.inc"
#undef GIMBAL_POINTER_KEY
};

constexpr bool is_pointer_key(aarch64::SysReg reg)
{
    for (const aarch64::SysReg key : pointer_key_registers)
        if (key == reg) return true;
    return false;
}

} // namespace gimbal::el2
