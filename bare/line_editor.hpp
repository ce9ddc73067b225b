// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/str_view.hpp"

namespace gimbal::bare {

/// A line that a user types, with the keys that every terminal has. Nothing is drawn here.
class LineEditor {
public:
    static constexpr usize longest_line = 120;
    enum class Key : u8 {
        nothing,
        changed, ///< line() is to be drawn anew.
        entered, ///< line() is done; clear() begins the next.
        left,    ///< End of input.
    };

    Key take(u8 byte);
    StrView line() const { return {line_, size_}; }
    void clear();

private:
    enum class Escape : u8 { none, started, sequence };

    bool skip_escape_sequence(u8 byte);

    char line_[longest_line]{};
    char last_[longest_line]{}; // what was entered before, for Up
    usize size_{};
    usize last_size_{};
    Escape escape_{};
};

} // namespace gimbal::bare
