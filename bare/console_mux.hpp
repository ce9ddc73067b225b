// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "bare/byte_ring.hpp"
#include "bare/text.hpp"
#include "base/spinlock.hpp"
#include "vm/types.hpp"

namespace gimbal::bare {

/// The UART under the console, and who looks after it. Called with the console's lock held; must not call back.
class ConsolePort {
public:
    /// Never waits. False: the transmitter is full.
    virtual bool send(u8 byte) = 0;
    /// Whether ConsoleMux::service() is to be called when the transmitter has room again.
    virtual void want_room(bool wanted) = 0;
    /// ConsoleMux::service() is to be called soon, for another reason.
    virtual void attend() noexcept = 0;

protected:
    ~ConsolePort() = default;
};

/// One UART for all guests and the hypervisor itself: who is shown, in which order, and what waits meanwhile.
///
/// One guest is shown as it is, byte for byte and at once; what the others write waits in a ring of their own, from
/// which the oldest lines are dropped, which is said when they are shown. If all are shown, each line begins with its
/// guest's name. A line is shown as it comes, so that a prompt is seen; meanwhile the lines of the others wait, until
/// it ends, or its guest has been silent for a moment, or is longer than any line should be.
///
/// The lock is held for as long as the UART takes bytes without waiting, at most a ring full of them. Nothing waits for
/// the UART: a guest that is shown and writes faster sees its own transmitter full.
class ConsoleMux final : public TextSink {
public:
    static constexpr unsigned max_guests = 16;
    static constexpr usize backlog_bytes = 8192;   ///< Of each guest.
    static constexpr usize output_bytes = 4096;    ///< On the way to the UART.
    static constexpr usize own_bytes = 2048;       ///< Of these, for the hypervisor alone.
    static constexpr unsigned longest_line = 1024; ///< Until another guest may come in between.
    static constexpr u64 patience_us = 100'000;    ///< With a guest that has stopped in the middle of a line.
    static constexpr usize prompt_max = 160;

    ConsoleMux(ConsolePort& port, u64 frequency_hz);

    /// Before any of its output. Its number counts from 0. With a second guest, all are shown. `name` stays where it
    /// is.
    void add_guest(StrView name);
    unsigned guest_count() const { return guest_count_; }
    StrView name(unsigned guest) const { return guests_[guest].name; }

    /// Any CPU. Returns how many were taken; after less than all, takes_again() says when to go on.
    usize put(unsigned guest, std::span<const u8> bytes, HostTicks now);
    /// The guest was refused before, and there is room now; says so once.
    bool takes_again(unsigned guest);
    /// The hypervisor's own words: whole lines.
    void write(const char* text, usize size) override;
    void ring_bell();
    /// For the report of a fault, which goes to the UART itself: nobody else writes until release(). False: not now.
    bool seize() { return lock_.try_lock(); }
    void release() { lock_.unlock(); }
    bool is_flushed(); ///< The UART has all of it.

    /// The transmitter has room, or time has passed. Returns when to call again without being asked to.
    std::optional<HostTicks> service(HostTicks now);

    /// None: all of them.
    void show(std::optional<unsigned> guest, HostTicks now);
    std::optional<unsigned> shown() const { return shown_; } ///< For whoever calls show().

    /// A line of the user's, below which no guest's output appears until it is taken away. The hypervisor's own lines
    /// go above it.
    void set_prompt(StrView text);
    void clear_prompt(HostTicks now);

private:
    struct Guest {
        StrView name;
        ByteRing<backlog_bytes> backlog;
        usize lines{};    // newlines in the backlog
        u64 dropped{};    // bytes since it was last shown
        HostTicks last{}; // when it last wrote
        bool carriage{};  // a '\r' whose meaning the next byte tells
        bool refused{};
    };
    static constexpr unsigned nobody = max_guests;

    bool is_hidden(unsigned guest) const { return prompting_ || (shown_ && *shown_ != guest); }
    bool has_room(usize bytes);
    void add(Guest& guest, u8 byte);
    u8 take(Guest& guest);
    static void drop_line(Guest& guest);
    void say_dropped(Guest& guest);

    void pump(HostTicks now);
    void stream(Guest& guest);
    void interleave(HostTicks now);
    unsigned next_owner() const;
    bool others_wait() const;
    bool others_are_full() const;
    void show_byte(Guest& guest, u8 byte);
    void begin_line(const Guest& guest);
    void break_line();

    void flush();
    void emit(u8 byte);
    void emit(StrView text);
    void emit_number(u64 value);
    void own_line_begins();
    void own_line_ended();

    SpinLock lock_; // guards everything below, but for names and their number
    ConsolePort& port_;
    const u64 patience_;
    Guest guests_[max_guests]{};
    unsigned guest_count_{};
    std::optional<unsigned> shown_;
    ByteRing<output_bytes> output_;
    u64 lost_{}; // bytes of the hypervisor's own that found no room
    bool at_line_start_{true};
    unsigned owner_{nobody}; // all are shown: whose line is on the screen
    unsigned last_owner_{};
    unsigned length_{}; // of that line
    std::optional<HostTicks> due_;
    bool waits_for_room_{};
    bool prompting_{};
    char prompt_[prompt_max]{};
    usize prompt_size_{};
};

} // namespace gimbal::bare
