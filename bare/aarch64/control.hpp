// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bare/aarch64/board_console.hpp"
#include "bare/aarch64/guest_machine.hpp"
#include "bare/management.hpp"

namespace gimbal::bare {

/// All guests of the board, and the user at its console.
class Control final : public ConsoleTarget, public MachineListener {
public:
    Control(Uart& uart, const Clock& clock)
        : clock_(clock), console_(uart, clock, *this), management_(console_.mux(), clock.frequency_hz())
    {
    }

    BoardConsole& console() { return console_; }
    /// Of the guest that add() takes next.
    ConsolePlug plug() { return {console_, clock_, count_}; }
    void add(GuestMachine& machine);

    // ConsoleTarget
    usize receive(unsigned guest, std::span<const u8> bytes) override { return machines_[guest]->receive(bytes); }
    void transmit_ready(unsigned guest) override { machines_[guest]->transmit_ready(); }
    bool command(StrView line) override;
    bool finished() override;
    // MachineListener
    void machine_changed() noexcept override { console_.wake(); }

private:
    const Clock& clock_;
    GuestMachine* machines_[payload::max_vms]{};
    unsigned count_{};
    BoardConsole console_;
    Management management_;
    bool finished_{};
    bool all_stopped_{}; ///< As the user was told.
};

} // namespace gimbal::bare
