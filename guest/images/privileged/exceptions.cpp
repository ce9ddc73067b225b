// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// One instruction at a time, with random controls: what it traps to, and what the syndrome says.

namespace {

struct Case {
    u32 word;      ///< The instruction; Rt is x0, a base register is x1.
    u32 immediate; ///< Mask of bits that are made random.
    u8 levels;     ///< Bit 0: at EL0, bit 1: at EL1.
};

constexpr u8 el0_only = 1;
constexpr u8 both = 3;

constexpr u32 mrs(u32 op0, u32 op1, u32 crn, u32 crm, u32 op2)
{
    return 0xD520'0000 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
}
constexpr u32 msr(u32 op0, u32 op1, u32 crn, u32 crm, u32 op2) { return mrs(op0, op1, crn, crm, op2) & ~(1U << 21); }

constexpr Case cases[] = {
    {svc(0), 0xFFFF << 5, both},
    {0xD420'0000, 0xFFFF << 5, both}, // brk
    {0x0000'0000, 0xFFFF, both}, // udf
    {0xD440'0000, 0xFFFF << 5, both}, // hlt: halting debug is off
    {0xD4A0'0001, 0, both}, // dcps1, dcps2: no debug state
    {0xD4A0'0002, 0, both},
    {0xD400'0002, 0xFFFF << 5, el0_only}, // hvc
    {0xD400'0003, 0xFFFF << 5, el0_only}, // smc
    {0xD69F'03E0, 0, el0_only}, // eret
    {0xFFFF'FFFF, 0, both},
    {0xE7F0'00F0, 0, both},
    {mrs(3, 0, 1, 0, 0), 0, both}, // SCTLR_EL1
    {msr(3, 0, 2, 0, 0), 0, el0_only}, // TTBR0_EL1
    {mrs(3, 0, 4, 2, 2), 0, both}, // CurrentEL
    {mrs(3, 0, 4, 2, 0), 0, both}, // SPSel
    {mrs(3, 0, 4, 2, 3), 0, both}, // PAN
    {mrs(3, 0, 4, 2, 4), 0, both}, // UAO
    {mrs(3, 0, 4, 1, 0), 0, el0_only}, // SP_EL0
    {mrs(3, 0, 12, 0, 0), 0, both}, // VBAR_EL1
    {msr(3, 0, 0, 0, 0), 0, both}, // MIDR_EL1 cannot be written
    {msr(3, 3, 0, 0, 1), 0, both}, // nor CTR_EL0
    {msr(3, 0, 4, 2, 2), 0, both}, // nor CurrentEL
    {mrs(2, 0, 1, 0, 4), 0, both}, // OSLAR_EL1 cannot be read
    {mrs(2, 0, 1, 1, 4), 0, both}, // OSLSR_EL1
    {mrs(2, 0, 0, 2, 2), 0, both}, // MDSCR_EL1
    {mrs(3, 7, 4, 3, 7), 0, both}, // nothing is there
    {msr(3, 7, 4, 3, 7), 0, both},
    {mrs(3, 4, 1, 0, 0), 0, both}, // SCTLR_EL2: no EL2
    {mrs(3, 6, 1, 0, 0), 0, both}, // SCTLR_EL3
    {mrs(3, 5, 1, 0, 0), 0, both}, // SCTLR_EL12
    {mrs(3, 3, 4, 2, 1), 0, both}, // DAIF
    {msr(3, 3, 4, 2, 1), 0, el0_only},
    {0xD503'40DF, 0xF00, el0_only}, // msr daifset
    {0xD503'40FF, 0xF00, el0_only}, // msr daifclr
    {0xD500'40BF, 0x100, el0_only}, // msr spsel
    {0xD500'409F, 0x100, el0_only}, // msr pan
    {mrs(3, 3, 0, 0, 1), 0, both}, // CTR_EL0
    {mrs(3, 3, 0, 0, 7), 0, both}, // DCZID_EL0
    {0xD50B'7421, 0, both}, // dc zva, x1
    {0xD50B'7A21, 0, both}, // dc cvac, x1
    {0xD50B'7B21, 0, both}, // dc cvau, x1
    {0xD50B'7C21, 0, both}, // dc cvap, x1
    {0xD50B'7E21, 0, both}, // dc civac, x1
    {0xD50B'7521, 0, both}, // ic ivau, x1
    {0xD508'7621, 0, el0_only}, // dc ivac, x1
    {0xD508'7100, 0, el0_only}, // ic ialluis
    {0xD508'871F, 0, el0_only}, // tlbi vmalle1
    {0xD508'7801, 0, el0_only}, // at s1e1r
    {0xD503'207F, 0, el0_only}, // wfi
    {0x9E67'0000, 0, both}, // fmov d0, x0
    {0x4E20'1C00, 0, both}, // and v0.16b
    {0x3DC0'0020, 0, both}, // ldr q0, [x1]
    {mrs(3, 3, 4, 4, 0), 0, both}, // FPCR
    {msr(3, 3, 4, 4, 1), 0, both}, // FPSR
    {mrs(3, 3, 14, 0, 0), 0, both}, // CNTFRQ_EL0
    {mrs(3, 3, 14, 0, 1), 0, both}, // CNTPCT_EL0
    {mrs(3, 3, 14, 0, 2), 0, both}, // CNTVCT_EL0
    {mrs(3, 3, 14, 2, 0), 0, both}, // CNTP_TVAL_EL0
    {mrs(3, 3, 14, 2, 2), 0, both}, // CNTP_CVAL_EL0
    {mrs(3, 3, 14, 3, 1), 0, both}, // CNTV_CTL_EL0
    {msr(3, 3, 14, 3, 2), 0, both}, // CNTV_CVAL_EL0
    {mrs(3, 3, 13, 0, 7), 0, both}, // SCXTNUM_EL0
    {msr(3, 3, 13, 0, 7), 0, both},
    {mrs(3, 3, 13, 0, 3), 0, both}, // TPIDRRO_EL0
    {msr(3, 3, 13, 0, 3), 0, el0_only},
    {mrs(3, 3, 13, 0, 2), 0, both}, // TPIDR_EL0
    {0xD61F'0020, 0, both}, // br x1
    {0xF940'0020, 0, both}, // ldr x0, [x1]
    {0xF900'0020, 0, both}, // str x0, [x1]
    {0x7940'0020, 0, both}, // ldrh w0, [x1]
    {0xC85F'7C20, 0, both}, // ldxr x0, [x1]
    {0xA940'0820, 0, both}, // ldp x0, x2, [x1]
    {0xF940'03E0, 0, both}, // ldr x0, [sp]
    {0xF81F'0FE0, 0, both}, // str x0, [sp, #-16]!
    {0xD503'201F, 0, both}, // nop
    {0xD503'30FF, 0, both}, // sb
};

u64 random_controls(bool may_wait)
{
    u64 sctlr = sctlr_cached & ~bit(20) & ~bit(23);
    // A, SA, SA0, UMA, DZE, UCT, nTWI, TSCXT, SPAN, UCI, DSSBS
    constexpr u8 controls[] = {1, 3, 4, 9, 14, 15, 16, 20, 23, 26, 44};
    for (const unsigned n : controls)
        if (one_in(2)) sctlr |= bit(n);
    return may_wait ? sctlr & ~bit(16) : sctlr;
}

void run_case(const Case& row)
{
    const bool user = row.levels == el0_only || (row.levels == both && one_in(2));
    u32 word = row.word | (static_cast<u32>(random64()) & row.immediate);
    for (u32& slot : code_buffer) slot = svc(0xF00);
    code_buffer[0] = word;
    synchronize_instructions();
    const bool stack_el0 = user || one_in(2);
    const u64 base = user ? user_code : reinterpret_cast<u64>(code_buffer);
    Context context = fresh_context(daif_masked | (user ? el0t : stack_el0 ? el1t : el1h), base);
    // With FEAT_LSE2, which the peer has, some unaligned exclusives do not fault.
    context.x[1] = user_data + 512 + (word != 0xC85F'7C20 && one_in(3) ? random(16) : 0);
    if ((word & 0xFFFF'FC1F) == 0xD61F'0000) context.x[1] = base + 8 + (one_in(2) ? random(4) : 0);
    // QEMU has no SP alignment check: the stack stays aligned.
    (stack_el0 ? context.sp_el0 : context.sp_el1) = user_data + 1024;
    WRITE_REGISTER("cpacr_el1", random(4) << 20);
    WRITE_REGISTER("cntkctl_el1", random(4) | random(4) << 8);
    WRITE_REGISTER("sctlr_el1", random_controls(word == 0xD503'207F));
    enter(&context);
    WRITE_REGISTER("sctlr_el1", sctlr_cached);
    WRITE_REGISTER("cntkctl_el1", 0);
    WRITE_REGISTER("cpacr_el1", 0);
    // QEMU exchanges op1 and op2 in the syndrome of a trapped MSR (immediate).
    constexpr u64 op1_and_op2 = 0x3F << 14;
    if ((word & 0xFFF8'F01F) == 0xD500'401F) context.esr &= ~op1_and_op2;
    log_begin("exc");
    log_value(word);
    log_value(context.vector);
    log_exception("", context, base);
}

} // namespace

void run_exceptions()
{
    // The data that instructions meet is the same for every case.
    for (u64 i = 0; i < user_data_bytes; ++i) data_pool[i] = static_cast<u8>(i * 7);
    for (unsigned i = 0; i < 60; ++i) run_case(cases[random(sizeof cases / sizeof cases[0])]);
}
