// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/backend/backend.hpp"
#include "engine/translator/backend/x86_64/assembler.hpp"
#include "engine/translator/backend/x86_64/code_arena.hpp"

namespace gimbal::translator::x86_64 {

struct JitOptions {
    usize code_bytes{usize{256} << 20}; ///< What the code cache keeps; the address space taken is twice that.
    bool count{};                       ///< Keep CpuState::instructions exact.
    HostFeatures host{HostFeatures::probe()};
    std::mutex* link_lock{}; ///< Guards the links between blocks; outlives them.
};

/// The just-in-time compiler for x86-64 hosts.
class JitBackend final : public Backend {
public:
    /// Null: the host gives no memory that can be executed.
    static std::unique_ptr<JitBackend> create(const JitOptions& options);

    std::expected<std::unique_ptr<LoweredBlock>, LowerError> lower(const ir::Block& block, u64 physical_address,
                                                                   u64 mode_key) override;
    void run(CpuState& state) override;

private:
    JitBackend(const JitOptions& options, std::unique_ptr<CodeArena> arena);
    void make_stubs();

    const JitOptions options_;
    const std::unique_ptr<CodeArena> arena_;
    std::mutex own_link_lock_; // where nobody gave one
    SharedStubs stubs_;
};

} // namespace gimbal::translator::x86_64
