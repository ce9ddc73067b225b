// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/random.hpp"

// What the self-reporting image stands on beside the common parts: the log and guest contexts. All code is PC-relative:
// it runs in the upper half too.

constexpr u64 low_mask(unsigned n) { return n >= 64 ? ~u64{0} : bit(n) - 1; }

/// Physical plus this is where the image's own mapping is, in every regime. Needs TCR_EL1.T1SZ <= 33.
constexpr u64 upper_half = 0xFFFF'FFFF'8000'0000;

/// Written into the file by who runs it; follows the magic.
struct Parameters {
    char magic[16];
    u64 first_seed;
    u64 seed_count;
    u64 full_log; ///< Every line, not only a digest for each seed.
    u64 sections; ///< Bit n leaves section n out.
};
extern "C" const volatile Parameters parameters;

/// One guest context: a program counter, PSTATE and registers to run with; after the exception, what it reported.
struct Context {
    u64 x[31];
    u64 monitor_sp;
    u64 pc;
    u64 pstate;
    u64 sp_el0;
    u64 sp_el1;
    u64 esr;
    u64 far;
    u64 elr;
    u64 spsr;
    u64 vector; ///< Index of the vector taken, 0..15.
    u64 target; ///< PSTATE in the handler: DAIF, PAN, UAO, DIT, SSBS, EL, SPSel.
};
static_assert(__builtin_offsetof(Context, monitor_sp) == CONTEXT_MONITOR_SP);
static_assert(__builtin_offsetof(Context, pc) == CONTEXT_PC);
static_assert(__builtin_offsetof(Context, sp_el0) == CONTEXT_SP);
static_assert(__builtin_offsetof(Context, esr) == CONTEXT_ESR);
static_assert(__builtin_offsetof(Context, elr) == CONTEXT_ELR);
static_assert(__builtin_offsetof(Context, vector) == CONTEXT_VECTOR);
static_assert(__builtin_offsetof(Context, target) == CONTEXT_TARGET);
extern "C" void enter(Context* context);

/// Translation registers that change together, at a physical address.
struct Regime {
    u64 mair;
    u64 tcr;
    u64 ttbr0;
    u64 ttbr1;
    u64 sctlr;
};
extern "C" void switch_regime(u64 physical_regime);
u64 physical(const volatile void* pointer); ///< Of something in the image.
void go_home();                             ///< The fixed regime, where the PL011 is mapped.

constexpr u64 sctlr_base = 0x30D0'0980;
constexpr u64 sctlr_m = bit(0);
constexpr u64 sctlr_cached = sctlr_base | sctlr_m | bit(2) | bit(12);

constexpr u64 daif_masked = 0x3C0;
constexpr u64 el1h = 5;
constexpr u64 el1t = 4;
constexpr u64 el0t = 0;

inline bool one_in(u64 n) { return random(n) == 0; }
template <class T, u64 n>
T pick(const T (&values)[n])
{
    return values[random(n)];
}

// The log of one seed. Kept in memory and written out in the fixed regime.
void log_begin(const char* name);
void log_value(u64 value);
void log_end();
void log_flush(u64 seed);
template <class... T>
void log(const char* name, T... values)
{
    log_begin(name);
    (log_value(static_cast<u64>(values)), ...);
    log_end();
}

void synchronize_instructions(); ///< After any change of code, wherever it is.

/// A buffer for generated code: EL1 may run it where it is.
constexpr u64 code_words = 256;
extern u32 code_buffer[code_words];

/// Where the fixed regime maps things in the lower half, for EL0: the code buffer and the snippets, which EL0 may run,
/// and 64 KiB of `data_pool`, which it may read and write.
constexpr u64 user_code = 0;
constexpr u64 user_snippets = 0x1000;
constexpr u64 user_data = 0x1'0000;
constexpr u64 user_data_bytes = 0x1'0000;
extern u8 data_pool[user_data_bytes];
extern u32 snippets[];

constexpr u32 svc(unsigned imm) { return 0xD400'0001 | imm << 5; }

Context fresh_context(u64 pstate, u64 pc); ///< Random registers; stacks in `guest_stack`.
/// What an exception reported, of which only defined bits: FAR where the class sets it, ELR relative to `base`.
void log_exception(const char* name, const Context& context, u64 base);
constexpr u64 exception_class(u64 esr) { return esr >> 26 & 0x3F; }

void run_exceptions();
void run_pstate();
void run_translation();
void run_memory();
void run_debug();
void run_timers();
