// SPDX-License-Identifier: Apache-2.0
#include "host/vm_pause.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "host/clock.hpp"
#include "host/power_key.hpp"
#include "host/vcpu_thread.hpp"

namespace gimbal::host {
namespace {

/// Runs for ever without looking at anything but kicks, and counts.
class BusyVcpu {
public:
    static constexpr EngineOwns owns{.psci = true, .idle = true, .interrupt_chip = true, .timer = true};
    static constexpr ExitKinds raises = ExitKinds::all();

    explicit BusyVcpu(std::atomic<u64>& turns) : turns_(turns) {}
    Exit run(const Completion&)
    {
        while (!kicked_.exchange(false)) turns_.fetch_add(1);
        return Exit(ExitKind::kicked);
    }
    void commit(const Completion&) {}
    void reset(const VcpuEntry&) {}
    void kick() noexcept { kicked_.store(true); }
    void set_interrupt(InterruptInput, bool) noexcept {}

private:
    std::atomic<u64>& turns_;
    std::atomic<bool> kicked_{false};
};

/// Writes down what it is asked, and whether the vCPUs stood still by then.
class FakeWorker final : public Pausable {
public:
    FakeWorker(std::string& journal, const Vm& vm) : journal_(journal), vm_(vm) {}
    void request_pause() override { journal_ += vm_.parked_count() == vm_.vcpu_count() ? "ask " : "too-early "; }
    void wait_paused() override { journal_ += "wait "; }
    void resume() override { journal_ += vm_.phase() == VmPhase::paused ? "resume " : "too-late "; }

private:
    std::string& journal_;
    const Vm& vm_;
};

struct PassOn final : VmListener {
    explicit PassOn(VmPause& pause) : pause(pause) {}
    void stop_requested(const StopInfo&) noexcept override { pause.changed(); }
    void vcpu_parked(VcpuId) noexcept override { pause.changed(); }
    VmPause& pause;
};

class PausedVm : public testing::Test {
protected:
    static constexpr u32 count = 3;

    PausedVm() : vm_({count, BusyVcpu::owns, BusyVcpu::raises}, clock_), listener_(pause_), alarms_(vm_, clock_)
    {
        EXPECT_TRUE(vm_.memory.map({.base = {0}, .size = sizeof(ram_), .host = ram_}));
        EXPECT_TRUE(vm_.use_engine_interrupt_chip());
        vm_.set_listener(&listener_);
    }
    void start()
    {
        std::atomic<u32> ready{};
        for (u32 id = 0; id < count; ++id)
            threads_.emplace_back([this, id, &ready] {
                run_vcpu_thread<BusyVcpu>(
                    vm_, {id}, clock_, alarms_,
                    [this](VcpuId) -> Result<std::unique_ptr<BusyVcpu>, VcpuError> {
                        return std::make_unique<BusyVcpu>(turns_);
                    },
                    [&] { ++ready; }, [](BusyVcpu&) {});
            });
        while (ready.load() != count) std::this_thread::yield();
        ASSERT_TRUE(vm_.finalize());
        ASSERT_TRUE(vm_.start({}));
    }
    void stop()
    {
        vm_.request_stop({.reason = StopReason::user_quit});
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }
    void run_some()
    {
        const u64 before = turns_.load();
        while (turns_.load() < before + 1000) std::this_thread::yield();
    }

    alignas(4096) u8 ram_[4096]{};
    std::atomic<u64> turns_{};
    std::string journal_;
    MonotonicClock clock_;
    Vm vm_;
    VmPause pause_;
    PassOn listener_;
    AlarmClock alarms_;
    std::vector<std::thread> threads_;
};

TEST_F(PausedVm, V14_a_pause_returns_once_every_vcpu_and_worker_is_parked)
{
    FakeWorker first(journal_, vm_);
    FakeWorker second(journal_, vm_);
    Pausable* const workers[] = {&first, &second};
    EXPECT_FALSE(pause_.pause()) << "nothing is attached";
    pause_.attach(vm_, workers);
    EXPECT_FALSE(pause_.pause()) << "it does not run yet";
    start();
    for (unsigned round = 0; round < 200; ++round) {
        run_some();
        ASSERT_TRUE(pause_.pause());
        const u64 stood = turns_.load();
        const u64 counter = vm_.timers.counter(clock_.now()).value;
        ASSERT_EQ(journal_, "ask ask wait wait ");
        ASSERT_FALSE(pause_.pause()) << "it is paused already";
        std::this_thread::yield();
        ASSERT_EQ(turns_.load(), stood);
        ASSERT_EQ(vm_.timers.counter(clock_.now()).value, counter);
        journal_.clear();
        ASSERT_TRUE(pause_.resume());
        ASSERT_EQ(journal_, "resume resume ");
        ASSERT_FALSE(pause_.resume());
        journal_.clear();
    }
    stop();
    EXPECT_FALSE(pause_.pause());
    pause_.detach();
}

TEST_F(PausedVm, V18_a_paused_vm_stops)
{
    pause_.attach(vm_, {});
    start();
    run_some();
    ASSERT_TRUE(pause_.pause());
    stop();
    EXPECT_FALSE(pause_.resume());
    pause_.detach();
}

TEST_F(PausedVm, V27_a_stop_ends_a_pause_that_waits)
{
    pause_.attach(vm_, {});
    start();
    std::thread stopper([this] {
        run_some();
        vm_.request_stop({.reason = StopReason::user_quit});
    });
    // Sooner or later the stop comes in the middle of one; a wake-up that is lost hangs here.
    while (pause_.pause())
        if (!pause_.resume()) break;
    stopper.join();
    stop();
    pause_.detach();
}

TEST(PowerKey, is_down_for_a_while_and_up_again)
{
    EventLoop loop;
    PowerKey key(loop);
    key.press(); // wired to nothing
    std::string levels;
    key.set_on_change([&](bool down) {
        levels += down ? 'd' : 'u';
        if (!down) loop.quit();
    });
    key.press();
    EXPECT_EQ(levels, "d");
    loop.run();
    EXPECT_EQ(levels, "du");
    key.press();
    key.set_on_change({}); // the machine goes while the key is down
    EventLoop::Timer& later = loop.add_timer([&] { loop.quit(); });
    loop.arm(later, std::chrono::steady_clock::now() + 2 * PowerKey::press_time);
    loop.run();
    EXPECT_EQ(levels, "dud");
}

} // namespace
} // namespace gimbal::host
