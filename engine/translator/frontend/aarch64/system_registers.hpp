// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "arch/aarch64/sysreg.hpp"
#include "engine/translator/frontend/aarch64/guest_state.hpp"

namespace gimbal::translator::aarch64 {

enum class RegisterKind : u8 {
    plain,   ///< A field of GuestState: blocks read and write it themselves.
    watched, ///< The same to read; a write changes mode, mapping or debug state, so Cpu::write_register does it.
    computed ///< Cpu::read_register and Cpu::write_register.
};

/// A system register that the CPU itself holds. Every other one is the VM's (vm/aarch64/trapped_registers.hpp).
struct SystemRegister {
    arch::SysReg reg{};
    RegisterKind kind{};
    u8 read_el{1}; ///< The lowest EL that may read it; 4 is none.
    u8 write_el{1};
    u16 offset{}; ///< In GuestState, for plain and watched.
    u8 width{8};  ///< Bytes there.
    u64 writable{~u64{0}};
    u64 ones{}; ///< RES1 bits
};

/// Every one, sorted by encoding.
std::span<const SystemRegister> system_registers();

/// By encoding; null for a register that the CPU does not hold.
const SystemRegister* find_system_register(arch::SysReg reg);

/// The lowest EL that may touch a register that the VM holds, by op1: 3 is EL0, 0 to 2 EL1, 4 and up EL2.
unsigned lowest_el(arch::SysReg reg);

} // namespace gimbal::translator::aarch64
