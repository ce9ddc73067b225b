// SPDX-License-Identifier: Apache-2.0
#include "host/worker.hpp"

#include <atomic>
#include <stdexcept>

#include <gtest/gtest.h>

#include "host/queue_workers.hpp"

namespace gimbal::host {
namespace {

void spin_until(const std::atomic<unsigned>& value, unsigned wanted)
{
    while (value.load() < wanted) std::this_thread::yield();
}

const Worker::OnFailure no_failure = [](const std::string& what) { FAIL() << what; };

TEST(Worker, no_ring_is_ever_lost)
{
    // Each ring waits for its work; one lost wake-up and the test hangs until its time limit.
    std::atomic<unsigned> done{};
    Worker worker("test", [&] { ++done; }, no_failure);
    for (unsigned round = 1; round <= 20'000; ++round) {
        worker.ring();
        spin_until(done, round);
    }
    EXPECT_EQ(done.load(), 20'000U);
}

TEST(Worker, work_sees_what_was_written_before_its_last_ring)
{
    std::atomic<unsigned> written{};
    std::atomic<unsigned> seen{};
    Worker worker("test", [&] { seen = written.load(); }, no_failure);
    std::thread other([&] {
        for (unsigned i = 0; i < 5000; ++i) worker.ring();
    });
    for (unsigned i = 0; i < 5000; ++i) {
        ++written;
        worker.ring();
    }
    other.join();
    spin_until(seen, 5000);
}

TEST(Worker, V27_stands_still_while_paused_and_forgets_nothing)
{
    std::atomic<unsigned> done{};
    Worker worker("test", [&] { ++done; }, no_failure);
    for (unsigned round = 0; round < 500; ++round) {
        worker.ring();
        worker.request_pause();
        worker.wait_paused();
        const unsigned before = done.load();
        worker.ring();
        worker.ring();
        if (round % 16 == 0) std::this_thread::yield();
        EXPECT_EQ(done.load(), before);
        worker.resume();
        if (round % 2 == 0) spin_until(done, before + 1);
    }
}

TEST(Worker, a_pause_waits_for_the_work_that_runs)
{
    std::atomic<unsigned> entered{};
    std::atomic<unsigned> may_leave{};
    std::atomic<unsigned> left{};
    Worker worker(
        "test",
        [&] {
            ++entered;
            spin_until(may_leave, 1);
            ++left;
        },
        no_failure);
    worker.ring();
    spin_until(entered, 1);
    worker.request_pause();
    std::thread releaser([&] { ++may_leave; });
    worker.wait_paused();
    EXPECT_EQ(left.load(), 1U);
    releaser.join();
}

TEST(Worker, stops_while_paused_and_takes_rings_afterwards)
{
    std::atomic<unsigned> done{};
    Worker worker("test", [&] { ++done; }, no_failure);
    worker.request_pause();
    worker.wait_paused();
    worker.ring();
    worker.stop();
    worker.ring();
    worker.stop();
    EXPECT_EQ(done.load(), 0U);
}

TEST(Worker, an_exception_is_reported_once_and_ends_the_work)
{
    std::atomic<unsigned> calls{};
    std::atomic<unsigned> failures{};
    std::string message;
    {
        Worker worker(
            "test",
            [&] {
                ++calls;
                throw std::runtime_error("the disk is on fire");
            },
            [&](const std::string& what) {
                message = what;
                ++failures;
            });
        worker.ring();
        spin_until(failures, 1);
        worker.ring();
        worker.request_pause(); // still parks, so that a pause does not hang on it
        worker.wait_paused();
        worker.resume();
    }
    EXPECT_EQ(calls.load(), 1U);
    EXPECT_EQ(failures.load(), 1U);
    EXPECT_EQ(message, "the disk is on fire");
}

/// Counts the calls of process(); queue 0 meets at a barrier with the others if asked to.
struct CountingDevice final : virtio::Device {
    explicit CountingDevice(u32 queues) : queues(queues) {}
    u32 queues;
    std::atomic<unsigned> calls[virtio::max_queues]{};
    std::atomic<unsigned> inside{};
    std::atomic<unsigned> meet{}; // stay inside until so many are

    virtio::DeviceId id() const override { return virtio::DeviceId::entropy; }
    u64 features() const override { return 0; }
    u32 queue_count() const override { return queues; }
    void attach(virtio::DeviceHost&) override {}
    void read_config(u32, std::span<u8>) override {}
    void write_config(u32, std::span<const u8>) override {}
    void activate(u64) override {}
    void reset() override {}
    void notify(u32) override {}
    void process(u32 queue) override
    {
        ++inside;
        while (inside.load() < meet.load()) std::this_thread::yield();
        ++calls[queue];
    }
};

TEST(QueueWorkers, one_thread_serves_the_queues_that_were_rung)
{
    CountingDevice device(3);
    QueueWorkers workers;
    workers.ring(0); // nobody is there yet
    workers.start(device, "test", QueueWorkers::Threads::one, no_failure);
    workers.ring(2);
    spin_until(device.calls[2], 1);
    workers.ring(0);
    spin_until(device.calls[0], 1);
    workers.ring(99);
    workers.stop();
    EXPECT_EQ(device.calls[1].load(), 0U);
    EXPECT_EQ(device.calls[2].load(), 1U);
}

TEST(QueueWorkers, queues_with_threads_of_their_own_run_at_once)
{
    CountingDevice device(4);
    device.meet = 4; // none leaves before all have come
    QueueWorkers workers;
    workers.start(device, "test", QueueWorkers::Threads::per_queue, no_failure);
    for (u32 queue = 0; queue < 4; ++queue) workers.ring(queue);
    for (u32 queue = 0; queue < 4; ++queue) spin_until(device.calls[queue], 1);
    workers.request_pause();
    workers.wait_paused();
    workers.ring(3);
    EXPECT_EQ(device.calls[3].load(), 1U);
    workers.resume();
    spin_until(device.calls[3], 2);
}

} // namespace
} // namespace gimbal::host
