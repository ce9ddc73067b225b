// SPDX-License-Identifier: Apache-2.0
#include "bare/aarch64/board_console.hpp"

#include <bit>

#include "bare/payload.hpp"

namespace gimbal::bare {

BoardConsole::BoardConsole(Uart& uart, const Clock& clock, ConsoleTarget& target)
    : Task(payload::max_priority + 1),
      uart_(uart),
      clock_(clock),
      mux_(*this, clock.frequency_hz()),
      target_(target),
      input_(mux_, target)
{
}

void BoardConsole::start()
{
    SpinGuard guard(mask_lock_);
    listening_ = true;
    uart_.enable_interrupts(listening_, room_wanted_);
}

void BoardConsole::interrupt()
{
    uart_.end_room_interrupt();
    while (received_.room() != 0) {
        const auto byte = uart_.take();
        if (!byte) break;
        static_cast<void>(received_.push(*byte));
    }
    if (received_.room() == 0) { // the rest waits in the UART until the task has been there
        SpinGuard guard(mask_lock_);
        listening_ = false;
        uart_.enable_interrupts(listening_, room_wanted_);
    }
    wake();
}

void BoardConsole::look_at(unsigned guest) noexcept
{
    to_look_at_.fetch_or(1U << guest);
    wake();
}

Task::Result BoardConsole::run(Scheduler& scheduler)
{
    about_to_sleep();
    const HostTicks now = clock_.now();
    take_input(now);
    for (u32 left = to_look_at_.exchange(0); left != 0; left &= left - 1)
        input_.offer(static_cast<unsigned>(std::countr_zero(left)));
    const bool finished = target_.finished();
    const std::optional<HostTicks> due = mux_.service(now);
    for (unsigned guest = 0; guest < mux_.guest_count(); ++guest)
        if (mux_.takes_again(guest)) target_.transmit_ready(guest);
    if (finished && mux_.is_flushed()) scheduler.finish(); // and whoever runs it powers the machine off
    return {Outcome::asleep, due};
}

void BoardConsole::take_input(HostTicks now)
{
    while (!received_.empty()) input_.take(received_.pop(), now);
    SpinGuard guard(mask_lock_);
    if (listening_) return;
    listening_ = true;
    uart_.enable_interrupts(listening_, room_wanted_);
}

void BoardConsole::want_room(bool wanted)
{
    SpinGuard guard(mask_lock_);
    room_wanted_ = wanted;
    uart_.enable_interrupts(listening_, room_wanted_);
}

} // namespace gimbal::bare
