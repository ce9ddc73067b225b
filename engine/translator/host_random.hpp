// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::translator {

/// 64 bits from the host's generator, for RNDR. False: none to be had now; the guest is told so.
bool host_random(u64& value);

} // namespace gimbal::translator
