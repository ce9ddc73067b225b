// SPDX-License-Identifier: Apache-2.0
#include "host/queue_workers.hpp"

#include <fmt/format.h>

namespace gimbal::host {

void QueueWorkers::start(virtio::Device& device, const std::string& name, Threads threads,
                         const Worker::OnFailure& on_failure)
{
    const u32 queues = device.queue_count();
    const u32 count = threads == Threads::one ? 1 : queues;
    workers_.reserve(count);
    for (u32 i = 0; i < count; ++i) {
        const u32 served = threads == Threads::one ? queues : 1;
        workers_.push_back(std::make_unique<Worker>(
            count == 1 ? name : fmt::format("{} {}", name, i), [this, &device, i, served] { work(device, i, served); },
            on_failure));
    }
}

void QueueWorkers::stop()
{
    for (const auto& worker : workers_) worker->stop();
}

void QueueWorkers::work(virtio::Device& device, u32 first, u32 count)
{
    for (u32 queue = first; queue < first + count; ++queue) {
        const u32 mask = 1U << queue;
        if ((rung_.fetch_and(~mask) & mask) != 0) device.process(queue);
    }
}

void QueueWorkers::ring(u32 queue) noexcept
{
    if (queue >= virtio::max_queues || workers_.empty()) return;
    rung_.fetch_or(1U << queue);
    workers_[queue < workers_.size() ? queue : 0]->ring();
}

void QueueWorkers::request_pause()
{
    for (const auto& worker : workers_) worker->request_pause();
}

void QueueWorkers::wait_paused()
{
    for (const auto& worker : workers_) worker->wait_paused();
}

void QueueWorkers::resume()
{
    for (const auto& worker : workers_) worker->resume();
}

} // namespace gimbal::host
