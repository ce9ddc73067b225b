// SPDX-License-Identifier: Apache-2.0
// Makes the same trip into the hypervisor again and again, as often as the command line says, and powers off: what the
// hypervisor executes in two runs with different counts tells what one trip costs. Its MMU is on, as a kernel's is.
//   trips.kind=N   one of Kind
//   trips.count=N
#include "guest/images/common/machine.hpp"

const u64 console_address = uart;

extern "C" {
volatile u64 interrupts; ///< Taken so far; start.S counts.
void main(const u8* tree);
}

namespace {

constexpr u64 gic_distributor = 0x0800'0000;
constexpr u64 gic_redistributor = 0x080A'0000;
constexpr u64 gic_sgi_frame = gic_redistributor + 0x1'0000;
constexpr u64 psci_version = 0x8400'0000;
constexpr u64 virtual_timer_ppi = 27;

enum class Kind : u64 {
    hypercall,   ///< PSCI_VERSION
    distributor, ///< A read of GICD_CTLR.
    timer,       ///< An expired virtual timer.
    sgi,         ///< An SGI to itself.
    device,      ///< A read of the PL011's flags.
    turns,       ///< Until another VM has had the CPU.
    nothing,
};

void start_interrupts()
{
    write32(gic_distributor, 0x37);       // DS is fixed; ARE and both groups
    write32(gic_redistributor + 0x14, 0); // GICR_WAKER.ProcessorSleep
    while ((read32(gic_redistributor + 0x14) & bit(2)) != 0) {}
    write32(gic_sgi_frame + 0x0080, ~0U);
    write32(gic_sgi_frame + 0x0100, static_cast<u32>(bit(0) | bit(virtual_timer_ppi)));
    WRITE_REGISTER("icc_pmr_el1", 0xFF);
    WRITE_REGISTER("icc_igrpen1_el1", 1);
    asm volatile("msr daifclr, #2");
}

void wait_for_interrupt_after(u64 before)
{
    while (interrupts == before) {}
}

/// The counter moves on while another VM has the CPU, and this one sees a gap. False: it is alone by now.
bool wait_for_turn()
{
    const u64 gap = ticks_per_second() / 500;
    const u64 too_long = ticks_per_second() / 20;
    const u64 first = now();
    for (u64 last = first; last - first < too_long;) {
        const u64 next = now();
        if (next - last > gap) return true;
        last = next;
    }
    return false;
}

/// False: there are no more.
bool make_trip(Kind kind)
{
    switch (kind) {
    case Kind::hypercall: psci::call(psci::Conduit::hvc, psci_version); break;
    case Kind::distributor: read32(gic_distributor); break;
    case Kind::timer: {
        const u64 before = interrupts;
        WRITE_REGISTER("cntv_cval_el0", 0);
        WRITE_REGISTER("cntv_ctl_el0", 1);
        wait_for_interrupt_after(before);
        break;
    }
    case Kind::sgi: {
        const u64 before = interrupts;
        WRITE_REGISTER("icc_sgi1r_el1", 1); // SGI 0 to Aff0 = 0
        wait_for_interrupt_after(before);
        break;
    }
    case Kind::device: read32(uart + 0x18); break;
    case Kind::turns: return wait_for_turn();
    case Kind::nothing: break;
    }
    return true;
}

} // namespace

void main(const u8* tree)
{
    u64 kind = static_cast<u64>(Kind::nothing);
    u64 count = 0;
    read_parameter(tree, "trips.kind=", kind);
    read_parameter(tree, "trips.count=", count);
    start_interrupts();
    while (count != 0 && make_trip(static_cast<Kind>(kind))) --count;
    power_off();
}
