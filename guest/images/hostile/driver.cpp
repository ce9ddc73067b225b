// SPDX-License-Identifier: Apache-2.0
#include "driver.hpp"

namespace {

constexpr u64 patience_s = 10;

template <class Condition>
bool wait_for(Condition&& condition)
{
    const u64 start = now();
    while (!condition())
        if (now() - start > patience_s * ticks_per_second()) return false;
    barrier();
    return true;
}

void clear(volatile void* memory, u64 bytes)
{
    volatile u8* const at = static_cast<volatile u8*>(memory);
    for (u64 i = 0; i < bytes; ++i) at[i] = 0;
}

} // namespace

bool Device::find(u64 at, Queue* memory)
{
    if (!VirtioDevice::find(at)) return false;
    queues = memory;
    for (queue_count = 0; queue_count < max_queues; ++queue_count) {
        write(virtio_mmio::queue_select, queue_count);
        if (read(virtio_mmio::queue_size_max) == 0) break;
    }
    return true;
}

bool Device::bring_up() const
{
    reset();
    for (u32 queue = 0; queue < queue_count; ++queue) {
        Queue& memory = queues[queue];
        clear(memory.descriptors, sizeof memory.descriptors);
        clear(&memory.available, sizeof memory.available);
        clear(&memory.used, sizeof memory.used);
    }
    if (!negotiate(version_1 | indirect_descriptors)) return false;
    for (u32 queue = 0; queue < queue_count; ++queue) set_up(queue, layout(queue));
    driver_ok();
    return status() == device_status::runs;
}

bool Device::wait_used(u32 queue, u16 index) const
{
    return wait_for([&] { return queues[queue].used.index == index; });
}

bool Device::wait_needs_reset() const
{
    return wait_for([&] { return needs_reset(); });
}

bool Device::request(u32 queue) const
{
    Queue& memory = queues[queue];
    const u64 buffer = address_of(memory.buffer);
    const u16 before = memory.used.index;
    clear(memory.buffer, sizeof memory.buffer);
    u32 expected = 0;
    if (id == entropy) {
        describe(queue, 0, buffer, 32, write_flag);
        expected = 32;
    } else if (id == console && queue == 0) { // input: as much as has come
        describe(queue, 0, buffer, 16, write_flag);
    } else if (id == console) {
        memory.buffer[0] = '+';
        describe(queue, 0, buffer, 1, 0);
    } else if (id == block) { // VIRTIO_BLK_T_GET_ID: header, 20 bytes, status
        memory.buffer[0] = 8;
        memory.buffer[64] = 0xFF;
        describe(queue, 0, buffer, 16, next_flag, 1);
        describe(queue, 1, buffer + 32, 20, next_flag | write_flag, 2);
        describe(queue, 2, buffer + 64, 1, write_flag);
        expected = 21;
    } else { // a frame to everybody, behind its header
        for (u32 i = 0; i < 6; ++i) memory.buffer[12 + i] = 0xFF;
        describe(queue, 0, buffer, 12 + 60, 0);
    }
    offer(queue, 0);
    if (!wait_used(queue, static_cast<u16>(before + 1))) return false;
    const u32 length = memory.used.ring[before % queue_size].length;
    if (id == console && queue == 0) return length >= 1 && length <= 16;
    if (length != expected) return false;
    if (id == block) return memory.buffer[64] == 0;
    u8 any = id == entropy ? u8{0} : u8{1};
    for (u32 i = 0; i < expected; ++i) any |= memory.buffer[i];
    return any != 0;
}
