// SPDX-License-Identifier: Apache-2.0
// Answers keys on its console, and sleeps without a timer while there are none. Says at each start what it finds that a
// machine which was just switched on would not have.
#include "guest/images/common/machine.hpp"

const u64 console_address = uart;

namespace {

constexpr u64 uart_data = uart + 0x00;
constexpr u64 uart_flags = uart + 0x18;
constexpr u64 uart_mask = uart + 0x38;
constexpr u32 receiver_empty = 1 << 4;
constexpr u32 receive_interrupts = 1 << 4 | 1 << 6;
constexpr u64 clock = 0x0901'0000;
constexpr u64 gpio_power_key = 0x0903'0000 + (bit(3) << 2); // GPIODATA, line 3 only
constexpr u64 distributor = 0x0800'0000;
constexpr u64 redistributor = 0x080A'0000;
constexpr u32 uart_intid = 33;
constexpr u64 system_reset = 0x8400'0009;
constexpr u64 left_in_memory = 0x4100'0000;

/// Wakes WFI; never taken, because interrupts stay masked.
void open_interrupts()
{
    write32(uart_mask, receive_interrupts);
    write32(distributor, 1 << 4 | 1 << 1); // GICD_CTLR: ARE, group 1
    write32(distributor + 0x80 + 4, ~0U);  // GICD_IGROUPR1
    write32(distributor + 0x100 + 4, 1U << (uart_intid - 32));
    write32(redistributor + 0x14, 0);     // GICR_WAKER
    WRITE_REGISTER("S3_0_C4_C6_0", 0xFF); // ICC_PMR_EL1
    WRITE_REGISTER("S3_0_C12_C12_7", 1);  // ICC_IGRPEN1_EL1
}

void check_start()
{
    const bool fresh = read32(left_in_memory) == 0 && read32(uart_mask) == 0 && (read32(distributor) & 3) == 0 &&
                       read32(distributor + 0x104) == 0 && READ_REGISTER("cntv_ctl_el0") == 0;
    print(fresh ? "ready, fresh\n" : "ready, and something is left of the run before\n");
    write32(left_in_memory, 1);
    WRITE_REGISTER("cntv_cval_el0", ~u64{0});
    WRITE_REGISTER("cntv_ctl_el0", 1);
}

void wait_for_power_key()
{
    print("waiting for the key\n");
    while (read32(gpio_power_key) == 0) {}
    print("key down\n");
    while (read32(gpio_power_key) != 0) {}
    print("key up\n");
}

void answer(u32 key)
{
    switch (key & 0xFF) {
    case 't': print_all("count ", now(), " of ", ticks_per_second(), "\n"); return;
    case 'c': print_all("clock ", u64{read32(clock)}, "\n"); return;
    case 'k': wait_for_power_key(); return;
    case 'p': print("prompt> "); return;
    case 'r': psci::call(psci::Conduit::hvc, system_reset); return;
    case 'o': power_off();
    default: print_all("key ", u64{key & 0xFF}, "\n");
    }
}

} // namespace

extern "C" [[noreturn]] void boot(u64 device_tree);

void boot(u64)
{
    check_start();
    open_interrupts();
    while (true) {
        while ((read32(uart_flags) & receiver_empty) == 0) answer(read32(uart_data));
        asm volatile("dsb sy\n\twfi" ::: "memory");
    }
}
