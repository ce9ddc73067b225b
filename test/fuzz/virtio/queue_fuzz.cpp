// SPDX-License-Identifier: Apache-2.0
// A hostile driver's memory under one virtqueue, with a device that keeps a few requests and a reset at any moment.
#include "test/fuzz/virtio/machine.hpp"

namespace {

using namespace gimbal;
using virtio::Chain;
using virtio::Queue;

constexpr unsigned kept_chains = 4;
Chain chains[kept_chains];

void check_chain(const Chain& chain)
{
    const usize count = chain.readable().size() + chain.writable().size();
    GIMBAL_ASSERT(count >= 1 && count <= Chain::max_segments);
    u64 readable = 0;
    u64 writable = 0;
    for (const virtio::Segment& segment : chain.readable()) readable += segment.length;
    for (const virtio::Segment& segment : chain.writable()) writable += segment.length;
    GIMBAL_ASSERT(readable == chain.readable_bytes() && writable == chain.writable_bytes());
    GIMBAL_ASSERT(readable + writable <= u64{1} << 32);
}

u64 checksum(std::span<const u8> bytes)
{
    u64 sum = 0;
    for (const u8 byte : bytes) sum = sum * 31 + byte;
    return sum;
}

class Driver {
public:
    explicit Driver(test::OpStream& ops) : ops_(ops) {}
    void step()
    {
        Chain& chain = chains[ops_.take(1) % kept_chains];
        switch (ops_.take(1) % 14) {
        case 0: start_anywhere(); break;
        case 1:
            driver_.available = 0;
            GIMBAL_ASSERT(queue_.start(driver_.layout(), features()));
            taken_ = 0;
            break;
        case 2: ram_.poke(ops_.take(2), ops_.take_span(ops_.take(1) % 64)); break;
        case 3: driver_.describe(ram_, ops_); break;
        case 4: driver_.offer(ram_, ops_.take(1) % (test::FuzzQueue::size + 1)); break;
        case 5: pop(chain); break;
        case 6: read(chain); break;
        case 7: write(chain); break;
        case 8:
            if (queue_.push(chain, static_cast<u32>(ops_.take(2)))) --taken_;
            break;
        case 9: static_cast<void>(queue_.refuse(chain)); break;
        case 10: static_cast<void>(queue_.take_interrupt()); break;
        case 11: queue_.disable_notifications(); break;
        case 12: static_cast<void>(queue_.enable_notifications()); break;
        case 13: stop_and_try(chain); break;
        }
    }

private:
    u64 features() { return ops_.take(1) << 28; }
    void start_anywhere()
    {
        const virtio::QueueLayout layout{static_cast<u16>(ops_.take(2)),
                                         {test::take_address(ops_)},
                                         {test::take_address(ops_)},
                                         {test::take_address(ops_)}};
        if (queue_.start(layout, features())) taken_ = 0;
    }
    void pop(Chain& chain)
    {
        const auto popped = queue_.pop(chain);
        if (!popped || !*popped) return;
        check_chain(chain);
        GIMBAL_ASSERT(++taken_ <= virtio::max_queue_size);
        if (ops_.take(1) % 4 != 0) return;
        queue_.unpop(chain);
        --taken_;
    }
    void read(const Chain& chain)
    {
        u8 bytes[64];
        static_cast<void>(queue_.read(chain, ops_.take(2), {bytes, ops_.take(1) % sizeof bytes}));
    }
    void write(const Chain& chain)
    {
        const u64 offset = ops_.take(2);
        static_cast<void>(queue_.write(chain, offset, ops_.take_span(ops_.take(1) % 64)));
    }
    /// A request of a life that has ended changes nothing.
    void stop_and_try(const Chain& chain)
    {
        queue_.stop();
        const u64 before = checksum(ram_.bytes());
        u8 bytes[16]{};
        GIMBAL_ASSERT(!queue_.push(chain, 0));
        GIMBAL_ASSERT(chain.writable_bytes() < sizeof bytes || !queue_.write(chain, 0, bytes));
        GIMBAL_ASSERT(chain.readable_bytes() < sizeof bytes || !queue_.read(chain, 0, bytes));
        GIMBAL_ASSERT(!queue_.take_interrupt() && !queue_.enable_notifications());
        GIMBAL_ASSERT(checksum(ram_.bytes()) == before);
    }

    test::OpStream& ops_;
    test::FuzzRam ram_;
    test::FuzzQueue driver_;
    Queue queue_{ram_.memory};
    i64 taken_{}; // of this life, not given back
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    for (Chain& chain : chains) chain = {};
    test::OpStream ops(data, size);
    Driver driver(ops);
    while (!ops.empty()) driver.step();
    return 0;
}
