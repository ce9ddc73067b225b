// SPDX-License-Identifier: Apache-2.0
#include "guest/images/common/virtio.hpp"

namespace mmio = virtio_mmio;

Layout Rings::layout() const
{
    return {queue_size, address_of(descriptors), address_of(&available), address_of(&used)};
}

void Rings::describe(u32 index, u64 address, u32 length, u16 flags, u16 next)
{
    volatile Descriptor& descriptor = descriptors[index];
    descriptor.address = address;
    descriptor.length = length;
    descriptor.flags = flags;
    descriptor.next = next;
}

void Rings::offer(u16 head)
{
    const u16 index = available.index;
    available.ring[index % queue_size] = head;
    barrier();
    available.index = static_cast<u16>(index + 1);
    barrier();
}

bool VirtioDevice::find(u64 at)
{
    base = at;
    if (read(mmio::magic_value) != 0x7472'6976 || read(mmio::version) != 2) return false;
    id = read(mmio::device_id);
    return id != 0;
}

u64 VirtioDevice::features() const
{
    u64 features = 0;
    for (u32 half = 0; half < 2; ++half) {
        write(mmio::device_features_select, half);
        features |= u64{read(mmio::device_features)} << (32 * half);
    }
    return features;
}

bool VirtioDevice::negotiate(u64 features) const
{
    using namespace device_status;
    reset();
    write(mmio::status, acknowledge);
    write(mmio::status, acknowledge | driver);
    for (u32 half = 0; half < 2; ++half) {
        write(mmio::driver_features_select, half);
        write(mmio::driver_features, static_cast<u32>(features >> (32 * half)));
    }
    write(mmio::status, acknowledge | driver | features_ok);
    return (status() & features_ok) != 0;
}

void VirtioDevice::set_up(u32 queue, const Layout& layout) const
{
    const auto write_address = [this](u64 offset, u64 address) {
        write(offset, static_cast<u32>(address));
        write(offset + 4, static_cast<u32>(address >> 32));
    };
    write(mmio::queue_select, queue);
    write(mmio::queue_size, layout.size);
    write_address(mmio::queue_descriptors, layout.descriptors);
    write_address(mmio::queue_driver, layout.available);
    write_address(mmio::queue_device, layout.used);
    write(mmio::queue_ready, 1);
}
