// SPDX-License-Identifier: Apache-2.0
#include "vm/memory.hpp"

#include "base/bits.hpp"

namespace gimbal {

namespace {

constexpr u64 page_size = 4096;

// The guest may touch the same bytes at the same time. Relaxed atomic accesses, as wide as the guest side's alignment
// allows, make that a defined race and keep every naturally aligned 8-byte field of the guest whole.
void copy_from_guest(u8* out, const u8* guest, u64 size)
{
    while (size != 0) {
        if (size >= 8 && is_aligned(reinterpret_cast<std::uintptr_t>(guest), 8)) {
            const u64 word = __atomic_load_n(reinterpret_cast<const u64*>(guest), __ATOMIC_RELAXED);
            __builtin_memcpy(out, &word, 8);
            out += 8, guest += 8, size -= 8;
        } else {
            *out++ = __atomic_load_n(guest++, __ATOMIC_RELAXED);
            --size;
        }
    }
}

void copy_to_guest(u8* guest, const u8* data, u64 size)
{
    while (size != 0) {
        if (size >= 8 && is_aligned(reinterpret_cast<std::uintptr_t>(guest), 8)) {
            u64 word;
            __builtin_memcpy(&word, data, 8);
            __atomic_store_n(reinterpret_cast<u64*>(guest), word, __ATOMIC_RELAXED);
            guest += 8, data += 8, size -= 8;
        } else {
            __atomic_store_n(guest++, *data++, __ATOMIC_RELAXED);
            --size;
        }
    }
}

void mark_dirty(const MemoryRegion& region, u64 offset, u64 size)
{
    if (!region.log_dirty || region.dirty_bitmap == nullptr) return;
    for (u64 page = offset / page_size; page <= (offset + size - 1) / page_size; ++page)
        __atomic_fetch_or(&region.dirty_bitmap[page / 64], bit(static_cast<unsigned>(page % 64)), __ATOMIC_RELEASE);
}

/// The part of [gpa, gpa + size) that lies in `region`, which holds gpa.
u64 bytes_in(const MemoryRegion& region, Gpa gpa, u64 size)
{
    const u64 rest = region.size - (gpa.value - region.base.value);
    return size < rest ? size : rest;
}

} // namespace

void GuestMemory::log_write(Gpa gpa, u64 size)
{
    const MemoryRegion* region = find(gpa);
    if (region == nullptr || size == 0) return;
    mark_dirty(*region, gpa.value - region->base.value, bytes_in(*region, gpa, size));
}

Result<void, MemoryError> GuestMemory::map(const MemoryRegion& region)
{
    if (region.size == 0 || !is_aligned(region.size, page_size) || !is_aligned(region.base.value, page_size) ||
        region.host == nullptr || !is_aligned(reinterpret_cast<std::uintptr_t>(region.host), page_size))
        return fail(MemoryError::misaligned);
    u64 last;
    if (add_overflows(region.base.value, region.size - 1, last)) return fail(MemoryError::overflow);
    if (region_count_ == max_regions) return fail(MemoryError::full);

    unsigned slot = 0;
    while (slot < region_count_ && regions_[slot].base < region.base) ++slot;
    const bool hits_next = slot < region_count_ && regions_[slot].base.value <= last;
    const bool hits_previous = slot > 0 && region.base.value - regions_[slot - 1].base.value < regions_[slot - 1].size;
    if (hits_next || hits_previous) return fail(MemoryError::overlap);

    for (unsigned i = region_count_; i > slot; --i) regions_[i] = regions_[i - 1];
    regions_[slot] = region;
    ++region_count_;
    return {};
}

Result<void, MemoryError> GuestMemory::unmap(Gpa base)
{
    for (unsigned i = 0; i < region_count_; ++i) {
        if (regions_[i].base != base) continue;
        for (unsigned next = i + 1; next < region_count_; ++next) regions_[next - 1] = regions_[next];
        regions_[--region_count_] = {};
        return {};
    }
    return fail(MemoryError::out_of_range);
}

const MemoryRegion* GuestMemory::find(Gpa gpa) const
{
    unsigned low = 0;
    unsigned high = region_count_;
    while (low < high) {
        const unsigned middle = (low + high) / 2;
        const MemoryRegion& region = regions_[middle];
        if (gpa < region.base)
            high = middle;
        else if (gpa.value - region.base.value >= region.size)
            low = middle + 1;
        else
            return &region;
    }
    return nullptr;
}

Result<void, MemoryError> GuestMemory::check(Gpa gpa, u64 size, bool write) const
{
    if (size == 0) return {};
    u64 last;
    if (add_overflows(gpa.value, size - 1, last)) return fail(MemoryError::overflow);
    while (true) {
        const MemoryRegion* region = find(gpa);
        if (region == nullptr) return fail(MemoryError::out_of_range);
        if (write && region->read_only) return fail(MemoryError::read_only);
        const u64 here = bytes_in(*region, gpa, size);
        if (here == size) return {};
        gpa = gpa + here;
        size -= here;
    }
}

Result<void, MemoryError> GuestMemory::read(Gpa gpa, std::span<u8> out) const
{
    GIMBAL_TRY_VOID(check(gpa, out.size(), false));
    for (u64 done = 0; done < out.size();) {
        const MemoryRegion& region = *find(gpa + done);
        const u64 here = bytes_in(region, gpa + done, out.size() - done);
        copy_from_guest(out.data() + done, region.host + ((gpa.value + done) - region.base.value), here);
        done += here;
    }
    return {};
}

Result<void, MemoryError> GuestMemory::write(Gpa gpa, std::span<const u8> data)
{
    GIMBAL_TRY_VOID(check(gpa, data.size(), true));
    for (u64 done = 0; done < data.size();) {
        const MemoryRegion& region = *find(gpa + done);
        const u64 here = bytes_in(region, gpa + done, data.size() - done);
        copy_to_guest(region.host + ((gpa.value + done) - region.base.value), data.data() + done, here);
        done += here;
    }
    published(gpa, data.size());
    return {};
}

Result<u8*, MemoryError> GuestMemory::range(Gpa gpa, u64 size, bool write) const
{
    u64 last;
    if (add_overflows(gpa.value, size - 1, last)) return fail(MemoryError::overflow);
    const MemoryRegion* region = find(gpa);
    if (region == nullptr || bytes_in(*region, gpa, size) != size) return fail(MemoryError::out_of_range);
    if (write && region->read_only) return fail(MemoryError::read_only);
    return region->host + (gpa.value - region->base.value);
}

Result<u8*, MemoryError> GuestMemory::field(Gpa gpa, u64 size, bool write) const
{
    if (!is_aligned(gpa.value, size)) return fail(MemoryError::misaligned);
    return range(gpa, size, write);
}

void GuestMemory::published(Gpa gpa, u64 size)
{
    if (size == 0) return;
    for (u64 done = 0; done < size;) {
        const MemoryRegion& region = *find(gpa + done);
        const u64 here = bytes_in(region, gpa + done, size - done);
        mark_dirty(region, (gpa.value + done) - region.base.value, here);
        done += here;
    }
    if (observer_ != nullptr) observer_->guest_memory_written(gpa, size);
}

} // namespace gimbal
