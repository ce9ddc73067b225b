// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/types.hpp"
#include "vm/types.hpp"

namespace gimbal::host {

/// Sleeps while *word == seen, at most until `deadline` (absolute, CLOCK_MONOTONIC). May return for no reason.
void futex_wait(const u32* word, u32 seen, std::optional<HostTicks> deadline);
void futex_wake_all(const u32* word) noexcept;

} // namespace gimbal::host
