// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "bare/board.hpp"

namespace gimbal::bare {

/// The largest run of whole pages of the board's memory that neither the board reserves nor `taken` covers; empty if
/// there is none. Regions may overlap each other and lie anywhere.
Region largest_free(const Board& board, std::span<const Region> taken);

} // namespace gimbal::bare
