// SPDX-License-Identifier: Apache-2.0
#include "bare/line_editor.hpp"

namespace gimbal::bare {

namespace {

namespace control_key {
constexpr u8 c = 0x03;
constexpr u8 d = 0x04;
constexpr u8 backspace = 0x08;
constexpr u8 u = 0x15;
constexpr u8 w = 0x17;
constexpr u8 escape = 0x1b;
constexpr u8 del = 0x7f;
} // namespace control_key

} // namespace

/// Arrow and function keys (ECMA-48, CSI and SS3): Up brings the last line back, the others do nothing.
bool LineEditor::skip_escape_sequence(u8 byte)
{
    switch (escape_) {
    case Escape::none:
        if (byte != control_key::escape) return false;
        escape_ = Escape::started;
        return true;
    case Escape::started: escape_ = byte == '[' || byte == 'O' ? Escape::sequence : Escape::none; return true;
    case Escape::sequence:
        if (byte < '@' || byte > '~') return true;
        escape_ = Escape::none;
        if (byte == 'A')
            for (size_ = 0; size_ < last_size_; ++size_) line_[size_] = last_[size_];
        return true;
    }
    return false;
}

LineEditor::Key LineEditor::take(u8 byte)
{
    if (skip_escape_sequence(byte)) return Key::changed;
    if (byte == '\r' || byte == '\n') return Key::entered;
    if (byte == control_key::d && size_ == 0) return Key::left;
    if (byte == control_key::backspace || byte == control_key::del) {
        if (size_ != 0) --size_;
    } else if (byte == control_key::c || byte == control_key::u) {
        size_ = 0;
    } else if (byte == control_key::w) {
        while (size_ != 0 && line_[size_ - 1] == ' ') --size_;
        while (size_ != 0 && line_[size_ - 1] != ' ') --size_;
    } else if (byte >= ' ' && byte < control_key::del && size_ < longest_line) {
        line_[size_++] = static_cast<char>(byte);
    } else {
        return Key::nothing;
    }
    return Key::changed;
}

void LineEditor::clear()
{
    if (size_ != 0)
        for (last_size_ = 0; last_size_ < size_; ++last_size_) last_[last_size_] = line_[last_size_];
    size_ = 0;
    escape_ = Escape::none;
}

} // namespace gimbal::bare
