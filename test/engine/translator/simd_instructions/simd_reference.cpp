// SPDX-License-Identifier: Apache-2.0
//
// The reference for SIMD vectors: a Linux AArch64 program, run on a CPU or under qemu-aarch64 by make_simd_vectors.
// Reads lines "seed word" in hexadecimal and prints each line's digest, or 0 if the word is undefined.
#include <sys/mman.h>

#include <cstdio>
#include <cstring>

#include "test/engine/translator/simd_instructions/simd_state.hpp"
#include "test/engine/translator/vectors/reference_program.hpp"

using gimbal::u32;
using namespace gimbal::translator::aarch64::test;

// run_simd_word(state, code): loads the state, calls the code, which must leave x16 to x30 alone, stores the state.
asm(R"(
    .text
    .global run_simd_word
run_simd_word:
)" SAVE_REGISTERS R"(
    mov x19, x0
    mov x20, x1
    add x16, x19, #512
    ldr x9, [x16, #128]
    msr fpsr, x9
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ldr q\n, [x19, #(\n * 16)]
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    ldr x\n, [x16, #(\n * 8)]
    .endr
    blr x20
    add x16, x19, #512
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    str x\n, [x16, #(\n * 8)]
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    str q\n, [x19, #(\n * 16)]
    .endr
    mrs x9, fpsr
    str x9, [x16, #128]
)" RESTORE_REGISTERS);
extern "C" void run_simd_word(SimdState* state, u32* code);

int main()
{
    void* wanted = reinterpret_cast<void*>(simd_memory_address);
    void* memory =
        mmap(wanted, simd_memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (memory != wanted) return 1;
    return run_words([memory](u32 seed, u32* code) {
        static SimdState state;
        state = initial_simd_state(seed);
        std::memcpy(memory, state.memory, simd_memory_bytes);
        run_simd_word(&state, code);
        std::memcpy(state.memory, memory, simd_memory_bytes);
        std::printf("%lx\n", digest(state));
    });
}
