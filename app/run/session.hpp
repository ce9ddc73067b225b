// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "app/run/aarch64_board.hpp"
#include "app/run/control.hpp"
#include "app/run/disks.hpp"
#include "app/run/guest.hpp"
#include "app/run/stats.hpp"
#include "app/run/tracing_vcpu.hpp"
#include "app/run/virtio_devices.hpp"
#include "app/size.hpp"
#include "host/guest_ram.hpp"
#include "host/thread.hpp"
#include "host/vcpu_thread.hpp"

namespace gimbal {

/// What one life of the guest, from start to reset or end, is run with.
struct SessionInput {
    const RunConfig& config;
    Guest& guest;
    RunControl& control;
    const Clock& clock;
    const Disks& disks;
    u32 cpu_count{1};
};

struct SessionResult {
    StopInfo stop;
    std::vector<host::VcpuReport> vcpus;
    GuestCounters guest;
    std::optional<std::chrono::steady_clock::time_point> first_instruction;
};

/// What `gimbal run` needs of an engine beside its vCPUs. Made once per session from (Vm&, const Clock&,
/// const RunConfig&), after guest memory is mapped and before any vCPU.
template <class E>
concept RunEngine = requires(E engine, typename E::Vcpu vcpu, VcpuId id) {
    typename E::Vcpu;
    requires VcpuEngine<typename E::Vcpu>;
    { E::cpu_profile() } -> std::same_as<aarch64::CpuProfile>;
    /// On the thread that owns the vCPU.
    { engine.create_vcpu(id) } -> std::same_as<Result<std::unique_ptr<typename E::Vcpu>, VcpuError>>;
    /// On that thread, when the vCPU has run for the last time.
    { engine.vcpu_ended(vcpu) } -> std::same_as<void>;
    /// Once no vCPU runs any more.
    { engine.counters() } -> std::same_as<GuestCounters>;
};

/// One life of the guest, for those who hear of its stop or have to end it; its Vm outlives this.
class LifeWatch {
public:
    LifeWatch(RunControl& control, Vm& vm) : end_(control.end())
    {
        vm.set_listener(&control);
        end_.watch(&vm);
    }
    ~LifeWatch()
    {
        end_.watch(nullptr);
        end_.life_ended();
    }
    LifeWatch(const LifeWatch&) = delete;
    LifeWatch& operator=(const LifeWatch&) = delete;

private:
    RunEnd& end_;
};

/// Whatever happens, no vCPU runs on behind this. The first reason to stop stands.
struct StopOnExit {
    Vm& vm;
    ~StopOnExit() { vm.request_stop({.reason = StopReason::start_failure}); }
};

/// While it exists, the console hears of changes of the terminal's size.
class ResizeWatch {
public:
    ResizeWatch(RunControl& control, ConsoleWire& console) : control_(control)
    {
        control.set_on_resize([&console] { console.size_changed(); });
    }
    ~ResizeWatch() { control_.set_on_resize({}); }
    ResizeWatch(const ResizeWatch&) = delete;
    ResizeWatch& operator=(const ResizeWatch&) = delete;

private:
    RunControl& control_;
};

/// The devices' threads tell the engine of what they write, so they end before it does.
struct StopDevicesOnExit {
    VirtioDevices& devices;
    ~StopDevicesOnExit() { devices.stop(); }
};

/// Runs the VM from its threads' start to their end. Throws std::system_error if the system refuses a thread.
template <RunEngine E>
void run_vcpus(Vm& vm, E& engine, const VcpuEntry& entry, const SessionInput& input,
               std::span<host::Pausable* const> workers, SessionResult& result)
{
    using Vcpu = TracingVcpu<typename E::Vcpu>;
    host::AlarmClock alarms(vm, input.clock);
    std::latch ready(vm.vcpu_count());
    result.vcpus.resize(vm.vcpu_count());
    const auto create = [&](VcpuId id) -> Result<std::unique_ptr<Vcpu>, VcpuError> {
        try {
            GIMBAL_TRY(vcpu, engine.create_vcpu(id));
            return std::make_unique<Vcpu>(std::move(vcpu), id, input.config.trace.exits);
        } catch (const std::bad_alloc&) {
            return fail(VcpuError::out_of_memory);
        }
    };
    std::vector<std::jthread> threads;
    // If the system refuses one of them, those that are there already must not wait for ever.
    const StopOnExit stop_on_exit{vm};
    for (u32 index = 0; index < vm.vcpu_count(); ++index)
        threads.emplace_back([&, id = VcpuId{index}] {
            host::name_this_thread(fmt::format("vcpu {}", id.value).c_str());
            result.vcpus[id.value] = host::run_vcpu_thread<Vcpu>(
                vm, id, input.clock, alarms, create, [&] { ready.count_down(); },
                [&](Vcpu& vcpu) { engine.vcpu_ended(vcpu.engine_vcpu()); });
        });
    ready.wait();
    if (vm.finalize()) result.first_instruction = std::chrono::steady_clock::now();
    if (!result.first_instruction || !vm.start(entry)) vm.request_stop({.reason = StopReason::start_failure});
    input.control.run_until_stopped(vm, workers);
    threads.clear(); // joins
    result.stop = vm.stop_info();
}

template <RunEngine E>
Result<SessionResult, UserError> run_session(const SessionInput& input)
{
    auto ram = host::GuestRam::create(input.guest.memory_size);
    if (!ram)
        return fail(UserError{fmt::format("{} of guest memory cannot be had: {}", format_size(input.guest.memory_size),
                                          ram.error().message)});
    const auto vm = std::make_unique<Vm>(VmConfig{input.cpu_count, E::Vcpu::owns, E::Vcpu::raises}, input.clock);
    const LifeWatch watch(input.control, *vm);
    const HostParts host{input.control.serial(), input.control.wall_clock(), input.control.power_key()};
    const auto board = std::make_unique<Aarch64Board>(*vm, input.clock, E::cpu_profile(), host);
    GIMBAL_TRY_VOID(board->attach(ram->bytes()));
    board->console().set_input(input.config.console);
    const ResizeWatch resize_watch(input.control, board->console());
    VirtioDevices devices(*vm);
    GIMBAL_TRY_VOID(add_virtio_devices(devices, {*vm, input.config, board->console(), input.disks}));
    DiskCalls disk_calls(*vm, input.disks);
    GIMBAL_TRY_VOID(disk_calls.attach());
    BoardParts parts = board->parts();
    parts.virtio_slots = devices.slots();
    GIMBAL_TRY(entry, place_guest(input.guest, parts, vm->memory));

    SessionResult result;
    E engine(*vm, input.clock, input.config);
    const StopDevicesOnExit stop_devices{devices};
    host::Pausable* const workers[] = {&devices, &disk_calls};
    try {
        run_vcpus(*vm, engine, entry, input, workers, result);
    } catch (const std::system_error& error) {
        return fail(UserError{
            fmt::format("{} vCPUs cannot be had: no thread for each: {}", input.cpu_count, error.code().message())});
    }
    result.guest = engine.counters();
    return result;
}

} // namespace gimbal
