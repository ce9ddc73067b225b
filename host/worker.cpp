// SPDX-License-Identifier: Apache-2.0
#include "host/worker.hpp"

#include <exception>

#include "host/futex.hpp"
#include "host/thread.hpp"

namespace gimbal::host {

Worker::Worker(std::string name, std::function<void()> work, OnFailure on_failure)
    : work_(std::move(work)), on_failure_(std::move(on_failure))
{
    thread_ = std::thread([this, name = std::move(name)] {
        name_this_thread(name.c_str());
        run();
    });
}

void Worker::stop()
{
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        quit_.store(true);
        changed_.notify_all();
    }
    announce();
    thread_.join();
}

void Worker::ring() noexcept
{
    rung_.store(true);
    announce();
}

void Worker::announce() noexcept
{
    sequence_.fetch_add(1);
    if (asleep_.load()) futex_wake_all(sequence_.raw());
}

void Worker::sleep(u32 seen)
{
    asleep_.store(true);
    futex_wait(sequence_.raw(), seen, std::nullopt);
    asleep_.store(false);
}

bool Worker::work_once()
{
    try {
        work_();
        return true;
    } catch (const std::exception& error) {
        on_failure_(error.what());
    } catch (...) {
        on_failure_("an unknown exception");
    }
    return false;
}

void Worker::run()
{
    bool works = true;
    while (true) {
        const u32 seen = sequence_.load(); // before the look at what it announces
        if (quit_.load()) return;
        if (pause_.load())
            park();
        else if (works && rung_.exchange(false))
            works = work_once();
        else
            sleep(seen);
    }
}

void Worker::park()
{
    std::unique_lock lock(mutex_);
    parked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !pause_.load() || quit_.load(); });
    parked_ = false; // under the same lock as the look at pause_, so that nobody takes an old park for a new one
}

void Worker::request_pause()
{
    {
        const std::lock_guard lock(mutex_);
        pause_.store(true);
    }
    announce();
}

void Worker::wait_paused()
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return parked_; });
}

void Worker::resume()
{
    const std::lock_guard lock(mutex_);
    pause_.store(false);
    changed_.notify_all();
}

} // namespace gimbal::host
