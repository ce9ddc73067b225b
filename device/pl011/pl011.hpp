// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "base/spinlock.hpp"
#include "device/char_sink.hpp"
#include "device/hardware_fifo.hpp"
#include "device/pl011/registers.hpp"
#include "device/primecell.hpp"
#include "vm/bus.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal {

/// PL011 UART (DDI 0183). Bits take no time: what the sink accepts has left at once, and a line that pauses is idle at
/// once, so the receive timeout follows the last byte of each receive(). Input is never lost: what does not fit is
/// refused, and the sink is told when to offer it again. DMA requests have no one to go to.
class Pl011 final : public MmioDevice {
public:
    static constexpr AccessLimits access_limits{AccessSize::bytes_1, AccessSize::bytes_4, true};
    static constexpr u64 size = primecell::size;

    /// `enabled_at_reset`: UARTEN is set, as firmware would leave it, so that an early console needs no set-up.
    Pl011(CharSink& sink, InterruptSource line, bool enabled_at_reset);

    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override;
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override;

    /// Bytes from the host; any thread. Returns how many were taken from the front: none while the guest has the
    /// receiver off. After less than all, the sink's receiver_ready() says when to go on.
    usize receive(std::span<const u8> bytes);
    /// How many bytes receive() would take now; any thread. Zero counts as a refusal.
    usize receive_room();
    /// The guest has unmasked a receive interrupt, so that a driver and not only an early console is there; any thread.
    /// False counts as a refusal. Drivers throw away what came before (Linux empties the FIFO when it opens the port).
    bool receive_attended();
    /// The sink has room again; any thread.
    void transmit_ready();

    void reset();

private:
    unsigned depth() const { return (lcr_h_ & pl011::lcr_h::fen) != 0 ? pl011::fifo_depth : 1; }
    bool loops_back() const { return (cr_ & pl011::cr::lbe) != 0; }
    bool can_receive() const;
    bool can_transmit() const;
    usize room() const;
    u32 modem_lines() const;
    u32 flags() const;
    unsigned trigger(unsigned select) const;

    std::optional<u32> read_register(u64 offset);
    bool write_register(u64 offset, u32 value);
    u32 read_data();
    void write_data(u8 byte);
    void write_control(u32 value);
    void write_line_control(u32 value);
    void drain();
    void push_received(u32 entry);
    void received(bool any);
    void offer_room();
    void update_line();

    SpinLock lock_; // guards everything below
    CharSink& sink_;
    InterruptSource line_;
    const bool enabled_at_reset_;
    HardwareFifo<u8, pl011::fifo_depth> tx_;
    HardwareFifo<u16, pl011::fifo_depth> rx_; // data and error bits, as DR has them
    u32 rsr_{};
    u32 ilpr_{};
    u32 ibrd_{};
    u32 fbrd_{};
    u32 lcr_h_{};
    u32 cr_{};
    u32 ifls_{};
    u32 imsc_{};
    u32 ris_{};
    u32 dmacr_{};
    bool overrun_{};  // DR.OE: until a character fits again
    bool refused_{};  // input was refused; the sink is owed a receiver_ready()
    bool asserted_{}; // what the line was told last
};

} // namespace gimbal
