// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"
#include "engine/translator/core/cpu_state.hpp"
#include "engine/translator/ir/type.hpp"

namespace gimbal::translator {

/// Guest RAM as slow paths touch it: host_memory.hpp with the size known at run time only.
namespace host {

/// 1 << size_log2 bytes, 16 as two halves (A64 without LSE2 promises no more).
V128 load(const u8* at, unsigned size_log2);
void store(u8* at, unsigned size_log2, const V128& value);

/// Compare-and-swap of a naturally aligned 1..16 byte location; `old` receives what was there. Sequentially consistent.
bool compare_exchange(u8* at, unsigned size_log2, const V128& expected, const V128& desired, V128& old);

/// Atomic read-modify-write of a naturally aligned 1..8 byte location; the old value. Sequentially consistent.
u64 read_modify_write(u8* at, unsigned size_log2, ir::Atomic kind, u64 operand);

/// What `kind` makes of `value` (1 << size_log2 bytes): for locations that are not RAM.
u64 modify(u64 value, unsigned size_log2, ir::Atomic kind, u64 operand);

V128 byte_swap(const V128& value, unsigned size_log2);

} // namespace host

} // namespace gimbal::translator
