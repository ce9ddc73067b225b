// SPDX-License-Identifier: Apache-2.0
#include <mutex>

#include "app/run/run.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"

namespace gimbal {
namespace {

translator::Options translator_options(Vm& vm, const RunConfig& config)
{
    translator::Options options;
    options.backend = config.backend;
    options.count = config.count;
    options.wake = [&vm](VcpuId id) { vm.slot(id).post(Request::event); };
    if (config.trace.ir) options.trace_ir = [](const std::string& text) { host::trace_line(text); };
    return options;
}

class TranslatorEngine {
public:
    using Vcpu = translator::aarch64::Cpu;

    TranslatorEngine(Vm& vm, const Clock& clock, const RunConfig& config)
        : config_(config), machine_(vm.memory, clock, vm.timers, translator_options(vm, config))
    {
    }

    static aarch64::CpuProfile cpu_profile() { return translator::cpu_profile(); }

    Result<std::unique_ptr<Vcpu>, VcpuError> create_vcpu(VcpuId id) { return std::make_unique<Vcpu>(machine_, id); }

    void vcpu_ended(Vcpu& vcpu)
    {
        const std::lock_guard lock(mutex_);
        instructions_ += vcpu.instructions();
        tlb_misses_ += vcpu.tlb_misses();
        tlb_flushes_ += vcpu.tlb_flushes();
    }

    GuestCounters counters()
    {
        const translator::CodeCacheStats code = machine_.code().stats();
        const bool counted = config_.count || machine_.backend_kind() == translator::BackendKind::interpreter;
        return {counted ? std::optional(instructions_) : std::nullopt,
                code.blocks_translated,
                code.instructions_translated,
                code.code_bytes,
                tlb_misses_,
                tlb_flushes_};
    }

private:
    const RunConfig& config_;
    translator::Machine machine_;
    std::mutex mutex_; // the sums below
    u64 instructions_{};
    u64 tlb_misses_{};
    u64 tlb_flushes_{};
};

} // namespace

namespace {

std::string no_obstacle() { return {}; }

const EngineEntry engines[] = {
    {EngineKind::translator, translator::backend_name(translator::best_backend()), no_obstacle,
     run_session<TranslatorEngine>},
};

} // namespace

std::span<const EngineEntry> run_engines() { return engines; }

} // namespace gimbal
