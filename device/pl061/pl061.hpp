// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/spinlock.hpp"
#include "device/primecell.hpp"
#include "vm/bus.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal {

/// PL061 GPIO, eight lines (DDI 0190). Outputs lead nowhere; inputs are the board's keys.
class Pl061 final : public MmioDevice {
public:
    static constexpr AccessLimits access_limits{AccessSize::bytes_1, AccessSize::bytes_4, true};
    static constexpr u64 size = primecell::size;
    static constexpr unsigned line_count = 8;

    explicit Pl061(InterruptSource line) : line_(line) {}

    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override;
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override;

    /// The level of input `line` (0..7); any thread. Survives a reset: it is the outside world's.
    void set_input(unsigned line, bool level);
    void reset();

private:
    u8 data() const { return static_cast<u8>((out_ & direction_) | (in_ & ~direction_)); }
    u8 raw_interrupts() const;
    void edges(u8 before);
    bool write_register(u64 offset, u8 value);
    void update_line() { line_.set((raw_interrupts() & enabled_) != 0); }

    SpinLock lock_; // guards everything below
    InterruptSource line_;
    u8 in_{};
    u8 out_{};
    u8 direction_{}; ///< 1: output
    u8 level_{};     ///< GPIOIS: 1 senses levels, 0 edges
    u8 both_{};      ///< GPIOIBE
    u8 rising_{};    ///< GPIOIEV: high or rising
    u8 enabled_{};   ///< GPIOIE
    u8 latched_{};   ///< Edges seen
    u8 alternate_{}; ///< GPIOAFSEL
};

} // namespace gimbal
