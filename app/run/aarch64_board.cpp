// SPDX-License-Identifier: Apache-2.0
#include "app/run/aarch64_board.hpp"

#include "vm/aarch64/board.hpp"

namespace gimbal {
namespace {

namespace map = gimbal::board::aarch64;

UserError wiring_failed(const char* what) { return {std::string("the board cannot be assembled: ") + what}; }

} // namespace

Aarch64Board::Aarch64Board(Vm& vm, const Clock& clock, const aarch64::CpuProfile& profile, const HostParts& host)
    : vm_(vm),
      wall_clock_(host.wall_clock),
      power_key_(host.power_key),
      wire_(host.serial),
      psci_(vm.slots(), vm.memory),
      gic_({.cpus = vm.vcpu_count()}),
      icc_(gic_.state(), vm),
      registers_(profile, vm.timers, &icc_, clock.frequency_hz())
{
}

Aarch64Board::~Aarch64Board()
{
    wire_.disconnect();
    power_key_.set_on_change({});
    wall_clock_.set_on_alarm({});
    wall_clock_.set_alarm(std::nullopt);
}

Result<void, UserError> Aarch64Board::attach(std::span<u8> ram)
{
    const map::PartLocation& ram_at = map::location(map::Part::ram);
    if (!vm_.memory.map({.base = ram_at.base, .size = ram.size(), .host = ram.data()}))
        return fail(wiring_failed("RAM"));
    if (!psci_.register_in(vm_.calls)) return fail(wiring_failed("PSCI"));
    vm_.set_registers(&registers_);
    GIMBAL_TRY_VOID(attach_interrupts());
    return vm_.services().chip != nullptr ? attach_devices() : Result<void, UserError>{};
}

Result<void, UserError> Aarch64Board::add_device(map::Part part, u64 size, MmioDevice& device, AccessLimits limits)
{
    if (!vm_.bus.add({.base = map::location(part).base, .size = size, .device = &device, .limits = limits}))
        return fail(wiring_failed("a device's addresses are taken"));
    return {};
}

Result<void, UserError> Aarch64Board::attach_interrupts()
{
    if (vm_.owns().interrupt_chip) {
        if (!vm_.use_engine_interrupt_chip()) return fail(wiring_failed("interrupts"));
        return {};
    }
    gic_.state().attach(icc_);
    if (!vm_.set_interrupt_chip(gic_)) return fail(wiring_failed("interrupts"));
    GIMBAL_TRY_VOID(
        add_device(map::Part::gic_distributor, map::location(map::Part::gic_distributor).size, gic_.distributor(), {}));
    return add_device(map::Part::gic_redistributors, gic_.redistributors().size(), gic_.redistributors(), {});
}

Result<InterruptSource, UserError> Aarch64Board::connect(InterruptLine& line, map::Part part)
{
    if (!line.connect(*vm_.services().chip, *map::location(part).interrupt))
        return fail(wiring_failed("a device's interrupt does not exist"));
    const auto source = line.add_source();
    if (!source) return fail(wiring_failed("an interrupt line has no room"));
    return *source;
}

Result<void, UserError> Aarch64Board::attach_devices()
{
    GIMBAL_TRY(uart_source, connect(uart_line_, map::Part::console));
    uart_.emplace(wire_, uart_source, true);
    GIMBAL_TRY_VOID(add_device(map::Part::console, Pl011::size, *uart_, Pl011::access_limits));
    wire_.connect(*uart_);

    GIMBAL_TRY(rtc_source, connect(rtc_line_, map::Part::clock));
    rtc_.emplace(wall_clock_, rtc_source);
    wall_clock_.set_on_alarm([this] { rtc_->alarm_due(); });
    GIMBAL_TRY_VOID(add_device(map::Part::clock, Pl031::size, *rtc_, Pl031::access_limits));

    GIMBAL_TRY(gpio_source, connect(gpio_line_, map::Part::power_key));
    gpio_.emplace(gpio_source);
    power_key_.set_on_change([this](bool down) { gpio_->set_input(map::power_key_line, down); });
    return add_device(map::Part::power_key, Pl061::size, *gpio_, Pl061::access_limits);
}

BoardParts Aarch64Board::parts() const
{
    return {.cpu_count = vm_.vcpu_count(), .has_clock = rtc_.has_value(), .has_power_key = gpio_.has_value()};
}

} // namespace gimbal
