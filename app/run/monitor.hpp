// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "host/serial.hpp"

namespace gimbal {

/// What the monitor's commands do. Each returns what the user is told: whole lines, or nothing.
class MonitorTarget {
public:
    virtual std::string monitor_pause() = 0;
    virtual std::string monitor_resume() = 0;
    virtual std::string monitor_power_down() = 0;
    virtual std::string monitor_reset() = 0;
    virtual std::string monitor_stop() = 0;
    virtual std::string monitor_info() = 0;
    /// The monitor is closed: what the user should know who looks at the guest's console again.
    virtual std::string monitor_closed() = 0;

protected:
    ~MonitorTarget() = default;
};

/// A command line on the console's terminal (Ctrl-A C). On the loop's thread.
class Monitor final : public host::SerialOverlay {
public:
    Monitor(host::SerialPort& port, MonitorTarget& target) : port_(port), target_(target) {}

    void toggle();
    void close();
    bool is_open() const { return open_; }

    void key(u8 byte) override;
    std::string prompt() const override { return "(gimbal) " + line_; }

private:
    enum class Escape : u8 { none, started, sequence };

    bool skip_escape_sequence(u8 byte);
    void edit(u8 byte);
    void enter();

    host::SerialPort& port_;
    MonitorTarget& target_;
    std::string line_;
    std::string last_line_;
    Escape escape_{};
    bool open_{};
};

/// The answer to one line; `closes` is set if the user goes back to the guest. Empty: nothing is to be said.
std::string run_monitor_command(std::string_view line, MonitorTarget& target, bool& closes);

} // namespace gimbal
