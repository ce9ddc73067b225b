// SPDX-License-Identifier: Apache-2.0
// For runs on the build machine: code whose registers and addresses are known to the instruction. AT&T syntax.

    .text

// void selftest_hold_registers(const VectorState* from [rdi], VectorState* to [rsi], u64 yields [rdx])
// Loads XMM0 to XMM15, gives up the CPU `yields` times with a spin before each, stores them. A call may change them all.
    .global selftest_hold_registers
    .type selftest_hold_registers, @function
    .balign 16
selftest_hold_registers:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups \n * 16(%rdi), %xmm\n
    .endr
1:  test %rdx, %rdx
    jz 3f
    mov $2000, %r8d
2:  dec %r8d
    jnz 2b
    mov $24, %eax               # sched_yield; the kernel keeps all registers but rax, rcx and r11
    syscall
    dec %rdx
    jmp 1b
3:  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups %xmm\n, \n * 16(%rsi)
    .endr
    ret
    .size selftest_hold_registers, . - selftest_hold_registers

// The code of architecture::stepped_code().
    .global selftest_stepped
    .type selftest_stepped, @function
    .balign 16
selftest_stepped:
    mov $3, %ecx                # 0
1:  dec %ecx                    # 5
    jnz 1b                      # 7
    mov $39, %eax               # 9, getpid
    syscall                     # 14
    nop                         # 16
    int3                        # 17
    .size selftest_stepped, . - selftest_stepped

    .global selftest_undefined
    .type selftest_undefined, @function
selftest_undefined:
    ud2
    ret

    .section .note.GNU-stack, "", @progbits
