// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/atomic.hpp"
#include "device/block_backend.hpp"
#include "device/virtio/device.hpp"

namespace gimbal::virtio {

/// 5.2.3, "Feature bits".
namespace blk_feature {
inline constexpr u64 size_max = bit(1);
inline constexpr u64 seg_max = bit(2);
inline constexpr u64 ro = bit(5);
inline constexpr u64 blk_size = bit(6);
inline constexpr u64 flush = bit(9);
inline constexpr u64 topology = bit(10);
inline constexpr u64 config_wce = bit(11);
inline constexpr u64 mq = bit(12);
inline constexpr u64 discard = bit(13);
inline constexpr u64 write_zeroes = bit(14);
} // namespace blk_feature

/// 5.2.6, "Device Operation": request types.
enum class BlkType : u32 {
    in = 0,
    out = 1,
    flush = 4,
    get_id = 8,
    discard = 11,
    write_zeroes = 13,
};

enum class BlkStatus : u8 { ok = 0, ioerr = 1, unsupp = 2 };

/// What the configuration space says and requests are held to.
namespace blk_limits {
inline constexpr u32 seg_max = max_queue_size - 2; ///< A descriptor each for header and status.
inline constexpr u32 size_max = u32{1} << 20;      ///< Bytes in one descriptor.
inline constexpr u64 request_bytes = u64{seg_max} * size_max;
inline constexpr u32 discard_sectors = u32{1} << 22;
inline constexpr u32 discard_seg = 32;
inline constexpr u32 write_zeroes_sectors = u32{1} << 15; ///< 16 MiB: the host may have to write them out.
inline constexpr u32 write_zeroes_seg = 4;
} // namespace blk_limits

/// What the runner of one queue works with. Data passes through the buffer, so that a reset never finds the host
/// reading from or writing to guest memory.
struct BlkWorker {
    static constexpr usize buffer_size = usize{64} << 10;
    Chain chain;
    alignas(4096) u8 buffer[buffer_size];
};

/// Block device (5.2). A driver sees a failed request as IOERR, one that was not negotiated or is not known as UNSUPP.
/// The used length counts what was written from the front without a gap: a request that fails half-way leaves the
/// status byte, which stands last, out of it.
class Blk final : public Device {
public:
    /// One worker per queue, 1..max_queues of them. Everything outlives the device.
    Blk(BlockBackend& disk, QueueRunner& runner, std::span<BlkWorker> workers)
        : disk_(disk), runner_(runner), workers_(workers)
    {
    }

    DeviceId id() const override { return DeviceId::block; }
    u64 features() const override;
    u32 queue_count() const override { return static_cast<u32>(workers_.size()); }
    void attach(DeviceHost& host) override { host_ = &host; }
    void read_config(u32 offset, std::span<u8> out) override;
    void write_config(u32 offset, std::span<const u8> data) override;
    void activate(u64 negotiated) override;
    void reset() override;
    void notify(u32 queue) override { runner_.ring(queue); }
    void process(u32 queue) override;

private:
    struct Done {
        BlkStatus status;
        u64 written{}; ///< Bytes of the device-writable part, from its front, without the status.
    };
    using Answer = Result<Done, QueueError>; // an error: the request is given up, not answered

    Result<void, QueueError> serve(Queue& queue, BlkWorker& worker);
    Answer execute(Queue& queue, BlkWorker& worker);
    Answer read_sectors(Queue& queue, BlkWorker& worker, u64 sector);
    Answer write_sectors(Queue& queue, BlkWorker& worker, u64 sector);
    Answer change_ranges(Queue& queue, const BlkWorker& worker, BlkType type);
    Answer get_id(Queue& queue, const BlkWorker& worker);
    Done flush_disk();
    Done stable(); ///< Behind a change that has succeeded: flushes if the cache is write-through.

    bool offers_changes() const { return !disk_.properties().read_only; }
    bool negotiated(u64 feature) const { return (negotiated_.load(MemoryOrder::relaxed) & feature) != 0; }
    bool data_fits(u64 sector, u64 bytes) const;

    BlockBackend& disk_;
    QueueRunner& runner_;
    std::span<BlkWorker> workers_; ///< Each belongs to its queue's runner.
    DeviceHost* host_{};           ///< Before the machine runs.
    // Written by vCPUs between reset and DRIVER_OK, writeback_ also later; read by runners. A request in flight may see
    // either value of what changes meanwhile (5.2.6.2).
    Atomic<u64> negotiated_{0};
    Atomic<bool> writeback_{true};
    Atomic<bool> writeback_chosen_{false}; ///< The driver has written it in this life.
    Atomic<bool> settle_{false};           ///< The cache became write-through: make what is there stable.
};

} // namespace gimbal::virtio
