// SPDX-License-Identifier: Apache-2.0
// How the guest and an overlay share one line: what may be written when, so that neither stands inside the other's.
#include <algorithm>
#include <utility>

#include "host/serial.hpp"

namespace gimbal::host {
namespace {

constexpr std::string_view erase_line = "\r\x1b[K"; // ECMA-48, EL

} // namespace

void SerialPort::open_overlay(SerialOverlay& overlay, std::string_view greeting)
{
    if (overlay_ != nullptr) return;
    overlay_ = &overlay; // from here on the guest's lines are whole
    batch_ = 0;
    print(greeting);
}

/// The guest's output goes on where the prompt stood.
void SerialPort::close_overlay()
{
    if (overlay_ == nullptr) return;
    erase_prompt();
    overlay_ = nullptr;
    batch_ = 0;
    if (!deferred_.empty()) print(std::exchange(deferred_, {}));
    drain();
}

void SerialPort::print(std::string_view lines)
{
    if (batch_ != 0) { // the guest's line may be half written
        deferred_ += lines;
        return;
    }
    erase_prompt();
    if (!at_line_start_) overlay_text_ += '\n';
    at_line_start_ = true;
    overlay_text_ += lines;
    if (overlay_ != nullptr) show_prompt();
    drain();
}

void SerialPort::prompt_changed()
{
    if (overlay_ == nullptr || batch_ != 0) return; // it comes behind the lines that are being written
    erase_prompt();
    show_prompt();
    drain();
}

void SerialPort::erase_prompt()
{
    if (prompt_shown_) overlay_text_ += erase_line;
    prompt_shown_ = false;
}

void SerialPort::show_prompt()
{
    // The guest has left the line open: a shell's prompt, or a line longer than the buffer.
    if (!at_line_start_) overlay_text_ += '\n';
    at_line_start_ = true;
    overlay_text_ += overlay_->prompt();
    prompt_shown_ = true;
}

/// Whole lines that wait are the next to be written. A line that fills the buffer is not waited for.
void SerialPort::begin_batch()
{
    if (overlay_ == nullptr || batch_ != 0 || out_fd_ < 0) return;
    batch_ = output_.through_last('\n');
    if (batch_ == 0 && output_.room() == 0) batch_ = output_.size();
    if (batch_ != 0) erase_prompt();
}

bool SerialPort::wants_output() const
{
    if (!overlay_text_.empty() || batch_ != 0) return true;
    const bool held = overlay_ != nullptr && out_fd_ >= 0;
    return !held && output_.size() != 0;
}

/// Up to the end of a buffer, in place.
std::span<const u8> SerialPort::next_output()
{
    if (!overlay_text_.empty()) return {reinterpret_cast<const u8*>(overlay_text_.data()), overlay_text_.size()};
    const std::span<const u8> bytes = output_.peek();
    if (overlay_ == nullptr || out_fd_ < 0) return bytes;
    return bytes.first(std::min(bytes.size(), batch_));
}

void SerialPort::took_output(std::span<const u8> bytes)
{
    if (!overlay_text_.empty()) {
        overlay_text_.erase(0, bytes.size());
        return;
    }
    at_line_start_ = bytes.back() == '\n';
    output_.drop(bytes.size());
    if (overlay_ == nullptr) return;
    batch_ -= bytes.size();
    if (batch_ == 0) {
        overlay_text_ += std::exchange(deferred_, {});
        show_prompt();
    }
}

} // namespace gimbal::host
