// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>

#include "bare/console_mux.hpp"
#include "bare/scheduler.hpp"
#include "base/result.hpp"
#include "vm/vcpu_slot.hpp"

namespace gimbal::bare {

enum class MachineState : u8 {
    loading, ///< Its memory is being filled, its vCPUs put together.
    running,
    pausing, ///< Until all of its vCPUs have parked.
    paused,
    stopping, ///< Until all of its vCPUs have left.
    stopped,  ///< By the user.
    ended,    ///< By itself: powered off, or it could not go on.
};
const char* state_name(MachineState state);

/// Why a machine does not do what it was asked.
enum class RequestError : u8 { not_stopped, not_running, not_paused, busy, broken };

struct MachineFacts {
    u64 memory_size{}; ///< Bytes.
    u32 cpu_count{};
    u32 priority{};
    u32 budget{}; ///< Of each vCPU, in percent.
};

struct VcpuReport {
    unsigned cpu{};
    PowerState power{};
    u64 exits[exit_kind_count]{}; ///< Since the machine's last start.
    u64 run_ticks{};              ///< Since the hypervisor's; so are the following.
    u64 turns{};
    u64 wake_ups{};
};

/// A VM as the user of the management prompt sees it. Requests return at once; what became of them is said on the
/// console.
class ManagedMachine {
public:
    virtual StrView name() const = 0;
    virtual MachineState state() const = 0;
    virtual MachineFacts facts() const = 0;
    virtual VcpuReport report(u32 vcpu) = 0;

    virtual Result<void, RequestError> start() = 0;
    virtual Result<void, RequestError> stop() = 0;
    virtual Result<void, RequestError> restart() = 0; ///< Of one that has stopped, start().
    virtual Result<void, RequestError> pause() = 0;
    virtual Result<void, RequestError> resume() = 0;
    virtual Result<void, RequestError> power_down() = 0; ///< Presses its power key.

protected:
    ~ManagedMachine() = default;
};

/// The commands of the management prompt.
class Management {
public:
    enum class Then : u8 {
        stay,      ///< At the prompt.
        leave,     ///< Back to the guests.
        power_off, ///< The whole machine, now.
    };

    Management(TextSink& out, u64 frequency_hz) : out_(out), frequency_hz_(frequency_hz) {}

    /// False: there are as many as there can be. Numbers count from 1.
    bool add(ManagedMachine& machine);
    Then run(StrView line);

    /// Set by `console`: the guest to show, from 0, or all of them; taken by whoever shows.
    struct Show {
        std::optional<unsigned> guest;
    };
    std::optional<Show> take_show() { return std::exchange(show_, std::nullopt); }

private:
    struct Command;
    static const Command commands[];

    Then help(StrView arguments);
    Then list(StrView arguments);
    Then statistics(StrView arguments);
    Then console(StrView arguments);
    Then leave(StrView arguments);
    Then quit(StrView arguments);
    template <Result<void, RequestError> (ManagedMachine::*request)()>
    Then ask(StrView arguments);

    std::optional<unsigned> find(StrView name);
    bool takes_nothing(StrView arguments);
    void refuse(const ManagedMachine& machine, RequestError error);

    TextSink& out_;
    u64 frequency_hz_;
    ManagedMachine* machines_[ConsoleMux::max_guests]{};
    unsigned count_{};
    std::optional<Show> show_;
};

} // namespace gimbal::bare
