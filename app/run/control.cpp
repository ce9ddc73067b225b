// SPDX-License-Identifier: Apache-2.0
#include "app/run/control.hpp"

#include <unistd.h>

#include <csignal>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "host/terminal.hpp"

namespace gimbal {
namespace {

using namespace std::chrono_literals;

constexpr auto flush_patience = 2s;

host::SerialPort* console_for_last_words; // the process has one; read by the handlers of fatal signals

void last_words() noexcept
{
    if (console_for_last_words != nullptr) console_for_last_words->flush_from_signal();
}

} // namespace

RunControl::RunControl()
    : signals_(loop_, [this](int number) { on_signal(number); }),
      wall_clock_(loop_),
      status_line_(loop_),
      time_limit_(loop_.add_timer([this] { request_stop({.reason = StopReason::timeout}); }))
{
    loop_.on_wake([this] {
        if (vm_ != nullptr && vm_->stopping()) loop_.quit();
    });
}

RunControl::~RunControl() { close(); }

Result<void, UserError> RunControl::open(const RunConfig& config)
{
    auto serial = host::SerialPort::open(config.serial, loop_);
    if (!serial)
        return fail(UserError{fmt::format("serial port '{}': {}", config.serial.path, serial.error().message)});
    serial_ = std::move(*serial);
    serial_->set_on_quit([this] { request_stop({.reason = StopReason::user_quit}); });
    serial_->set_on_first_output([this] { status_line_.stop(); });
    console_for_last_words = serial_.get();
    host::catch_fatal_signals(last_words);
    on_stdio_ = config.serial.kind == host::SerialKind::stdio;
    if (on_stdio_) {
        take_terminal();
        status_line_.start();
    }
    if (config.timeout) {
        const std::chrono::duration<double> limit(*config.timeout);
        loop_.arm(time_limit_, std::chrono::steady_clock::now() +
                                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(limit));
    }
    return {};
}

void RunControl::take_terminal()
{
    if (!on_stdio_) return;
    const bool is_background = ::isatty(STDIN_FILENO) != 0 && !host::terminal::enter_raw(STDIN_FILENO);
    serial_->set_input_paused(is_background);
}

void RunControl::run_until_stopped(Vm& vm)
{
    vm_ = &vm;
    loop_.wake(); // it may have stopped before anyone listened
    loop_.run();
    vm_ = nullptr;
}

void RunControl::close()
{
    status_line_.stop();
    if (serial_ != nullptr) {
        serial_->set_receiver(nullptr);
        serial_->flush(flush_patience);
        if (serial_->dropped() != 0) spdlog::warn("{} bytes of console output found no reader", serial_->dropped());
        console_for_last_words = nullptr;
        serial_.reset();
    }
    host::terminal::restore();
}

void RunControl::request_stop(StopInfo info)
{
    if (!ending_) ending_ = info;
    if (vm_ != nullptr) vm_->request_stop(info);
}

void RunControl::on_signal(int number)
{
    if (number == SIGTSTP) {
        host::terminal::restore();
        ::kill(::getpid(), SIGSTOP);
    } else if (number == SIGCONT) {
        take_terminal();
        if (on_resize_) on_resize_();
    } else if (number == SIGWINCH) {
        if (on_resize_) on_resize_();
    } else {
        request_stop({.reason = StopReason::signal, .detail = static_cast<u64>(number)});
    }
}

} // namespace gimbal
