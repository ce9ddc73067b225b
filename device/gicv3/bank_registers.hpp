// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/gicv3/interrupt_bank.hpp"
#include "device/gicv3/registers.hpp"
#include "vm/types.hpp"

// The registers that the distributor and each redistributor have in common.
namespace gimbal::gicv3 {

u32 read_block(const InterruptBank& bank, BankBlock block);
void write_block(InterruptBank& bank, BankBlock block, u32 value);

/// `size` is 1 or 4 bytes; `first` the INTID of the lowest byte, modulo 32.
u64 read_priorities(const InterruptBank& bank, unsigned first, AccessSize size);
void write_priorities(InterruptBank& bank, unsigned first, AccessSize size, u64 value);

/// GICx_ICFGR<n>: two bits for each of 16 INTIDs, the upper one set for edge. `half` is 0 or 1.
u32 read_config(const InterruptBank& bank, unsigned half);
void write_config(InterruptBank& bank, unsigned half, u32 value);

} // namespace gimbal::gicv3
