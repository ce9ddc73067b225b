// SPDX-License-Identifier: Apache-2.0
//
// The peer's side: a static AArch64 Linux program without a C library, run by qemu-aarch64 (or an Arm CPU). Reads
// batches of cases from standard input and writes their outcomes to standard output.
//
// A case starts when a signal handler returns into it, with its registers in the signal frame, and ends with a signal,
// whose frame has the outcome. So every register but PC is the case's own.
#include "test/differential/protocol.hpp"

namespace gimbal::differential {
namespace {

// Linux UAPI, arm64.
constexpr u64 sys_read = 63;
constexpr u64 sys_write = 64;
constexpr u64 sys_exit = 93;
constexpr u64 sys_sigaltstack = 132;
constexpr u64 sys_rt_sigaction = 134;
constexpr u64 sys_mmap = 222;
constexpr u64 sys_mprotect = 226;
constexpr u64 prot_none = 0;
constexpr u64 prot_read = 1;
constexpr u64 prot_write = 2;
constexpr u64 prot_exec = 4;
constexpr u64 map_fixed_private_anonymous = 0x4032; // with MAP_NORESERVE
constexpr u64 sa_flags = 0x0800'0004;               // SA_ONSTACK | SA_SIGINFO
constexpr u32 fpsimd_magic = 0x4650'8001;

u64 call(u64 number, u64 a = 0, u64 b = 0, u64 c = 0, u64 d = 0, u64 e = 0, u64 f = 0)
{
    register u64 x8 asm("x8") = number;
    register u64 x0 asm("x0") = a;
    register u64 x1 asm("x1") = b;
    register u64 x2 asm("x2") = c;
    register u64 x3 asm("x3") = d;
    register u64 x4 asm("x4") = e;
    register u64 x5 asm("x5") = f;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

[[noreturn]] void leave(u64 status)
{
    for (;;) call(sys_exit, status);
}

struct FpsimdContext {
    u32 magic;
    u32 size;
    u32 fpsr;
    u32 fpcr;
    u64 v[32][2];
};

struct UserContext {
    u64 flags_link_stack_mask[6];
    u64 unused[15];
    u64 padding;
    u64 fault_address;
    u64 x[31];
    u64 sp;
    u64 pc;
    u64 pstate;
    alignas(16) FpsimdContext fpsimd; // the first record of `reserved`, as Linux and QEMU write it
};
static_assert(__builtin_offsetof(UserContext, fault_address) == 176 && __builtin_offsetof(UserContext, fpsimd) == 464);

struct SignalAction {
    void (*handler)(int, void*, void*);
    u64 flags;
    u64 restorer;
    u64 mask;
};

alignas(16) u8 signal_stack[65536];
Case cases[batch_cases];
Outcome outcomes[batch_cases];
u64 pristine[data_words];
u64 dumps[data_bytes / 8];
UserContext home;
unsigned current;
bool running;
BatchHeader header;

u64* data() { return reinterpret_cast<u64*>(data_base); }

void transfer(u64 number, u64 descriptor, void* buffer, u64 bytes)
{
    u64 at = 0;
    while (at < bytes) {
        const i64 done = static_cast<i64>(call(number, descriptor, reinterpret_cast<u64>(buffer) + at, bytes - at));
        if (done <= 0) leave(at == 0 ? 0 : 1);
        at += static_cast<u64>(done);
    }
}

void copy(u64* to, const u64* from, unsigned words)
{
    for (unsigned n = 0; n < words; ++n) to[n] = from[n];
}

void enter(UserContext& context)
{
    const Registers& from = cases[current].registers;
    copy(context.x, from.x, 31);
    context.sp = from.sp;
    context.pc = slot_address(header.first_slot + current);
    context.pstate = from.nzcv;
    context.fpsimd.fpsr = from.fpsr;
    context.fpsimd.fpcr = from.fpcr;
    copy(context.fpsimd.v[0], from.v[0], 64);
    asm volatile("clrex\n msr tpidr_el0, xzr" ::: "memory");
}

void finish(int signal, const UserContext& context)
{
    Outcome& outcome = outcomes[current];
    copy(outcome.registers.x, context.x, 31);
    outcome.registers.sp = context.sp;
    outcome.registers.nzcv = static_cast<u32>(context.pstate) & 0xF000'0000;
    outcome.registers.fpsr = context.fpsimd.fpsr;
    outcome.registers.fpcr = context.fpsimd.fpcr;
    copy(outcome.registers.v[0], context.fpsimd.v[0], 64);
    outcome.pc = context.pc;
    outcome.signal = static_cast<u32>(signal);
    outcome.data_hash = hash_data(data());
    if (header.dump_data != 0) copy(dumps, data(), data_bytes / 8); // batches with dumps have one case
    copy(data(), pristine, data_bytes / 8);
}

void copy_context(UserContext& to, const UserContext& from)
{
    copy(to.x, from.x, 31);
    to.sp = from.sp;
    to.pc = from.pc;
    to.pstate = from.pstate;
    to.fpsimd.fpsr = from.fpsimd.fpsr;
    to.fpsimd.fpcr = from.fpsimd.fpcr;
    copy(to.fpsimd.v[0], from.fpsimd.v[0], 64);
}

void on_signal(int signal, void*, void* opaque)
{
    auto& context = *static_cast<UserContext*>(opaque);
    if (context.fpsimd.magic != fpsimd_magic) leave(3);
    if (!running) {
        copy_context(home, context);
        running = true;
        current = 0;
        enter(context);
        return;
    }
    finish(signal, context);
    if (++current < header.count) {
        enter(context);
        return;
    }
    running = false;
    copy_context(context, home);
    context.pc += 4;
}

void map(u64 address, u64 bytes, u64 protection)
{
    if (call(sys_mmap, address, bytes, protection, map_fixed_private_anonymous, ~u64{0}, 0) != address) leave(2);
}

void set_up()
{
    map(code_region, region_bytes, prot_none);
    map(data_region, region_bytes, prot_none);
    map(code_base, code_bytes, prot_read | prot_write);
    map(data_base, data_bytes + read_only_bytes, prot_read | prot_write);
    const u64 stack[3] = {reinterpret_cast<u64>(signal_stack), 0, sizeof signal_stack};
    call(sys_sigaltstack, reinterpret_cast<u64>(stack), 0);
    const SignalAction action{&on_signal, sa_flags, 0, ~u64{0}};
    constexpr u64 signals[] = {4, 5, 7, 8, 11};
    for (const u64 signal : signals) call(sys_rt_sigaction, signal, reinterpret_cast<u64>(&action), 0, 8);
}

void prepare_batch()
{
    fill_data(header.data_seed, pristine);
    call(sys_mprotect, data_base + data_bytes, read_only_bytes, prot_read | prot_write);
    copy(data(), pristine, data_words);
    call(sys_mprotect, data_base + data_bytes, read_only_bytes, prot_read);
    call(sys_mprotect, code_base, code_bytes, prot_read | prot_write);
    auto* words = reinterpret_cast<u32*>(code_base);
    for (unsigned n = 0; n < header_bytes / 4; ++n) words[n] = end_word;
    words = reinterpret_cast<u32*>(slot_address(0));
    for (unsigned slot = 0; slot < batch_cases; ++slot) {
        const unsigned which = slot - header.first_slot;
        for (unsigned n = 0; n < slot_words; ++n) *words++ = which < header.count ? cases[which].words[n] : end_word;
    }
    __builtin___clear_cache(reinterpret_cast<char*>(code_base), reinterpret_cast<char*>(code_base + code_bytes));
    call(sys_mprotect, code_base, code_bytes, prot_read | prot_exec);
}

} // namespace
} // namespace gimbal::differential

// Without a library: what the compiler may ask for, and the cache maintenance of its builtin.
extern "C" void __clear_cache(void* begin, void* end)
{
    for (char* line = static_cast<char*>(begin); line < end; line += 16)
        asm volatile("ic ivau, %0" ::"r"(line) : "memory");
    asm volatile("dsb ish\n isb" ::: "memory");
}
extern "C" void* memset(void* to, int value, gimbal::usize size)
{
    auto* bytes = static_cast<volatile gimbal::u8*>(to);
    for (gimbal::usize n = 0; n < size; ++n) bytes[n] = static_cast<gimbal::u8>(value);
    return to;
}
extern "C" void* memcpy(void* to, const void* from, gimbal::usize size)
{
    auto* bytes = static_cast<volatile gimbal::u8*>(to);
    for (gimbal::usize n = 0; n < size; ++n) bytes[n] = static_cast<const gimbal::u8*>(from)[n];
    return to;
}

extern "C" [[noreturn]] void _start()
{
    using namespace gimbal::differential;
    set_up();
    for (;;) {
        transfer(sys_read, 0, &header, sizeof header);
        if (header.count == 0 || header.count > batch_cases || header.first_slot > batch_cases - header.count) leave(0);
        transfer(sys_read, 0, cases, header.count * sizeof(Case));
        prepare_batch();
        asm volatile("brk #1" ::: "memory");
        transfer(sys_write, 1, outcomes, header.count * sizeof(Outcome));
        if (header.dump_data != 0) transfer(sys_write, 1, dumps, sizeof dumps);
    }
}
