// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "test/vm/scripted_engine.hpp"
#include "vm/aarch64/trapped_registers.hpp"
#include "vm/psci.hpp"
#include "vm/run_loop.hpp"

namespace gimbal::test {

/// A clock that a test moves.
class FakeClock final : public Clock {
public:
    static constexpr u64 frequency = 1'000'000;
    HostTicks now() const override { return {ticks_.load()}; }
    u64 frequency_hz() const override { return frequency; }
    void advance(u64 ticks) { ticks_.fetch_add(ticks); }

private:
    Atomic<u64> ticks_{1'000'000};
};

/// Remembers every level it was told.
class FakeChip final : public InterruptChip {
public:
    bool has_spi(Spi spi) const override { return spi.value < 32; }
    void set_spi(Spi spi, bool level) override
    {
        const std::lock_guard lock(mutex_);
        spi_events.emplace_back(spi.value, level);
    }
    void set_ppi(VcpuId vcpu, Intid ppi, bool level) override
    {
        const std::lock_guard lock(mutex_);
        ppi_events.emplace_back(vcpu.value, ppi.value, level);
        ppi_level[vcpu.value][ppi.value - 16] = level;
        if (sink != nullptr) sink->set_cpu_interrupt(vcpu, InterruptInput::irq, level);
    }
    void reset_cpu(VcpuId vcpu) override
    {
        const std::lock_guard lock(mutex_);
        resets.push_back(vcpu.value);
    }

    std::vector<std::pair<u32, bool>> spi_events;
    std::vector<std::tuple<u32, u32, bool>> ppi_events;
    std::vector<u32> resets;
    bool ppi_level[max_vcpus][16]{};
    CpuInterruptSink* sink{}; ///< If set, a PPI goes straight to the CPU's irq input.

private:
    std::mutex mutex_;
};

/// Never sleeps: a wait moves the clock to its deadline, or is an error if there is none.
class FakeParker final : public Parker {
public:
    explicit FakeParker(FakeClock& clock) : clock_(clock) {}
    void wait(RequestWord& word, u32 seen, std::optional<HostTicks> deadline) override
    {
        ++waits;
        last_deadline = deadline;
        if (word.changed_since(seen)) return;
        if (!deadline) {
            ++waits_for_ever;
            if (on_endless_wait) on_endless_wait(context);
            return;
        }
        if (*deadline > clock_.now()) clock_.advance(deadline->value - clock_.now().value);
    }
    void wake() noexcept override { ++wakes; }
    void set_alarm(std::optional<HostTicks> deadline) override
    {
        alarm = deadline;
        ++alarm_changes;
    }

    unsigned waits{};
    unsigned waits_for_ever{};
    unsigned wakes{};
    unsigned alarm_changes{};
    std::optional<HostTicks> last_deadline;
    std::optional<HostTicks> alarm;
    void (*on_endless_wait)(void*){};
    void* context{};

private:
    FakeClock& clock_;
};

/// Sleeps for real, on a condition variable.
class ThreadParker final : public Parker {
public:
    void wait(RequestWord& word, u32 seen, std::optional<HostTicks> deadline) override
    {
        std::unique_lock lock(mutex_);
        const auto moved = [&] { return word.changed_since(seen); };
        if (deadline)
            changed_.wait_for(lock, std::chrono::milliseconds(1), moved);
        else
            changed_.wait(lock, moved);
    }
    void wake() noexcept override
    {
        const std::lock_guard lock(mutex_);
        changed_.notify_all();
    }
    void set_alarm(std::optional<HostTicks>) override {}

private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

/// Answers with offset + 0x100 and remembers.
class FakeDevice final : public MmioDevice {
public:
    struct Access {
        bool write;
        u32 vcpu;
        u64 offset;
        unsigned size;
        u64 value;
    };
    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override
    {
        accesses.push_back({false, context.vcpu.value, offset, byte_count(size), 0});
        if (refuse) return fail(BusError::bad_access);
        return next_value;
    }
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override
    {
        accesses.push_back({true, context.vcpu.value, offset, byte_count(size), value});
        if (refuse) return fail(BusError::bad_access);
        return {};
    }

    u64 next_value{};
    bool refuse{};
    std::vector<Access> accesses;
};

/// Page-aligned host memory for a region.
class HostPages {
public:
    explicit HostPages(u64 size) : storage_(size + 4096), size_(size) {}
    u8* data() { return reinterpret_cast<u8*>(align_up(reinterpret_cast<std::uintptr_t>(storage_.data()), 4096)); }
    u64 size() const { return size_; }
    MemoryRegion region(u64 base) { return {.base = {base}, .size = size_, .host = data()}; }

private:
    std::vector<u8> storage_;
    u64 size_;
};

/// A machine around a scripted engine: 64 KiB of RAM at 0, a device at 0x1000'0000, PSCI, timers, the register table.
template <class Profile>
struct Machine {
    static constexpr u64 device_base = 0x1000'0000;

    explicit Machine(u32 vcpus = 1, aarch64::CpuProfile profile = {})
        : vm({.vcpu_count = vcpus, .owns = Profile::owns, .raises = Profile::raises}, clock),
          psci(vm.slots(), vm.memory),
          registers(profile, vm.timers, nullptr, FakeClock::frequency)
    {
        ok = vm.memory.map(ram.region(0)).has_value() && vm.bus.add({{device_base}, 0x1000, &device, {}}).has_value() &&
             psci.register_in(vm.calls).has_value() && vm.set_interrupt_chip(chip).has_value();
        chip.sink = &vm;
        vm.set_registers(&registers);
        for (u32 id = 0; id < vcpus; ++id) {
            ok = ok && vm.vcpu_set_up({id}).has_value() && vm.slot({id}).lifecycle.bind({id + 1}).has_value();
        }
        ok = ok && vm.finalize().has_value();
    }

    /// Runs `script` on vCPU 0 until the VM stops.
    StopInfo run(ScriptedEngine<Profile>& engine)
    {
        EngineHandle handle(engine);
        VcpuAttachment attachment(vm.slot({0}), handle, parker);
        VcpuRunner<ScriptedEngine<Profile>> runner(vm, {0}, engine, parker, {1});
        ok = ok && vm.start({}).has_value();
        run_vcpu(runner, vm.slot({0}), parker, clock);
        idle_ticks = runner.stats().idle_ticks.load();
        for (unsigned kind = 0; kind < exit_kind_count; ++kind)
            exits[kind] = runner.stats().exit_count(static_cast<ExitKind>(kind));
        return vm.stop_info();
    }

    FakeClock clock;
    HostPages ram{0x10000};
    FakeDevice device;
    FakeChip chip;
    FakeParker parker{clock};
    Vm vm;
    Psci psci;
    aarch64::TrappedRegisters registers;
    bool ok{};
    u64 idle_ticks{};
    u64 exits[exit_kind_count]{};
};

} // namespace gimbal::test
