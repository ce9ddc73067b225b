// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>

#include "base/types.hpp"

/// What the common checks need to know of an architecture: each folder named after one implements all of this.
namespace gimbal::selftest::architecture {

/// The counter that the kernel's clock is made of, in ticks, and its frequency; nullopt if a program cannot know both.
struct Counter {
    u64 ticks{};
    u64 hz{};
};
std::optional<Counter> read_counter();

/// Puts values made from `seed` into every floating-point and vector register and into their control registers, gives
/// up the CPU `yields` times with a spin before each, and counts the registers that do not have their value then. No
/// register is saved by our own code meanwhile.
u32 registers_lost(u64 seed, u64 yields);

/// Spoils what registers_lost() holds, as a signal handler may.
void spoil_registers();

/// Writes a function without arguments that returns `value`; returns its length in bytes.
usize emit_return(std::span<u8> code, u32 value);

/// What a CPU has to do after another one wrote its instructions and cleaned the caches.
void instruction_barrier();

/// Executes an instruction that is undefined for ever; its address, and the code that SIGILL has for it.
void execute_undefined();
usize undefined_address();
int undefined_code();

/// A piece of code and the offsets of its instructions in the order of their execution. It ends before an instruction
/// that raises SIGTRAP.
struct SteppedCode {
    usize address{};
    std::span<const u16> offsets;
    u16 system_call{};      // the offset of its one system call
    int system_call_code{}; // SIGTRAP's code after the step over it
    bool stops_twice{};     // Linux reports that step on the way out, as no trap, and again before the next instruction
};
SteppedCode stepped_code();

/// The program counter of a stopped tracee.
std::optional<usize> program_counter(pid_t tracee);
bool set_program_counter(pid_t tracee, usize value);

} // namespace gimbal::selftest::architecture
