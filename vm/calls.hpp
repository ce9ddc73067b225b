// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/result.hpp"
#include "vm/completion.hpp"
#include "vm/vcpu.hpp"

namespace gimbal {

enum class Conduit : u8 { hypercall, secure_call };

/// What a call does beyond its answer.
enum class CallEffect : u8 {
    none,
    standby,    ///< The vCPU waits for an interrupt, then goes on behind the call.
    power_down, ///< The vCPU waits for an interrupt, then starts anew at `entry`.
    cpu_off,    ///< The vCPU is off; the call does not return.
    system_off,
    system_reset,
    pending, ///< The answer comes later, see CallHandler::answer(); there is none in the outcome.
};

struct CallOutcome {
    Completion answer{};
    CallEffect effect{CallEffect::none};
    VcpuEntry entry{}; ///< power_down
};

/// A provider of hypercalls: PSCI, SMCCC, the block fast path.
class CallHandler {
public:
    /// On the calling vCPU's thread. arguments[0] is the function identifier.
    virtual CallOutcome call(VcpuId vcpu, Conduit conduit, const CallExit& call) = 0;
    /// After a `pending` call, on the same thread: its answer, once, if it is there. Whoever has it kicks the vCPU's
    /// slot afterwards. The vCPU sleeps until then: it takes no interrupt, but it parks for a pause and leaves for a
    /// stop, after which nobody asks any more.
    virtual std::optional<Completion> answer(VcpuId vcpu)
    {
        static_cast<void>(vcpu);
        return std::nullopt;
    }

protected:
    ~CallHandler() = default;
};

enum class CallTableError : u8 { full, overlap, empty };

/// Function identifiers [first, last] and who answers them.
struct CallRange {
    u32 first{};
    u32 last{};
    CallHandler* handler{};
    bool power_service{}; ///< PSCI: left alone where the engine owns it.
};

/// Ranges of function identifiers; filled before the VM is finalized. What no range holds is not supported (DEN0028).
class CallTable {
public:
    static constexpr unsigned max_ranges = 16;

    Result<void, CallTableError> add(const CallRange& range)
    {
        if (range.handler == nullptr || range.last < range.first) return fail(CallTableError::empty);
        if (count_ == max_ranges) return fail(CallTableError::full);
        for (unsigned i = 0; i < count_; ++i)
            if (range.first <= ranges_[i].last && ranges_[i].first <= range.last) return fail(CallTableError::overlap);
        ranges_[count_++] = range;
        return {};
    }
    const CallRange* find(u32 function) const
    {
        for (unsigned i = 0; i < count_; ++i)
            if (function >= ranges_[i].first && function <= ranges_[i].last) return &ranges_[i];
        return nullptr;
    }

private:
    CallRange ranges_[max_ranges]{};
    unsigned count_{};
};

/// SMCCC function identifiers (DEN0028): bit 30 chooses the 64-bit convention, in which whole registers count.
constexpr bool is_64_bit_call(u64 function) { return (function & (u64{1} << 30)) != 0; }

/// One result, as wide as the call's convention.
constexpr Completion call_result(u64 function, i64 value)
{
    const u64 raw = static_cast<u64>(value);
    return Completion::make_done(is_64_bit_call(function) ? raw : raw & 0xffff'ffff);
}

inline constexpr i64 smccc_not_supported = -1;

} // namespace gimbal
