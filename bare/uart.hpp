// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "bare/text.hpp"
#include "base/spinlock.hpp"

namespace gimbal::bare {

/// The board's PL011 (DDI 0183), polled for output; input raises its interrupt. Any CPU.
class Uart final : public TextSink {
public:
    /// `base`: mapped as Device memory. Firmware has set the line up; speed and format stay as they are.
    constexpr explicit Uart(u64 base) : base_(base) {}

    void write(const char* text, usize size) override;
    void put(u8 byte); ///< One byte of a guest's, as it is.

    void listen(); ///< Receive interrupts on.
    std::optional<u8> take();

private:
    void send(u8 byte);
    u32 read(u32 offset) const { return *reinterpret_cast<const volatile u32*>(base_ + offset); }
    void write_register(u32 offset, u32 value) { *reinterpret_cast<volatile u32*>(base_ + offset) = value; }

    SpinLock lock_; // output only: input is taken by whoever serves the interrupt
    u64 base_;
};

} // namespace gimbal::bare
