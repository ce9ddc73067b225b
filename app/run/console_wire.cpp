// SPDX-License-Identifier: Apache-2.0
#include "app/run/console_wire.hpp"

#include <unistd.h>

#include "host/terminal.hpp"

namespace gimbal {

void ConsoleWire::connect(Pl011& uart)
{
    uart_ = &uart;
    connect();
}

void ConsoleWire::connect(virtio::Console& console)
{
    console_ = &console;
    connect();
}

void ConsoleWire::connect()
{
    port_.set_on_room([this] {
        if (uart_ != nullptr) uart_->transmit_ready();
        if (console_ != nullptr) console_->transmit_ready();
    });
    port_.set_receiver(this);
}

void ConsoleWire::disconnect(virtio::Console& console)
{
    if (console_ == &console) console_ = nullptr;
}

std::optional<virtio::ConsoleSize> ConsoleWire::size() const
{
    const auto size = port_.interactive() ? host::terminal::size(STDIN_FILENO) : std::nullopt;
    if (!size) return std::nullopt;
    return virtio::ConsoleSize{size->columns, size->rows};
}

void ConsoleWire::size_changed()
{
    if (const auto now = size(); now && console_ != nullptr) console_->resize(*now);
}

void ConsoleWire::disconnect()
{
    port_.set_receiver(nullptr);
    port_.set_on_room({});
    uart_ = nullptr;
    console_ = nullptr;
}

usize ConsoleWire::put(std::span<const u8> bytes)
{
    SpinGuard guard(lock_);
    usize taken = 0;
    while (taken < bytes.size() && port_.transmit(bytes[taken])) ++taken;
    return taken;
}

bool ConsoleWire::has_room()
{
    switch (input_) {
    case ConsoleKind::pl011:
        return uart_ != nullptr && (port_.interactive() || uart_->receive_attended()) && uart_->receive_room() != 0;
    case ConsoleKind::virtio:
        return console_ != nullptr && (port_.interactive() || console_->receive_attended()) &&
               console_->receive_room() != 0;
    }
    return false;
}

void ConsoleWire::receive(u8 byte)
{
    switch (input_) {
    case ConsoleKind::pl011: static_cast<void>(uart_->receive({&byte, 1})); return;
    case ConsoleKind::virtio: static_cast<void>(console_->receive({&byte, 1})); return;
    }
}

} // namespace gimbal
