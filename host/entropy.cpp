// SPDX-License-Identifier: Apache-2.0
#include "host/entropy.hpp"

#include <sys/random.h>

#include <cerrno>

#include <spdlog/spdlog.h>

#include "host/error.hpp"

namespace gimbal::host {

usize SystemEntropy::fill(std::span<u8> out)
{
    while (true) {
        const ssize_t count = ::getrandom(out.data(), out.size(), 0);
        if (count >= 0) return static_cast<usize>(count);
        if (errno == EINTR) continue;
        spdlog::error("the guest gets no random bytes: {}", system_error(errno).message);
        return 0;
    }
}

} // namespace gimbal::host
