// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/choose.hpp"

#include "engine/translator/backend/interpreter/lower.hpp"
#if defined(GIMBAL_X86_64_BACKEND)
#include "engine/translator/backend/x86_64/backend.hpp"
#endif

namespace gimbal::translator {

const char* backend_name(BackendKind kind)
{
    switch (kind) {
    case BackendKind::interpreter: return "interpreter";
    case BackendKind::x86_64: return "x86_64";
    }
    return "";
}

bool has_backend(BackendKind kind)
{
    switch (kind) {
    case BackendKind::interpreter: return true;
#if defined(GIMBAL_X86_64_BACKEND)
    case BackendKind::x86_64: return true;
#else
    case BackendKind::x86_64: return false;
#endif
    }
    return false;
}

BackendKind best_backend() { return has_backend(BackendKind::x86_64) ? BackendKind::x86_64 : BackendKind::interpreter; }

std::unique_ptr<Backend> make_backend(BackendKind kind, const BackendOptions& options)
{
    if (kind == BackendKind::interpreter)
        return std::make_unique<interpreter::InterpreterBackend>(
            interpreter::LoweringOptions{.fuse = options.fuse, .link_lock = options.link_lock});
#if defined(GIMBAL_X86_64_BACKEND)
    return x86_64::JitBackend::create(
        {.code_bytes = options.code_bytes, .count = options.count, .link_lock = options.link_lock});
#else
    return nullptr;
#endif
}

} // namespace gimbal::translator
