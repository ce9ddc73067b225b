// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/result.hpp"
#include "base/spinlock.hpp"
#include "device/virtio/protocol.hpp"
#include "vm/memory.hpp"

namespace gimbal::virtio {

enum class QueueError : u8 {
    stopped, ///< Not running, or reset since the chain was taken: forget the request.
    broken,  ///< The ring or a chain is malformed: tell DeviceHost::queue_broken() and leave the queue.
    range,   ///< Beyond the chain's bytes, or the guest named memory that is not RAM. Some bytes may have been copied.
};

/// Guest memory as one descriptor names it; nothing about it is checked until it is accessed.
struct Segment {
    Gpa address;
    u32 length{}; ///< Bytes, also zero.
};

/// One request as the driver made it available: every descriptor field was read exactly once, so that what was checked
/// is what is used. Device-readable segments come first (2.7.4.2). Large; a runner keeps one and reuses it.
/// A chain has at most as many descriptors as the queue has entries, or max_segments with an indirect table, and at
/// most 2^32 bytes (2.7.5): a longer one breaks the queue.
class Chain {
public:
    static constexpr u32 max_segments = max_queue_size;

    u16 head() const { return head_; }
    std::span<const Segment> readable() const { return {segments_, readable_count_}; }
    std::span<const Segment> writable() const { return {segments_ + readable_count_, writable_count_}; }
    u64 readable_bytes() const { return readable_bytes_; }
    u64 writable_bytes() const { return writable_bytes_; }

private:
    friend class Queue;
    Segment segments_[max_segments];
    u32 readable_count_{};
    u32 writable_count_{};
    u64 readable_bytes_{};
    u64 writable_bytes_{};
    u64 epoch_{}; ///< Of the queue's life it was taken in.
    u16 head_{};
};

/// Where the driver has put a queue's three areas (2.7): descriptor table, available ring, used ring.
struct QueueLayout {
    u16 size{}; ///< Entries, a power of two up to max_queue_size.
    Gpa descriptors;
    Gpa driver;
    Gpa device;
};

/// The device's side of a split virtqueue, and the only code that follows what a driver put into memory. Every access
/// is checked against guest RAM and against a reset, which may come at any moment on another thread: after stop()
/// returns, nothing is read from or written to guest memory for the life that ended.
class Queue {
public:
    explicit Queue(GuestMemory& memory) : memory_(memory) {}
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    // The transport's side.
    /// False, and nothing changed: a size or alignment that 2.7 forbids, an area that wraps or is not wholly RAM, or
    /// areas that overlap.
    bool start(const QueueLayout& layout, u64 negotiated);
    void stop();
    bool running();
    u16 size(); ///< Entries, as it was last started.
    /// Whether this life of the queue has met something no driver may do; start() forgets it.
    bool broken();
    /// After used(): whether the driver wants an interrupt for what was published since the last call (2.7.7, 2.7.10).
    bool take_interrupt();

    // The device's side, on the runner of this queue.
    /// The next chain. False: nothing is available. A driver that has more than `size` requests under way breaks the
    /// queue, so that what a device keeps is bounded.
    Result<bool, QueueError> pop(Chain& chain);
    /// Puts the last popped chain back: the next pop() takes it again, with what its descriptors hold by then.
    void unpop(const Chain& chain);
    /// The chain is well-formed but no request of this device: breaks the queue. Returns `broken`, or `stopped` if the
    /// chain's life has ended.
    QueueError refuse(const Chain& chain);
    /// Copies from the device-readable bytes, `offset` bytes in.
    Result<void, QueueError> read(const Chain& chain, u64 offset, std::span<u8> out);
    /// Copies to the device-writable bytes, `offset` bytes in.
    Result<void, QueueError> write(const Chain& chain, u64 offset, std::span<const u8> data);
    /// Gives the chain back with its first `written` device-writable bytes written (2.7.8.2), and publishes it.
    Result<void, QueueError> push(const Chain& chain, u32 written);
    /// The same in two steps, for several chains that the driver must see together (5.1.6.4): each chain is staged as
    /// soon as it is popped, and publish() or unstage() ends it. Nothing else is popped or pushed in between.
    Result<void, QueueError> stage(const Chain& chain, u32 written);
    Result<void, QueueError> publish();
    /// Puts the staged chains back: the next pop() takes the first of them again.
    void unstage();
    /// While the runner works it needs no notifications; before it sleeps it asks for them, and looks again if true is
    /// returned: something became available in between.
    void disable_notifications();
    bool enable_notifications();

private:
    struct Descriptor {
        Gpa address;
        u32 length;
        u16 flags;
        u16 next;
    };
    struct Table {
        Gpa base;
        u32 entries;
    };

    bool alive(const Chain& chain) const { return running_ && chain.epoch_ == epoch_; }
    std::unexpected<QueueError> break_queue();
    Result<u16, QueueError> available();
    Result<Descriptor, QueueError> descriptor(const Table& table, u32 index);
    Result<void, QueueError> walk(u16 head, Chain& chain);
    Result<Table, QueueError> indirect_table(const Descriptor& descriptor);
    Result<void, QueueError> stage_entry(const Chain& chain, u32 written);
    Result<void, QueueError> publish_entries();
    static bool append(Chain& chain, const Descriptor& descriptor);
    template <class Copy>
    Result<void, QueueError> copy(const Chain& chain, std::span<const Segment> segments, u64 offset, u64 size,
                                  Copy&& copy_piece);

    GuestMemory& memory_;
    SpinLock lock_; // guards everything below; held across one copy of at most 4 KiB, never across a backend
    QueueLayout layout_{};
    bool running_{};
    bool event_idx_{};
    bool indirect_{};
    bool broken_{};
    u64 epoch_{}; ///< Moves with each start().
    u16 next_available_{};
    u16 next_used_{};
    u16 in_flight_{};   ///< Popped and not pushed.
    u16 staged_{};      ///< Of those in flight.
    u32 unsignalled_{}; ///< Pushed since the last take_interrupt().
};

} // namespace gimbal::virtio
