// SPDX-License-Identifier: Apache-2.0
    .bss
    .balign 16
    .skip   8192
    .globl  first_stack_end
first_stack_end:
