// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bare/console_mux.hpp"
#include "bare/line_editor.hpp"

namespace gimbal::bare {

/// Where the console's input goes.
class ConsoleTarget {
public:
    /// Bytes for a guest's UART. Returns how many it took from the front; ConsoleInput::offer() says it again. A guest
    /// that does not run takes all.
    virtual usize receive(unsigned guest, std::span<const u8> bytes) = 0;
    /// The console has room again for a guest that was refused.
    virtual void transmit_ready(unsigned guest) = 0;
    /// A line of the management prompt, without blanks around it. What there is to say goes to the console before it
    /// returns. False: the user goes back to the guests.
    virtual bool command(StrView line) = 0;
    /// Nobody will ever need this console again, and that has been said.
    virtual bool finished() = 0;

protected:
    ~ConsoleTarget() = default;
};

/// What the keys of the console do. Ctrl-A begins a command; all else is the selected guest's, or the management
/// prompt's. Input that a guest does not take yet waits, up to 1 KiB for each; the rest is lost with a bell, as on any
/// terminal, because the keys that lead away from a guest that hangs must always work. One CPU.
class ConsoleInput {
public:
    static constexpr u8 escape = 0x01; // Ctrl-A
    static constexpr usize queue_bytes = 1024;

    ConsoleInput(ConsoleMux& mux, ConsoleTarget& target) : mux_(mux), target_(target) {}

    void take(u8 byte, HostTicks now);
    /// The guest may take what waits for it.
    void offer(unsigned guest);
    /// The guest has ended: nobody reads this any more.
    void forget(unsigned guest) { queues_[guest].clear(); }

    unsigned selected() const { return selected_; }
    /// Shows one guest and gives it the input; none shows all, and the input stays where it is.
    void select(std::optional<unsigned> guest, HostTicks now);

private:
    void take_command(u8 byte, HostTicks now);
    void take_prompt_key(u8 byte, HostTicks now);
    void send(u8 byte);
    void open_prompt();
    void close_prompt(HostTicks now);
    void draw_prompt();
    void say(const char* text);
    void help();

    ConsoleMux& mux_;
    ConsoleTarget& target_;
    LineEditor editor_;
    ByteRing<queue_bytes> queues_[ConsoleMux::max_guests];
    unsigned selected_{};
    bool escaped_{};
    bool prompting_{};
};

} // namespace gimbal::bare
