// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <memory>
#include <vector>

#include "engine/translator/cpu/aarch64/cpu.hpp"
#include "test/engine/translator/lib/backend_under_test.hpp"

namespace gimbal::translator::aarch64 {

/// A clock that moves only when told.
class ManualClock final : public Clock {
public:
    HostTicks now() const override { return {ticks}; }
    u64 frequency_hz() const override { return 62'500'000; }
    u64 ticks{};
};

/// One CPU over a few MiB of RAM, programmed with instruction words. Every exit is the test's to answer.
class CpuTest : public ::testing::Test {
protected:
    static constexpr u64 ram_base = 0x4000'0000;
    static constexpr u64 ram_size = 8 << 20;
    static constexpr u64 code = ram_base + 0x1000;
    static constexpr u64 vectors = ram_base + 0x8000;
    static constexpr u64 data = ram_base + 0x10'0000;
    static constexpr u64 device = 0x0900'0000;

    static constexpr u32 hvc_0 = 0xD400'0002;
    static constexpr u32 nop = 0xD503'201F;

    CpuTest() : ram_(ram_size + 4096)
    {
        u8* aligned = reinterpret_cast<u8*>((reinterpret_cast<u64>(ram_.data()) + 4095) & ~u64{4095});
        EXPECT_TRUE(memory_.map({{ram_base}, ram_size, aligned, false, false}));
        EXPECT_TRUE(timers_.start(clock_.now()));
        machine_ = std::make_unique<Machine>(
            memory_, clock_, timers_, Options{.backend = translator::test::backend_under_test(), .verify_ir = true});
        cpu_ = std::make_unique<Cpu>(*machine_, VcpuId{0});
    }

    void put(u64 at, std::initializer_list<u32> words)
    {
        for (const u32 word : words) {
            ASSERT_TRUE(memory_.store<u32>({at}, word));
            at += 4;
        }
    }
    template <class T>
    T peek(u64 at)
    {
        return memory_.load<T>({at}).value_or(T{});
    }
    void poke(u64 at, u64 value) { ASSERT_TRUE(memory_.store<u64>({at}, value)); }

    GuestState& state() { return cpu_->state(); }
    u64& x(unsigned n) { return cpu_->state().x[n]; }

    /// Puts the words at `code`, starts there, and runs to the first exit that is not a kick.
    Exit start(std::initializer_list<u32> words)
    {
        put(code, words);
        return start();
    }
    Exit start()
    {
        cpu_->reset({.pc = code, .arguments = {}});
        state().el[1].vbar = vectors;
        return resume({});
    }
    Exit resume(const Completion& answer)
    {
        Exit exit = cpu_->run(answer);
        while (exit.kind == ExitKind::kicked) exit = cpu_->run({});
        return exit;
    }

    std::vector<u8> ram_;
    GuestMemory memory_;
    ManualClock clock_;
    VirtualTimers timers_;
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<Cpu> cpu_;
    Cpu* kicked_{};
};

} // namespace gimbal::translator::aarch64
