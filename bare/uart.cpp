// SPDX-License-Identifier: Apache-2.0
#include "bare/uart.hpp"

namespace gimbal::bare {

namespace {

// DDI 0183, "Summary of registers".
constexpr u32 dr = 0x00;
constexpr u32 fr = 0x18;
constexpr u32 imsc = 0x38;
constexpr u32 icr = 0x44;
constexpr u32 fr_rxfe = 1 << 4;
constexpr u32 fr_txff = 1 << 5;
constexpr u32 rx_interrupts = 1 << 4 | 1 << 6; // receive, receive timeout
constexpr u32 tx_interrupt = 1 << 5;

} // namespace

void Uart::write(const char* text, usize size)
{
    SpinGuard guard(lock_);
    for (usize i = 0; i < size; ++i) {
        if (text[i] == '\n') send('\r');
        send(static_cast<u8>(text[i]));
    }
}

void Uart::send(u8 byte)
{
    for (unsigned turn = 0; (read(fr) & fr_txff) != 0; ++turn) spin_wait(turn);
    write_register(dr, byte);
}

bool Uart::try_send(u8 byte)
{
    if ((read(fr) & fr_txff) != 0) return false;
    write_register(dr, byte);
    return true;
}

void Uart::enable_interrupts(bool input, bool room)
{
    write_register(imsc, (input ? rx_interrupts : 0) | (room ? tx_interrupt : 0));
}

void Uart::end_room_interrupt() { write_register(icr, tx_interrupt); }

std::optional<u8> Uart::take()
{
    if ((read(fr) & fr_rxfe) != 0) {
        write_register(icr, rx_interrupts);
        // A byte that came between the look and the clearing has set the interrupt again, or is here now.
        if ((read(fr) & fr_rxfe) != 0) return std::nullopt;
    }
    return static_cast<u8>(read(dr) & 0xFF);
}

} // namespace gimbal::bare
