// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/control.hpp"

namespace gimbal::bare {

void Control::add(GuestMachine& machine)
{
    machines_[count_++] = &machine;
    console_.mux().add_guest(payload::name(machine.description()));
}

bool Control::finished()
{
    if (finished_) return true;
    for (unsigned i = 0; i < count_; ++i)
        if (!machines_[i]->ended()) return false;
    Line(console_.mux()).text("gimbal-el2: every guest has ended");
    finished_ = true;
    return true;
}

usize Control::receive(unsigned guest, std::span<const u8> bytes)
{
    return machines_[guest]->ended() ? bytes.size() : machines_[guest]->receive(bytes);
}

void Control::transmit_ready(unsigned guest) { machines_[guest]->transmit_ready(); }

bool Control::command(StrView)
{
    Line(console_.mux()).text("gimbal-el2: there are no commands yet");
    return false;
}

} // namespace gimbal::bare
