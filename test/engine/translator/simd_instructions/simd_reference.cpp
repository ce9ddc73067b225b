// SPDX-License-Identifier: Apache-2.0
//
// The reference for SIMD vectors: a Linux AArch64 program, run on a CPU or under qemu-aarch64 by make_simd_vectors.
// Reads lines "seed word" in hexadecimal and prints each line's digest, or 0 if the word is undefined.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstring>

#include "test/engine/translator/simd_instructions/simd_state.hpp"

using gimbal::u32;
using namespace gimbal::translator::aarch64::test;

// run_simd_word(state, code): loads the state, calls the code, which must leave x16 to x30 alone, stores the state.
asm(R"(
    .text
    .global run_simd_word
run_simd_word:
    stp x19, x20, [sp, #-96]!
    stp x29, x30, [sp, #16]
    stp d8, d9, [sp, #32]
    stp d10, d11, [sp, #48]
    stp d12, d13, [sp, #64]
    stp d14, d15, [sp, #80]
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
    ldp x29, x30, [sp, #16]
    ldp d8, d9, [sp, #32]
    ldp d10, d11, [sp, #48]
    ldp d12, d13, [sp, #64]
    ldp d14, d15, [sp, #80]
    ldp x19, x20, [sp], #96
    ret
)");
extern "C" void run_simd_word(SimdState* state, u32* code);

namespace {

sigjmp_buf undefined;

void* map(void* address, size_t bytes, int protection, int flags)
{
    return mmap(address, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

} // namespace

int main()
{
    constexpr u32 ret = 0xD65F03C0;
    auto* code = static_cast<u32*>(map(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, 0));
    void* wanted = reinterpret_cast<void*>(simd_memory_address);
    void* memory = map(wanted, simd_memory_bytes, PROT_READ | PROT_WRITE, MAP_FIXED);
    if (code == MAP_FAILED || memory != wanted) return 1;
    struct sigaction action{};
    action.sa_handler = [](int) { siglongjmp(undefined, 1); };
    sigaction(SIGILL, &action, nullptr);
    u32 seed;
    u32 word;
    while (std::scanf("%x %x", &seed, &word) == 2) {
        static SimdState state;
        state = initial_simd_state(seed);
        std::memcpy(memory, state.memory, simd_memory_bytes);
        code[0] = word;
        code[1] = ret;
        __builtin___clear_cache(reinterpret_cast<char*>(code), reinterpret_cast<char*>(code + 2));
        if (sigsetjmp(undefined, 1) != 0) {
            std::puts("0");
            continue;
        }
        run_simd_word(&state, code);
        std::memcpy(state.memory, memory, simd_memory_bytes);
        std::printf("%lx\n", digest(state));
    }
}
