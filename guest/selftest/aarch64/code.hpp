// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/auxv.h>

#include "base/types.hpp"

/// Places in hold_registers.S.
extern "C" {
void selftest_stepped();
void selftest_stepped_without_lse();
extern unsigned char selftest_stepped_data[16];
}

namespace gimbal::selftest {

constexpr unsigned long hwcap_atomics = 1UL << 8;
inline bool has_atomics() { return (getauxval(AT_HWCAP) & hwcap_atomics) != 0; }

/// The code to be stepped that this CPU can run.
inline usize stepped_address()
{
    return reinterpret_cast<usize>(has_atomics() ? &selftest_stepped : &selftest_stepped_without_lse);
}
constexpr usize stepped_store_offset = 52;

} // namespace gimbal::selftest
