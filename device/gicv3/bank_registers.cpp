// SPDX-License-Identifier: Apache-2.0
#include "device/gicv3/bank_registers.hpp"

namespace gimbal::gicv3 {

u32 read_block(const InterruptBank& bank, BankBlock block)
{
    switch (block) {
    case BankBlock::igroupr: return bank.group;
    case BankBlock::isenabler:
    case BankBlock::icenabler: return bank.enabled;
    case BankBlock::ispendr:
    case BankBlock::icpendr: return bank.pending();
    case BankBlock::isactiver:
    case BankBlock::icactiver: return bank.active;
    }
    return 0;
}

void write_block(InterruptBank& bank, BankBlock block, u32 value)
{
    switch (block) {
    case BankBlock::igroupr: bank.group = value; break;
    case BankBlock::isenabler: bank.enabled |= value; break;
    case BankBlock::icenabler: bank.enabled &= ~value; break;
    case BankBlock::ispendr: bank.latch |= value; break;
    case BankBlock::icpendr:
        bank.latch &= ~value;
        bank.shown &= ~value;
        break;
    case BankBlock::isactiver: bank.active |= value; break;
    case BankBlock::icactiver: bank.active &= ~value; break;
    }
}

u64 read_priorities(const InterruptBank& bank, unsigned first, AccessSize size)
{
    u64 value = 0;
    for (unsigned i = 0; i < byte_count(size); ++i) value |= u64{bank.priority[first + i]} << (8 * i);
    return value;
}

void write_priorities(InterruptBank& bank, unsigned first, AccessSize size, u64 value)
{
    for (unsigned i = 0; i < byte_count(size); ++i)
        bank.priority[first + i] = static_cast<u8>(bits(value, 8 * i, 8) & priority_mask);
}

u32 read_config(const InterruptBank& bank, unsigned half)
{
    u32 value = 0;
    for (unsigned i = 0; i < 16; ++i) value |= ((bank.edge >> (half * 16 + i)) & 1) << (2 * i + 1);
    return value;
}

void write_config(InterruptBank& bank, unsigned half, u32 value)
{
    u32 edge = 0;
    for (unsigned i = 0; i < 16; ++i) edge |= ((value >> (2 * i + 1)) & 1) << i;
    bank.edge = (bank.edge & ~(u32{0xFFFF} << (half * 16))) | edge << (half * 16);
}

} // namespace gimbal::gicv3
