// SPDX-License-Identifier: Apache-2.0
#include "vm/device_tree/aarch64.hpp"

#include <optional>

#include "arch/aarch64/mpidr.hpp"
#include "vm/aarch64/board.hpp"
#include "vm/device_tree/writer.hpp"

namespace gimbal::device_tree {
namespace {

namespace board = gimbal::board::aarch64;

// Linux, Documentation/devicetree/bindings/interrupt-controller/arm,gic-v3.yaml
constexpr u32 gic_spi = 0;
constexpr u32 gic_ppi = 1;
constexpr u32 level_high = 4;
constexpr u32 ppi_base = 16;

constexpr u32 uart_clock_hz = 24'000'000;

std::optional<Error> check(const Aarch64Machine& machine)
{
    const board::PartLocation& ram = board::location(board::Part::ram);
    if (machine.cpu_count == 0 || machine.cpu_count > board::max_cpus) return Error::bad_cpu_count;
    if (machine.memory_size == 0 || machine.memory_size > ram.size) return Error::bad_memory;
    if (machine.bootargs.size() > max_bootargs) return Error::bad_bootargs;
    for (const char c : machine.bootargs)
        if (c == '\0') return Error::bad_bootargs;
    if (machine.initrd_size != 0) {
        const u64 offset = machine.initrd.value - ram.base.value; // wraps to something huge if below
        if (offset > machine.memory_size || machine.initrd_size > machine.memory_size - offset)
            return Error::bad_initrd;
    }
    return std::nullopt;
}

void write_region(Writer& tree, board::Part part)
{
    tree.region("reg", board::location(part).base.value, board::location(part).size);
}

void write_interrupt(Writer& tree, Spi spi) { tree.cells("interrupts", gic_spi, spi.value, level_high); }

void write_chosen(Writer& tree, const Aarch64Machine& machine)
{
    tree.begin("chosen");
    tree.string("stdout-path", "/pl011@9000000");
    static_assert(board::location(board::Part::console).base.value == 0x900'0000);
    tree.text("bootargs", machine.bootargs);
    tree.address("kaslr-seed", machine.kaslr_seed);
    tree.bytes("rng-seed", machine.rng_seed);
    if (machine.initrd_size != 0) {
        tree.address("linux,initrd-start", machine.initrd.value);
        tree.address("linux,initrd-end", machine.initrd.value + machine.initrd_size);
    }
    tree.end();
}

void write_cpus(Writer& tree, u32 count)
{
    tree.begin("cpus");
    tree.cells("#address-cells", 1);
    tree.cells("#size-cells", 0);
    for (u32 i = 0; i < count; ++i) {
        const u64 affinity = aarch64::mpidr_of_index(i).affinity();
        tree.begin("cpu", affinity);
        tree.string("device_type", "cpu");
        tree.string("compatible", "arm,armv8");
        tree.string("enable-method", "psci");
        tree.cells("reg", affinity);
        tree.end();
    }
    tree.end();

    tree.begin("psci");
    tree.strings("compatible", "arm,psci-1.0", "arm,psci-0.2");
    tree.string("method", "hvc");
    tree.end();
}

void write_timer(Writer& tree)
{
    const auto ppi = [](Intid intid) { return intid.value - ppi_base; };
    tree.begin("timer");
    tree.string("compatible", "arm,armv8-timer");
    tree.flag("always-on");
    tree.cells("interrupts", gic_ppi, ppi(board::secure_timer), level_high, //
               gic_ppi, ppi(board::physical_timer), level_high,             //
               gic_ppi, ppi(board::virtual_timer), level_high,              //
               gic_ppi, ppi(board::hypervisor_timer), level_high);
    tree.end();
}

/// The root names its interrupt parent before the controller's node is written, so that this number is fixed.
constexpr u32 gic_phandle = 0x8001;

void write_gic(Writer& tree)
{
    const board::PartLocation& distributor = board::location(board::Part::gic_distributor);
    const board::PartLocation& redistributors = board::location(board::Part::gic_redistributors);
    tree.begin("intc", distributor.base.value);
    tree.string("compatible", "arm,gic-v3");
    tree.flag("interrupt-controller");
    tree.cells("#interrupt-cells", 3);
    tree.cells("#address-cells", 0); // it has no nodes below it; PCI's interrupt-map asks
    tree.cells("#redistributor-regions", 1);
    tree.cells("reg", distributor.base.value >> 32, distributor.base.value, distributor.size >> 32, distributor.size,
               redistributors.base.value >> 32, redistributors.base.value, redistributors.size >> 32,
               redistributors.size);
    tree.cells("phandle", gic_phandle);
    tree.end();
}

/// Linux, Documentation/devicetree/bindings/input/gpio-keys.yaml
void write_power_key(Writer& tree, u32 clock)
{
    constexpr u32 key_power = 116; // Linux, include/uapi/linux/input-event-codes.h
    constexpr u32 active_high = 0; // GPIO_ACTIVE_HIGH
    tree.begin("pl061", board::location(board::Part::power_key).base.value);
    tree.strings("compatible", "arm,pl061", "arm,primecell");
    write_region(tree, board::Part::power_key);
    write_interrupt(tree, *board::location(board::Part::power_key).interrupt);
    tree.flag("gpio-controller");
    tree.cells("#gpio-cells", 2);
    tree.string("clock-names", "apb_pclk");
    tree.cells("clocks", clock);
    const u32 gpio = tree.phandle();
    tree.end();

    tree.begin("gpio-keys");
    tree.string("compatible", "gpio-keys");
    tree.begin("poweroff");
    tree.string("label", "GPIO Key Poweroff");
    tree.cells("linux,code", key_power);
    tree.cells("gpios", gpio, board::power_key_line, active_high);
    tree.end();
    tree.end();
}

void write_peripherals(Writer& tree, const Aarch64Machine& machine)
{
    tree.begin("apb-pclk");
    tree.string("compatible", "fixed-clock");
    tree.cells("#clock-cells", 0);
    tree.cells("clock-frequency", uart_clock_hz);
    tree.string("clock-output-names", "clk24mhz");
    const u32 clock = tree.phandle();
    tree.end();

    tree.begin("pl011", board::location(board::Part::console).base.value);
    tree.strings("compatible", "arm,pl011", "arm,primecell");
    write_region(tree, board::Part::console);
    write_interrupt(tree, *board::location(board::Part::console).interrupt);
    tree.strings("clock-names", "uartclk", "apb_pclk");
    tree.cells("clocks", clock, clock);
    tree.end();

    if (machine.has_clock) {
        tree.begin("pl031", board::location(board::Part::clock).base.value);
        tree.strings("compatible", "arm,pl031", "arm,primecell");
        write_region(tree, board::Part::clock);
        write_interrupt(tree, *board::location(board::Part::clock).interrupt);
        tree.string("clock-names", "apb_pclk");
        tree.cells("clocks", clock);
        tree.end();
    }
    if (machine.has_power_key) write_power_key(tree, clock);
}

void write_virtio(Writer& tree, u32 slots)
{
    for (u32 slot = 0; slot < board::virtio_slot_count; ++slot) {
        if (!test_bit(slots, slot)) continue;
        const u64 base = board::virtio_base(slot).value;
        tree.begin("virtio_mmio", base);
        tree.string("compatible", "virtio,mmio");
        tree.region("reg", base, board::virtio_slot_size);
        write_interrupt(tree, board::virtio_interrupt(slot));
        tree.flag("dma-coherent");
        tree.end();
    }
}

/// Linux, Documentation/devicetree/bindings/pci/host-generic-pci.yaml; addresses there are three cells.
void write_pci(Writer& tree)
{
    constexpr u32 memory_32 = 0x0200'0000;
    constexpr u32 prefetchable_32 = 0x4200'0000; // Linux wants a fixed resource's window to be of its own kind
    constexpr u32 device_shift = 11;
    constexpr u32 pin_a = 1;
    const board::PartLocation& memory = board::location(board::Part::pci_memory);
    const u64 shared = board::channel_memory(0).value;
    const u64 registers_size = shared - memory.base.value;
    const u64 shared_size = memory.size - registers_size;
    constexpr usize entry_cells = 8;
    u32 map[board::pci_interrupt_count * entry_cells];
    for (u32 device = 0; device < board::pci_interrupt_count; ++device) {
        const u32 entry[entry_cells] = {
            device << device_shift, 0, 0, pin_a, gic_phandle, gic_spi, board::pci_interrupt(device).value, level_high};
        for (usize i = 0; i < entry_cells; ++i) map[device * entry_cells + i] = entry[i];
    }
    tree.begin("pcie", board::location(board::Part::pci_configuration).base.value);
    tree.string("compatible", "pci-host-ecam-generic");
    tree.string("device_type", "pci");
    tree.cells("#address-cells", 3);
    tree.cells("#size-cells", 2);
    tree.cells("#interrupt-cells", 1);
    write_region(tree, board::Part::pci_configuration);
    tree.cells("bus-range", 0, 0);
    tree.cells("linux,pci-domain", 0);
    tree.cells("ranges", memory_32, 0, memory.base.value, 0, memory.base.value, 0, registers_size, //
               prefetchable_32, 0, shared, 0, shared, 0, shared_size);
    tree.cells("interrupt-map-mask", (board::pci_interrupt_count - 1) << device_shift, 0, 0, 7);
    tree.write_cells("interrupt-map", map);
    tree.flag("dma-coherent");
    tree.end();
}

} // namespace

Result<u32, Error> write(std::span<u8> out, const Aarch64Machine& machine)
{
    if (const auto error = check(machine)) return fail(*error);
    Writer tree(out);
    tree.begin("");
    tree.string("compatible", "linux,dummy-virt");
    tree.string("model", "gimbal,virt");
    tree.cells("#address-cells", 2);
    tree.cells("#size-cells", 2);
    tree.cells("interrupt-parent", gic_phandle);
    write_chosen(tree, machine);
    tree.begin("memory", board::location(board::Part::ram).base.value);
    tree.string("device_type", "memory");
    tree.region("reg", board::location(board::Part::ram).base.value, machine.memory_size);
    tree.end();
    write_cpus(tree, machine.cpu_count);
    write_timer(tree);
    write_gic(tree);
    write_peripherals(tree, machine);
    write_virtio(tree, machine.virtio_slots);
    if (machine.has_pci) write_pci(tree);
    tree.end();
    const u32 size = tree.finish();
    if (size == 0) return fail(Error::no_space);
    return size;
}

} // namespace gimbal::device_tree
