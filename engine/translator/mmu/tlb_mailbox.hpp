// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/atomic.hpp"
#include "base/spinlock.hpp"
#include "engine/translator/mmu/tlb.hpp"

namespace gimbal::translator::aarch64 {

/// TLB maintenance that other vCPUs ask of one vCPU. The owner does it when it looks at its request word; a sender
/// waits for it only at DSB, and only while the owner is inside blocks (rule 7). It sleeps then, so that an owner whose
/// thread has been descheduled gets the sender's CPU. Shared by all who hold a ticket, so that a vCPU may go away while
/// others wait.
class TlbMailbox {
public:
    /// `request` is the owner's request word, `bit` what is set in it.
    TlbMailbox(Atomic<u32>& request, u32 bit) : request_(&request), bit_(bit) {}

    /// Any thread. The ticket to wait for.
    u64 post(const TlbInvalidation& what)
    {
        constexpr usize limit = 64;
        const std::lock_guard lock(mutex_);
        // An owner that sleeps does not serve its mailbox: past a point everything is forgotten at once.
        if (work_.size() >= limit) {
            work_.clear();
            work_.push_back({});
        } else {
            work_.push_back(what);
        }
        const u64 ticket = posted_.fetch_add(1, MemoryOrder::seq_cst) + 1;
        if (request_ != nullptr) request_->fetch_or(bit_, MemoryOrder::acq_rel);
        return ticket;
    }
    /// Any thread: the work up to `ticket` is done, or the owner is outside blocks and does it before it enters one.
    bool done(u64 ticket) const
    {
        return served_.load(MemoryOrder::seq_cst) >= ticket || outside_.load(MemoryOrder::seq_cst);
    }
    /// Any thread that is outside blocks itself, lest two wait for each other: returns when done(ticket).
    void wait(u64 ticket)
    {
        // An owner that runs looks within some microseconds, which is less than a sleep costs.
        constexpr unsigned turns = 128;
        for (unsigned turn = 0; turn < turns; ++turn) {
            if (done(ticket)) return;
            spin_wait(turn);
        }
        std::unique_lock lock(mutex_);
        sleepers_.fetch_add(1, MemoryOrder::seq_cst);
        done_.wait(lock, [&] { return done(ticket); });
        sleepers_.fetch_sub(1, MemoryOrder::seq_cst);
    }

    /// The owner.
    bool waiting() const { return served_.load(MemoryOrder::relaxed) != posted_.load(MemoryOrder::seq_cst); }
    void serve(Tlb& tlb)
    {
        std::vector<TlbInvalidation> work;
        u64 ticket = 0;
        {
            const std::lock_guard lock(mutex_);
            work.swap(work_);
            ticket = posted_.load(MemoryOrder::relaxed);
        }
        for (const TlbInvalidation& what : work) tlb.invalidate(what);
        served_.store(ticket, MemoryOrder::seq_cst);
        wake_sleepers();
    }
    /// Before it looks at its requests and enters blocks, and after it has left them.
    void set_outside(bool outside)
    {
        outside_.store(outside, MemoryOrder::seq_cst);
        if (outside) wake_sleepers();
    }
    /// The owner goes away; posting no longer reaches it.
    void close()
    {
        {
            const std::lock_guard lock(mutex_);
            request_ = nullptr;
        }
        set_outside(true);
    }

private:
    /// A sleeper counts itself before it looks whether it may go, and the owner lets it go before it looks here.
    void wake_sleepers()
    {
        if (sleepers_.load(MemoryOrder::seq_cst) == 0) return;
        const std::lock_guard lock(mutex_);
        done_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable done_;      // with mutex_
    std::vector<TlbInvalidation> work_; // under mutex_
    Atomic<u32>* request_;              // under mutex_; null once closed
    const u32 bit_;
    Atomic<u64> posted_{0};      // written under mutex_
    Atomic<u64> served_{0};      // written by the owner
    Atomic<bool> outside_{true}; // written by the owner
    Atomic<u32> sleepers_{0};    // written under mutex_
};

/// Maintenance that a vCPU has asked of another one and not yet waited for.
struct TlbTicket {
    std::shared_ptr<TlbMailbox> mailbox;
    u64 number{};
};

} // namespace gimbal::translator::aarch64
