// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <span>
#include <type_traits>

#include "arch/aarch64/control.hpp"
#include "arch/aarch64/sysreg.hpp"
#include "base/types.hpp"

namespace gimbal::aarch64 {

/// MRS and MSR, or a test's record of them. The register is a template argument because the instruction's is.
template <class P>
concept RegisterPort = requires(P port, u64 value) {
    { port.template read<SysReg::cntvoff_el2>() } -> std::same_as<u64>;
    { port.template write<SysReg::cntvoff_el2>(value) } -> std::same_as<void>;
};

enum class RestorePhase : u8 { counter, deadline, control, plain, observed };

/// The guest's EL1, EL0 and EL2-owned system registers while it is not on a CPU. Touched only by the vCPU's owner.
struct alignas(16) GuestSystemRegisters {
#define GIMBAL_GUEST_REGISTER(reg, phase, reset_value) u64 reg{reset_value};
#include "arch/aarch64/guest_system_registers.inc"
#undef GIMBAL_GUEST_REGISTER

    /// What the architecture gives a guest at a warm reset; the engine then sets what belongs to the VM.
    void reset() { *this = GuestSystemRegisters{}; }

    /// Reads every register of the list.
    template <RegisterPort P>
    void store(P& port)
    {
#define GIMBAL_GUEST_REGISTER(reg, phase, reset_value) reg = port.template read<SysReg::reg>();
#include "arch/aarch64/guest_system_registers.inc"
#undef GIMBAL_GUEST_REGISTER
    }

    /// The counter's offset and controls, then both timers off, their deadlines, their controls, then the rest. A
    /// deadline is absolute: any number of exits leaves it where the guest put it.
    template <RegisterPort P>
    void restore(P& port) const
    {
        restore_phase<RestorePhase::counter>(port);
        port.template write<SysReg::cntp_ctl_el0>(0);
        port.template write<SysReg::cntv_ctl_el0>(0);
        restore_phase<RestorePhase::deadline>(port);
        restore_phase<RestorePhase::control>(port);
        restore_phase<RestorePhase::plain>(port);
    }

    friend bool operator==(const GuestSystemRegisters&, const GuestSystemRegisters&) = default;

private:
    template <RestorePhase wanted, RegisterPort P>
    void restore_phase(P& port) const
    {
#define GIMBAL_GUEST_REGISTER(reg, phase, reset_value)                                                                 \
    if constexpr (RestorePhase::phase == wanted) port.template write<SysReg::reg>(reg);
#include "arch/aarch64/guest_system_registers.inc"
#undef GIMBAL_GUEST_REGISTER
    }
};

static_assert(alignof(GuestSystemRegisters) == 16 && std::is_standard_layout_v<GuestSystemRegisters>);

/// The same list as data, for dumps, snapshots and tests.
struct GuestRegisterRow {
    SysReg reg;
    RestorePhase phase;
    u64 GuestSystemRegisters::* field;
};
inline constexpr GuestRegisterRow guest_register_table[] = {
#define GIMBAL_GUEST_REGISTER(reg, phase, reset_value) {SysReg::reg, RestorePhase::phase, &GuestSystemRegisters::reg},
#include "arch/aarch64/guest_system_registers.inc"
#undef GIMBAL_GUEST_REGISTER
};

/// Enough for format() not to cut anything off.
inline constexpr usize guest_registers_text_size = 2048;

/// One register per line, in the manual's spelling. Returns the characters written; no terminator.
usize format(const GuestSystemRegisters& registers, std::span<char> out);

} // namespace gimbal::aarch64
