// SPDX-License-Identifier: Apache-2.0
#include "app/run/virtio_devices.hpp"
#include "device/virtio/console.hpp"
#include "host/queue_workers.hpp"

namespace gimbal {
namespace {

class ConsolePart final : public VirtioPart {
public:
    explicit ConsolePart(const VirtioContext& context) : wire_(context.console), console_(wire_, workers_, wire_.size())
    {
        workers_.start(console_, "virtio-console", host::QueueWorkers::Threads::one,
                       context.on_failure("the virtio console"));
        wire_.connect(console_);
    }
    ~ConsolePart() override
    {
        wire_.disconnect(console_);
        workers_.stop();
    }
    ConsolePart(const ConsolePart&) = delete;
    ConsolePart& operator=(const ConsolePart&) = delete;

    virtio::Device& device() override { return console_; }
    host::Pausable& threads() override { return workers_; }
    void stop_threads() override { workers_.stop(); }

private:
    ConsoleWire& wire_;
    host::QueueWorkers workers_;
    virtio::Console console_;
};

} // namespace

std::unique_ptr<VirtioPart> make_virtio_console(const VirtioContext& context)
{
    return std::make_unique<ConsolePart>(context);
}

} // namespace gimbal
