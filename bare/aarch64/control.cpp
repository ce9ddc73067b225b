// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/control.hpp"

namespace gimbal::bare {

void Control::add(GuestMachine& machine)
{
    machines_[count_++] = &machine;
    console_.mux().add_guest(machine.name());
    static_cast<void>(management_.add(machine)); // as many as the payload has
}

bool Control::command(StrView line)
{
    switch (management_.run(line)) {
    case Management::Then::stay: return true;
    case Management::Then::leave:
        if (const auto show = management_.take_show()) console_.input().select(show->guest, clock_.now());
        return false;
    case Management::Then::power_off:
        Line(console_.mux()).text("gimbal-el2: powered off by the user");
        finished_ = true;
        return false;
    }
    return true;
}

/// A guest that has ended by itself does not come back; one that the user has stopped may, by the user's word.
bool Control::finished()
{
    if (finished_) return true;
    bool any_stopped = false;
    for (unsigned i = 0; i < count_; ++i) {
        const MachineState state = machines_[i]->state();
        any_stopped |= state == MachineState::stopped;
        if (state == MachineState::stopped || state == MachineState::ended) continue;
        all_stopped_ = false;
        return false;
    }
    if (any_stopped && !all_stopped_)
        Line(console_.mux()).text("gimbal-el2: no guest runs; Ctrl-A C, then start NAME, or quit to power off");
    all_stopped_ = any_stopped;
    if (any_stopped) return false;
    Line(console_.mux()).text("gimbal-el2: every guest has ended");
    finished_ = true;
    return true;
}

} // namespace gimbal::bare
