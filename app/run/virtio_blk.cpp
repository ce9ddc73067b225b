// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "app/run/virtio_devices.hpp"
#include "device/virtio/blk.hpp"
#include "host/queue_workers.hpp"

namespace gimbal {
namespace {

/// A disk with a queue and a thread for each vCPU.
class BlkPart final : public VirtioPart {
public:
    BlkPart(const VirtioContext& context, host::Disk& disk)
        : buffers_(std::min(context.vm.vcpu_count(), virtio::max_queues)), blk_(disk, workers_, buffers_)
    {
        workers_.start(blk_, "virtio-blk", host::QueueWorkers::Threads::per_queue, context.on_failure("a disk"));
    }
    ~BlkPart() override { workers_.stop(); }
    BlkPart(const BlkPart&) = delete;
    BlkPart& operator=(const BlkPart&) = delete;

    virtio::Device& device() override { return blk_; }
    host::Pausable& threads() override { return workers_; }
    void stop_threads() override { workers_.stop(); }

private:
    std::vector<virtio::BlkWorker> buffers_;
    host::QueueWorkers workers_;
    virtio::Blk blk_;
};

} // namespace

std::unique_ptr<VirtioPart> make_virtio_blk(const VirtioContext& context, host::Disk& disk)
{
    return std::make_unique<BlkPart>(context, disk);
}

} // namespace gimbal
