// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "app/run/virtio_devices.hpp"
#include "device/virtio/blk.hpp"

namespace gimbal {
namespace {

/// A disk with a queue and a thread for each vCPU.
class BlkPart final : public QueuePart {
public:
    BlkPart(const VirtioContext& context, host::Disk& disk)
        : buffers_(std::min(context.vm.vcpu_count(), virtio::max_queues)), blk_(disk, workers_, buffers_)
    {
        workers_.start(blk_, "virtio-blk", host::QueueWorkers::Threads::per_queue, context.on_failure("a disk"));
    }
    virtio::Device& device() override { return blk_; }

private:
    std::vector<virtio::BlkWorker> buffers_;
    virtio::Blk blk_;
};

} // namespace

OwnedPart make_virtio_blk(const VirtioContext& context, host::Disk& disk)
{
    return OwnedPart(new BlkPart(context, disk));
}

} // namespace gimbal
