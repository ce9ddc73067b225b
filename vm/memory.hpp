// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/result.hpp"
#include "vm/types.hpp"

namespace gimbal {

enum class MemoryError : u8 {
    out_of_range, ///< No byte, or not every byte, of the range is guest RAM.
    overflow,     ///< gpa + size wraps.
    read_only,    ///< A write to a region that the guest may only read.
    overlap,      ///< A new region overlaps one that is mapped.
    misaligned,   ///< A region that is empty or not page-aligned (host address too); a field off its natural alignment.
    full,         ///< No region slot is left.
};

/// One piece of guest RAM. Regions never overlap; `host` stays valid until it is unmapped.
struct MemoryRegion {
    Gpa base;
    u64 size{}; ///< Bytes, a multiple of 4096, never zero.
    u8* host{}; ///< Where the host has it mapped, readable and writable.
    bool read_only{};
    bool log_dirty{};    ///< From map() to unmap(): writes by the host and by vCPUs are noted in dirty_bitmap.
    u64* dirty_bitmap{}; ///< With log_dirty: one bit per 4 KiB page, bit 0 the first; set by atomic OR, owned by the
                         ///< mapper.
};

/// Told of every write to guest memory that a vCPU did not do, before the completion of that write is published.
class MemoryWriteObserver {
public:
    virtual void guest_memory_written(Gpa gpa, u64 size) = 0;

protected:
    ~MemoryWriteObserver() = default;
};

/// Guest RAM as devices, loaders, debuggers and hypercalls see it: checked, each field read once.
/// map and unmap are called while no vCPU runs; everything else from any thread.
class GuestMemory {
public:
    static constexpr unsigned max_regions = 32;

    Result<void, MemoryError> map(const MemoryRegion& region);
    Result<void, MemoryError> unmap(Gpa base);
    std::span<const MemoryRegion> regions() const { return {regions_, region_count_}; }
    const MemoryRegion* find(Gpa gpa) const; ///< The region that holds the byte at `gpa`, or null.

    /// Whether read() or write() of the whole range would succeed now; it may span adjacent regions.
    Result<void, MemoryError> check(Gpa gpa, u64 size, Direction direction) const
    {
        return check(gpa, size, direction == Direction::write);
    }

    /// Copies exactly out.size() bytes; on an error nothing is copied. The guest may write at the same time.
    Result<void, MemoryError> read(Gpa gpa, std::span<u8> out) const;
    Result<void, MemoryError> write(Gpa gpa, std::span<const u8> data);

    /// One naturally aligned little-endian field, read or written by a single relaxed atomic access.
    template <class T>
    Result<T, MemoryError> load(Gpa gpa) const
    {
        GIMBAL_TRY(host, field(gpa, sizeof(T), false));
        return __atomic_load_n(reinterpret_cast<const T*>(host), __ATOMIC_RELAXED);
    }
    template <class T>
    Result<void, MemoryError> store(Gpa gpa, T value)
    {
        GIMBAL_TRY(host, field(gpa, sizeof(T), true));
        __atomic_store_n(reinterpret_cast<T*>(host), value, __ATOMIC_RELAXED);
        published(gpa, sizeof(T));
        return {};
    }

    /// For an engine that writes guest RAM on its vCPUs' behalf, where the write is to be logged: `size` bytes of one
    /// region, at most. Any thread.
    void log_write(Gpa gpa, u64 size);

    /// The translator registers itself here; set while no vCPU runs.
    void set_observer(MemoryWriteObserver* observer) { observer_ = observer; }

private:
    Result<u8*, MemoryError> field(Gpa gpa, u64 size, bool write) const;  ///< Checks range and natural alignment.
    Result<u8*, MemoryError> range(Gpa gpa, u64 size, bool write) const;  ///< Inside one region.
    Result<void, MemoryError> check(Gpa gpa, u64 size, bool write) const; ///< May span adjacent regions.
    void published(Gpa gpa, u64 size);

    MemoryRegion regions_[max_regions]{}; // sorted by base
    unsigned region_count_{};
    MemoryWriteObserver* observer_{};
};

} // namespace gimbal
