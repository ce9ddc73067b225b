// SPDX-License-Identifier: Apache-2.0
#include "app/run/virtio_devices.hpp"
#include "device/virtio/rng.hpp"
#include "host/entropy.hpp"
#include "host/queue_workers.hpp"

namespace gimbal {
namespace {

class RngPart final : public VirtioPart {
public:
    explicit RngPart(const VirtioContext& context)
    {
        workers_.start(rng_, "virtio-rng", host::QueueWorkers::Threads::one, context.on_failure("the entropy device"));
    }
    ~RngPart() override { workers_.stop(); }
    RngPart(const RngPart&) = delete;
    RngPart& operator=(const RngPart&) = delete;

    virtio::Device& device() override { return rng_; }
    host::Pausable& threads() override { return workers_; }
    void stop_threads() override { workers_.stop(); }

private:
    host::SystemEntropy entropy_;
    host::QueueWorkers workers_;
    virtio::Rng rng_{entropy_, workers_};
};

} // namespace

std::unique_ptr<VirtioPart> make_virtio_rng(const VirtioContext& context) { return std::make_unique<RngPart>(context); }

} // namespace gimbal
