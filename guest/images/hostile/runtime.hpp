// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/random.hpp"

// What the hostile driver stands on beside the common parts: aborts that are counted and skipped, and a second CPU.

constexpr u64 ram_end = 0x4400'0000; ///< With --memory 64M.

extern "C" volatile u64 aborts; ///< Data aborts so far: accesses that the machine refused.

/// Runs `work` over and over on the second CPU until stop_second(). False: there is none.
bool start_second(void (*work)());
void stop_second();
