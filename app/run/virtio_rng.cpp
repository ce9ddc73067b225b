// SPDX-License-Identifier: Apache-2.0
#include "app/run/virtio_devices.hpp"
#include "device/virtio/rng.hpp"
#include "host/entropy.hpp"

namespace gimbal {
namespace {

class RngPart final : public QueuePart {
public:
    explicit RngPart(const VirtioContext& context)
    {
        workers_.start(rng_, "virtio-rng", host::QueueWorkers::Threads::one, context.on_failure("the entropy device"));
    }
    virtio::Device& device() override { return rng_; }

private:
    host::SystemEntropy entropy_;
    virtio::Rng rng_{entropy_, workers_};
};

} // namespace

OwnedPart make_virtio_rng(const VirtioContext& context) { return OwnedPart(new RngPart(context)); }

} // namespace gimbal
