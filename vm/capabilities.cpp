// SPDX-License-Identifier: Apache-2.0
#include "vm/capabilities.hpp"

#include "base/bits.hpp"

namespace gimbal {

Result<void, DoorbellError> DoorbellTable::add(const Doorbell& doorbell)
{
    const unsigned bytes = byte_count(doorbell.size);
    if (doorbell.event == nullptr || !is_aligned(doorbell.gpa.value, bytes)) return fail(DoorbellError::bad_doorbell);
    if (doorbell.match && *doorbell.match > low_mask(bytes * 8)) return fail(DoorbellError::bad_doorbell);
    for (const Doorbell& other : doorbells()) {
        if (other.gpa != doorbell.gpa || other.size != doorbell.size) continue;
        if (!other.match || !doorbell.match || *other.match == *doorbell.match) return fail(DoorbellError::overlap);
    }
    if (count_ == max_doorbells) return fail(DoorbellError::full);
    doorbells_[count_++] = doorbell;
    return {};
}

} // namespace gimbal
