// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/el2/guest_view.hpp"

namespace gimbal::el2 {

/// The level (0..3) of the guest's own translation table that its walk for `va` looks up in the 4 KiB page `table`. The
/// syndrome of a stage 2 fault on that walk gives the level of stage 2 alone. If the walk does not lead there, because
/// the guest has changed its tables, the level at which it ends.
unsigned stage_one_level(u64 va, Gpa table, GuestView& guest);

} // namespace gimbal::el2
