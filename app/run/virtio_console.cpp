// SPDX-License-Identifier: Apache-2.0
#include "app/run/virtio_devices.hpp"
#include "device/virtio/console.hpp"

namespace gimbal {
namespace {

class ConsolePart final : public QueuePart {
public:
    explicit ConsolePart(const VirtioContext& context) : wire_(context.console), console_(wire_, workers_, wire_.size())
    {
        workers_.start(console_, "virtio-console", host::QueueWorkers::Threads::one,
                       context.on_failure("the virtio console"));
        wire_.connect(console_);
    }
    ~ConsolePart() override { wire_.disconnect(console_); }

    virtio::Device& device() override { return console_; }

private:
    ConsoleWire& wire_;
    virtio::Console console_;
};

} // namespace

OwnedPart make_virtio_console(const VirtioContext& context) { return OwnedPart(new ConsolePart(context)); }

} // namespace gimbal
