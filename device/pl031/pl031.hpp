// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/spinlock.hpp"
#include "device/primecell.hpp"
#include "vm/bus.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal {

/// The time of day and one alarm. Called with the device's lock held.
class WallClock {
public:
    virtual u64 seconds() = 0; ///< Since 1970-01-01 UTC
    /// Asks for one call of Pl031::alarm_due() when seconds() reaches `when`; none cancels. Must not call back.
    virtual void set_alarm(std::optional<u64> when) = 0;

protected:
    ~WallClock() = default;
};

/// PL031 real-time clock (DDI 0224). It runs from reset on and shows the host's time, as firmware would have set it.
class Pl031 final : public MmioDevice {
public:
    static constexpr AccessLimits access_limits{AccessSize::bytes_4, AccessSize::bytes_4, false};
    static constexpr u64 size = primecell::size;

    Pl031(WallClock& clock, InterruptSource line) : clock_(clock), line_(line) {}

    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override;
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override;

    /// The alarm has come, or may have; any thread.
    void alarm_due();
    void reset();

private:
    u32 now() { return static_cast<u32>(clock_.seconds()) + offset_; }
    void arm();
    void match();
    void update_line() { line_.set(raised_ && unmasked_); }

    SpinLock lock_; // guards everything below
    WallClock& clock_;
    InterruptSource line_;
    u32 offset_{}; ///< Of the guest's time to the host's, modulo 2^32 seconds
    u32 load_{};
    u32 match_{};
    bool match_written_{}; ///< RTCMR holds what the guest put there.
    bool match_set_{};     ///< RTCMR holds a time that has not come yet.
    bool raised_{};
    bool unmasked_{};
};

} // namespace gimbal
