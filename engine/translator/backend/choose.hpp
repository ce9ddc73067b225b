// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/backend/backend.hpp"

namespace gimbal::translator {

enum class BackendKind : u8 {
    interpreter, ///< Threaded code; on every host.
    x86_64,      ///< Host code.
};

struct BackendOptions {
    usize code_bytes{usize{256} << 20}; ///< What the code cache keeps.
    bool count{true};                   ///< Keep CpuState::instructions exact; the interpreter always does.
    bool fuse{true};                    ///< interpreter::LoweringOptions::fuse
    std::mutex* link_lock{};            ///< Guards the links between blocks; outlives them. Null: the backend's own.
};

/// As users write it.
const char* backend_name(BackendKind kind);
/// The fastest of this build.
BackendKind best_backend();
/// Whether this build has it.
bool has_backend(BackendKind kind);
/// Null: this build does not have it, or the host gives no memory that can be executed.
std::unique_ptr<Backend> make_backend(BackendKind kind, const BackendOptions& options);

} // namespace gimbal::translator
