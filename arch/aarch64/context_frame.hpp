// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "arch/aarch64/pstate.hpp"
#include "base/types.hpp"

namespace gimbal::aarch64 {

/// What a world switch saves of a guest's general registers, in the layout that the assembly knows (offsets.cpp).
/// SP_EL0 lives here and nowhere else. Touched only by the vCPU's owner.
struct alignas(16) ContextFrame {
    static constexpr unsigned zero_register = 31;

    u64 x[31]{};
    u64 sp_el0{};
    u64 elr{};
    u64 spsr{reset_spsr.raw};

    /// Register `index` as an instruction's transfer register: 31 is XZR. Above 31 is a fault of the caller.
    u64 gpr(unsigned index) const;
    void set_gpr(unsigned index, u64 value);

    void set_argument(u64 value) { x[0] = value; }
    void set_return_value(u64 value) { x[0] = value; }
    u64 exception_pc() const { return elr; }
    void set_exception_pc(u64 pc) { elr = pc; }

    /// The Linux boot protocol: x0 = device tree, x1..x3 = 0.
    void set_boot_entry(u64 pc, u64 device_tree);

    friend bool operator==(const ContextFrame&, const ContextFrame&) = default;
};

static_assert(std::is_standard_layout_v<ContextFrame> && std::is_trivially_copyable_v<ContextFrame>);
static_assert(sizeof(ContextFrame) == 272 && alignof(ContextFrame) == 16);
static_assert(offsetof(ContextFrame, x) == 0 && offsetof(ContextFrame, sp_el0) == 248);
static_assert(offsetof(ContextFrame, elr) == 256 && offsetof(ContextFrame, spsr) == 264);

/// Enough for format() not to cut anything off.
inline constexpr usize context_frame_text_size = 1024;

/// Two registers per line, then SPSR, ELR and SP_EL0. Returns the characters written; no terminator.
/// For reports, not for the exit path.
usize format(const ContextFrame& frame, std::span<char> out);

} // namespace gimbal::aarch64
