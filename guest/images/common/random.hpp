// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/machine.hpp"

// xorshift64*, seeded by splitmix64: each seed is a stream of its own.
void seed_random(u64 seed);
u64 random64();
inline u64 random(u64 limit) { return (random64() >> 11) % limit; }
