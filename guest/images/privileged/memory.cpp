// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// Code that changes under the program counter, and the local exclusive monitor.

namespace {

void store_code(u32* at, u32 word) { *const_cast<volatile u32*>(at) = word; }

void clean_line(const u32* at)
{
    asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(at) : "memory");
}

constexpr u32 movz_x0(unsigned imm) { return 0xD280'0000 | imm << 5; }
constexpr u32 add_x0(unsigned imm) { return 0x9100'0000 | imm << 10; }

/// Runs code, changes one word of it, maintains that line, runs it again.
void run_changing_code()
{
    for (u32& slot : code_buffer) slot = svc(0xF00);
    const unsigned length = static_cast<unsigned>(4 + random(60));
    store_code(&code_buffer[0], movz_x0(1));
    for (unsigned i = 1; i < length; ++i) store_code(&code_buffer[i], add_x0(i));
    synchronize_instructions();
    const bool user = one_in(2);
    const u64 base = user ? user_code : reinterpret_cast<u64>(code_buffer);
    for (unsigned round = 0; round < 4; ++round) {
        const u64 first = random(length);
        Context context = fresh_context(daif_masked | (user ? el0t : el1h), base + 4 * first);
        context.x[0] = 0;
        enter(&context);
        log_exception("code", context, base);
        log("sum", context.x[0]);
        u32* const changed = &code_buffer[random(length)];
        store_code(changed,
                   one_in(4) ? svc(static_cast<unsigned>(random(64))) : add_x0(static_cast<unsigned>(random(4096))));
        clean_line(changed);
    }
}

/// Code that stores into its own future, maintains it and goes on into it.
void run_self_modification()
{
    for (u32& slot : code_buffer) slot = svc(0xF00);
    constexpr u32 program[] = {
        0xB900'0041, // str w1, [x2]
        0xD50B'7B22, // dc cvau, x2
        0xD503'3B9F, // dsb ish
        0xD50B'7522, // ic ivau, x2
        0xD503'3B9F, // dsb ish
        0xD503'3FDF, // isb
    };
    constexpr unsigned length = sizeof program / sizeof program[0];
    for (unsigned i = 0; i < length; ++i) code_buffer[i] = program[i];
    synchronize_instructions();
    const unsigned target = length + static_cast<unsigned>(random(8));
    for (unsigned i = length; i < target; ++i) code_buffer[i] = add_x0(1);
    synchronize_instructions();
    for (unsigned round = 0; round < 3; ++round) {
        const u64 base = reinterpret_cast<u64>(code_buffer);
        Context context = fresh_context(daif_masked | el1h, base);
        context.x[0] = 0;
        context.x[1] = one_in(2) ? add_x0(static_cast<unsigned>(random(100))) : svc(static_cast<unsigned>(random(100)));
        context.x[2] = base + 4 * target;
        enter(&context);
        log_exception("self", context, base);
        log("sum", context.x[0]);
    }
}

/// LDXR and STXR with things between them that leave the monitor open or close it for sure.
void run_exclusives()
{
    for (u32& slot : code_buffer) slot = svc(0xF00);
    constexpr u32 between[] = {
        0xD503'201F, // nop
        0x9100'0400, // add x0, x0, #1
        0xD503'3F5F, // clrex
        0xD503'3FBF, // dmb sy
    };
    unsigned at = 0;
    code_buffer[at++] = 0xC85F'7C22; // ldxr x2, [x1]
    for (u64 i = random(4); i != 0; --i) code_buffer[at++] = pick(between);
    code_buffer[at++] = 0xC803'7C20; // stxr w3, x0, [x1]
    code_buffer[at++] = 0xC804'7C20; // stxr w4, x0, [x1]: the first has closed the monitor
    synchronize_instructions();
    const bool user = one_in(2);
    const u64 base = user ? user_code : reinterpret_cast<u64>(code_buffer);
    Context context = fresh_context(daif_masked | (user ? el0t : el1h), base);
    context.x[0] = random(1000);
    context.x[1] = user_data + 128;
    enter(&context);
    log_exception("excl", context, base);
    log("flags", context.x[2], context.x[3], context.x[4], *reinterpret_cast<volatile u64*>(data_pool + 128));
}

} // namespace

void run_memory()
{
    for (u64 i = 0; i < 256; ++i) data_pool[i] = static_cast<u8>(i);
    for (unsigned i = 0; i < 4; ++i) {
        run_changing_code();
        run_self_modification();
        run_exclusives();
    }
}
