// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>

#include "base/assert.hpp"

namespace gimbal {

void panic(const char* message, const char* file, int line)
{
    // stdio only: the fault may be in anything above it.
    std::fprintf(stderr, "gimbal: internal error: %s (%s:%d)\n", message, file, line);
    std::fflush(stderr);
    std::abort();
}

} // namespace gimbal
