// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/cli/run_config.hpp"
#include "app/run/console_wire.hpp"
#include "app/run/disks.hpp"
#include "app/user_error.hpp"
#include "device/virtio/mmio.hpp"
#include "host/queue_workers.hpp"
#include "vm/vm.hpp"

namespace gimbal {

/// A virtio device with its backend and its threads, for one life of the guest.
class VirtioPart {
public:
    VirtioPart() = default;
    virtual ~VirtioPart() = default;
    VirtioPart(const VirtioPart&) = delete;
    VirtioPart& operator=(const VirtioPart&) = delete;

    virtual virtio::Device& device() = 0;
    virtual host::Pausable& threads() = 0;
    virtual void stop_threads() = 0; ///< For good; nothing calls the device any more.

    /// Ends the threads before anything goes that they use: no part's destructor has to.
    struct End {
        void operator()(VirtioPart* part) const;
    };
};

using OwnedPart = std::unique_ptr<VirtioPart, VirtioPart::End>;

/// A part whose device runs on QueueWorkers.
class QueuePart : public VirtioPart {
public:
    host::Pausable& threads() final { return workers_; }
    void stop_threads() final { workers_.stop(); }

protected:
    host::QueueWorkers workers_;
};

/// What the makers of parts get.
struct VirtioContext {
    Vm& vm;
    const RunConfig& config;
    ConsoleWire& console;
    const Disks& disks;

    /// For a device's threads: logs what has failed and stops the VM.
    host::Worker::OnFailure on_failure(std::string device) const;
};

/// The guest's virtio devices in the board's slots, in the order they are added. Outlives the vCPUs' threads.
class VirtioDevices final : public host::Pausable {
public:
    explicit VirtioDevices(Vm& vm) : vm_(vm) {}
    ~VirtioDevices() override { stop(); }
    VirtioDevices(const VirtioDevices&) = delete;
    VirtioDevices& operator=(const VirtioDevices&) = delete;

    /// Before any vCPU exists.
    Result<void, UserError> add(OwnedPart part);
    u32 slots() const { return (1U << slots_.size()) - 1; } ///< One bit per occupied slot.

    void request_pause() override;
    void wait_paused() override;
    void resume() override;
    void stop(); ///< No device touches guest memory from here on.

private:
    /// A queue's notification, for engines that need no exit for it.
    class Bell final : public Event {
    public:
        Bell(virtio::MmioTransport& transport, u32 queue) : transport_(transport), queue_(queue) {}
        void signal() noexcept override { transport_.notify(queue_); }

    private:
        virtio::MmioTransport& transport_;
        u32 queue_;
    };
    struct Slot {
        OwnedPart part; // outlives its transport
        InterruptLine line;
        std::optional<virtio::MmioTransport> transport; // once the line is connected
        std::vector<std::unique_ptr<Bell>> bells;
    };

    void add_doorbells(Slot& slot, Gpa base);

    Vm& vm_;
    std::vector<std::unique_ptr<Slot>> slots_;
};

/// All that the configuration asks for, and what every guest has.
Result<void, UserError> add_virtio_devices(VirtioDevices& devices, const VirtioContext& context);

OwnedPart make_virtio_blk(const VirtioContext& context, host::Disk& disk);
OwnedPart make_virtio_console(const VirtioContext& context);
/// The network `index` of the configuration.
Result<OwnedPart, UserError> make_virtio_net(const VirtioContext& context, u32 index);
OwnedPart make_virtio_rng(const VirtioContext& context);

} // namespace gimbal
