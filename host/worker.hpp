// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/atomic.hpp"
#include "host/error.hpp"
#include "host/pausable.hpp"

namespace gimbal::host {

/// A thread that does its work each time it is rung and sleeps in between. A ring is never lost: either the work that
/// runs sees what it announces, or the work runs once more.
class Worker final : public Pausable {
public:
    using OnFailure = std::function<void(const std::string& what)>;

    /// `on_failure` is called on the worker's thread if `work` throws; the work is not called again after that.
    /// Throws if the system has no thread to give.
    Worker(std::string name, std::function<void()> work, OnFailure on_failure);
    ~Worker() override { stop(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void ring() noexcept; ///< Any thread; never waits.

    void request_pause() override;
    void wait_paused() override;
    void resume() override;
    /// Waits for the work that runs and ends the thread, paused or not; rings have no effect any more.
    void stop();

private:
    void run();
    void park();
    bool work_once();
    void sleep(u32 seen);
    void announce() noexcept;

    std::function<void()> work_;
    OnFailure on_failure_;
    Atomic<u32> sequence_{0};    // moved after each change of the flags; what the thread sleeps on
    Atomic<bool> rung_{false};   // set by any thread, taken by the worker
    Atomic<bool> asleep_{false}; // set before the kernel compares the sequence, read after it moved
    Atomic<bool> quit_{false};
    Atomic<bool> pause_{false}; // written under mutex_
    std::mutex mutex_;
    std::condition_variable changed_; // pause_, quit_ or parked_
    bool parked_{};                   // under mutex_
    std::thread thread_;              // last: it uses all of the above
};

} // namespace gimbal::host
