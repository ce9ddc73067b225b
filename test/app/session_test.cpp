// SPDX-License-Identifier: Apache-2.0
// Lives of a guest in this process: what they leave behind, and what a failing engine does to them.
#include "app/run/session.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "app/run/run.hpp"
#include "host/clock.hpp"
#include "test/app/guests.hpp"

#ifdef __has_feature
#define GIMBAL_HAS_FEATURE(name) __has_feature(name)
#else
#define GIMBAL_HAS_FEATURE(name) 0
#endif

namespace gimbal {
namespace {

constexpr bool sanitized = GIMBAL_HAS_FEATURE(address_sanitizer) || GIMBAL_HAS_FEATURE(thread_sanitizer);

using RunSession = Result<SessionResult, UserError> (*)(const SessionInput& input);

/// One life of a guest of `instructions`, from its file to its end.
StopInfo life(const std::vector<u32>& instructions, u32 cpus, RunSession run)
{
    RunConfig config;
    config.kernel = testing::TempDir() + "gimbal_session_test.elf";
    config.memory = u64{16} << 20;
    config.serial.kind = host::SerialKind::null;
    const test::Bytes file = test::program(instructions);
    std::ofstream(config.kernel, std::ios::binary)
        .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    auto guest = load_guest(config);
    if (!guest) return {};
    RunEnd end(config, std::chrono::steady_clock::now());
    RunControl control(end);
    EXPECT_TRUE(control.open(config, "test").has_value());
    const host::MonotonicClock clock;
    const Disks disks;
    const auto result = run({config, *guest, control, clock, disks, cpus});
    EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
    return result ? result->stop : StopInfo{};
}

usize entries(const char* folder)
{
    const auto all = std::filesystem::directory_iterator(folder);
    return static_cast<usize>(std::distance(begin(all), end(all)));
}

usize mappings()
{
    std::ifstream maps("/proc/self/maps");
    usize count = 0;
    for (std::string line; std::getline(maps, line);) ++count;
    return count;
}

u64 resident_bytes()
{
    std::ifstream statm("/proc/self/statm");
    u64 total = 0;
    u64 resident = 0;
    statm >> total >> resident;
    return resident * 4096;
}

/// GIMBAL_CYCLES lives of two vCPUs each: a thousand in the long checks.
TEST(Session, V28_lives_leave_nothing_behind)
{
    const RunSession run = run_engines().front().run;
    const char* const wanted = std::getenv("GIMBAL_CYCLES");
    const unsigned cycles = wanted == nullptr ? 50 : static_cast<unsigned>(std::atoi(wanted));
    for (unsigned i = 0; i < 20; ++i)
        ASSERT_EQ(life(test::guests::power_off, 2, run).reason, StopReason::guest_power_off);

    const usize descriptors = entries("/proc/self/fd");
    const usize threads = entries("/proc/self/task");
    const usize mapped = mappings();
    const u64 resident = resident_bytes();
    for (unsigned i = 0; i < cycles; ++i)
        ASSERT_EQ(life(test::guests::power_off, 2, run).reason, StopReason::guest_power_off);
    EXPECT_EQ(entries("/proc/self/fd"), descriptors);
    EXPECT_EQ(entries("/proc/self/task"), threads);
    // A sanitizer keeps what was freed and maps more for it as it goes; it finds leaks in its own way.
    if (!sanitized) {
        // The allocator's arenas come and go with threads; a leak of one mapping per life is more.
        EXPECT_LT(mappings(), mapped + 16);
        EXPECT_LT(resident_bytes(), resident + (u64{8} << 20));
    }
}

/// A vCPU that gives up in its own way at its first run.
template <class Failure>
class FailingEngine {
public:
    class Vcpu {
    public:
        static constexpr EngineOwns owns{};
        static constexpr ExitKinds raises = ExitKinds::all();
        Exit run(const Completion&) { return Failure::run(); }
        void commit(const Completion&) {}
        void reset(const VcpuEntry&) {}
        void kick() noexcept {}
        void set_interrupt(InterruptInput, bool) noexcept {}
    };
    FailingEngine(Vm&, const Clock&, const RunConfig&) {}
    static aarch64::CpuProfile cpu_profile() { return {}; }
    Result<std::unique_ptr<Vcpu>, VcpuError> create_vcpu(VcpuId id) { return Failure::create(id); }
    void vcpu_ended(Vcpu&) {}
    GuestCounters counters() { return {}; }

    static Result<std::unique_ptr<Vcpu>, VcpuError> created() { return std::make_unique<Vcpu>(); }
};

struct Throws {
    static Exit run() { throw std::runtime_error("the engine is broken"); }
    static auto create(VcpuId) { return FailingEngine<Throws>::created(); }
};

struct HasNoMemory {
    static Exit run() { throw std::bad_alloc(); }
    static auto create(VcpuId) { return FailingEngine<HasNoMemory>::created(); }
};

struct LosesOneVcpu {
    static Exit run() { return Exit(ExitKind::kicked); }
    static Result<std::unique_ptr<FailingEngine<LosesOneVcpu>::Vcpu>, VcpuError> create(VcpuId id)
    {
        if (id.value == 2) return fail(VcpuError::host_error);
        return FailingEngine<LosesOneVcpu>::created();
    }
};

TEST(Session, V30_an_engine_that_throws_stops_the_whole_vm)
{
    const StopInfo thrown = life(test::guests::loop, 4, run_session<FailingEngine<Throws>>);
    EXPECT_EQ(thrown.reason, StopReason::engine_failure);
    EXPECT_EQ(thrown.fatal, FatalReason::host_error);
    EXPECT_EQ(exit_status_of(thrown), exit_status::internal_error);
    const StopInfo memory = life(test::guests::loop, 1, run_session<FailingEngine<HasNoMemory>>);
    EXPECT_EQ(memory.fatal, FatalReason::host_memory);
}

TEST(Session, V32_a_vcpu_that_cannot_be_made_fails_the_start_and_leaves_nothing)
{
    const usize threads = entries("/proc/self/task");
    const StopInfo stop = life(test::guests::loop, 4, run_session<FailingEngine<LosesOneVcpu>>);
    EXPECT_EQ(stop.reason, StopReason::start_failure);
    EXPECT_EQ(stop.vcpu.value, 2U);
    EXPECT_EQ(entries("/proc/self/task"), threads);
}

} // namespace
} // namespace gimbal
