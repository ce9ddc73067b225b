// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "bare/text.hpp"
#include "base/spinlock.hpp"

namespace gimbal::bare {

/// The board's PL011 (DDI 0183). write() waits for room, for what must be said before there is a console and when all
/// else has failed; the console uses the rest, under its own lock and from its interrupt.
class Uart final : public TextSink {
public:
    /// `base`: mapped as Device memory. Firmware has set the line up; speed and format stay as they are.
    constexpr explicit Uart(u64 base) : base_(base) {}

    void write(const char* text, usize size) override;

    bool try_send(u8 byte); ///< False: the transmitter is full.
    /// Interrupt on room in the transmitter, once it has been full. With `input`: on input, which stays while it is
    /// off.
    void enable_interrupts(bool input, bool room);
    std::optional<u8> take();
    void end_room_interrupt();

private:
    void send(u8 byte);
    u32 read(u32 offset) const { return *reinterpret_cast<const volatile u32*>(base_ + offset); }
    void write_register(u32 offset, u32 value) { *reinterpret_cast<volatile u32*>(base_ + offset) = value; }

    SpinLock lock_; // of write() alone
    u64 base_;
};

} // namespace gimbal::bare
