// SPDX-License-Identifier: Apache-2.0
#include "host/flush_barrier.hpp"

namespace gimbal::host {

unsigned FlushBarrier::begin_write()
{
    const std::lock_guard lock(mutex_);
    const unsigned ticket = generation_ & 1;
    ++writers_[ticket];
    return ticket;
}

void FlushBarrier::end_write(unsigned ticket)
{
    const std::lock_guard lock(mutex_);
    if (--writers_[ticket] == 0 && running_) changed_.notify_all();
}

bool FlushBarrier::flush()
{
    std::unique_lock lock(mutex_);
    const u64 mine = ++requested_;
    while (completed_ < mine) {
        if (running_)
            changed_.wait(lock);
        else
            run_one(lock);
    }
    return !failed_;
}

void FlushBarrier::run_one(std::unique_lock<std::mutex>& lock)
{
    running_ = true;
    const u64 covered = requested_; // a later one may follow a write of the new generation
    const unsigned old = generation_++ & 1;
    changed_.wait(lock, [&] { return writers_[old] == 0; });
    if (!failed_) {
        lock.unlock();
        const bool synced = sync_();
        lock.lock();
        failed_ = !synced;
    }
    completed_ = covered;
    running_ = false;
    changed_.notify_all();
}

} // namespace gimbal::host
