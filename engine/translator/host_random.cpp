// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/host_random.hpp"

#include <sys/random.h>

namespace gimbal::translator {

bool host_random(u64& value)
{
    return ::getrandom(&value, sizeof(value), GRND_NONBLOCK) == static_cast<ssize_t>(sizeof(value));
}

} // namespace gimbal::translator
