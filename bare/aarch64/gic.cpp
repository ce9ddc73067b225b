// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/gic.hpp"

#include "base/bits.hpp"

namespace gimbal::bare {

namespace {

using aarch64::SysReg;

u32 read32(u64 address) { return *reinterpret_cast<const volatile u32*>(address); }
u64 read64(u64 address) { return *reinterpret_cast<const volatile u64*>(address); }
void write32(u64 address, u32 value) { *reinterpret_cast<volatile u32*>(address) = value; }
void write64(u64 address, u64 value) { *reinterpret_cast<volatile u64*>(address) = value; }

// IHI 0069, "The GIC Distributor register map" and "Redistributor register map".
constexpr u64 gicd_ctlr = 0x0000;
constexpr u64 gicd_igroupr = 0x0080;
constexpr u64 gicd_isenabler = 0x0100;
constexpr u64 gicd_icenabler = 0x0180;
constexpr u64 gicd_isactiver = 0x0300;
constexpr u64 gicd_icactiver = 0x0380;
constexpr u64 gicd_ipriorityr = 0x0400;
constexpr u64 gicd_typer = 0x0004;
constexpr u64 gicd_irouter = 0x6000;
constexpr u32 gicd_ctlr_rwp = 1U << 31;
constexpr u32 gicd_ctlr_are_ns = 1U << 4;
constexpr u32 gicd_ctlr_group1 = 1U << 1;
constexpr u64 gicr_typer = 0x0008;
constexpr u64 gicr_waker = 0x0014;
constexpr u64 gicr_sgi_base = 0x1'0000;
constexpr u32 waker_processor_sleep = 1U << 1;
constexpr u32 waker_children_asleep = 1U << 2;
constexpr u64 typer_last = 1U << 4;
constexpr u64 typer_vlpis = 1U << 1;
constexpr u64 redistributor_stride_v4 = 0x4'0000;

constexpr u32 every_priority = 0xA0A0'A0A0;
/// Of what the scheduler lives by: a guest may keep its own interrupts coming without end.
constexpr u32 scheduler_priority = 0x80;

/// Aff3.Aff2.Aff1.Aff0 in the low 32 bits, as GICR_TYPER has it.
u32 packed_affinity(u64 mpidr) { return static_cast<u32>(bits(mpidr, 0, 24) | bits(mpidr, 32, 8) << 24); }

} // namespace

void PhysicalGic::start_distributor()
{
    write32(distributor() + gicd_ctlr, 0);
    while ((read32(distributor() + gicd_ctlr) & gicd_ctlr_rwp) != 0) {}
    const u32 banks = (read32(distributor() + gicd_typer) & 0x1F) + 1;
    for (u32 bank = 1; bank < banks; ++bank) {
        write32(distributor() + gicd_icenabler + 4 * bank, ~0U);
        write32(distributor() + gicd_igroupr + 4 * bank, ~0U);
        for (u32 word = 0; word < 8; ++word)
            write32(distributor() + gicd_ipriorityr + 32 * bank + 4 * word, every_priority);
    }
    write32(distributor() + gicd_ctlr, gicd_ctlr_are_ns | gicd_ctlr_group1);
    while ((read32(distributor() + gicd_ctlr) & gicd_ctlr_rwp) != 0) {}
}

u64 PhysicalGic::find_redistributor(u64 mpidr) const
{
    for (const Region& region : board_.redistributors)
        for (u64 base = region.base; base < region.base + region.size;) {
            const u64 typer = read64(base + gicr_typer);
            if (typer >> 32 == packed_affinity(mpidr)) return base;
            if ((typer & typer_last) != 0) break;
            base += (typer & typer_vlpis) != 0 ? redistributor_stride_v4 : board_.redistributor_stride;
        }
    return 0;
}

u64 PhysicalGic::own_redistributor() const { return find_redistributor(read_register<SysReg::mpidr_el1>()); }

bool PhysicalGic::start_cpu(u64 mpidr)
{
    const u64 base = find_redistributor(mpidr);
    if (base == 0) return false;
    write32(base + gicr_waker, read32(base + gicr_waker) & ~waker_processor_sleep);
    while ((read32(base + gicr_waker) & waker_children_asleep) != 0) {}
    const u64 sgi = base + gicr_sgi_base;
    write32(sgi + gicd_icenabler, ~0U);
    write32(sgi + gicd_igroupr, ~0U);
    for (u32 word = 0; word < 8; ++word) write32(sgi + gicd_ipriorityr + 4 * word, every_priority);
    write32(sgi + gicd_isenabler, 1U << kick_sgi);
    for (const u32 intid : {u32{kick_sgi}, scheduler_ppi})
        *reinterpret_cast<volatile u8*>(sgi + gicd_ipriorityr + intid) = scheduler_priority;

    write_register<SysReg::icc_sre_el2>(0xF); // SRE, DFB, DIB, and EL1's own ICC_SRE_EL1
    isb();
    write_register<SysReg::icc_pmr_el1>(0xFF);
    write_register<SysReg::icc_bpr1_el1>(0);
    write_register<SysReg::icc_ctlr_el1>(2); // EOImode: EOIR drops the priority only
    write_register<SysReg::icc_igrpen1_el1>(1);
    isb();
    return true;
}

void PhysicalGic::enable_private(u32 intid, bool enabled)
{
    write32(own_redistributor() + gicr_sgi_base + (enabled ? gicd_isenabler : gicd_icenabler), 1U << intid);
}

void PhysicalGic::set_private_active(u32 intid, bool active)
{
    write32(own_redistributor() + gicr_sgi_base + (active ? gicd_isactiver : gicd_icactiver), 1U << intid);
}

void PhysicalGic::enable_spi(u32 intid, u64 mpidr)
{
    write64(distributor() + gicd_irouter + 8 * u64{intid}, mpidr & 0xFF'00FF'FFFF);
    write32(distributor() + gicd_isenabler + 4 * (intid / 32), 1U << intid % 32);
}

void PhysicalGic::kick(u64 mpidr)
{
    const u64 aff3 = bits(mpidr, 32, 8);
    const u64 aff2 = bits(mpidr, 16, 8);
    const u64 aff1 = bits(mpidr, 8, 8);
    const u64 aff0 = bits(mpidr, 0, 8);
    dsb_ish(); // what the other CPU is to find is there
    write_register<SysReg::icc_sgi1r_el1>(aff3 << 48 | (aff0 >> 4) << 44 | aff2 << 32 | u64{kick_sgi} << 24 |
                                          aff1 << 16 | u64{1} << (aff0 & 0xF));
    isb();
}

} // namespace gimbal::bare
