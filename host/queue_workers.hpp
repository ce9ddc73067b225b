// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/virtio/device.hpp"
#include "host/worker.hpp"

namespace gimbal::host {

/// Runs a virtio device's queues on threads of its own.
class QueueWorkers final : public virtio::QueueRunner, public Pausable {
public:
    enum class Threads : u8 { one, per_queue };

    QueueWorkers() = default;
    ~QueueWorkers() override { stop(); }
    QueueWorkers(const QueueWorkers&) = delete;
    QueueWorkers& operator=(const QueueWorkers&) = delete;

    /// Once, before the first ring. `device` stays until stop(). Throws if the system has no thread to give.
    void start(virtio::Device& device, const std::string& name, Threads threads, const Worker::OnFailure& on_failure);
    void ring(u32 queue) noexcept override;
    void request_pause() override;
    void wait_paused() override;
    void resume() override;
    void stop(); ///< Ends the threads: nothing calls the device any more, and rings have no effect.

private:
    void work(virtio::Device& device, u32 first, u32 count);

    Atomic<u32> rung_{0};                          // one bit per queue: set by any thread, taken by its worker
    std::vector<std::unique_ptr<Worker>> workers_; // one, or one per queue; unchanged once started
};

} // namespace gimbal::host
