// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/bits.hpp"
#include "device/virtio/queue.hpp"

namespace gimbal::test {

/// Guest RAM of a test: `size` bytes, a multiple of 4096, at `base`; zero at first.
class GuestRam {
public:
    explicit GuestRam(u64 size = 0x40000, u64 base = 0x4000'0000) : storage_(size + 4096), size_(size), base_(base)
    {
        EXPECT_TRUE(memory.map({.base = {base}, .size = size, .host = host()}).has_value());
    }
    GuestMemory memory;
    u64 base() const { return base_; }
    u64 end() const { return base_ + size_; }

    void put(u64 address, std::string_view text)
    {
        ASSERT_TRUE(memory.write({address}, {reinterpret_cast<const u8*>(text.data()), text.size()}).has_value());
    }
    std::string get(u64 address, usize size)
    {
        std::string text(size, '\0');
        EXPECT_TRUE(memory.read({address}, {reinterpret_cast<u8*>(text.data()), size}).has_value());
        return text;
    }
    template <class T>
    T load(u64 address)
    {
        const auto value = memory.load<T>({address});
        EXPECT_TRUE(value.has_value()) << std::hex << address;
        return value.value_or(T{});
    }
    template <class T>
    void store(u64 address, T value)
    {
        EXPECT_TRUE(memory.store<T>({address}, value).has_value()) << std::hex << address;
    }

private:
    u8* host() { return reinterpret_cast<u8*>(align_up(reinterpret_cast<std::uintptr_t>(storage_.data()), 4096)); }
    std::vector<u8> storage_;
    u64 size_;
    u64 base_;
};

/// A driver's side of one split virtqueue: three areas of one page each at `at`, buffers are the test's.
class DriverQueue {
public:
    struct Buffer {
        u64 address{};
        u32 length{};
        bool writable{};
    };
    struct Used {
        u32 id;
        u32 length;
        friend bool operator==(const Used&, const Used&) = default;
    };

    DriverQueue(GuestRam& ram, u64 at, u16 size = 8) : ram_(ram), at_(at), size_(size) {}

    u16 size() const { return size_; }
    u64 descriptors() const { return at_; }
    u64 driver() const { return at_ + 0x1000; }
    u64 device() const { return at_ + 0x2000; }
    virtio::QueueLayout layout() const { return {size_, {descriptors()}, {driver()}, {device()}}; }

    /// Raw, so that it can be wrong.
    void describe(u64 table, u32 index, u64 address, u32 length, u16 flags, u16 next = 0)
    {
        ram_.store<u64>(table + 16 * index, address);
        ram_.store<u32>(table + 16 * index + 8, length);
        ram_.store<u16>(table + 16 * index + 12, flags);
        ram_.store<u16>(table + 16 * index + 14, next);
    }
    void describe(u32 index, u64 address, u32 length, u16 flags, u16 next = 0)
    {
        describe(descriptors(), index, address, length, flags, next);
    }
    void offer_head(u16 head)
    {
        ram_.store<u16>(driver() + 4 + 2 * (next_ % size_), head);
        ram_.store<u16>(driver() + 2, ++next_);
    }
    void set_available(u16 index)
    {
        next_ = index;
        ram_.store<u16>(driver() + 2, index);
    }
    /// A request in descriptors from `head` on, and makes it available.
    void offer(const std::vector<Buffer>& buffers, u16 head = 0)
    {
        for (usize i = 0; i < buffers.size(); ++i) {
            const bool last = i + 1 == buffers.size();
            const u16 index = static_cast<u16>((head + i) % size_);
            describe(index, buffers[i].address, buffers[i].length,
                     static_cast<u16>((buffers[i].writable ? 2U : 0U) | (last ? 0U : 1U)),
                     static_cast<u16>((index + 1) % size_));
        }
        offer_head(head);
    }

    u16 used_index() { return ram_.load<u16>(device() + 2); }
    Used used(u16 index)
    {
        const u64 entry = device() + 4 + 8 * (index % size_);
        return {ram_.load<u32>(entry), ram_.load<u32>(entry + 4)};
    }
    void set_driver_flags(u16 flags) { ram_.store<u16>(driver(), flags); }
    void set_used_event(u16 index) { ram_.store<u16>(driver() + 4 + 2 * size_, index); }
    u16 device_flags() { return ram_.load<u16>(device()); }
    u16 available_event() { return ram_.load<u16>(device() + 4 + 8 * size_); }

private:
    GuestRam& ram_;
    u64 at_;
    u16 size_;
    u16 next_{};
};

} // namespace gimbal::test
