// SPDX-License-Identifier: Apache-2.0
#include "block.hpp"
#include "guest/images/common/virtio.hpp"

namespace {

constexpr u64 flush_feature = bit(9);
constexpr u32 read_type = 0;

struct Header {
    u32 type;
    u32 reserved;
    u64 sector;
};

VirtioDevice device;
alignas(4096) Rings rings;
alignas(16) volatile Header header;
volatile u8 answer;

bool request(u32 type, u64 sector, const void* data, u32 bytes)
{
    header.type = type;
    header.sector = sector;
    answer = 0xFF;
    rings.describe(0, address_of(&header), sizeof header, next_flag, 1);
    u16 last = 1;
    if (bytes != 0) {
        rings.describe(1, address_of(data), bytes, type == read_type ? next_flag | write_flag : next_flag, 2);
        last = 2;
    }
    rings.describe(last, address_of(&answer), 1, write_flag);
    rings.offer(0);
    device.notify(0);
    while (rings.used.index != rings.available.index) asm volatile("yield" ::: "memory");
    barrier();
    return answer == 0;
}

} // namespace

bool queue_start()
{
    for (u32 slot = 0; device.id != block; ++slot)
        if (slot == slot_count || !device.find(first_slot + slot * slot_size)) return false;
    if ((device.features() & flush_feature) == 0 || !device.negotiate(version_1 | flush_feature)) return false;
    device.set_up(0, rings.layout());
    device.driver_ok();
    return true;
}

bool queue_read(u64 sector, void* data, u32 bytes) { return request(read_type, sector, data, bytes); }
bool queue_write(u64 sector, const void* data, u32 bytes) { return request(1, sector, data, bytes); }
bool queue_flush() { return request(4, 0, nullptr, 0); }
