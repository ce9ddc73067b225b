// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bare/console_input.hpp"
#include "bare/scheduler.hpp"
#include "bare/uart.hpp"
#include "device/char_sink.hpp"
#include "vm/clock.hpp"

namespace gimbal::bare {

/// The UART of the board, its interrupt and the console's task: the hardware's side of ConsoleMux and ConsoleInput.
/// Interrupt and task are on the first CPU.
class BoardConsole final : public Task, private ConsolePort {
public:
    BoardConsole(Uart& uart, const Clock& clock, ConsoleTarget& target);

    ConsoleMux& mux() { return mux_; }
    ConsoleInput& input() { return input_; }

    void start(); ///< Input is taken from here on.
    /// The UART's interrupt.
    void interrupt();

    /// Any CPU: this guest's UART takes input again, or its guest may write again.
    void look_at(unsigned guest) noexcept;

private:
    static constexpr usize received_bytes = 256;

    Result run(Scheduler& scheduler) override;
    void take_input(HostTicks now);

    // ConsolePort: under the console's lock
    bool send(u8 byte) override { return uart_.try_send(byte); }
    void want_room(bool wanted) override;
    void attend() noexcept override { wake(); }

    Uart& uart_;
    const Clock& clock_;
    ConsoleMux mux_;
    ConsoleTarget& target_;
    ConsoleInput input_;
    Atomic<u32> to_look_at_{0};         // one bit per guest; set by any CPU, taken by the task
    SpinLock mask_lock_;                // what the UART's interrupt mask is made of
    bool listening_{};                  // under mask_lock_
    bool room_wanted_{};                // under mask_lock_
    ByteRing<received_bytes> received_; // interrupt and task are one CPU, and neither interrupts the other
};

/// What a guest's UART is plugged into.
class ConsolePlug final : public CharSink {
public:
    ConsolePlug(BoardConsole& console, const Clock& clock, unsigned guest)
        : console_(console), clock_(clock), guest_(guest)
    {
    }
    usize put(std::span<const u8> bytes) override { return console_.mux().put(guest_, bytes, clock_.now()); }
    void receiver_ready() noexcept override { console_.look_at(guest_); }

private:
    BoardConsole& console_;
    const Clock& clock_;
    unsigned guest_;
};

} // namespace gimbal::bare
