// SPDX-License-Identifier: Apache-2.0
// A guest at the registers of the virtio-mmio transport, over a device that gives every request back at once.
#include "test/fuzz/virtio/machine.hpp"

namespace {

using namespace gimbal;

class Echo final : public virtio::Device {
public:
    explicit Echo(virtio::QueueRunner& runner) : runner_(runner) {}
    virtio::DeviceId id() const override { return virtio::DeviceId::block; }
    u64 features() const override { return 0x55; }
    u32 queue_count() const override { return 3; }
    void attach(virtio::DeviceHost& host) override { host_ = &host; }
    void read_config(u32 offset, std::span<u8> out) override { std::ranges::fill(out, static_cast<u8>(offset)); }
    void write_config(u32, std::span<const u8> data) override
    {
        if (data[0] == 0) host_->config_changed();
    }
    void activate(u64 negotiated) override
    {
        GIMBAL_ASSERT((negotiated & ~(0x55 | virtio::feature::of_every_device)) == 0);
    }
    void reset() override {}
    void notify(u32 queue) override { runner_.ring(queue); }
    void process(u32 index) override
    {
        virtio::Queue& queue = host_->queue(index);
        static virtio::Chain chain;
        while (true) {
            const auto popped = queue.pop(chain);
            if (!popped) host_->queue_broken(index);
            if (!popped || !*popped) break;
            if (!queue.push(chain, 0)) break;
        }
        host_->used(index);
    }

private:
    virtio::QueueRunner& runner_;
    virtio::DeviceHost* host_{};
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    test::OpStream ops(data, size);
    test::FuzzRunner runner;
    Echo device(runner);
    test::FuzzMachine machine(device, runner);
    while (!ops.empty()) machine.step(ops);
    return 0;
}
