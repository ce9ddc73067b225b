// SPDX-License-Identifier: Apache-2.0
#include "device/pl011/pl011.hpp"

namespace gimbal {

namespace interrupt = pl011::interrupt;
namespace cr = pl011::cr;
namespace fr = pl011::fr;
namespace dr = pl011::dr;
using pl011::Register;

Pl011::Pl011(CharSink& sink, InterruptSource line, bool enabled_at_reset)
    : sink_(sink), line_(line), enabled_at_reset_(enabled_at_reset)
{
    reset();
}

void Pl011::reset()
{
    SpinGuard guard(lock_);
    tx_.clear();
    rx_.clear();
    rsr_ = ilpr_ = ibrd_ = fbrd_ = lcr_h_ = imsc_ = ris_ = dmacr_ = 0;
    cr_ = cr::reset | (enabled_at_reset_ ? cr::uarten : 0);
    ifls_ = pl011::ifls_reset;
    overrun_ = false;
    update_line();
    offer_room();
}

bool Pl011::can_receive() const
{
    constexpr u32 on = cr::uarten | cr::rxe;
    return (cr_ & on) == on;
}

bool Pl011::can_transmit() const
{
    constexpr u32 on = cr::uarten | cr::txe;
    const bool clear_to_send = (cr_ & cr::ctsen) == 0 || (modem_lines() & fr::cts) != 0;
    return (cr_ & on) == on && clear_to_send && !tx_.empty();
}

usize Pl011::room() const
{
    if (!can_receive() || loops_back() || rx_.count() >= depth()) return 0;
    return depth() - rx_.count();
}

/// The far end is there, ready and has a carrier; in loopback (UARTCR.LBE) it is ourselves.
u32 Pl011::modem_lines() const
{
    if (!loops_back()) return fr::cts | fr::dsr | fr::dcd;
    return ((cr_ & cr::rts) != 0 ? fr::cts : 0) | ((cr_ & cr::dtr) != 0 ? fr::dsr : 0) |
           ((cr_ & cr::out1) != 0 ? fr::dcd : 0) | ((cr_ & cr::out2) != 0 ? fr::ri : 0);
}

u32 Pl011::flags() const
{
    return modem_lines() | (rx_.empty() ? fr::rxfe : 0) | (rx_.count() >= depth() ? fr::rxff : 0) |
           (tx_.empty() ? fr::txfe : fr::busy) | (tx_.count() >= depth() ? fr::txff : 0);
}

/// The fill level that UARTIFLS selects; without FIFOs the single entry.
unsigned Pl011::trigger(unsigned select) const
{
    if (depth() == 1) return 1;
    constexpr unsigned levels[] = {2, 4, 8, 12, 14};
    return levels[select < 5 ? select : 4]; // 0b101 and above are reserved
}

void Pl011::update_line()
{
    const bool level = (ris_ & imsc_) != 0;
    if (level == asserted_) return;
    asserted_ = level;
    line_.set(level);
}

void Pl011::offer_room()
{
    if (!refused_ || room() == 0) return;
    refused_ = false;
    sink_.receiver_ready();
}

void Pl011::push_received(u32 entry)
{
    if (rx_.count() >= depth()) {
        overrun_ = true; // the FIFO keeps what it has; the new character is lost
        rsr_ |= pl011::rsr::oe;
        ris_ |= interrupt::oe;
        return;
    }
    overrun_ = false;
    rx_.push(static_cast<u16>(entry));
    if ((entry & dr::be) != 0) ris_ |= interrupt::be;
}

void Pl011::received(bool any)
{
    if (!any || rx_.empty()) return;
    if (rx_.count() >= trigger((ifls_ >> 3) & 7)) ris_ |= interrupt::rx;
    ris_ |= interrupt::rt; // the line is idle after the last character; the holding register alone counts as well
}

usize Pl011::receive(std::span<const u8> bytes)
{
    SpinGuard guard(lock_);
    const usize taken = bytes.size() < room() ? bytes.size() : room();
    for (const u8 byte : bytes.first(taken)) push_received(byte);
    if (taken < bytes.size()) refused_ = true;
    received(taken != 0);
    update_line();
    return taken;
}

usize Pl011::receive_room()
{
    SpinGuard guard(lock_);
    if (room() == 0) refused_ = true;
    return room();
}

bool Pl011::receive_attended()
{
    SpinGuard guard(lock_);
    const bool attended = (imsc_ & (interrupt::rx | interrupt::rt)) != 0;
    if (!attended) refused_ = true;
    return attended;
}

void Pl011::transmit_ready()
{
    SpinGuard guard(lock_);
    drain();
    update_line();
}

void Pl011::drain()
{
    bool moved = false;
    while (can_transmit()) {
        const u8 byte = tx_.front();
        if (loops_back()) {
            if (can_receive()) push_received(byte);
        } else if (sink_.put({&byte, 1}) == 0) {
            break;
        }
        tx_.pop();
        moved = true;
    }
    // A transition, not a level: only data that leaves can raise UARTTXINTR.
    const unsigned level = depth() == 1 ? 0 : trigger(ifls_ & 7);
    if (moved && tx_.count() <= level) ris_ |= interrupt::tx;
    if (loops_back()) received(moved);
}

u32 Pl011::read_data()
{
    u32 value = overrun_ ? dr::oe : 0;
    if (rx_.empty()) return value;
    value |= rx_.pop();
    // UARTRSR shows the errors of the character read last. OE is none of these: it is set when a character is lost and
    // stays until it is cleared.
    rsr_ = (rsr_ & pl011::rsr::oe) | ((value >> dr::error_shift) & pl011::rsr::of_character);
    if (rx_.count() < trigger((ifls_ >> 3) & 7)) ris_ &= ~interrupt::rx;
    if (rx_.empty()) ris_ &= ~interrupt::rt;
    offer_room();
    return value;
}

void Pl011::write_data(u8 byte)
{
    if (tx_.count() < depth()) tx_.push(byte); // into a full FIFO: lost, as FR.TXFF told the guest
    if (tx_.count() > (depth() == 1 ? 0 : trigger(ifls_ & 7))) ris_ &= ~interrupt::tx;
    drain();
}

void Pl011::write_control(u32 value)
{
    const u32 before = modem_lines();
    cr_ = value & cr::writable;
    const u32 changed = before ^ modem_lines();
    ris_ |= ((changed & fr::ri) != 0 ? interrupt::ri : 0) | ((changed & fr::cts) != 0 ? interrupt::cts : 0) |
            ((changed & fr::dcd) != 0 ? interrupt::dcd : 0) | ((changed & fr::dsr) != 0 ? interrupt::dsr : 0);
    drain();
    offer_room();
}

/// Without FEN the FIFOs are one entry deep; what they hold by then is still delivered.
void Pl011::write_line_control(u32 value)
{
    const bool starts_break = (value & ~lcr_h_ & pl011::lcr_h::brk) != 0;
    lcr_h_ = value & pl011::lcr_h::writable;
    if (starts_break && loops_back() && can_receive()) {
        push_received(dr::be); // one zero character
        received(true);
    }
    drain();
    offer_room();
}

std::optional<u32> Pl011::read_register(u64 offset)
{
    switch (static_cast<Register>(offset)) {
    case Register::dr: return read_data();
    case Register::rsr_ecr: return rsr_;
    case Register::fr: return flags();
    case Register::ilpr: return ilpr_;
    case Register::ibrd: return ibrd_;
    case Register::fbrd: return fbrd_;
    case Register::lcr_h: return lcr_h_;
    case Register::cr: return cr_;
    case Register::ifls: return ifls_;
    case Register::imsc: return imsc_;
    case Register::ris: return ris_;
    case Register::mis: return ris_ & imsc_;
    case Register::icr: return 0; // write-only
    case Register::dmacr: return dmacr_;
    }
    return primecell::id_register(offset, pl011::part_number, pl011::revision);
}

bool Pl011::write_register(u64 offset, u32 value)
{
    switch (static_cast<Register>(offset)) {
    case Register::dr: write_data(static_cast<u8>(value)); return true;
    case Register::rsr_ecr: rsr_ = 0; return true; // any value clears
    case Register::fr:
    case Register::ris:
    case Register::mis: return true; // read-only
    case Register::ilpr: ilpr_ = value & 0xFF; return true;
    case Register::ibrd: ibrd_ = value & 0xFFFF; return true;
    case Register::fbrd: fbrd_ = value & pl011::fbrd_writable; return true;
    case Register::lcr_h: write_line_control(value); return true;
    case Register::cr: write_control(value); return true;
    case Register::ifls: ifls_ = value & pl011::ifls_writable; return true;
    case Register::imsc:
        imsc_ = value & interrupt::all;
        offer_room();
        return true;
    case Register::icr: ris_ &= ~value; return true;
    case Register::dmacr: dmacr_ = value & pl011::dmacr_writable; return true;
    }
    return primecell::id_register(offset, 0, 0).has_value();
}

Result<u64, BusError> Pl011::read(const AccessContext&, u64 offset, AccessSize size)
{
    if (offset % 4 != 0 || size == AccessSize::bytes_8) return fail(BusError::bad_access);
    SpinGuard guard(lock_);
    const std::optional<u32> value = read_register(offset);
    if (!value) return fail(BusError::bad_access); // reserved
    update_line();
    return *value & low_mask(byte_count(size) * 8);
}

Result<void, BusError> Pl011::write(const AccessContext&, u64 offset, AccessSize size, u64 value)
{
    if (offset % 4 != 0 || size == AccessSize::bytes_8) return fail(BusError::bad_access);
    SpinGuard guard(lock_);
    if (!write_register(offset, static_cast<u32>(value))) return fail(BusError::bad_access);
    update_line();
    return {};
}

} // namespace gimbal
