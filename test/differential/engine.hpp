// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/translator/cpu/aarch64/cpu.hpp"
#include "test/differential/protocol.hpp"

namespace gimbal::differential {

/// Outcome::signal of a case that does not end.
inline constexpr u32 endless = 3000;

/// Our side: cases run at EL0 of the translator, with the peer's mapping made of page tables.
class Engine {
public:
    Engine(translator::BackendKind backend, bool fuse);

    /// Puts the words into their slots, from `first_slot` on, and BRK into all others.
    void load(std::span<const Case> cases, unsigned first_slot, u64 data_seed);
    /// Runs the case that load() put into `slot`.
    Outcome run(const Case& input, unsigned slot);
    /// Data memory as the last case left it; run() starts with what load() made.
    std::span<const u64> left() const { return left_; }

private:
    class StoppedClock final : public Clock {
    public:
        HostTicks now() const override { return {}; }
        u64 frequency_hz() const override { return 62'500'000; }
    };

    void map();
    void enter(const Case& input, unsigned slot);
    u64* data();

    std::vector<u8> ram_;
    u8* host_{}; ///< ram_ from a page's start on
    GuestMemory memory_;
    StoppedClock clock_;
    VirtualTimers timers_;
    std::unique_ptr<translator::Machine> machine_;
    std::unique_ptr<translator::aarch64::Cpu> cpu_;
    std::vector<u64> pristine_;
    std::vector<u64> left_;
    std::vector<u8> code_;
    std::mutex watch_mutex_;
    std::condition_variable_any watch_;
    std::jthread watchdog_; ///< Last: it ends first.
};

} // namespace gimbal::differential
