// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "app/cli/run_config.hpp"
#include "app/run/status_line.hpp"
#include "app/user_error.hpp"
#include "host/serial.hpp"
#include "host/signals.hpp"
#include "host/wall_clock.hpp"
#include "vm/vm.hpp"

namespace gimbal {

/// The host's side of a run, for all of the guest's resets: event loop, console, signals, time limit. Ends the VM that
/// is attached, and the loop once that VM stops. Everything is on the main thread but the listener's calls.
class RunControl final : public VmListener {
public:
    RunControl();
    ~RunControl();
    RunControl(const RunControl&) = delete;
    RunControl& operator=(const RunControl&) = delete;

    /// Opens the console and, if that is a terminal, takes it over.
    Result<void, UserError> open(const RunConfig& config);
    host::SerialPort& serial() { return *serial_; }
    host::HostWallClock& wall_clock() { return wall_clock_; }
    /// The terminal may have another size; on the main thread. Empty: nobody wants to know.
    void set_on_resize(std::function<void()> callback) { on_resize_ = std::move(callback); }

    /// Runs the loop until `vm` stops.
    void run_until_stopped(Vm& vm);
    /// What the user, a signal or the time limit asked for; a guest that resets at that moment does not start again.
    const std::optional<StopInfo>& ending() const { return ending_; }
    /// Gives the terminal back and writes what the guest has left.
    void close();

    void stop_requested() noexcept override { loop_.wake(); }
    void vcpu_parked(VcpuId) noexcept override {}

private:
    void on_signal(int number);
    void request_stop(StopInfo info);
    void take_terminal();

    host::EventLoop loop_;
    host::SignalWatch signals_;
    host::HostWallClock wall_clock_;
    StatusLine status_line_;
    host::EventLoop::Timer& time_limit_;
    std::unique_ptr<host::SerialPort> serial_;
    std::function<void()> on_resize_;
    bool on_stdio_{};
    Vm* vm_{};                       // the one that runs now
    std::optional<StopInfo> ending_; // the first that was asked for
};

} // namespace gimbal
