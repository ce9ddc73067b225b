// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// PSTATE through ERET and back: legal and illegal returns, and what the interrupted state is saved as.

namespace {

constexpr u64 pan = bit(22);
constexpr u64 uao = bit(23);
constexpr u64 dit = bit(24);
constexpr u64 ssbs = bit(12);
constexpr u64 il = bit(20);

// Reads into x0..x8, then SVC. At EL0 only what it may read.
constexpr u32 reader_el1[] = {
    0xD53B'4200, // mrs x0, nzcv
    0xD53B'4221, // mrs x1, daif
    0xD538'4242, // mrs x2, currentel
    0xD538'4203, // mrs x3, spsel
    0xD538'4264, // mrs x4, pan
    0xD538'4285, // mrs x5, uao
    0xD53B'42A6, // mrs x6, dit
    0xD53B'42C7, // mrs x7, ssbs
    0x9100'03E8, // mov x8, sp
    svc(1),
};
constexpr u32 reader_el0[] = {
    0xD53B'4200, // mrs x0, nzcv
    0xD53B'42A6, // mrs x6, dit
    0xD53B'42C7, // mrs x7, ssbs
    0x9100'03E8, // mov x8, sp
    svc(2),
};
// Changes PSTATE by immediates and registers, x1 and x2 being random.
constexpr u32 writer[] = {
    0xD51B'4201, // msr nzcv, x1
    0xD51B'4222, // msr daif, x2
    0xD503'40DF, // msr daifset, #0
    0xD503'42DF, // msr daifset, #2
    0xD503'48DF, // msr daifset, #8
    0xD503'44FF, // msr daifclr, #4
    0xD503'4FFF, // msr daifclr, #15
    0xD500'409F, // msr pan, #0
    0xD500'419F, // msr pan, #1
    0xD500'407F, // msr uao, #0
    0xD500'417F, // msr uao, #1
    0xD503'405F, // msr dit, #0
    0xD503'415F, // msr dit, #1
    0xD503'403F, // msr ssbs, #0
    0xD503'413F, // msr ssbs, #1
    0xD500'40BF, // msr spsel, #0
    0xD500'41BF, // msr spsel, #1
    0xD518'4261, // msr pan, x1
    0xD518'4282, // msr uao, x2
    0xD51B'42A1, // msr dit, x1
    0xD51B'42C2, // msr ssbs, x2
    0x2B02'003F, // cmn w1, w2
    0xEB02'003F, // cmp x1, x2
    0xD500'401F, // cfinv
};

u64 random_pstate()
{
    u64 value = random64() & (u64{0xF} << 28 | pan | uao | dit | ssbs | 0x3C0);
    if (one_in(8)) value |= il;
    value |=
        pick({el0t, el1t, el1h, el0t, el1t, el1h, u64{1}, u64{2}, u64{6}, u64{7}, u64{8}, u64{9}, u64{12}, u64{13}});
    return value;
}

bool legal(u64 pstate)
{
    const u64 mode = pstate & 0x1F;
    return mode == el0t || mode == el1t || mode == el1h;
}

void log_registers(const Context& context, u64 base)
{
    log_exception("pst", context, base);
    log("reg", context.x[0], context.x[1], context.x[2], context.x[3], context.x[4], context.x[5], context.x[6],
        context.x[7]);
}

void run_return()
{
    for (u32& slot : code_buffer) slot = svc(0xF00);
    const u64 pstate = random_pstate();
    const bool user = (pstate & 0x1F) == el0t;
    if (user)
        for (unsigned i = 0; i < sizeof reader_el0 / 4; ++i) code_buffer[i] = reader_el0[i];
    else
        for (unsigned i = 0; i < sizeof reader_el1 / 4; ++i) code_buffer[i] = reader_el1[i];
    synchronize_instructions();
    const u64 base = user ? user_code : reinterpret_cast<u64>(code_buffer);
    Context context = fresh_context(pstate, base);
    for (u64& x : context.x) x = 0;
    const u64 dssbs = one_in(2) ? bit(44) : 0;
    const u64 span = one_in(2) ? 0 : bit(23);
    WRITE_REGISTER("sctlr_el1", (sctlr_cached & ~bit(23)) | dssbs | span);
    enter(&context);
    WRITE_REGISTER("pan", 0);
    WRITE_REGISTER("sctlr_el1", sctlr_cached);
    // After an illegal return SSBS, UAO and DIT are UNKNOWN (SetPSTATEFromPSR); QEMU does not restore PAN.
    if (!legal(pstate)) {
        context.spsr &= ~(ssbs | uao | dit | pan);
        context.target &= ~pan;
    }
    context.x[8] -= pstate & 1 ? context.sp_el1 : context.sp_el0;
    log("ret", pstate, context.x[8] == 0);
    log_registers(context, base);
}

void run_changes()
{
    for (u32& slot : code_buffer) slot = svc(0xF00);
    const u64 count = 1 + random(12);
    for (u64 i = 0; i < count; ++i) code_buffer[i] = writer[random(sizeof writer / 4)];
    for (unsigned i = 0; i < 8; ++i) code_buffer[count + i] = reader_el1[i];
    code_buffer[count + 8] = svc(3);
    synchronize_instructions();
    const u64 base = reinterpret_cast<u64>(code_buffer);
    Context context = fresh_context((random_pstate() & ~(il | 0x1F)) | (one_in(2) ? el1h : el1t), base);
    enter(&context);
    WRITE_REGISTER("pan", 0);
    log_registers(context, base);
}

} // namespace

void run_pstate()
{
    for (unsigned i = 0; i < 25; ++i) {
        run_return();
        run_changes();
    }
}
