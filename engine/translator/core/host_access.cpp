// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/core/host_access.hpp"

#include "base/assert.hpp"
#include "engine/translator/core/host_memory.hpp"

namespace gimbal::translator::host {

V128 load(const u8* at, unsigned size_log2)
{
    switch (size_log2) {
    case 0: return {host_load<u8>(at), 0};
    case 1: return {host_load<u16>(at), 0};
    case 2: return {host_load<u32>(at), 0};
    case 3: return {host_load<u64>(at), 0};
    case 4: return {host_load<u64>(at), host_load<u64>(at + 8)};
    }
    GIMBAL_UNREACHABLE();
}

void store(u8* at, unsigned size_log2, const V128& value)
{
    switch (size_log2) {
    case 0: return host_store<u8>(at, static_cast<u8>(value.lo));
    case 1: return host_store<u16>(at, static_cast<u16>(value.lo));
    case 2: return host_store<u32>(at, static_cast<u32>(value.lo));
    case 3: return host_store<u64>(at, value.lo);
    case 4: host_store<u64>(at, value.lo); return host_store<u64>(at + 8, value.hi);
    }
    GIMBAL_UNREACHABLE();
}

namespace {

template <class T>
bool exchange(u8* at, const V128& expected, const V128& desired, V128& old)
{
    T found = static_cast<T>(expected.lo);
    const bool done = translator::compare_exchange<T>(at, found, static_cast<T>(desired.lo));
    old = {found, 0};
    return done;
}

bool exchange_16(u8* at, const V128& expected, const V128& desired, V128& old)
{
    old = expected;
    return compare_exchange_128(at, old, desired);
}

} // namespace

bool compare_exchange(u8* at, unsigned size_log2, const V128& expected, const V128& desired, V128& old)
{
    switch (size_log2) {
    case 0: return exchange<u8>(at, expected, desired, old);
    case 1: return exchange<u16>(at, expected, desired, old);
    case 2: return exchange<u32>(at, expected, desired, old);
    case 3: return exchange<u64>(at, expected, desired, old);
    case 4: return exchange_16(at, expected, desired, old);
    }
    GIMBAL_UNREACHABLE();
}

u64 modify(u64 value, unsigned size_log2, ir::Atomic kind, u64 operand)
{
    switch (size_log2) {
    case 0: return combine<u8>(kind, static_cast<u8>(value), static_cast<u8>(operand));
    case 1: return combine<u16>(kind, static_cast<u16>(value), static_cast<u16>(operand));
    case 2: return combine<u32>(kind, static_cast<u32>(value), static_cast<u32>(operand));
    case 3: return combine<u64>(kind, value, operand);
    }
    GIMBAL_UNREACHABLE();
}

u64 read_modify_write(u8* at, unsigned size_log2, ir::Atomic kind, u64 operand)
{
    V128 old = load(at, size_log2);
    while (!compare_exchange(at, size_log2, old, {modify(old.lo, size_log2, kind, operand), 0}, old)) {}
    return old.lo;
}

V128 byte_swap(const V128& value, unsigned size_log2)
{
    if (size_log2 == 4) return byte_swapped(value);
    return {byte_swapped(value.lo) >> (64 - (8U << size_log2)), 0};
}

} // namespace gimbal::translator::host
