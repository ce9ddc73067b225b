// SPDX-License-Identifier: Apache-2.0
// Needs two CPUs, 64 MiB, and `--console virtio` with a stream as standard input.
// Every attack on every device, each followed by honest requests: beside it on devices and queues that were left alone,
// and on the attacked device after a reset. One line per attack; the last line is the verdict.
#include "attacks.hpp"

namespace {

constexpr u32 max_devices = 8;

Device devices[max_devices];
u32 device_count;
Queue memory[max_devices][max_queues];
u32 passed;
u32 total;
bool input_flows; ///< The virtio console has input.

const char* name_of(u32 id)
{
    if (id == network) return "network";
    if (id == block) return "block";
    if (id == console) return "console";
    if (id == entropy) return "entropy";
    return "device";
}

void report(const char* device, const char* attack, const char* problem)
{
    ++total;
    if (problem == nullptr) ++passed;
    print_all(problem == nullptr ? "ok   " : "FAIL ", device, ": ", attack);
    if (problem != nullptr) print_all(": ", problem);
    print("\n");
}

/// The devices that were left alone still do what they are for.
bool neighbours_work(const Device& attacked)
{
    for (u32 i = 0; i < device_count; ++i)
        if (&devices[i] != &attacked && !devices[i].request(devices[i].main_queue())) return false;
    return true;
}

/// The other queue of the console goes on while one is attacked.
bool other_queue_works(const Device& device, u32 attacked)
{
    if (device.id != console) return true;
    return attacked == 0 ? device.request(1) : !input_flows || device.request(0);
}

/// A device looks at buffers for input only when there is some.
bool waits_for_input(const Device& device, u32 queue)
{
    return queue == 0 && (device.id == network || (device.id == console && !input_flows));
}

bool recovers(const Device& device) { return device.bring_up() && device.request(device.main_queue()); }

void attack_queue(const Device& device, u32 queue, const Attack& attack)
{
    const char* problem = nullptr;
    if (!device.bring_up()) problem = "the device cannot be brought up";
    attack.run(device, queue);
    const bool judged = problem == nullptr && !waits_for_input(device, queue);
    if (judged && attack.outcome == Outcome::breaks && !device.wait_needs_reset())
        problem = "the device does not need a reset";
    // The network's other queues take no frames from us.
    const u32 honest = device.id == network ? device.main_queue() : queue;
    if (judged && attack.outcome == Outcome::works && !device.request(honest)) problem = "the queue works no more";
    if (problem == nullptr && !other_queue_works(device, queue)) problem = "its other queue works no more";
    if (problem == nullptr && !neighbours_work(device)) problem = "another device works no more";
    if (problem == nullptr && !recovers(device)) problem = "the device does not recover";
    report(name_of(device.id), attack.name, problem);
}

void attack_transport(const Device& device, const TransportAttack& attack)
{
    const char* problem = nullptr;
    if (!device.bring_up())
        problem = "the device cannot be brought up";
    else if (!attack.run(device))
        problem = "not as it must be";
    else if (!neighbours_work(device))
        problem = "another device works no more";
    else if (!recovers(device))
        problem = "the device does not recover";
    report(name_of(device.id), attack.name, problem);
}

// The second CPU changes a request while the device looks at it.

const Device* volatile flipped_device;
volatile u32 flipped_queue;
u64 flip_state = 88172645463325252;

void flip()
{
    flip_state ^= flip_state << 13;
    flip_state ^= flip_state >> 7;
    flip_state ^= flip_state << 17;
    Queue& queue = flipped_device->queues[flipped_queue];
    volatile Descriptor& descriptor = queue.descriptors[flip_state % 2];
    const u64 buffer = address_of(queue.buffer);
    const bool evil = (flip_state >> 8 & 1) != 0;
    switch (flip_state >> 4 & 7) {
    case 0: descriptor.address = evil ? ram_end - 8 : buffer; break;
    case 1: descriptor.length = evil ? 0xFFFF'FFFF : 16; break;
    case 2: descriptor.flags = static_cast<u16>(flip_state >> 16 & 7); break;
    case 3: descriptor.next = static_cast<u16>(flip_state >> 16 & 15); break;
    case 4: queue.available.ring[flip_state >> 16 & 7] = static_cast<u16>(flip_state >> 24 & 15); break;
    case 5: queue.table[0].address = evil ? ~u64{0} : buffer; break;
    case 6: queue.table[0].length = evil ? 0x8000'0000 : 8; break;
    case 7: queue.buffer[flip_state >> 16 & 63] = static_cast<u8>(flip_state >> 32); break;
    }
}

void race(const Device& device, u32 queue)
{
    constexpr u32 rounds = 300;
    const char* problem = nullptr;
    flipped_device = &device;
    flipped_queue = queue;
    if (!device.bring_up()) problem = "the device cannot be brought up";
    if (!start_second(flip)) problem = "there is no second CPU";
    for (u32 round = 0; round < rounds && problem == nullptr; ++round) {
        volatile Descriptor& table = device.queues[queue].table[0];
        table.address = address_of(device.queues[queue].buffer);
        table.length = 8;
        table.flags = write_flag;
        device.describe(queue, 1, address_of(&table), 16, indirect_flag);
        device.describe(queue, 0, address_of(device.queues[queue].buffer), 16, next_flag, 1);
        device.offer(queue, 0);
        if (round % 64 == 0 && !neighbours_work(device)) problem = "another device works no more";
        if (device.needs_reset() && !device.bring_up()) problem = "the device cannot be brought up";
    }
    stop_second();
    if (problem == nullptr && !neighbours_work(device)) problem = "another device works no more";
    if (problem == nullptr && !recovers(device)) problem = "the device does not recover";
    report(name_of(device.id), "a second CPU that changes requests", problem);
}

void find_devices()
{
    for (u32 slot = 0; slot < slot_count && device_count < max_devices; ++slot)
        if (devices[device_count].find(first_slot + slot_size * slot, memory[device_count])) ++device_count;
    for (u32 i = 0; i < device_count; ++i) {
        const Device& device = devices[i];
        report(name_of(device.id), "an honest request", recovers(device) ? nullptr : "it fails");
        if (device.id != console) continue;
        input_flows = device.request(0);
        report(name_of(device.id), "input", input_flows ? nullptr : "none has come");
    }
}

} // namespace

extern "C" [[noreturn]] void main()
{
    seed_random(20'260'101);
    find_devices();
    for (u32 i = 0; i < device_count; ++i) {
        const Device& device = devices[i];
        for (u32 n = 0; n < transport_attack_count; ++n) attack_transport(device, transport_attacks[n]);
        for (u32 queue = 0; queue < device.queue_count; ++queue) {
            for (u32 n = 0; n < queue_attack_count; ++n) attack_queue(device, queue, queue_attacks[n]);
            race(device, queue);
        }
    }
    const bool all = passed == total && device_count >= 2;
    print_all(all ? "GIMBAL-HOSTILE PASS " : "GIMBAL-HOSTILE FAIL ", passed, "/", total, "\n");
    power_off();
}
