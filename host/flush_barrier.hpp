// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "base/types.hpp"

namespace gimbal::host {

/// Puts each flush behind the writes that began before it, whoever made them. Writers never wait; flushes that come
/// while one is under way share the next.
class FlushBarrier {
public:
    /// `sync` makes everything written so far stable, or returns false; one call at a time.
    explicit FlushBarrier(std::function<bool()> sync) : sync_(std::move(sync)) {}

    unsigned begin_write();
    void end_write(unsigned ticket);
    /// False: something that was reported as written may be lost. Once that has happened it is the answer to every
    /// later flush too, because the kernel reports the loss once and then calls the lost pages clean.
    bool flush();

private:
    void run_one(std::unique_lock<std::mutex>& lock);

    std::function<bool()> sync_;
    std::mutex mutex_; // guards everything below
    std::condition_variable changed_;
    unsigned generation_{}; ///< Its low bit is the ticket of writes that begin now.
    u32 writers_[2]{};      ///< By ticket; that of the older generation drains and stays at zero.
    u64 requested_{};       ///< Flushes, in the order in which they came.
    u64 completed_{};       ///< All up to this one are answered.
    bool running_{};
    bool failed_{};
};

} // namespace gimbal::host
