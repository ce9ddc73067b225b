// SPDX-License-Identifier: Apache-2.0
// channel send|receive MIB: passes so many MiB of random numbers through the channel's memory as a ring, and prints
// their checksum. Counters start where they are, so that a sender and a receiver of later runs find each other too.
#include <sys/random.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "guest/channel/channel.hpp"

namespace {

using namespace gimbal;
using channel::End;

/// At the start of the memory; the ring is behind it. Counts of 8-byte words, which never wrap.
struct Control {
    u64 written; // by the sender only
    u64 padding[7];
    u64 read; // by the receiver only
};
constexpr usize ring_offset = 256;

class Ring {
public:
    explicit Ring(End& end)
        : control_(reinterpret_cast<Control*>(end.memory())),
          words_(reinterpret_cast<volatile u64*>(end.memory() + ring_offset)),
          capacity_((end.memory_size() - ring_offset) / sizeof(u64))
    {
    }
    u64 written() const { return __atomic_load_n(&control_->written, __ATOMIC_ACQUIRE); }
    u64 read() const { return __atomic_load_n(&control_->read, __ATOMIC_ACQUIRE); }
    void set_written(u64 count) { __atomic_store_n(&control_->written, count, __ATOMIC_RELEASE); }
    void set_read(u64 count) { __atomic_store_n(&control_->read, count, __ATOMIC_RELEASE); }
    u64 capacity() const { return capacity_; }
    u64 get(u64 index) const { return words_[index % capacity_]; }
    void put(u64 index, u64 word) { words_[index % capacity_] = word; }

private:
    Control* control_;
    volatile u64* words_;
    u64 capacity_;
};

/// Depends on each bit and on the order.
u64 mix(u64 sum, u64 word)
{
    sum = (sum ^ word) * 0x9E37'79B9'7F4A'7C15;
    return sum << 29 | sum >> 35;
}

/// SplitMix64.
u64 next_random(u64& state)
{
    u64 word = state += 0x9E37'79B9'7F4A'7C15;
    word = (word ^ word >> 30) * 0xBF58'476D'1CE4'E5B9;
    word = (word ^ word >> 27) * 0x94D0'49BB'1331'11EB;
    return word ^ word >> 31;
}

bool send(End& end, Ring& ring, u64 words, u64& sum)
{
    u64 state = 0;
    if (getrandom(&state, sizeof(state), 0) != sizeof(state)) return false;
    u64 at = ring.written();
    const u64 last = at + words;
    while (at != last) {
        if (!end.wait([&] { return at - ring.read() < ring.capacity(); })) return false;
        const u64 room = ring.read() + ring.capacity();
        for (; at != last && at != room; ++at) {
            const u64 word = next_random(state);
            ring.put(at, word);
            sum = mix(sum, word);
        }
        ring.set_written(at);
        end.ring();
    }
    return end.wait([&] { return ring.read() == last; });
}

bool receive(End& end, Ring& ring, u64 words, u64& sum)
{
    u64 at = ring.read();
    const u64 last = at + words;
    while (at != last) {
        if (!end.wait([&] { return ring.written() != at; })) return false;
        for (const u64 there = ring.written(); at != last && at != there; ++at) sum = mix(sum, ring.get(at));
        ring.set_read(at);
        end.ring();
    }
    return true;
}

} // namespace

int main(int count, char** words)
{
    const bool sends = count == 3 && std::strcmp(words[1], "send") == 0;
    const unsigned long size = count == 3 ? std::strtoul(words[2], nullptr, 10) : 0;
    if (size == 0 || (!sends && std::strcmp(words[1], "receive") != 0)) {
        std::printf("usage: channel send|receive MIB\n");
        return 2;
    }
    End end;
    if (!end.open()) return 1;
    Ring ring(end);
    u64 sum = 0;
    const u64 word_count = u64{size} << 17;
    if (!(sends ? send(end, ring, word_count, sum) : receive(end, ring, word_count, sum))) {
        std::printf("channel: the device is gone\n");
        return 1;
    }
    std::printf("GIMBAL-CHANNEL %s %lu MiB, checksum %016lx, rang %lu times, was rung %lu times\n",
                sends ? "sent" : "received", size, sum, end.rung(), end.interrupts());
    return 0;
}
