// SPDX-License-Identifier: Apache-2.0
#include "app/run/status_line.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "host/file.hpp"

namespace gimbal {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds quiet_for{2}; // a guest that speaks earlier needs no line
constexpr int patience_ms = 100;

void write_error(std::string_view text)
{
    static_cast<void>(host::write_all(STDERR_FILENO, text, patience_ms)); // decoration: its loss is no matter
}

} // namespace

StatusLine::StatusLine(host::EventLoop& loop)
    : loop_(loop),
      timer_(loop.add_timer([this] { show(); })),
      enabled_(::isatty(STDOUT_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0)
{
}

void StatusLine::start()
{
    if (!enabled_) return;
    started_ = steady_clock::now();
    loop_.arm(timer_, started_ + quiet_for);
}

void StatusLine::show()
{
    const auto now = steady_clock::now();
    const auto silent = std::chrono::duration_cast<seconds>(now - started_);
    write_error(fmt::format("\r\x1b[Kgimbal: booting, {} s, no output yet", silent.count()));
    visible_ = true;
    loop_.arm(timer_, started_ + silent + seconds(1));
}

void StatusLine::stop()
{
    enabled_ = false;
    loop_.disarm(timer_);
    if (visible_) write_error("\r\x1b[K");
    visible_ = false;
}

} // namespace gimbal
