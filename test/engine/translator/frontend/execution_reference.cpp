// SPDX-License-Identifier: Apache-2.0
//
// The reference for execution vectors: a Linux AArch64 program, run on a CPU or under qemu-aarch64 by
// make_execution_vectors. Reads lines "seed word word" in hexadecimal and prints each line's digest.
#include <sys/mman.h>

#include <cstdio>
#include <cstring>

#include "test/engine/translator/frontend/execution_state.hpp"

using gimbal::u32;
using gimbal::u64;
using gimbal::u8;
using namespace gimbal::translator::aarch64::test;

// Everything but SP, which the kernel could use for a signal, and V29 to V31 is the tested instructions'.
// run_words(state): loads the state, runs what is at patch_area, stores the state.
asm(R"(
    .text
    .balign 4096
    .global run_words
run_words:
    sub sp, sp, #112
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    mov x9, sp
    fmov d29, x9
    fmov d31, x0
    ldr x9, [x0, #256]
    msr nzcv, x9
    ldr x9, [x0, #248]
    mov sp, x9
    ldp x1, x2, [x0, #8]
    ldp x3, x4, [x0, #24]
    ldp x5, x6, [x0, #40]
    ldp x7, x8, [x0, #56]
    ldp x9, x10, [x0, #72]
    ldp x11, x12, [x0, #88]
    ldp x13, x14, [x0, #104]
    ldp x15, x16, [x0, #120]
    ldp x17, x18, [x0, #136]
    ldp x19, x20, [x0, #152]
    ldp x21, x22, [x0, #168]
    ldp x23, x24, [x0, #184]
    ldp x25, x26, [x0, #200]
    ldp x27, x28, [x0, #216]
    ldp x29, x30, [x0, #232]
    ldr x0, [x0]
    .global patch_area
patch_area:
    nop
    nop
    fmov d30, x0
    fmov x0, d31
    stp x1, x2, [x0, #8]
    stp x3, x4, [x0, #24]
    stp x5, x6, [x0, #40]
    stp x7, x8, [x0, #56]
    stp x9, x10, [x0, #72]
    stp x11, x12, [x0, #88]
    stp x13, x14, [x0, #104]
    stp x15, x16, [x0, #120]
    stp x17, x18, [x0, #136]
    stp x19, x20, [x0, #152]
    stp x21, x22, [x0, #168]
    stp x23, x24, [x0, #184]
    stp x25, x26, [x0, #200]
    stp x27, x28, [x0, #216]
    stp x29, x30, [x0, #232]
    mov x9, sp
    str x9, [x0, #248]
    mrs x9, nzcv
    str x9, [x0, #256]
    fmov x9, d30
    str x9, [x0]
    fmov x9, d29
    mov sp, x9
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    add sp, sp, #112
    clrex
    ret
    .balign 4096
)");
extern "C" void run_words(ExecutionState* state);
extern "C" u32 patch_area[2];

int main()
{
    mprotect(reinterpret_cast<void*>(&run_words), 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    auto* memory = static_cast<u8*>(mmap(reinterpret_cast<void*>(memory_address), memory_bytes, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    if (memory == MAP_FAILED) return 1;
    u32 seed = 0;
    u32 words[2]{};
    while (std::scanf("%x %x %x", &seed, &words[0], &words[1]) == 3) {
        ExecutionState state = initial_state(seed);
        std::memcpy(memory, state.memory, memory_bytes);
        patch_area[0] = words[0];
        patch_area[1] = words[1];
        __builtin___clear_cache(reinterpret_cast<char*>(patch_area), reinterpret_cast<char*>(patch_area + 2));
        run_words(&state);
        std::memcpy(state.memory, memory, memory_bytes);
        std::printf("%016llx\n", static_cast<unsigned long long>(digest(state)));
    }
}
