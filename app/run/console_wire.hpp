// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "app/cli/run_config.hpp"
#include "base/spinlock.hpp"
#include "device/char_sink.hpp"
#include "device/pl011/pl011.hpp"
#include "device/virtio/console.hpp"
#include "host/serial.hpp"

namespace gimbal {

/// The wire between the guest's serial devices and the host's serial port. Both devices print; one gets the input. A
/// stream of input waits for that one's driver, because what arrives before is lost when a driver opens the port; keys
/// do not wait, as on any terminal. All but put() and receiver_ready() is on the main thread.
class ConsoleWire final : public CharSink, public host::SerialReceiver {
public:
    explicit ConsoleWire(host::SerialPort& port) : port_(port) {}
    ~ConsoleWire() { disconnect(); }
    ConsoleWire(const ConsoleWire&) = delete;
    ConsoleWire& operator=(const ConsoleWire&) = delete;

    /// Before the machine runs.
    void set_input(ConsoleKind kind) { input_ = kind; }
    void connect(Pl011& uart);
    void connect(virtio::Console& console);
    void disconnect(virtio::Console& console); ///< Before it goes, once no vCPU runs.
    void disconnect();                         ///< From both.
    /// The terminal's, if the port is on one.
    std::optional<virtio::ConsoleSize> size() const;
    void size_changed(); ///< The terminal may have another one by now.

    usize put(std::span<const u8> bytes) override;
    void receiver_ready() noexcept override { port_.receiver_changed(); }
    bool has_room() override;
    void receive(u8 byte) override;

private:
    void connect();

    host::SerialPort& port_;
    SpinLock lock_; // one device at a time puts bytes into the port
    ConsoleKind input_{};
    Pl011* uart_{};
    virtio::Console* console_{};
};

} // namespace gimbal
