// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/mmu/tlb_mailbox.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace gimbal::translator::aarch64 {
namespace {

constexpr u32 request_bit = 4;

TEST(TlbMailbox, AnOwnerOutsideBlocksIsNotWaitedFor)
{
    // Rule 7: its thread may be asleep, stopped or blocked in a device for as long as it likes.
    Atomic<u32> request{0};
    TlbMailbox mailbox(request, request_bit);
    const u64 ticket = mailbox.post({});
    mailbox.wait(ticket);
    EXPECT_EQ(request.load(), request_bit);
    EXPECT_TRUE(mailbox.waiting()); // done before it enters blocks
}

TEST(TlbMailbox, AnOwnerInsideIsWaitedForUntilItServes)
{
    Atomic<u32> request{0};
    TlbMailbox mailbox(request, request_bit);
    Tlb tlb;
    for (unsigned round = 0; round < 200; ++round) {
        mailbox.set_outside(false);
        Atomic<bool> served{false};
        const u64 ticket = mailbox.post({});
        EXPECT_FALSE(mailbox.done(ticket));
        std::thread waiter([&] {
            mailbox.wait(ticket);
            EXPECT_TRUE(served.load());
        });
        // Now early, now late: while the waiter spins, and while it sleeps.
        for (unsigned i = 0; i < round; ++i) std::this_thread::yield();
        served.store(true);
        if (round % 2 == 0)
            mailbox.serve(tlb);
        else
            mailbox.set_outside(true);
        waiter.join();
        mailbox.serve(tlb);
    }
}

TEST(TlbMailbox, AnOwnerThatGoesAwayKeepsNobodyWaiting)
{
    Atomic<u32> request{0};
    TlbMailbox mailbox(request, request_bit);
    mailbox.set_outside(false);
    const u64 ticket = mailbox.post({});
    std::thread waiter([&] { mailbox.wait(ticket); });
    mailbox.close();
    waiter.join();
    request.store(0);
    mailbox.post({});
    EXPECT_EQ(request.load(), 0U);
}

TEST(TlbMailbox, ASleepersMailboxStaysSmall)
{
    Atomic<u32> request{0};
    TlbMailbox mailbox(request, request_bit);
    Tlb tlb;
    u64 ticket = 0;
    for (unsigned i = 0; i < 100'000; ++i)
        ticket = mailbox.post({.scope = TlbInvalidation::Scope::address, .first = u64{i} << 12, .last = u64{i} << 12});
    mailbox.serve(tlb);
    EXPECT_FALSE(mailbox.waiting());
    mailbox.set_outside(false);
    EXPECT_TRUE(mailbox.done(ticket));
}

} // namespace
} // namespace gimbal::translator::aarch64
