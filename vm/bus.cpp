// SPDX-License-Identifier: Apache-2.0
#include "vm/bus.hpp"

#include "base/bits.hpp"

namespace gimbal {

Result<void, BusMapError> MmioBus::add(const MmioRange& range)
{
    if (range.size == 0 || range.device == nullptr) return fail(BusMapError::empty);
    u64 last;
    if (add_overflows(range.base.value, range.size - 1, last)) return fail(BusMapError::overflow);
    if (range_count_ == max_ranges) return fail(BusMapError::full);

    unsigned slot = 0;
    while (slot < range_count_ && ranges_[slot].base < range.base) ++slot;
    const bool hits_next = slot < range_count_ && ranges_[slot].base.value <= last;
    const bool hits_previous = slot > 0 && range.base.value - ranges_[slot - 1].base.value < ranges_[slot - 1].size;
    if (hits_next || hits_previous) return fail(BusMapError::overlap);

    for (unsigned i = range_count_; i > slot; --i) ranges_[i] = ranges_[i - 1];
    ranges_[slot] = range;
    ++range_count_;
    return {};
}

const MmioRange* MmioBus::find(Gpa gpa) const
{
    unsigned low = 0;
    unsigned high = range_count_;
    while (low < high) {
        const unsigned middle = (low + high) / 2;
        const MmioRange& range = ranges_[middle];
        if (gpa < range.base)
            high = middle;
        else if (gpa.value - range.base.value >= range.size)
            low = middle + 1;
        else
            return &range;
    }
    return nullptr;
}

Result<MmioBus::Target, BusError> MmioBus::claim(Gpa gpa, AccessSize size) const
{
    const MmioRange* range = find(gpa);
    if (range == nullptr) return fail(BusError::unclaimed);
    const u64 offset = gpa.value - range->base.value;
    if (range->size - offset < byte_count(size)) return fail(BusError::unclaimed);
    if (!is_aligned(offset, byte_count(size))) return fail(BusError::bad_access);
    return Target{range, offset};
}

Result<u64, BusError> MmioBus::read(const AccessContext& context, Gpa gpa, AccessSize size) const
{
    GIMBAL_TRY(target, claim(gpa, size));
    MmioDevice& device = *target.range->device;
    const AccessLimits& limits = target.range->limits;
    if (size < limits.smallest) {
        const u64 word = align_down(target.offset, byte_count(limits.smallest));
        GIMBAL_TRY(value, device.read(context, word, limits.smallest));
        return bits(value, static_cast<unsigned>(target.offset - word) * 8, byte_count(size) * 8);
    }
    if (size <= limits.largest) return device.read(context, target.offset, size);
    u64 value = 0;
    for (unsigned done = 0; done < byte_count(size); done += byte_count(limits.largest)) {
        GIMBAL_TRY(part, device.read(context, target.offset + done, limits.largest));
        value |= (part & low_mask(byte_count(limits.largest) * 8)) << (done * 8);
    }
    return value;
}

Result<void, BusError> MmioBus::write(const AccessContext& context, Gpa gpa, AccessSize size, u64 value) const
{
    GIMBAL_TRY(target, claim(gpa, size));
    MmioDevice& device = *target.range->device;
    const AccessLimits& limits = target.range->limits;
    value &= low_mask(byte_count(size) * 8);
    if (size < limits.smallest) {
        if (!limits.widen_writes) return fail(BusError::bad_access);
        const u64 word = align_down(target.offset, byte_count(limits.smallest));
        return device.write(context, word, limits.smallest, value << ((target.offset - word) * 8));
    }
    if (size <= limits.largest) return device.write(context, target.offset, size, value);
    for (unsigned done = 0; done < byte_count(size); done += byte_count(limits.largest)) {
        const u64 part = bits(value, done * 8, byte_count(limits.largest) * 8);
        GIMBAL_TRY_VOID(device.write(context, target.offset + done, limits.largest, part));
    }
    return {};
}

} // namespace gimbal
