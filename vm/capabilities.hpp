// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "base/result.hpp"
#include "vm/interrupt_chip.hpp"
#include "vm/types.hpp"

namespace gimbal {

/// What somebody signals and somebody else waits for: an eventfd and its like on hosts, a notification on bare metal.
/// It stays signalled until it is taken; twice is once.
class Event {
public:
    virtual void signal() noexcept = 0; ///< Any thread.
    /// A file descriptor that an engine may give to the kernel under it, which then signals without a thread of ours;
    /// none where there is no such thing.
    virtual std::optional<int> descriptor() const noexcept { return std::nullopt; }

protected:
    ~Event() = default;
};

/// A guest's write that means no more than that it happened: a virtio queue's notification.
struct Doorbell {
    Gpa gpa; ///< Aligned to `size`.
    AccessSize size{AccessSize::bytes_4};
    std::optional<u64> match{}; ///< The value that rings it; none: every value does.
    Event* event{};             ///< Outlives the vCPUs.

    constexpr bool rung_by(Gpa where, AccessSize width, u64 value) const
    {
        return where == gpa && width == size && (!match || *match == value);
    }
};

enum class DoorbellError : u8 {
    bad_doorbell, ///< No event, not aligned, or a value that the access cannot hold.
    overlap,      ///< A write could ring this one and one that is there already.
    full,
};

/// Every doorbell of a VM, whether or not its engine rings them itself. Filled before the VM is finalized.
/// A device adds its doorbell and answers the trapped write as well, by signalling the same event: an engine without
/// the capability, or one whose kernel has no room for another, leaves the write to the bus.
class DoorbellTable {
public:
    static constexpr unsigned max_doorbells = 128;

    Result<void, DoorbellError> add(const Doorbell& doorbell);
    std::span<const Doorbell> doorbells() const { return {doorbells_, count_}; }

private:
    Doorbell doorbells_[max_doorbells]{};
    unsigned count_{};
};

/// Optional, of an engine's VM: it signals the event of a doorbell itself, and there is no exit. A write that rings
/// nothing exits as ever.
class DoorbellPort {
public:
    /// While the VM is finalized. False: the kernel under the engine does not take it, and the write exits.
    virtual bool attach(const Doorbell& doorbell) noexcept = 0;

protected:
    ~DoorbellPort() = default;
};

/// Optional, of an engine that owns its interrupt chip: an event that asserts an SPI without a call through the chip,
/// so that something outside the program can interrupt the guest. Such a line is driven by its event alone, not by an
/// InterruptLine.
class LineEventPort {
public:
    /// Before the VM is finalized. The event is the engine's and lives as long as its VM. It asserts the line until the
    /// guest's EOI; then `resample` is signalled, and whoever still wants the line signals again.
    virtual Result<Event*, InterruptError> connect(Spi spi, Event& resample) = 0;

protected:
    ~LineEventPort() = default;
};

} // namespace gimbal
