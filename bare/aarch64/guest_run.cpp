// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/guest_run.hpp"

#include "vm/aarch64/board.hpp"

namespace gimbal::bare {

namespace map = board::aarch64;

GuestRun::GuestRun(const RunParts& parts)
    : vm({parts.cpu_count, GuestCpu::owns, GuestCpu::raises}, parts.clock),
      psci_(vm.slots(), vm.memory),
      gic_({.cpus = vm.vcpu_count()}),
      interrupts(gic_.state(), vm, parts.interrupts),
      registers_(parts.profile, vm.timers, &interrupts, parts.clock.frequency_hz())
{
}

bool GuestRun::wire(const RunParts& parts)
{
    if (!vm.memory.map(
            {.base = map::location(map::Part::ram).base, .size = parts.ram.size(), .host = parts.ram.data()}))
        return false;
    vm.set_listener(&parts.listener);
    if (!psci_.register_in(vm.calls)) return false;
    vm.set_registers(&registers_);
    gic_.state().attach(interrupts);
    interrupts.map_hardware(map::virtual_timer, Cpu::virtual_timer_ppi);
    if (!vm.set_interrupt_chip(gic_)) return false;

    const auto add = [this](map::Part part, u64 size, MmioDevice& device, AccessLimits limits) {
        return vm.bus.add({.base = map::location(part).base, .size = size, .device = &device, .limits = limits})
            .has_value();
    };
    const auto connect = [this](map::Part part, InterruptLine& line) -> std::optional<InterruptSource> {
        if (!line.connect(gic_, *map::location(part).interrupt)) return std::nullopt;
        const auto source = line.add_source();
        if (!source) return std::nullopt;
        return *source;
    };
    const auto uart_source = connect(map::Part::console, uart_line_);
    const auto clock_source = connect(map::Part::clock, clock_line_);
    const auto key_source = connect(map::Part::power_key, key_line_);
    if (!uart_source || !clock_source || !key_source) return false;
    uart.emplace(parts.console, *uart_source, true);
    clock.emplace(parts.wall_clock, *clock_source);
    power_key.emplace(*key_source);
    return add(map::Part::gic_distributor, map::location(map::Part::gic_distributor).size, gic_.distributor(), {}) &&
           add(map::Part::gic_redistributors, gic_.redistributors().size(), gic_.redistributors(), {}) &&
           add(map::Part::console, Pl011::size, *uart, Pl011::access_limits) &&
           add(map::Part::clock, Pl031::size, *clock, Pl031::access_limits) &&
           add(map::Part::power_key, Pl061::size, *power_key, Pl061::access_limits) &&
           parts.ports.attach(parts.channels, parts.index, gic_, vm.bus, parts.stage2);
}

} // namespace gimbal::bare
