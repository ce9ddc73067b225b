// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <string_view>

#include "base/assert.hpp"
#include "engine/translator/backend/choose.hpp"

namespace gimbal::translator::test {

/// Which backend this run of the tests is about: the environment's GIMBAL_TEST_BACKEND, or the interpreter.
inline BackendKind backend_under_test()
{
    const char* const name = std::getenv("GIMBAL_TEST_BACKEND");
    if (name == nullptr || std::string_view(name) == "interpreter") return BackendKind::interpreter;
    GIMBAL_ASSERT(std::string_view(name) == "x86_64" && has_backend(BackendKind::x86_64));
    return BackendKind::x86_64;
}

} // namespace gimbal::translator::test
