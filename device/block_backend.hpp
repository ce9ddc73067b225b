// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>

#include "base/result.hpp"
#include "base/types.hpp"

namespace gimbal {

/// Why a disk did not do what it was asked.
enum class BlockError : u8 {
    io,        ///< The medium or the host failed, or a disk that has shrunk ends before the range does.
    no_space,  ///< The host has no room for the data.
    read_only, ///< The disk may not be changed.
    range,     ///< Not wholly inside the capacity.
};

inline constexpr u64 sector_size = 512;

/// What never changes while a disk is open.
struct BlockProperties {
    u64 sectors{}; ///< Capacity, above zero; in bytes it fits in 63 bits.
    bool read_only{};
    u32 physical_block_size{512};  ///< Bytes, a power of two from 512 to 64 KiB; smaller writes may cost a read.
    std::array<u8, 20> identity{}; ///< Printable ASCII, zeroes behind it.
};

/// A disk as block devices see it: bytes at offsets. Called from any thread, several at once. Every call but
/// properties() may wait for the host, so it is made where that is allowed: on a runner, or in a call that says so.
class BlockBackend {
public:
    virtual const BlockProperties& properties() const = 0;

    /// All of it or an error, after which `out` holds anything.
    virtual Result<void, BlockError> read(u64 offset, std::span<u8> out) = 0;
    /// All of it or an error, after which the range holds any mixture of old and new. Stable only after a flush.
    virtual Result<void, BlockError> write(u64 offset, std::span<const u8> data) = 0;
    /// The range may be forgotten: it reads as anything until it is written. A hint that may have no effect.
    virtual Result<void, BlockError> discard(u64 offset, u64 size) = 0;
    /// The range reads as zeroes. `may_unmap` also allows its storage to be given back.
    virtual Result<void, BlockError> write_zeroes(u64 offset, u64 size, bool may_unmap) = 0;

    /// Every change that was complete before the call, and every one inside a scope (BlockWriteScope) that began before
    /// it, is stable when this returns without an error. Not inside a scope of one's own.
    virtual Result<void, BlockError> flush() = 0;

    /// See BlockWriteScope. The value goes back to end_write().
    virtual unsigned begin_write() = 0;
    virtual void end_write(unsigned ticket) = 0;

protected:
    ~BlockBackend() = default;
};

/// Makes one request of several changes, so that a flush by anybody else comes before all or after all of them.
class [[nodiscard]] BlockWriteScope {
public:
    explicit BlockWriteScope(BlockBackend& backend) : backend_(backend), ticket_(backend.begin_write()) {}
    ~BlockWriteScope() { backend_.end_write(ticket_); }
    BlockWriteScope(const BlockWriteScope&) = delete;
    BlockWriteScope& operator=(const BlockWriteScope&) = delete;

private:
    BlockBackend& backend_;
    unsigned ticket_;
};

/// Whether `sectors` from `first` on lie inside a disk of `capacity` sectors; nothing overflows.
constexpr bool sectors_inside(u64 first, u64 sectors, u64 capacity)
{
    return first <= capacity && sectors <= capacity - first;
}

} // namespace gimbal
