// SPDX-License-Identifier: Apache-2.0
#include "block.hpp"

namespace {

constexpr u64 first_slot = 0x0A00'0000;
constexpr u64 slot_size = 0x200;
constexpr u64 slots = 32;

// virtio-mmio (VIRTIO 1.2, 4.2.2).
constexpr u64 magic_value = 0x000;
constexpr u64 version = 0x004;
constexpr u64 device_id = 0x008;
constexpr u64 device_features = 0x010;
constexpr u64 device_features_select = 0x014;
constexpr u64 driver_features = 0x020;
constexpr u64 driver_features_select = 0x024;
constexpr u64 queue_select = 0x030;
constexpr u64 queue_size = 0x038;
constexpr u64 queue_ready = 0x044;
constexpr u64 queue_notify = 0x050;
constexpr u64 status = 0x070;
constexpr u64 queue_descriptors = 0x080;
constexpr u64 queue_driver = 0x090;
constexpr u64 queue_device = 0x0A0;

constexpr u32 block_device = 2;
constexpr u32 flush_feature = 1U << 9;
constexpr u16 entries = 4;
constexpr u16 has_next = 1;
constexpr u16 writable = 2;
constexpr u32 read_type = 0;

struct Descriptor {
    u64 address;
    u32 length;
    u16 flags;
    u16 next;
};
struct Available {
    u16 flags;
    u16 index;
    u16 ring[entries];
    u16 used_event;
};
struct Used {
    u16 flags;
    u16 index;
    struct {
        u32 id;
        u32 length;
    } ring[entries];
    u16 available_event;
};
struct Header {
    u32 type;
    u32 reserved;
    u64 sector;
};

u64 device;
alignas(16) volatile Descriptor descriptors[entries];
alignas(4) volatile Available available;
alignas(4) volatile Used used;
alignas(16) volatile Header header;
volatile u8 answer;

volatile u32& at(u64 offset) { return *reinterpret_cast<volatile u32*>(device + offset); }
u64 address_of(const volatile void* pointer) { return reinterpret_cast<u64>(pointer); }

void set_address(u64 offset, const volatile void* area)
{
    at(offset) = static_cast<u32>(address_of(area));
    at(offset + 4) = static_cast<u32>(address_of(area) >> 32);
}

void describe(u16 index, const volatile void* data, u32 length, u16 flags)
{
    descriptors[index].address = address_of(data);
    descriptors[index].length = length;
    descriptors[index].flags = flags;
    descriptors[index].next = static_cast<u16>(index + 1);
}

bool request(u32 type, u64 sector, const void* data, u32 bytes)
{
    header.type = type;
    header.sector = sector;
    answer = 0xFF;
    describe(0, &header, sizeof(header), has_next);
    u16 last = 1;
    if (bytes != 0) describe(last++, data, bytes, type == read_type ? has_next | writable : has_next);
    describe(last, &answer, 1, writable);
    const u16 next = static_cast<u16>(available.index + 1);
    available.ring[available.index % entries] = 0;
    asm volatile("dsb sy" ::: "memory");
    available.index = next;
    asm volatile("dsb sy" ::: "memory");
    at(queue_notify) = 0;
    while (used.index != next) asm volatile("yield" ::: "memory");
    asm volatile("dsb sy" ::: "memory");
    return answer == 0;
}

} // namespace

bool queue_start()
{
    for (u64 slot = 0; slot < slots && device == 0; ++slot) {
        const u64 base = first_slot + slot * slot_size;
        const auto field = [base](u64 offset) { return *reinterpret_cast<volatile u32*>(base + offset); };
        if (field(magic_value) == 0x7472'6976 && field(version) == 2 && field(device_id) == block_device) device = base;
    }
    if (device == 0) return false;
    at(status) = 0;
    at(status) = 1;     // ACKNOWLEDGE
    at(status) = 1 | 2; // DRIVER
    at(device_features_select) = 0;
    if ((at(device_features) & flush_feature) == 0) return false;
    at(driver_features_select) = 0;
    at(driver_features) = flush_feature;
    at(driver_features_select) = 1;
    at(driver_features) = 1; // VERSION_1
    at(status) = 1 | 2 | 8;  // FEATURES_OK
    if ((at(status) & 8) == 0) return false;
    at(queue_select) = 0;
    at(queue_size) = entries;
    set_address(queue_descriptors, descriptors);
    set_address(queue_driver, &available);
    set_address(queue_device, &used);
    at(queue_ready) = 1;
    at(status) = 1 | 2 | 8 | 4; // DRIVER_OK
    return true;
}

bool queue_read(u64 sector, void* data, u32 bytes) { return request(read_type, sector, data, bytes); }
bool queue_write(u64 sector, const void* data, u32 bytes) { return request(1, sector, data, bytes); }
bool queue_flush() { return request(4, 0, nullptr, 0); }
