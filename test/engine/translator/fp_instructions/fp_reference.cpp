// SPDX-License-Identifier: Apache-2.0
//
// The reference for floating-point vectors: a Linux AArch64 program, run on a CPU or under qemu-aarch64 by
// make_fp_vectors. Reads lines "seed word" in hexadecimal and prints each line's digest, or 0 if the word is undefined.
// With an argument it prints the state, too.
#include <cstdio>

#include "test/engine/translator/fp_instructions/fp_state.hpp"
#include "test/engine/translator/vectors/reference_program.hpp"

using gimbal::u32;
using gimbal::u64;
using namespace gimbal::translator::aarch64::test;

// run_word(state, code): loads the state, calls the code, which must leave x16 to x30 alone, stores the state.
asm(R"(
    .text
    .global run_word
run_word:
)" SAVE_REGISTERS R"(
    mov x19, x0
    mov x20, x1
    .irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
    ldr q\n, [x19, #(\n * 16)]
    .endr
    .irp n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
    ldr q\n, [x19, #(\n * 16)]
    .endr
    add x16, x19, #512
    ldr x9, [x16, #128]
    msr nzcv, x9
    ldr x9, [x16, #136]
    msr fpcr, x9
    ldr x9, [x16, #144]
    msr fpsr, x9
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    ldr x\n, [x16, #(\n * 8)]
    .endr
    blr x20
    add x16, x19, #512
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    str x\n, [x16, #(\n * 8)]
    .endr
    mrs x9, nzcv
    str x9, [x16, #128]
    mrs x9, fpsr
    str x9, [x16, #144]
    msr fpcr, xzr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    str q\n, [x19, #(\n * 16)]
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    str q\n, [x19, #(\n * 16)]
    .endr
)" RESTORE_REGISTERS);
extern "C" void run_word(FpState* state, u32* code);

namespace {

void print(const FpState& state)
{
    for (int n = 0; n < 32; ++n) std::printf("v%d %016lx %016lx\n", n, state.v[n][1], state.v[n][0]);
    for (int n = 0; n < 16; ++n) std::printf("x%d %016lx\n", n, state.x[n]);
    std::printf("nzcv %lx fpcr %lx fpsr %lx\n", state.nzcv, state.fpcr, state.fpsr);
}

} // namespace

int main(int argc, char**)
{
    return run_words([argc](u32 seed, u32* code) {
        FpState state = initial_fp_state(seed);
        run_word(&state, code);
        if (argc > 1) print(state);
        std::printf("%016lx\n", digest(state));
    });
}
