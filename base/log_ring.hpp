// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>

#include "base/atomic.hpp"

namespace gimbal {

enum class LogLevel : u8 { error, warning, info, debug };

/// What freestanding code has to say: a literal and up to three numbers. Formatted by whoever drains the ring.
struct LogRecord {
    LogLevel level{};
    u32 suppressed{}; ///< Records of the same call site that were left out since its last one.
    const char* text{};
    u64 arguments[3]{};
};

/// One per call site, static. A guest can make a site fire at will: the first `burst` go through, then only those whose
/// number is a power of two.
class LogSite {
public:
    static constexpr u32 burst = 8;

    /// True if this occurrence is to be logged; `suppressed` says how many were left out since the last that was.
    bool admit(u32& suppressed)
    {
        const u32 number = count_.fetch_add(1, MemoryOrder::relaxed) + 1;
        if (number > burst && !std::has_single_bit(number)) return false;
        suppressed = number > burst ? number / 2 - 1 : 0;
        return true;
    }

private:
    Atomic<u32> count_{0};
};

/// Many writers, one reader, fixed room; when it is full the oldest records are lost and counted. Writers never wait.
template <usize capacity>
class LogRing {
    static_assert(std::has_single_bit(capacity));

public:
    /// Any thread. A writer that is overtaken by a whole lap gives its record up.
    void push(const LogRecord& record)
    {
        const u64 ticket = next_.fetch_add(1, MemoryOrder::relaxed);
        Slot& slot = slots_[ticket % capacity];
        u64 seen = slot.stamp.load(MemoryOrder::relaxed);
        // Odd: being written. The stamp only grows, so an older ticket can never replace a newer one.
        if ((seen & 1) != 0 || seen > 2 * ticket) return;
        if (!slot.stamp.compare_exchange(seen, 2 * ticket + 1, MemoryOrder::acquire)) return;
        atomic_fence(MemoryOrder::release);
        slot.words[0].store(static_cast<u64>(record.level) | static_cast<u64>(record.suppressed) << 32,
                            MemoryOrder::relaxed);
        slot.words[1].store(reinterpret_cast<std::uintptr_t>(record.text), MemoryOrder::relaxed);
        for (usize i = 0; i < 3; ++i) slot.words[2 + i].store(record.arguments[i], MemoryOrder::relaxed);
        slot.stamp.store(2 * ticket + 2, MemoryOrder::release);
    }

    /// The reader's thread. False if there is nothing complete to take.
    bool pop(LogRecord& out)
    {
        const u64 end = next_.load(MemoryOrder::acquire);
        if (end - read_ > capacity) {
            lost_ += end - capacity - read_;
            read_ = end - capacity;
        }
        for (; read_ != end; ++read_, ++lost_) {
            Slot& slot = slots_[read_ % capacity];
            const u64 stamp = slot.stamp.load(MemoryOrder::acquire);
            if (stamp < 2 * read_ + 2) return false; // not written yet, or given up: a later lap resolves it
            LogRecord record = take(slot);
            atomic_fence(MemoryOrder::acquire);
            if (stamp != 2 * read_ + 2 || slot.stamp.load(MemoryOrder::relaxed) != stamp) continue; // overwritten
            ++read_;
            out = record;
            return true;
        }
        return false;
    }

    /// The reader's thread: records that were overwritten before they were read.
    u64 lost() const { return lost_; }

private:
    struct Slot {
        Atomic<u64> stamp{0}; // 2 * ticket + 1 while it is written, 2 * ticket + 2 when it is complete
        Atomic<u64> words[5];
    };

    static LogRecord take(Slot& slot)
    {
        const u64 head = slot.words[0].load(MemoryOrder::relaxed);
        LogRecord record;
        record.level = static_cast<LogLevel>(head & 0xff);
        record.suppressed = static_cast<u32>(head >> 32);
        record.text = reinterpret_cast<const char*>(std::uintptr_t{slot.words[1].load(MemoryOrder::relaxed)});
        for (usize i = 0; i < 3; ++i) record.arguments[i] = slot.words[2 + i].load(MemoryOrder::relaxed);
        return record;
    }

    Slot slots_[capacity];
    Atomic<u64> next_{0}; // writers
    u64 read_{};          // reader
    u64 lost_{};          // reader
};

} // namespace gimbal
