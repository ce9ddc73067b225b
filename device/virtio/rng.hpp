// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/entropy_source.hpp"
#include "device/virtio/device.hpp"

namespace gimbal::virtio {

/// Entropy device (VIRTIO 1.2, 5.4). A buffer gets at most max_bytes. If the host has no random bytes to give, a
/// request is returned short, and one that has got none breaks the queue: a driver never takes anything else for
/// random.
class Rng final : public Device {
public:
    static constexpr u32 max_bytes = 4096;

    Rng(EntropySource& source, QueueRunner& runner) : source_(source), runner_(runner) {}

    DeviceId id() const override { return DeviceId::entropy; }
    u64 features() const override { return 0; }
    u32 queue_count() const override { return 1; }
    void attach(DeviceHost& host) override { host_ = &host; }
    void read_config(u32 offset, std::span<u8> out) override;
    void write_config(u32, std::span<const u8>) override {}
    void activate(u64) override {}
    void reset() override {}
    void notify(u32 queue) override { runner_.ring(queue); }
    void process(u32 queue) override;

private:
    bool serve(Queue& queue);

    EntropySource& source_;
    QueueRunner& runner_;
    DeviceHost* host_{};
    Chain chain_; // the runner's thread
};

} // namespace gimbal::virtio
