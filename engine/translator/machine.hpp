// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/translator/backend/choose.hpp"
#include "engine/translator/core/code_cache.hpp"
#include "vm/aarch64/cpu_profile.hpp"
#include "vm/clock.hpp"
#include "vm/memory.hpp"
#include "vm/virtual_timer.hpp"

namespace gimbal::translator {

namespace aarch64 {
class Cpu;
}

struct Options {
    std::optional<BackendKind> backend{}; ///< None: the fastest that works here.
    bool count{true};                     ///< BackendOptions::count
    usize code_cache_bytes{usize{256} << 20};
    bool verify_ir{};                                   ///< Check each block before it is lowered.
    bool fuse{true};                                    ///< interpreter::LoweringOptions::fuse
    std::function<void(const std::string&)> trace_ir{}; ///< Called with each block's text, on the vCPU's thread.
    std::function<void(VcpuId)> wake{};                 ///< Ends another vCPU's wait for an event; any thread.
};

/// The identity and features that the translator gives its CPUs; every one of them is complete.
gimbal::aarch64::CpuProfile cpu_profile();

/// What the vCPUs of one VM share. Outlives them.
class Machine {
public:
    Machine(GuestMemory& memory, const Clock& clock, const VirtualTimers& timers, Options options);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    GuestMemory& memory() { return memory_; }
    CodeCache& code() { return code_; }
    Backend& backend() { return *backend_; }
    BackendKind backend_kind() const { return backend_kind_; }
    const Options& options() const { return options_; }
    const gimbal::aarch64::CpuProfile& profile() const { return profile_; }
    void wake(VcpuId vcpu) const
    {
        if (options_.wake) options_.wake(vcpu);
    }
    u64 counter() const { return timers_.counter(clock_.now()).value; }
    u64 counter_frequency() const { return clock_.frequency_hz(); }

    void add(aarch64::Cpu& cpu);
    void remove(aarch64::Cpu& cpu);
    /// Calls `function` for each vCPU but `self`, while none can be added or removed.
    void for_each_other(const aarch64::Cpu& self, const std::function<void(aarch64::Cpu&)>& function);

private:
    GuestMemory& memory_;
    const Clock& clock_;
    const VirtualTimers& timers_;
    Options options_;
    const gimbal::aarch64::CpuProfile profile_{cpu_profile()};
    BackendKind backend_kind_;
    std::unique_ptr<Backend> backend_; // outlives its blocks, which are the cache's
    CodeCache code_;
    std::mutex cpus_mutex_;
    std::vector<aarch64::Cpu*> cpus_; // under cpus_mutex_
};

} // namespace gimbal::translator
