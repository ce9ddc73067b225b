// SPDX-License-Identifier: Apache-2.0
#include "app/run/control.hpp"

#include <unistd.h>

#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "app/run/vm_info.hpp"
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

RunControl::RunControl(RunEnd& end)
    : end_(end),
      signals_(loop_,
               [this](int number) {
                   on_signal(number);
                   end_.signals_taken();
               }),
      wall_clock_(loop_),
      power_key_(loop_),
      status_line_(loop_),
      time_limit_(loop_.add_timer([this] { request_stop({.reason = StopReason::timeout}); }))
{
    loop_.on_wake([this] {
        if (vm_ != nullptr && vm_->stopping()) loop_.quit();
    });
}

RunControl::~RunControl() { close(); }

Result<void, UserError> RunControl::open(const RunConfig& config, std::string engine)
{
    config_ = &config;
    engine_ = std::move(engine);
    auto serial = host::SerialPort::open(config.serial, loop_);
    if (!serial)
        return fail(UserError{fmt::format("serial port '{}': {}", config.serial.path, serial.error().message)});
    serial_ = std::move(*serial);
    monitor_.emplace(*serial_, static_cast<MonitorTarget&>(*this));
    serial_->set_on_monitor([this] { open_monitor(); });
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

void RunControl::run_until_stopped(Vm& vm, std::span<host::Pausable* const> workers)
{
    vm_ = &vm;
    take_terminal(); // after a reset that took its time it may have been given back
    pause_.attach(vm, workers);
    loop_.wake(); // it may have stopped before anyone listened
    loop_.run();
    serial_->drain(); // what is there now, before threads are waited for
    pause_.detach();
    key_owed_ = false;
    vm_ = nullptr;
}

void RunControl::close()
{
    status_line_.stop();
    if (serial_ != nullptr) {
        monitor_->close();
        serial_->set_receiver(nullptr);
        serial_->flush(end_.hurries() ? RunEnd::console_time : flush_patience, end_.hurries());
        if (serial_->dropped() != 0) spdlog::warn("{} bytes of console output found no reader", serial_->dropped());
        console_for_last_words = nullptr;
        monitor_.reset();
        serial_.reset();
    }
    host::terminal::restore();
}

void RunControl::request_stop(StopInfo info)
{
    if (!ending_) ending_ = info;
    end_.stopping(info); // also where the VM is ending already, or there is none
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
    } else if (number == SIGTERM) {
        on_terminate();
    } else {
        request_stop({.reason = StopReason::signal, .detail = static_cast<u64>(number)});
    }
}

/// The guest is asked first; nobody can say whether it listens.
void RunControl::on_terminate()
{
    if (std::exchange(terminated_, true) || vm_ == nullptr)
        return request_stop({.reason = StopReason::signal, .detail = SIGTERM});
    if (pause_.paused()) monitor_resume();
    power_key_.press();
    spdlog::warn("SIGTERM: pressed the guest's power key; another SIGTERM stops the VM");
}

void RunControl::open_monitor()
{
    status_line_.stop();
    monitor_->toggle();
}

std::string RunControl::monitor_pause()
{
    if (pause_.paused()) return "the guest is paused already\n";
    if (vm_ == nullptr || !pause_.pause()) return "the VM is not running\n";
    return "paused\n";
}

std::string RunControl::monitor_resume()
{
    if (!pause_.paused()) return "the guest is not paused\n";
    if (!pause_.resume()) return "the VM has stopped\n";
    if (std::exchange(key_owed_, false)) power_key_.press();
    return "resumed\n";
}

/// A press that comes and goes while the guest is paused is one it never sees.
std::string RunControl::monitor_power_down()
{
    key_owed_ = pause_.paused();
    if (key_owed_) return "the power key will be pressed once the guest is resumed\n";
    power_key_.press();
    return "pressed the power key\n";
}

std::string RunControl::monitor_reset()
{
    if (vm_ != nullptr) vm_->request_stop({.reason = StopReason::guest_reset});
    return {};
}

std::string RunControl::monitor_stop()
{
    request_stop({.reason = StopReason::user_quit});
    return {};
}

std::string RunControl::monitor_info()
{
    if (vm_ == nullptr) return "the VM is not running\n";
    return describe_vm({.config = *config_, .engine = engine_.c_str(), .vm = *vm_, .paused = pause_.paused()});
}

std::string RunControl::monitor_closed()
{
    return pause_.paused() ? "the guest is paused; Ctrl-A C and 'resume' let it go on\n" : "";
}

} // namespace gimbal
