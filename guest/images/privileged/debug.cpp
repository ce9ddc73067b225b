// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// The guest's own debugger: software step, breakpoints and watchpoints, at EL0 and EL1.

namespace {

constexpr u64 mdscr_ss = bit(0);
constexpr u64 mdscr_kde = bit(13);
constexpr u64 mdscr_mde = bit(15);
constexpr u64 spsr_ss = bit(21);
constexpr u64 spsr_d = bit(9);
constexpr unsigned program_words = 10;

// x1 is aligned data. Everything goes on to the next instruction or a forward branch.
constexpr u32 steps[] = {
    0x9100'0400, // add x0, x0, #1
    0xF940'0022, // ldr x2, [x1]
    0xF900'0022, // str x2, [x1]
    0x1400'0002, // b .+8
    0xB400'0042, // cbz x2, .+8
    0xD503'201F, // nop
    0xC85F'7C22, // ldxr x2, [x1]
    0xC803'7C22, // stxr w3, x2, [x1]
    0xF800'8C22, // str x2, [x1, #8]!
    0xA940'0822, // ldp x2, x2... replaced below
    0xD503'3FDF, // isb
    0xD503'3F9F, // dsb sy
    0xF822'0023, // ldadd x2, x3, [x1]
    0x3900'0022, // strb w2, [x1]
    0x3940'0022, // ldrb w2, [x1]
};

void make_program()
{
    for (u32& slot : code_buffer) slot = svc(0xF00);
    for (unsigned i = 0; i < program_words; ++i) {
        u32 word = pick(steps);
        if (word == 0xA940'0822) word = 0xA940'0C22; // ldp x2, x3, [x1]
        code_buffer[i] = word;
    }
    if (one_in(3)) code_buffer[random(program_words)] = one_in(2) ? svc(7) : 0xD420'0020; // svc #7, brk #1
    synchronize_instructions();
}

u64 random_level(bool user) { return (user ? el0t : el1h) | daif_masked; }

u64 program_base(bool user) { return user ? user_code : reinterpret_cast<u64>(code_buffer); }

void run_steps()
{
    make_program();
    const bool user = one_in(2);
    const u64 base = program_base(user);
    const bool kernel_debug = one_in(2);
    Context context = fresh_context(random_level(user), base);
    if (one_in(2)) context.pstate &= ~spsr_d;
    if (!one_in(5)) context.pstate |= spsr_ss;
    context.x[1] = user_data + 64;
    WRITE_REGISTER("mdscr_el1", mdscr_ss | (kernel_debug ? mdscr_kde : 0));
    for (unsigned i = 0; i < 16; ++i) {
        enter(&context);
        log_exception("step", context, base);
        const u64 ec = exception_class(context.esr);
        if ((ec & 0x3E) != 0x32) break;
        context.pc = context.elr;
        context.pstate = context.spsr | spsr_ss;
    }
    WRITE_REGISTER("mdscr_el1", 0);
}

void run_breakpoint()
{
    make_program();
    const bool user = one_in(2);
    const u64 base = program_base(user);
    Context context = fresh_context(random_level(user) & ~(one_in(4) ? 0 : spsr_d), base);
    context.x[1] = user_data + 64;
    const u64 levels = 1 + random(3); // PMC
    WRITE_REGISTER("dbgbvr0_el1", base + 4 * random(program_words));
    WRITE_REGISTER("dbgbcr0_el1", 1 | levels << 1 | 0xF << 5);
    WRITE_REGISTER("dbgbvr1_el1", base + 4 * random(program_words));
    WRITE_REGISTER("dbgbcr1_el1", random(2) | 3 << 1 | 0xF << 5);
    WRITE_REGISTER("mdscr_el1", (one_in(5) ? 0 : mdscr_mde) | (one_in(4) ? 0 : mdscr_kde));
    enter(&context);
    log_exception("break", context, base);
    WRITE_REGISTER("mdscr_el1", 0);
    WRITE_REGISTER("dbgbcr0_el1", 0);
    WRITE_REGISTER("dbgbcr1_el1", 0);
}

void run_watchpoint()
{
    make_program();
    const bool user = one_in(2);
    const u64 base = program_base(user);
    Context context = fresh_context(random_level(user) & ~(one_in(4) ? 0 : spsr_d), base);
    context.x[1] = user_data + 64;
    const u64 levels = 1 + random(3);   // PAC
    const u64 accesses = 1 + random(3); // LSC
    // Contiguous byte selects, or a mask of 8 bytes and more.
    const u64 width = 1 + random(8);
    const u64 select = low_mask(static_cast<unsigned>(width)) << random(9 - width);
    const u64 control = one_in(3) ? 0xFF << 5 | (3 + random(4)) << 24 : select << 5;
    const u64 size = control >> 24 == 0 ? 3 : control >> 24;
    WRITE_REGISTER("dbgwvr0_el1", (user_data + 64 + 8 * random(3)) & ~low_mask(static_cast<unsigned>(size)));
    WRITE_REGISTER("dbgwcr0_el1", 1 | levels << 1 | accesses << 3 | control);
    WRITE_REGISTER("mdscr_el1", (one_in(5) ? 0 : mdscr_mde) | (one_in(4) ? 0 : mdscr_kde));
    enter(&context);
    log_exception("watch", context, base);
    WRITE_REGISTER("mdscr_el1", 0);
    WRITE_REGISTER("dbgwcr0_el1", 0);
}

} // namespace

void run_debug()
{
    for (u64 i = 0; i < 256; ++i) data_pool[i] = static_cast<u8>(i);
    for (unsigned i = 0; i < 12; ++i) {
        run_steps();
        run_breakpoint();
        run_watchpoint();
    }
}
