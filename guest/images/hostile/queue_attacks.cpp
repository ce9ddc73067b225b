// SPDX-License-Identifier: Apache-2.0
// What no driver may put into memory, and what it may but nobody does.
#include "attacks.hpp"

namespace {

u64 buffer(const Device& device, u32 queue) { return address_of(device.queues[queue].buffer); }

/// The direction that the queue's device does not write in, or does.
u16 right_flags(const Device& device, u32 queue)
{
    const bool device_writes =
        device.id == entropy || (device.id == console && queue == 0) || (device.id == network && queue == 0);
    return device_writes ? write_flag : u16{0};
}

void one(const Device& device, u32 queue, u64 address, u32 length)
{
    device.describe(queue, 0, address, length, right_flags(device, queue));
    device.offer(queue, 0);
}

/// Descriptor 0 names the indirect table, with these flags and length.
void indirect(const Device& device, u32 queue, u32 length, u16 flags = indirect_flag)
{
    device.describe(queue, 0, address_of(device.queues[queue].table), length, flags, 1);
    device.offer(queue, 0);
}

void entry(const Device& device, u32 queue, u32 index, u16 flags, u16 next)
{
    volatile Descriptor& descriptor = device.queues[queue].table[index];
    descriptor.address = buffer(device, queue);
    descriptor.length = 1;
    descriptor.flags = static_cast<u16>(flags | ((flags & indirect_flag) == 0 ? right_flags(device, queue) : 0));
    descriptor.next = next;
}

void loops_on_itself(const Device& device, u32 queue)
{
    device.describe(queue, 0, buffer(device, queue), 1, next_flag, 0);
    device.offer(queue, 0);
}

void loops_in_a_ring(const Device& device, u32 queue)
{
    for (u16 i = 0; i < queue_size; ++i)
        device.describe(queue, i, buffer(device, queue), 1, next_flag, static_cast<u16>((i + 1) % queue_size));
    device.offer(queue, 3);
}

void head_beyond_the_table(const Device& device, u32 queue) { device.offer(queue, queue_size); }
void head_of_65535(const Device& device, u32 queue) { device.offer(queue, 0xFFFF); }

void next_beyond_the_table(const Device& device, u32 queue)
{
    device.describe(queue, 0, buffer(device, queue), 1, next_flag, 0x8000);
    device.offer(queue, 0);
}

void set_available(const Device& device, u32 queue, u16 index)
{
    device.queues[queue].available.index = index;
    barrier();
    device.notify(queue);
}

void index_jumps(const Device& device, u32 queue) { set_available(device, queue, queue_size + 1); }
void index_goes_back(const Device& device, u32 queue) { set_available(device, queue, 0xFFFF); }

void address_wraps(const Device& device, u32 queue) { one(device, queue, ~u64{0} - 1, 4); }
void last_byte_of_ram(const Device& device, u32 queue) { one(device, queue, ram_end - 1, 1); }
void beyond_ram(const Device& device, u32 queue) { one(device, queue, ram_end - 1, 2); }
void in_a_device(const Device& device, u32 queue) { one(device, queue, uart, 4); }
void in_its_own_registers(const Device& device, u32 queue) { one(device, queue, device.base, 0x200); }
void in_no_memory(const Device& device, u32 queue) { one(device, queue, 0x10, 64); }
void over_the_used_ring(const Device& device, u32 queue)
{
    one(device, queue, address_of(&device.queues[queue].used), sizeof(Used));
}
void over_the_descriptors(const Device& device, u32 queue)
{
    one(device, queue, address_of(device.queues[queue].descriptors), 128);
}
void of_no_length(const Device& device, u32 queue) { one(device, queue, buffer(device, queue), 0); }
void of_the_greatest_length(const Device& device, u32 queue) { one(device, queue, ram_end - 64, 0xFFFF'FFFF); }

void more_than_4_gib(const Device& device, u32 queue)
{
    const u16 flags = right_flags(device, queue);
    device.describe(queue, 0, buffer(device, queue), 0xFFFF'FFFF, static_cast<u16>(flags | next_flag), 1);
    device.describe(queue, 1, buffer(device, queue), 0xFFFF'FFFF, flags);
    device.offer(queue, 0);
}

void readable_behind_writable(const Device& device, u32 queue)
{
    device.describe(queue, 0, buffer(device, queue), 1, write_flag | next_flag, 1);
    device.describe(queue, 1, buffer(device, queue), 1, 0);
    device.offer(queue, 0);
}

void the_wrong_way(const Device& device, u32 queue)
{
    device.describe(queue, 0, buffer(device, queue), 16, right_flags(device, queue) ^ write_flag);
    device.offer(queue, 0);
}

void every_flag(const Device& device, u32 queue)
{
    device.describe(queue, 0, buffer(device, queue), 16, 0xFFFF, 1);
    device.offer(queue, 0);
}

void table_in_a_table(const Device& device, u32 queue)
{
    entry(device, queue, 0, indirect_flag, 0);
    indirect(device, queue, 16);
}
void table_of_an_odd_length(const Device& device, u32 queue) { indirect(device, queue, 17); }
void table_of_no_length(const Device& device, u32 queue) { indirect(device, queue, 0); }
void table_with_a_next(const Device& device, u32 queue)
{
    entry(device, queue, 0, 0, 0);
    indirect(device, queue, 16, indirect_flag | next_flag);
}
void table_that_loops(const Device& device, u32 queue)
{
    entry(device, queue, 0, next_flag, 1);
    entry(device, queue, 1, next_flag, 0);
    indirect(device, queue, 32);
}
void table_left_by_next(const Device& device, u32 queue)
{
    entry(device, queue, 0, next_flag, 1);
    indirect(device, queue, 16);
}
void table_longer_than_allowed(const Device& device, u32 queue)
{
    for (u16 i = 0; i < 272; ++i) entry(device, queue, i, i < 271 ? next_flag : u16{0}, static_cast<u16>(i + 1));
    indirect(device, queue, 272 * 16);
}
void table_beyond_ram(const Device& device, u32 queue)
{
    device.describe(queue, 0, ram_end, 16, indirect_flag);
    device.offer(queue, 0);
}
void table_that_wraps(const Device& device, u32 queue)
{
    device.describe(queue, 0, ~u64{0} - 15, 0xFFFF'FFF0, indirect_flag);
    device.offer(queue, 0);
}

void a_storm_of_notifications(const Device& device, u32 queue)
{
    for (u32 i = 0; i < 20'000; ++i) device.notify(queue);
}

/// A thousand rounds of the same head in every entry.
void a_storm_of_requests(const Device& device, u32 queue)
{
    device.describe(queue, 0, buffer(device, queue), 1, right_flags(device, queue));
    for (u32 i = 0; i < 1000; ++i) device.offer(queue, 0);
}

void random_memory(const Device& device, u32 queue)
{
    Queue& memory = device.queues[queue];
    for (u32 round = 0; round < 50; ++round) {
        for (u32 i = 0; i < queue_size; ++i) {
            const u64 near = buffer(device, queue) + random(2048) - 1024;
            device.describe(queue, i, random(4) == 0 ? random64() : near, static_cast<u32>(random64() >> random(64)),
                            static_cast<u16>(random(8)), static_cast<u16>(random(queue_size + 1)));
            memory.available.ring[i] = static_cast<u16>(random(queue_size + 1));
        }
        set_available(device, queue, static_cast<u16>(memory.available.index + random(4)));
    }
}

} // namespace

const Attack queue_attacks[] = {
    {"a descriptor that names itself",         Outcome::breaks, loops_on_itself          },
    {"descriptors in a ring",                  Outcome::breaks, loops_in_a_ring          },
    {"a head beyond the table",                Outcome::breaks, head_beyond_the_table    },
    {"a head of 65535",                        Outcome::breaks, head_of_65535            },
    {"a next beyond the table",                Outcome::breaks, next_beyond_the_table    },
    {"an index that jumps",                    Outcome::breaks, index_jumps              },
    {"an index that goes back",                Outcome::breaks, index_goes_back          },
    {"an address that wraps",                  Outcome::any,    address_wraps            },
    {"the last byte of RAM",                   Outcome::any,    last_byte_of_ram         },
    {"a buffer across the end of RAM",         Outcome::any,    beyond_ram               },
    {"a buffer in a device",                   Outcome::any,    in_a_device              },
    {"a buffer in the device's own registers", Outcome::any,    in_its_own_registers     },
    {"a buffer in no memory",                  Outcome::any,    in_no_memory             },
    {"a buffer over the used ring",            Outcome::any,    over_the_used_ring       },
    {"a buffer over the descriptors",          Outcome::any,    over_the_descriptors     },
    {"a buffer of no length",                  Outcome::any,    of_no_length             },
    {"a buffer of 4 GiB less a byte",          Outcome::any,    of_the_greatest_length   },
    {"a chain of 8 GiB",                       Outcome::breaks, more_than_4_gib          },
    {"readable behind writable",               Outcome::breaks, readable_behind_writable },
    {"a buffer for the wrong direction",       Outcome::any,    the_wrong_way            },
    {"every flag there is",                    Outcome::breaks, every_flag               },
    {"a table in a table",                     Outcome::breaks, table_in_a_table         },
    {"a table of 17 bytes",                    Outcome::breaks, table_of_an_odd_length   },
    {"a table of no length",                   Outcome::breaks, table_of_no_length       },
    {"a table with a next",                    Outcome::breaks, table_with_a_next        },
    {"a table that loops",                     Outcome::breaks, table_that_loops         },
    {"a table that next leaves",               Outcome::breaks, table_left_by_next       },
    {"a table of 272 entries",                 Outcome::breaks, table_longer_than_allowed},
    {"a table beyond RAM",                     Outcome::breaks, table_beyond_ram         },
    {"a table that wraps",                     Outcome::breaks, table_that_wraps         },
    {"a storm of notifications",               Outcome::works,  a_storm_of_notifications },
    {"a storm of requests",                    Outcome::any,    a_storm_of_requests      },
    {"random memory",                          Outcome::any,    random_memory            },
};
const u32 queue_attack_count = sizeof queue_attacks / sizeof queue_attacks[0];
