// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// SGIs to any number of CPUs, priorities, levels, and what acknowledging, ending and deactivating do.

namespace {

constexpr u64 all_but_self = bit(40);

void send(u64 value)
{
    asm volatile("dsb ish" ::: "memory");
    WRITE_REGISTER("S3_0_C12_C11_5", value); // ICC_SGI1R_EL1
}
constexpr u64 sgi(u64 intid, u64 targets) { return intid << 24 | targets; }

void let_in()
{
    unmask_interrupts();
    spin_ticks(ticks_per_second() / 5000);
    mask_interrupts();
}

void forget()
{
    PerCpu& self = this_cpu();
    for (u64 i = 0; i < 1024; ++i) self.taken[i] = 0;
    self.order_count = 0;
}

void set_priority(u32 intid, u64 priority)
{
    asm volatile("strb %w0, [%1]" ::"r"(priority), "r"(private_frame(0) + 0x400 + intid) : "memory");
}

constexpr u32 three[] = {7, 3, 5};

void priorities()
{
    PerCpu& self = this_cpu();
    set_priority(3, 0x80);
    set_priority(5, 0x40);
    set_priority(7, 0xC0);
    forget();
    for (const u32 intid : three) send(sgi(intid, 1));
    let_in();
    check("the most urgent comes first",
          self.order_count == 3 && self.order[0] == 5 && self.order[1] == 3 && self.order[2] == 7);
    WRITE_REGISTER("icc_pmr_el1", 0x80);
    forget();
    for (const u32 intid : three) send(sgi(intid, 1));
    let_in();
    check("ICC_PMR_EL1 lets in what is more urgent", self.order_count == 1 && self.order[0] == 5);
    WRITE_REGISTER("icc_pmr_el1", 0xF8);
    let_in();
    check("and the rest when it is raised", self.order_count == 3 && self.order[1] == 3 && self.order[2] == 7);
    for (const u32 intid : three) set_priority(intid, 0x80);
}

/// More at once than there are list registers.
void crowd()
{
    PerCpu& self = this_cpu();
    for (unsigned round = 0; round < 20; ++round) {
        forget();
        for (u64 intid = 0; intid < 16; ++intid) send(sgi(intid, 1));
        for (u64 word = 2; word < 3; ++word) write32(distributor + 0x200 + 4 * word, 0xFF); // GICD_ISPENDR: 64 to 71
        let_in();
        u64 count = 0;
        for (u64 intid = 0; intid < 16; ++intid) count += self.taken[intid];
        if (count != 16) return check_equal("sixteen SGIs at once", count, 16);
    }
    check("sixteen SGIs at once", true);
}

void by_hand()
{
    send(sgi(4, 1));
    check("WFI ends when one is pending", true);
    asm volatile("wfi" ::: "memory");
    check_equal("ICC_HPPIR1_EL1", READ_REGISTER("icc_hppir1_el1"), 4);
    check("ISR_EL1", (READ_REGISTER("isr_el1") & bit(7)) != 0);
    check_equal("ICC_IAR1_EL1", READ_REGISTER("icc_iar1_el1"), 4);
    check_equal("ICC_RPR_EL1", READ_REGISTER("icc_rpr_el1") & 0xFF, 0x80);
    send(sgi(4, 1)); // pending and active
    check_equal("its own priority keeps it back", READ_REGISTER("icc_iar1_el1"), 1023);
    WRITE_REGISTER("icc_eoir1_el1", 4);
    check_equal("again behind the end", READ_REGISTER("icc_iar1_el1"), 4);
    WRITE_REGISTER("icc_eoir1_el1", 4);
    check_equal("and no more", READ_REGISTER("icc_iar1_el1"), 1023);

    WRITE_REGISTER("icc_ctlr_el1", 2); // EOImode
    send(sgi(6, 1));
    check_equal("with EOImode", READ_REGISTER("icc_iar1_el1"), 6);
    WRITE_REGISTER("icc_eoir1_el1", 6);
    check("active behind the drop", (read32(private_frame(0) + 0x300) & bit(6)) != 0);
    send(sgi(6, 1));
    check_equal("not again while active", READ_REGISTER("icc_iar1_el1"), 1023);
    WRITE_REGISTER("S3_0_C12_C11_1", 6); // ICC_DIR_EL1
    check_equal("again when deactivated", READ_REGISTER("icc_iar1_el1"), 6);
    WRITE_REGISTER("icc_eoir1_el1", 6);
    WRITE_REGISTER("S3_0_C12_C11_1", 6);
    check("inactive", (read32(private_frame(0) + 0x300) & bit(6)) == 0);
    WRITE_REGISTER("icc_ctlr_el1", 0);
}

/// The PL011's transmit interrupt is a level: it comes again until its cause is gone.
void level()
{
    PerCpu& self = this_cpu();
    constexpr u32 intid = 33;
    forget();
    write32(distributor + 0x84, ~0U); // GICD_IGROUPR1
    asm volatile("strb %w0, [%1]" ::"r"(0x80), "r"(distributor + 0x400 + intid) : "memory");
    asm volatile("str %0, [%1]" ::"r"(u64{0}), "r"(distributor + 0x6000 + 8 * intid) : "memory");
    write32(distributor + 0x104, 1U << (intid - 32));
    write32(uart + 0x38, 1 << 5); // UARTIMSC.TXIM
    print("     a character makes the transmitter's interrupt\n");
    const u64 status = read32(uart + 0x40); // UARTMIS
    let_in();
    write32(distributor + 0x184, 1U << (intid - 32));
    if ((status & (1 << 5)) == 0) return leave_out("a level", "the transmitter has raised none");
    check_equal("a level comes", self.taken[intid], 1);
}

bool let_in_on(u32)
{
    for (u64 i = 0; i < 1024; ++i) this_cpu().taken[i] = 0;
    unmask_interrupts();
    return true;
}

bool keep_out_on(u32)
{
    mask_interrupts();
    return true;
}

bool all_have(u64 intid, u64 who)
{
    return wait_for([=] {
        for (u32 cpu = 0; cpu < cpu_count; ++cpu)
            if (per_cpu[cpu].taken[intid] != (who >> cpu & 1)) return false;
        return true;
    });
}

void to_others()
{
    const u64 all = low_mask(cpu_count);
    on_all(let_in_on);
    send(sgi(1, all));
    check("an SGI to all", all_have(1, all));
    send(sgi(2, 0) | all_but_self);
    check("an SGI to all but oneself", all_have(2, all & ~u64{1}));
    send(sgi(3, bit(cpu_count - 1)));
    check("an SGI to the last", all_have(3, bit(cpu_count - 1)));
    const u64 control = READ_REGISTER("icc_ctlr_el1");
    if ((control & bit(18)) != 0) send(sgi(8, all) | u64{1} << 44); // RSS: affinities 16 to 31
    send(sgi(8, all) | u64{1} << 16);                               // Aff1
    send(sgi(8, all) | u64{1} << 32);                               // Aff2
    if ((control & bit(15)) != 0) send(sgi(8, all) | u64{1} << 48); // A3V
    send(sgi(8, 0));
    spin_ticks(ticks_per_second() / 500);
    check("affinities of nobody", all_have(8, 0));
    // A shared one, to each in turn.
    constexpr u32 intid = 72;
    write32(distributor + 0x80 + 4 * (intid / 32), ~0U);
    write32(distributor + 0x100 + 4 * (intid / 32), 1U << intid % 32);
    bool routed = true;
    for (u32 cpu = 0; cpu < cpu_count; ++cpu) {
        asm volatile("str %0, [%1]" ::"r"(u64{cpu}), "r"(distributor + 0x6000 + 8 * intid) : "memory");
        write32(distributor + 0x200 + 4 * (intid / 32), 1U << intid % 32);
        routed = routed && wait_for([=] { return per_cpu[cpu].taken[intid] == 1; });
    }
    check("an SPI goes where it is routed", routed && all_have(intid, all));
    on_all(keep_out_on);
}

u64 turns;

/// Who spins with everything masked cannot keep the others from running.
bool take_turns(u32 cpu)
{
    const u64 rounds = 5 * cpu_count;
    asm volatile("msr daifset, #15");
    for (u64 turn = cpu; turn < rounds; turn += cpu_count) {
        if (!wait_for([=] { return load(turns) == turn; })) return false;
        store(turns, turn + 1);
    }
    return wait_for([=] { return load(turns) >= rounds; });
}

} // namespace

void run_interrupts()
{
    mask_interrupts();
    let_in();
    priorities();
    crowd();
    by_hand();
    level();
    to_others();
}

void run_sharing()
{
    store(turns, 0);
    check("CPUs that spin with interrupts masked take turns", on_all(take_turns));
}
