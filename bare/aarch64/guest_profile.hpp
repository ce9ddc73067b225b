// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vm/aarch64/cpu_profile.hpp"

namespace gimbal::bare {

/// The CPU that guests see: this one, without what the hypervisor does not switch or keeps for itself.
aarch64::CpuProfile guest_profile();

} // namespace gimbal::bare
