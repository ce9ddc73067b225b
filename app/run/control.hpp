// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "app/cli/run_config.hpp"
#include "app/run/monitor.hpp"
#include "app/run/run_end.hpp"
#include "app/run/status_line.hpp"
#include "app/user_error.hpp"
#include "host/power_key.hpp"
#include "host/serial.hpp"
#include "host/signals.hpp"
#include "host/vm_pause.hpp"
#include "host/wall_clock.hpp"
#include "vm/vm.hpp"

namespace gimbal {

/// The host's side of a run, for all of the guest's resets: event loop, console and monitor, signals, power key, time
/// limit. Pauses and ends the VM that is attached, and ends the loop once that VM stops. Everything is on the main
/// thread but the listener's calls.
class RunControl final : public VmListener, private MonitorTarget {
public:
    /// `end` outlives this; it hears of every stop.
    explicit RunControl(RunEnd& end);
    ~RunControl();
    RunControl(const RunControl&) = delete;
    RunControl& operator=(const RunControl&) = delete;

    /// Opens the console and, if that is a terminal, takes it over. `config` outlives this; `engine` is what
    /// the monitor calls it.
    Result<void, UserError> open(const RunConfig& config, std::string engine);
    host::SerialPort& serial() { return *serial_; }
    host::HostWallClock& wall_clock() { return wall_clock_; }
    host::PowerKey& power_key() { return power_key_; }
    /// The terminal may have another size; on the main thread. Empty: nobody wants to know.
    void set_on_resize(std::function<void()> callback) { on_resize_ = std::move(callback); }

    /// Runs the loop until `vm` stops. `workers` are the threads of its devices; a paused VM's are parked too.
    void run_until_stopped(Vm& vm, std::span<host::Pausable* const> workers);
    /// What the user, a signal or the time limit asked for; a guest that resets at that moment does not start again.
    const std::optional<StopInfo>& ending() const { return ending_; }
    RunEnd& end() { return end_; }
    /// Gives the terminal back and writes what the guest has left.
    void close();

    void stop_requested(const StopInfo& stop) noexcept override
    {
        end_.stopping(stop);
        pause_.changed();
        loop_.wake();
    }
    void vcpu_parked(VcpuId) noexcept override { pause_.changed(); }

private:
    void on_signal(int number);
    void on_terminate();
    void request_stop(StopInfo info);
    void take_terminal();
    void open_monitor();

    std::string monitor_pause() override;
    std::string monitor_resume() override;
    std::string monitor_power_down() override;
    std::string monitor_reset() override;
    std::string monitor_stop() override;
    std::string monitor_info() override;
    std::string monitor_closed() override;

    RunEnd& end_;
    host::EventLoop loop_;
    host::SignalWatch signals_;
    host::HostWallClock wall_clock_;
    host::PowerKey power_key_;
    StatusLine status_line_;
    host::EventLoop::Timer& time_limit_;
    std::unique_ptr<host::SerialPort> serial_;
    std::function<void()> on_resize_;
    std::optional<Monitor> monitor_; // while the port is open
    const RunConfig* config_{};
    std::string engine_;
    bool on_stdio_{};
    bool terminated_{}; // SIGTERM has come
    bool key_owed_{};   // the power key was pressed while the guest could not see it
    Vm* vm_{};          // the one that runs now
    host::VmPause pause_;
    std::optional<StopInfo> ending_; // the first that was asked for
};

} // namespace gimbal
