// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/random.hpp"

// What the storm stands on: a way to run words that may do anything, and to be back afterwards.

constexpr u32 max_cpus = 4;
constexpr u32 code_words = 8;

/// One CPU's, led to by TPIDR_EL1. The words never hold an address of the image, so only what they make of the CPU has
/// to be put right again.
struct alignas(64) PerCpu {
    u64 saved[12]; ///< x19 to x30 of run_words()'s caller
    u64 saved_sp;
    u64 handler[4]; ///< x1 to x4 while an exception is taken
    u64 padding;
    u64 x[32];      ///< What the words find in x0 to x30
    u64 faults[64]; ///< Exceptions taken, by class
    u64 interrupts;
    u64 serrors;
    u64 random; ///< State of its own generator
    u64 steps_done;
    u64 finished;
    u64 padding2[3];
    u32 code[code_words];
};
static_assert(__builtin_offsetof(PerCpu, saved_sp) == 96 && __builtin_offsetof(PerCpu, handler) == 104);
static_assert(__builtin_offsetof(PerCpu, x) == 144 && __builtin_offsetof(PerCpu, faults) == 400);
static_assert(__builtin_offsetof(PerCpu, interrupts) == 912 && __builtin_offsetof(PerCpu, serrors) == 920);
static_assert(__builtin_offsetof(PerCpu, code) == 976);

/// Runs per_cpu.code up to its branch to words_end; PSTATE and the registers of the regime are as they were.
extern "C" void run_words(PerCpu* self);
extern "C" void words_end();
extern "C" void secondary_entry(u64 cpu);

/// In the order in which the assembly loads it; the same for all CPUs.
struct Regime {
    u64 mair;
    u64 tcr;
    u64 ttbr0;
    u64 sctlr;
};
extern "C" Regime regime;

/// Memory that the storm may reach and change: nothing else of the RAM.
constexpr u64 playground = 0x4200'0000;
constexpr u64 playground_bytes = 0x200'0000;

constexpr u64 distributor = 0x0800'0000;
constexpr u64 redistributors = 0x080A'0000;
constexpr u64 hole = 0x8000'0000;
constexpr u64 code_alias = 0xC000'0000; ///< The first GiB as memory that may be executed.

// The CPU's own generator: what one CPU does does not depend on the others.
u64 wild(PerCpu& self);
inline u64 below(PerCpu& self, u64 limit) { return (wild(self) >> 11) % limit; }
inline bool one_in(PerCpu& self, u64 n) { return below(self, n) == 0; }

u64 device_address(PerCpu& self); ///< Somewhere on the board, or where nothing is.
u64 operand(PerCpu& self);        ///< A register's contents; never an address of the image.

// Instructions.
u32 system_word(PerCpu& self);         ///< MSR, MRS, SYS, SYSL and writes of PSTATE fields; never reads into x1
u32 known_register_word(PerCpu& self); ///< A register that matters, rather than any of 16384
u32 access_word(PerCpu& self);         ///< Anything of the class "loads and stores", by x1
u32 computing_word(PerCpu& self); ///< No branches, no system, no loads and stores but those of SVE, which nobody has
