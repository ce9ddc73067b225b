// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

// PrimeCell UART (PL011), DDI 0183; the registers carry the prefix UART there.
namespace gimbal::pl011 {

enum class Register : u16 {
    dr = 0x000,
    rsr_ecr = 0x004,
    fr = 0x018,
    ilpr = 0x020,
    ibrd = 0x024,
    fbrd = 0x028,
    lcr_h = 0x02C,
    cr = 0x030,
    ifls = 0x034,
    imsc = 0x038,
    ris = 0x03C,
    mis = 0x040,
    icr = 0x044,
    dmacr = 0x048,
};

inline constexpr u32 part_number = 0x011;
inline constexpr u32 revision = 1; ///< Below 3: FIFOs of 16 entries, not 32
inline constexpr unsigned fifo_depth = 16;

/// Error bits of an entry in the receive FIFO, as DR shows them; RSR shows them in [3:0].
namespace dr {
inline constexpr u32 data = 0xFF;
inline constexpr unsigned error_shift = 8;
inline constexpr u32 be = 1U << 10;
inline constexpr u32 oe = 1U << 11;
} // namespace dr

namespace rsr {
inline constexpr u32 of_character = 0x7; ///< Framing, parity and break errors
inline constexpr u32 oe = 1U << 3;
} // namespace rsr

namespace fr {
inline constexpr u32 cts = 1U << 0;
inline constexpr u32 dsr = 1U << 1;
inline constexpr u32 dcd = 1U << 2;
inline constexpr u32 busy = 1U << 3;
inline constexpr u32 rxfe = 1U << 4;
inline constexpr u32 txff = 1U << 5;
inline constexpr u32 rxff = 1U << 6;
inline constexpr u32 txfe = 1U << 7;
inline constexpr u32 ri = 1U << 8;
} // namespace fr

namespace lcr_h {
inline constexpr u32 brk = 1U << 0;
inline constexpr u32 fen = 1U << 4;
inline constexpr u32 writable = 0xFF;
} // namespace lcr_h

namespace cr {
inline constexpr u32 uarten = 1U << 0;
inline constexpr u32 lbe = 1U << 7;
inline constexpr u32 txe = 1U << 8;
inline constexpr u32 rxe = 1U << 9;
inline constexpr u32 dtr = 1U << 10;
inline constexpr u32 rts = 1U << 11;
inline constexpr u32 out1 = 1U << 12;
inline constexpr u32 out2 = 1U << 13;
inline constexpr u32 ctsen = 1U << 15;
inline constexpr u32 writable = 0xFF87;
inline constexpr u32 reset = txe | rxe;
} // namespace cr

/// Bits of IMSC, RIS, MIS and ICR.
namespace interrupt {
inline constexpr u32 ri = 1U << 0;
inline constexpr u32 cts = 1U << 1;
inline constexpr u32 dcd = 1U << 2;
inline constexpr u32 dsr = 1U << 3;
inline constexpr u32 rx = 1U << 4;
inline constexpr u32 tx = 1U << 5;
inline constexpr u32 rt = 1U << 6; ///< Receive timeout
inline constexpr u32 be = 1U << 9;
inline constexpr u32 oe = 1U << 10;
inline constexpr u32 all = 0x7FF;
} // namespace interrupt

inline constexpr u32 ifls_reset = 0x12; // both at half
inline constexpr u32 ifls_writable = 0x3F;
inline constexpr u32 fbrd_writable = 0x3F;
inline constexpr u32 dmacr_writable = 0x7;

} // namespace gimbal::pl011
