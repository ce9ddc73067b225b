// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstdio>

#include "base/types.hpp"

// What the reference programs of single instructions share. They are Linux AArch64 programs, run on a CPU or under
// qemu-aarch64 by the makers of vectors.

// For assembly: what a function must give back, on 96 bytes of stack. x30 is among it.
#define SAVE_REGISTERS                                                                                                 \
    "stp x19, x20, [sp, #-96]!\n"                                                                                      \
    "stp x29, x30, [sp, #16]\n"                                                                                        \
    "stp d8, d9, [sp, #32]\n"                                                                                          \
    "stp d10, d11, [sp, #48]\n"                                                                                        \
    "stp d12, d13, [sp, #64]\n"                                                                                        \
    "stp d14, d15, [sp, #80]\n"
#define RESTORE_REGISTERS                                                                                              \
    "ldp x29, x30, [sp, #16]\n"                                                                                        \
    "ldp d8, d9, [sp, #32]\n"                                                                                          \
    "ldp d10, d11, [sp, #48]\n"                                                                                        \
    "ldp d12, d13, [sp, #64]\n"                                                                                        \
    "ldp d14, d15, [sp, #80]\n"                                                                                        \
    "ldp x19, x20, [sp], #96\n"                                                                                        \
    "ret\n"

namespace gimbal::translator::aarch64::test {

inline sigjmp_buf undefined_instruction;

/// The reference's main(): for each line "seed word" calls `run(seed, code)`, which prints what the word and a return
/// at `code` leave; 0 is printed for an undefined word.
template <class Run>
int run_words(Run run)
{
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return 1;
    auto* code = static_cast<u32*>(page);
    struct sigaction action{};
    action.sa_handler = [](int) { siglongjmp(undefined_instruction, 1); };
    sigaction(SIGILL, &action, nullptr);
    u32 seed = 0;
    u32 word = 0;
    while (std::scanf("%x %x", &seed, &word) == 2) {
        if (code[0] != word) {
            code[0] = word;
            code[1] = 0xD65F'03C0; // ret
            __builtin___clear_cache(reinterpret_cast<char*>(code), reinterpret_cast<char*>(code + 2));
        }
        if (sigsetjmp(undefined_instruction, 1) != 0) {
            asm volatile("msr fpcr, xzr"); // whatever the word was to run with
            std::puts("0");
            continue;
        }
        run(seed, code);
    }
    return 0;
}

} // namespace gimbal::translator::aarch64::test
