// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Places in hold_registers.S.
extern "C" {
void selftest_stepped();
void selftest_stepped_store();
extern unsigned char selftest_stepped_data[16];
}
