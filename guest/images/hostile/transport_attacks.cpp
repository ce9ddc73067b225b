// SPDX-License-Identifier: Apache-2.0
// Registers used as no driver may: wrong widths, wrong order, wrong places, and resets at any moment.
#include "attacks.hpp"

namespace {

/// Every width but the right one, and accesses that move more than one register or none at all.
bool odd_accesses(const Device& device)
{
    for (u64 offset = 0; offset < 0x100; offset += 4) {
        const u64 at = device.base + offset;
        const u64 before = aborts;
        u64 value = 0;
        u64 other = 0;
        asm volatile("ldrb %w0, [%1]" : "+r"(value) : "r"(at) : "memory");
        asm volatile("ldrh %w0, [%1]" : "+r"(value) : "r"(at) : "memory");
        asm volatile("strb %w0, [%1]" ::"r"(value), "r"(at) : "memory");
        asm volatile("strh %w0, [%1]" ::"r"(value), "r"(at) : "memory");
        if (aborts != before + 4) return false;
        asm volatile("ldr %0, [%1]" : "+r"(value) : "r"(at) : "memory");
        asm volatile("ldp %0, %1, [%2]" : "+r"(value), "+r"(other) : "r"(at) : "memory");
        asm volatile("ldur %w0, [%1, #2]" : "+r"(value) : "r"(at) : "memory");
        asm volatile("ldar %w0, [%1]" : "+r"(value) : "r"(at) : "memory");
        asm volatile("ldadd %w0, %w0, [%1]" : "+r"(value) : "r"(at) : "memory");
        asm volatile("dc zva, %0" ::"r"(at) : "memory");
    }
    return true;
}

bool places_that_are_not_there(const Device& device)
{
    constexpr u64 places[] = {0x018, 0x028, 0x03C, 0x040, 0x054, 0x068, 0x0C0, 0x0F8};
    for (const u64 offset : places) {
        const u64 before = aborts;
        write32(device.base + offset, 1);
        static_cast<void>(read32(device.base + offset));
        if (aborts != before + 2) return false;
    }
    return true;
}

bool random_registers(const Device& device)
{
    for (u32 i = 0; i < 2000; ++i) {
        const u64 at = device.base + 4 * random(0x80);
        if (random(2) == 0)
            static_cast<void>(read32(at));
        else
            write32(at, static_cast<u32>(random64() >> random(64)));
    }
    return true;
}

bool features_that_are_not_offered(const Device& device)
{
    if (device.negotiate(~u64{0}) || device.negotiate(version_1 | bit(40)) || device.negotiate(0)) return false;
    device.driver_ok();
    return (device.status() & device_status::driver_ok) == 0;
}

bool queues_in_impossible_places(const Device& device)
{
    const Layout sound = device.layout(0);
    const Layout bad[] = {
        {0,          sound.descriptors,     sound.available,     sound.used            },
        {3,          sound.descriptors,     sound.available,     sound.used            },
        {512,        sound.descriptors,     sound.available,     sound.used            },
        {0x1'0008,   sound.descriptors,     sound.available,     sound.used            },
        {queue_size, sound.descriptors + 8, sound.available,     sound.used            },
        {queue_size, sound.descriptors,     sound.available + 1, sound.used            },
        {queue_size, sound.descriptors,     sound.available,     sound.used + 2        },
        {queue_size, sound.descriptors,     sound.descriptors,   sound.used            },
        {queue_size, sound.descriptors,     sound.available,     sound.descriptors + 64},
        {queue_size, ram_end - 16,          sound.available,     sound.used            },
        {queue_size, sound.descriptors,     sound.available,     ram_end - 4           },
        {queue_size, ~u64{0} - 15,          sound.available,     sound.used            },
        {queue_size, sound.descriptors,     ~u64{0} - 1,         sound.used            },
        {queue_size, device.base,           sound.available,     sound.used            },
        {queue_size, 0,                     0,                   0                     },
    };
    for (const Layout& layout : bad) {
        if (!device.negotiate(version_1)) return false;
        device.set_up(0, layout);
        device.driver_ok();
        if (!device.needs_reset()) return false;
        device.notify(0);
    }
    return true;
}

/// The device runs on with what it had.
bool reconfigured_while_it_runs(const Device& device)
{
    const u32 queue = device.main_queue();
    device.set_up(queue, {4, 0, 0, 0});
    if (!device.request(queue)) return false;
    device.write(virtio_mmio::queue_ready, 0);
    device.set_up(queue, device.layout(queue));
    return device.read(virtio_mmio::queue_ready) == 0;
}

bool queues_that_are_not_there(const Device& device)
{
    const u32 absent[] = {device.queue_count, 16, 0x1'0000, 0xFFFF'FFFF};
    for (const u32 queue : absent) {
        if (queue == device.queue_count && device.queue_count == max_queues) continue; // there may be more
        device.set_up(queue, device.layout(0));
        if (device.read(virtio_mmio::queue_size_max) != 0 || device.read(virtio_mmio::queue_ready) != 0) return false;
        device.notify(queue);
    }
    return device.request(device.main_queue());
}

bool resets_with_requests_in_flight(const Device& device)
{
    for (u32 round = 0; round < 200; ++round) {
        if (!device.bring_up()) return false;
        const u32 queue = device.main_queue();
        device.describe(queue, 0, address_of(device.queues[queue].buffer), 32, device.id == entropy ? write_flag : 0);
        device.offer(queue, 0);
        device.reset();
        // What comes after this is not the device's.
        device.queues[queue].used.index = 0;
        barrier();
        if (device.queues[queue].used.index != 0 || device.status() != 0) return false;
    }
    return true;
}

bool a_storm_of_resets(const Device& device)
{
    for (u32 i = 0; i < 1000; ++i) device.reset();
    return device.status() == 0;
}

/// Interrupts that are never acknowledged.
bool events_without_acknowledgement(const Device& device)
{
    for (u32 i = 0; i < 20; ++i)
        if (!device.request(device.main_queue())) return false;
    return (device.read(virtio_mmio::interrupt_status) & 1) != 0;
}

} // namespace

const TransportAttack transport_attacks[] = {
    {"accesses of every other width",      odd_accesses                  },
    {"registers that are not there",       places_that_are_not_there     },
    {"random registers",                   random_registers              },
    {"features that are not offered",      features_that_are_not_offered },
    {"queues in impossible places",        queues_in_impossible_places   },
    {"a queue reconfigured while it runs", reconfigured_while_it_runs    },
    {"queues that are not there",          queues_that_are_not_there     },
    {"resets with requests in flight",     resets_with_requests_in_flight},
    {"a storm of resets",                  a_storm_of_resets             },
    {"interrupts never acknowledged",      events_without_acknowledgement},
};
const u32 transport_attack_count = sizeof transport_attacks / sizeof transport_attacks[0];
