// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "host/log.hpp"
#include "vm/vcpu.hpp"

namespace gimbal {

/// "vcpu 0 exit mmio write 4 bytes at 0x9000000: 0x41"
std::string describe_exit(VcpuId vcpu, const Exit& exit);
/// "vcpu 0 answer done 0x1"
std::string describe_completion(VcpuId vcpu, const Completion& completion);

/// An engine's vCPU whose exits and answers are logged if `enabled` (--trace exits).
template <VcpuEngine V>
class TracingVcpu {
public:
    static constexpr EngineOwns owns = V::owns;
    static constexpr ExitKinds raises = V::raises;

    TracingVcpu(std::unique_ptr<V> vcpu, VcpuId id, bool enabled) : vcpu_(std::move(vcpu)), id_(id), enabled_(enabled)
    {
    }

    Exit run(const Completion& completion)
    {
        if (!enabled_) [[likely]]
            return vcpu_->run(completion);
        if (completion.kind != CompletionKind::none) host::trace_line(describe_completion(id_, completion));
        const Exit exit = vcpu_->run(completion);
        host::trace_line(describe_exit(id_, exit));
        return exit;
    }
    void commit(const Completion& completion) { vcpu_->commit(completion); }
    void reset(const VcpuEntry& entry) { vcpu_->reset(entry); }
    void kick() noexcept { vcpu_->kick(); }
    V& engine_vcpu() { return *vcpu_; }
    void set_interrupt(InterruptInput input, bool level) noexcept { vcpu_->set_interrupt(input, level); }

private:
    std::unique_ptr<V> vcpu_;
    VcpuId id_;
    bool enabled_;
};

} // namespace gimbal
