// SPDX-License-Identifier: Apache-2.0
#include "host/flush_barrier.hpp"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gimbal::host {
namespace {

/// Returns once a flush that waits for writers has begun: writes get another ticket from then on.
void wait_for_new_generation(FlushBarrier& barrier, unsigned old)
{
    while (true) {
        const unsigned ticket = barrier.begin_write();
        barrier.end_write(ticket);
        if (ticket != old) return;
        std::this_thread::yield();
    }
}

TEST(FlushBarriers, WaitForWritesThatBeganBeforeAndForNoOthers)
{
    std::atomic<int> syncs{0};
    FlushBarrier barrier([&] { return ++syncs, true; });
    const unsigned early = barrier.begin_write();
    const unsigned early_too = barrier.begin_write();
    std::jthread flusher([&] { EXPECT_TRUE(barrier.flush()); });
    wait_for_new_generation(barrier, early);
    const unsigned late = barrier.begin_write();
    barrier.end_write(early);
    EXPECT_EQ(syncs, 0); // one that began before is still under way
    barrier.end_write(early_too);
    flusher.join(); // the late one does not hold it up
    EXPECT_EQ(syncs, 1);
    barrier.end_write(late);
}

TEST(FlushBarriers, FlushesThatComeMeanwhileShareTheNextSync)
{
    std::atomic<int> syncs{0};
    std::atomic<int> asked{0};
    FlushBarrier barrier([&] { return ++syncs, true; });
    const unsigned write = barrier.begin_write();
    std::vector<std::jthread> threads;
    threads.emplace_back([&] { EXPECT_TRUE(barrier.flush()); });
    wait_for_new_generation(barrier, write);
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            ++asked;
            EXPECT_TRUE(barrier.flush());
        });
    while (asked < 4) std::this_thread::yield();
    barrier.end_write(write);
    threads.clear();
    EXPECT_GE(syncs, 2); // what came while the first one waited is not covered by it
    EXPECT_LE(syncs, 5);
}

TEST(FlushBarriers, AFailureIsNeverForgotten)
{
    bool works = true;
    int syncs = 0;
    FlushBarrier barrier([&] { return ++syncs, works; });
    EXPECT_TRUE(barrier.flush());
    works = false;
    EXPECT_FALSE(barrier.flush());
    works = true; // as the kernel answers the next fdatasync after it has dropped the pages
    EXPECT_FALSE(barrier.flush());
    EXPECT_EQ(syncs, 2);
}

TEST(FlushBarriers, NothingThatWasWrittenBeforeAFlushIsMissed)
{
    // Each writer's counter is raised inside a scope; a flush must sync with every value that was complete before it.
    constexpr int writers = 3;
    std::atomic<u64> written[writers]{};
    std::atomic<u64> synced[writers]{};
    FlushBarrier barrier([&] {
        for (int i = 0; i < writers; ++i) synced[i] = written[i].load();
        return true;
    });
    std::vector<std::jthread> threads;
    for (int i = 0; i < writers; ++i)
        threads.emplace_back([&, i] {
            for (u64 round = 1; round <= 2000; ++round) {
                const unsigned ticket = barrier.begin_write();
                written[i] = round;
                barrier.end_write(ticket);
                if (round % 8 != 0) continue;
                EXPECT_TRUE(barrier.flush());
                EXPECT_GE(synced[i], round);
            }
        });
}

} // namespace
} // namespace gimbal::host
