// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

const u64 console_address = upper_half + uart;
alignas(4096) u32 code_buffer[code_words];
alignas(4096) u8 data_pool[user_data_bytes];

namespace {

constexpr u64 log_bytes = u64{4} << 20;
alignas(4096) u64 home_root[512];
alignas(4096) u64 home_devices[512];
alignas(4096) u64 home_lower[3][512];
alignas(16) u8 guest_stack[8192];
Regime home;
char log_text[log_bytes];
u64 log_length;
u64 digest;

void log_char(char c)
{
    digest = (digest ^ static_cast<u8>(c)) * 0x100'0000'01B3;
    if (parameters.full_log != 0 && log_length < log_bytes) log_text[log_length++] = c;
}

void log_string(const char* text)
{
    while (*text != 0) log_char(*text++);
}

void put_hex(u64 value)
{
    for (int shift = 60; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
}

void run_seed(u64 seed)
{
    seed_random(seed);
    log_length = 0;
    digest = 0xCBF2'9CE4'8422'2325;
    const u64 skip = parameters.sections;
    if ((skip & 1) == 0) run_exceptions();
    if ((skip & 2) == 0) run_pstate();
    if ((skip & 4) == 0) run_translation();
    if ((skip & 8) == 0) run_memory();
    if ((skip & 16) == 0) run_debug();
    if ((skip & 32) == 0) run_timers();
    log_flush(seed);
}

} // namespace

void log_begin(const char* name) { log_string(name); }

void log_value(u64 value)
{
    log_char(' ');
    unsigned shift = 60;
    while (shift != 0 && value >> shift == 0) shift -= 4;
    for (;; shift -= 4) {
        log_char("0123456789abcdef"[value >> shift & 15]);
        if (shift == 0) return;
    }
}

void log_end() { log_char('\n'); }

void log_flush(u64 seed)
{
    print("seed ");
    put_hex(seed);
    put(' ');
    put_hex(digest);
    put('\n');
    for (u64 i = 0; i < log_length; ++i) put(log_text[i]);
}

u64 physical(const volatile void* pointer) { return reinterpret_cast<u64>(pointer) - upper_half; }

void go_home() { switch_regime(physical(&home)); }

void synchronize_instructions() { asm volatile("dsb ish\n\tic iallu\n\tdsb ish\n\tisb" ::: "memory"); }

Context fresh_context(u64 pstate, u64 pc)
{
    Context context;
    for (u64& x : context.x) x = random64();
    context.pc = pc;
    context.pstate = pstate;
    context.sp_el0 = reinterpret_cast<u64>(guest_stack) + 4096;
    context.sp_el1 = reinterpret_cast<u64>(guest_stack) + 8192;
    context.monitor_sp = context.esr = context.far = context.elr = context.spsr = context.vector = context.target = 0;
    return context;
}

void log_exception(const char* name, const Context& context, u64 base)
{
    const u64 ec = exception_class(context.esr);
    // Instruction abort, PC alignment, data abort. A watchpoint's FAR is any address of the access.
    const bool has_far = (ec & 0x3E) == 0x20 || ec == 0x22 || (ec & 0x3E) == 0x24;
    // PSTATE.BTYPE exists only with FEAT_BTI; QEMU clears PSTATE.DIT on exceptions (docs/privileged.md).
    constexpr u64 branch_type = 3 << 10;
    constexpr u64 dit = bit(24);
    log(name, context.vector, context.esr, has_far ? context.far : 0, context.elr - base, context.spsr & ~branch_type,
        context.target & ~dit);
}

/// Called at the physical address with the MMU off; the image's own mapping is one 1 GiB block, the devices a few 2
/// MiB.
extern "C" Regime* prepare_home()
{
    const u64 attributes = bit(10) | 3 << 8 | bit(54); // AF, inner shareable, UXN; attribute 0
    home_root[511] = ram_first | attributes | 1;
    home_root[510] = reinterpret_cast<u64>(home_devices) | 3;
    for (u64 i = 0; i < 512; ++i) home_devices[i] = i << 21 | bit(10) | bit(54) | bit(53) | 1 << 2 | 1;
    constexpr u64 user = bit(6), read_only = bit(7), no_user_execute = bit(54), no_execute = bit(53);
    constexpr u64 page = bit(10) | 3 << 8 | 3;
    home_lower[0][0] = reinterpret_cast<u64>(home_lower[1]) | 3;
    home_lower[1][0] = reinterpret_cast<u64>(home_lower[2]) | 3;
    home_lower[2][0] = reinterpret_cast<u64>(code_buffer) | page | user | read_only | no_execute;
    home_lower[2][1] = reinterpret_cast<u64>(snippets) | page | user | read_only | no_execute;
    for (u64 i = 0; i < 16; ++i)
        home_lower[2][16 + i] =
            (reinterpret_cast<u64>(data_pool) + 4096 * i) | page | user | no_execute | no_user_execute;
    home.mair = 0x00FF;
    home.tcr =
        25 | u64{25} << 16 | u64{2} << 30 | 1 << 24 | 1 << 26 | 3 << 28 | 1 << 8 | 1 << 10 | 3 << 12 | u64{5} << 32;
    home.ttbr0 = reinterpret_cast<u64>(home_lower);
    home.ttbr1 = reinterpret_cast<u64>(home_root);
    home.sctlr = sctlr_cached;
    return &home;
}

extern "C" [[noreturn]] void main()
{
    WRITE_REGISTER("oslar_el1", 0);
    WRITE_REGISTER("mdscr_el1", 0);
    WRITE_REGISTER("cpacr_el1", 0);
    for (u64 i = 0; i < parameters.seed_count; ++i) run_seed(parameters.first_seed + i);
    print("end\n");
    power_off();
}
