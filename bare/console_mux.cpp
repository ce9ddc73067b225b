// SPDX-License-Identifier: Apache-2.0
#include "bare/console_mux.hpp"

#include "vm/clock.hpp"

namespace gimbal::bare {

namespace {

constexpr usize prefix_name_max = 16;
constexpr usize byte_room = prefix_name_max + 8; // the most that one byte of a guest's becomes: "\r\n[name] x"
constexpr const char* erase_line = "\r\x1b[K";   // ECMA-48, EL

} // namespace

ConsoleMux::ConsoleMux(ConsolePort& port, u64 frequency_hz)
    : port_(port), patience_(ticks_in_microseconds(frequency_hz, patience_us))
{
}

void ConsoleMux::add_guest(StrView name)
{
    if (guest_count_ == max_guests) return;
    guests_[guest_count_++].name = name;
    shown_ = guest_count_ == 1 ? std::optional(0U) : std::nullopt;
}

usize ConsoleMux::put(unsigned guest, std::span<const u8> bytes, HostTicks now)
{
    SpinGuard guard(lock_);
    Guest& from = guests_[guest];
    from.last = now;
    usize taken = 0;
    for (; taken < bytes.size(); ++taken) {
        if (from.backlog.room() == 0 && !is_hidden(guest)) pump(now);
        if (from.backlog.room() == 0) {
            from.refused = !is_hidden(guest);
            if (from.refused) break;
            drop_line(from);
        }
        add(from, bytes[taken]);
    }
    const bool was_due = due_.has_value();
    pump(now);
    if (due_ && !was_due) port_.attend();
    return taken;
}

bool ConsoleMux::takes_again(unsigned guest)
{
    SpinGuard guard(lock_);
    Guest& from = guests_[guest];
    const bool again = from.refused && (from.backlog.room() != 0 || is_hidden(guest));
    if (again) from.refused = false;
    return again;
}

void ConsoleMux::write(const char* text, usize size)
{
    SpinGuard guard(lock_);
    own_line_begins();
    for (usize i = 0; i < size; ++i) {
        if (text[i] == '\n') emit('\r');
        emit(static_cast<u8>(text[i]));
    }
    own_line_ended();
    flush();
}

void ConsoleMux::ring_bell()
{
    SpinGuard guard(lock_);
    emit('\a');
    flush();
}

bool ConsoleMux::is_flushed()
{
    SpinGuard guard(lock_);
    return output_.empty();
}

std::optional<HostTicks> ConsoleMux::service(HostTicks now)
{
    SpinGuard guard(lock_);
    flush();
    if (lost_ != 0 && has_room(byte_room)) {
        own_line_begins();
        emit("gimbal-el2: the console was too slow for ");
        emit_number(lost_);
        emit(" bytes of this text\r\n");
        lost_ = 0;
        own_line_ended();
    }
    due_.reset();
    pump(now);
    return due_;
}

void ConsoleMux::show(std::optional<unsigned> guest, HostTicks now)
{
    SpinGuard guard(lock_);
    if (guest && *guest >= guest_count_) return;
    shown_ = guest;
    own_line_begins();
    emit("gimbal-el2: ");
    if (guest) {
        emit_number(*guest + 1);
        emit(", ");
    }
    emit(guest ? guests_[*guest].name : StrView("all guests"));
    emit("\r\n");
    for (unsigned i = 0; i < guest_count_; ++i)
        if (!guest || *guest == i) say_dropped(guests_[i]);
    own_line_ended();
    pump(now);
}

void ConsoleMux::set_prompt(StrView text)
{
    SpinGuard guard(lock_);
    if (prompting_)
        emit(erase_line);
    else
        own_line_begins();
    prompting_ = true;
    prompt_size_ = text.size() < prompt_max ? text.size() : prompt_max;
    for (usize i = 0; i < prompt_size_; ++i) prompt_[i] = text[i];
    emit(StrView(prompt_, prompt_size_));
    flush();
}

void ConsoleMux::clear_prompt(HostTicks now)
{
    SpinGuard guard(lock_);
    if (!prompting_) return;
    emit(erase_line);
    prompting_ = false;
    at_line_start_ = true;
    for (unsigned i = 0; i < guest_count_; ++i)
        if (!is_hidden(i)) say_dropped(guests_[i]);
    pump(now);
}

bool ConsoleMux::has_room(usize bytes)
{
    if (output_.room() < own_bytes + bytes) flush();
    return output_.room() >= own_bytes + bytes;
}

void ConsoleMux::add(Guest& guest, u8 byte)
{
    if (guest.backlog.push(byte) && byte == '\n') ++guest.lines;
}

u8 ConsoleMux::take(Guest& guest)
{
    const u8 byte = guest.backlog.pop();
    if (byte == '\n') --guest.lines;
    return byte;
}

/// The oldest one, or all of a single one that is longer than the ring.
void ConsoleMux::drop_line(Guest& guest)
{
    u8 byte = 0;
    while (byte != '\n' && !guest.backlog.empty()) {
        byte = guest.backlog.pop();
        ++guest.dropped;
    }
    if (byte == '\n') --guest.lines;
}

void ConsoleMux::say_dropped(Guest& guest)
{
    if (guest.dropped == 0) return;
    emit("gimbal-el2: ");
    emit(guest.name);
    emit(": ");
    emit_number(guest.dropped);
    emit(" bytes were dropped while they were hidden\r\n");
    guest.dropped = 0;
}

/// Brings what the guests wrote to the UART as far as both the rules and the UART let it.
void ConsoleMux::pump(HostTicks now)
{
    if (!prompting_) {
        if (shown_)
            stream(guests_[*shown_]);
        else
            interleave(now);
    }
    flush();
}

void ConsoleMux::stream(Guest& guest)
{
    while (!guest.backlog.empty() && has_room(1)) {
        const u8 byte = take(guest);
        emit(byte);
        at_line_start_ = byte == '\n';
    }
}

void ConsoleMux::interleave(HostTicks now)
{
    while (has_room(byte_room)) {
        if (owner_ == nobody) owner_ = next_owner();
        if (owner_ == nobody) return;
        Guest& guest = guests_[owner_];
        if (!guest.backlog.empty() && !(length_ >= longest_line && others_wait())) {
            show_byte(guest, take(guest));
        } else if (length_ == 0) { // a '\r' and no more
            owner_ = nobody;
        } else {
            if (!others_wait()) return;
            const HostTicks patience_ends{guest.last.value + patience_};
            if (guest.backlog.empty() && now < patience_ends && !others_are_full()) {
                due_ = patience_ends;
                return;
            }
            break_line();
        }
    }
}

/// In turn, and whole lines before the beginnings of lines.
unsigned ConsoleMux::next_owner() const
{
    unsigned partial = nobody;
    for (unsigned i = 1; i <= guest_count_; ++i) {
        const unsigned candidate = (last_owner_ + i) % guest_count_;
        if (guests_[candidate].lines != 0) return candidate;
        if (partial == nobody && !guests_[candidate].backlog.empty()) partial = candidate;
    }
    return partial;
}

bool ConsoleMux::others_wait() const
{
    for (unsigned i = 0; i < guest_count_; ++i)
        if (i != owner_ && !guests_[i].backlog.empty()) return true;
    return false;
}

bool ConsoleMux::others_are_full() const
{
    for (unsigned i = 0; i < guest_count_; ++i)
        if (i != owner_ && guests_[i].backlog.room() == 0) return true;
    return false;
}

void ConsoleMux::show_byte(Guest& guest, u8 byte)
{
    if (byte == '\n') {
        if (length_ == 0) begin_line(guest);
        guest.carriage = false;
        break_line();
        return;
    }
    if (byte == '\r') {
        guest.carriage = true;
        return;
    }
    if (guest.carriage && length_ != 0) {
        emit('\r');
        length_ = 0;
    }
    guest.carriage = false;
    if (length_ == 0) begin_line(guest);
    emit(byte);
    ++length_;
}

void ConsoleMux::begin_line(const Guest& guest)
{
    emit('[');
    emit(guest.name.substr(0, prefix_name_max));
    emit("] ");
    at_line_start_ = false;
}

/// The line on the screen ends, whether its guest has ended it or not.
void ConsoleMux::break_line()
{
    emit("\r\n");
    at_line_start_ = true;
    if (owner_ != nobody) last_owner_ = owner_;
    owner_ = nobody;
    length_ = 0;
}

void ConsoleMux::flush()
{
    while (!output_.empty() && port_.send(output_.front())) output_.pop();
    const bool waits = !output_.empty();
    if (waits != waits_for_room_) port_.want_room(waits);
    waits_for_room_ = waits;
}

void ConsoleMux::emit(u8 byte)
{
    if (output_.room() == 0) flush();
    if (!output_.push(byte)) ++lost_;
}

void ConsoleMux::emit(StrView text)
{
    for (const char c : text) emit(static_cast<u8>(c));
}

void ConsoleMux::emit_number(u64 value)
{
    char digits[20];
    unsigned count = 0;
    do digits[count++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0) emit(static_cast<u8>(digits[--count]));
}

void ConsoleMux::own_line_begins()
{
    if (prompting_)
        emit(erase_line);
    else if (!at_line_start_)
        break_line();
}

void ConsoleMux::own_line_ended()
{
    at_line_start_ = true;
    if (prompting_) emit(StrView(prompt_, prompt_size_));
}

} // namespace gimbal::bare
