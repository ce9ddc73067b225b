// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/blk.hpp"

#include <bit>

namespace gimbal::virtio {
namespace {

constexpr u64 header_size = 16; // le32 type, le32 reserved, le64 sector

// After as much as this the runner gets its thread back: the VM may want to pause or stop within a second.
constexpr u32 requests_per_turn = 64;
constexpr u64 bytes_per_turn = u64{16} << 20;

/// 5.2.4, "Device configuration layout"; what is not offered is zero.
struct BlkConfig {
    u64 capacity;
    u32 size_max;
    u32 seg_max;
    u32 geometry;
    u32 blk_size;
    u8 physical_block_exp;
    u8 alignment_offset;
    u16 min_io_size;
    u32 opt_io_size;
    u8 writeback;
    u8 unused0;
    u16 num_queues;
    u32 max_discard_sectors;
    u32 max_discard_seg;
    u32 discard_sector_alignment;
    u32 max_write_zeroes_sectors;
    u32 max_write_zeroes_seg;
    u8 write_zeroes_may_unmap;
    u8 unused1[3];
    u32 secure_erase[3];
};
static_assert(offsetof(BlkConfig, blk_size) == 20 && offsetof(BlkConfig, writeback) == 32);
static_assert(offsetof(BlkConfig, max_discard_sectors) == 36 && offsetof(BlkConfig, write_zeroes_may_unmap) == 56);
constexpr u32 writeback_offset = offsetof(BlkConfig, writeback);

/// struct virtio_blk_discard_write_zeroes.
struct Range {
    u64 sector;
    u32 num_sectors;
    u32 flags;
};
static_assert(sizeof(Range) == 16);
constexpr u32 flag_unmap = 1;
constexpr u32 most_ranges = blk_limits::discard_seg;
static_assert(most_ranges >= blk_limits::write_zeroes_seg);

template <class T>
T little_endian(const u8* bytes)
{
    static_assert(std::endian::native == std::endian::little);
    T value;
    __builtin_memcpy(&value, bytes, sizeof(value));
    return value;
}

/// Guest memory that is none fails the request; anything else ends it without an answer.
constexpr bool is_drivers_fault(QueueError error) { return error == QueueError::range; }

} // namespace

u64 Blk::features() const
{
    using namespace blk_feature;
    constexpr u64 always = size_max | seg_max | blk_size | topology | flush | config_wce | mq;
    return always | (offers_changes() ? discard | write_zeroes : ro);
}

void Blk::read_config(u32 offset, std::span<u8> out)
{
    const BlockProperties& disk = disk_.properties();
    const u32 physical_sectors = static_cast<u32>(disk.physical_block_size / sector_size);
    BlkConfig config{};
    config.capacity = disk.sectors;
    config.size_max = blk_limits::size_max;
    config.seg_max = blk_limits::seg_max;
    config.blk_size = sector_size;
    config.physical_block_exp = static_cast<u8>(std::countr_zero(physical_sectors));
    config.min_io_size = static_cast<u16>(physical_sectors);
    config.writeback = writeback_.load(MemoryOrder::relaxed) ? 1 : 0;
    config.num_queues = static_cast<u16>(workers_.size());
    if (offers_changes()) {
        config.max_discard_sectors = blk_limits::discard_sectors;
        config.max_discard_seg = blk_limits::discard_seg;
        config.discard_sector_alignment = physical_sectors;
        config.max_write_zeroes_sectors = blk_limits::write_zeroes_sectors;
        config.max_write_zeroes_seg = blk_limits::write_zeroes_seg;
        config.write_zeroes_may_unmap = 1;
    }
    u8 bytes[sizeof(config)];
    __builtin_memcpy(bytes, &config, sizeof(config));
    for (usize i = 0; i < out.size(); ++i) out[i] = offset + i < sizeof(bytes) ? bytes[offset + i] : 0;
}

void Blk::write_config(u32 offset, std::span<const u8> data)
{
    if (offset > writeback_offset || data.size() <= writeback_offset - offset) return; // the rest is read-only
    // Before DRIVER_OK it is not known here whether CONFIG_WCE was negotiated; activate() sorts that out.
    const bool active = negotiated_.load(MemoryOrder::relaxed) != 0;
    if (active && !negotiated(blk_feature::config_wce)) return;
    const bool writeback = data[writeback_offset - offset] != 0;
    writeback_chosen_.store(true, MemoryOrder::relaxed);
    const bool before = writeback_.exchange(writeback);
    if (!active || writeback || !before) return;
    // A driver sends no flush from here on, so that nobody else would make stable what was written until now.
    settle_.store(true);
    runner_.ring(0);
}

void Blk::activate(u64 negotiated)
{
    negotiated_.store(negotiated, MemoryOrder::relaxed);
    const bool has_flush = (negotiated & blk_feature::flush) != 0;
    const bool has_toggle = (negotiated & blk_feature::config_wce) != 0;
    // 5.2.5.2: without FLUSH the cache begins as write-through. Without CONFIG_WCE, FLUSH alone decides (5.2.6.2).
    if (!has_toggle || !writeback_chosen_.load(MemoryOrder::relaxed)) writeback_.store(has_flush);
}

void Blk::reset()
{
    negotiated_.store(0, MemoryOrder::relaxed);
    writeback_.store(true);
    writeback_chosen_.store(false, MemoryOrder::relaxed);
    settle_.store(false);
}

void Blk::process(u32 queue_index)
{
    Queue& queue = host_->queue(queue_index);
    BlkWorker& worker = workers_[queue_index];
    if (settle_.exchange(false)) static_cast<void>(disk_.flush());
    const auto give_up = [&](QueueError error) {
        if (error != QueueError::stopped) host_->queue_broken(queue_index);
    };
    queue.disable_notifications();
    u64 bytes = 0;
    for (u32 served = 0; served < requests_per_turn && bytes < bytes_per_turn;) {
        const auto taken = queue.pop(worker.chain);
        if (!taken) return give_up(taken.error());
        if (!*taken) {
            if (!queue.enable_notifications()) return;
            queue.disable_notifications();
            continue;
        }
        if (const auto answered = serve(queue, worker); !answered) return give_up(answered.error());
        host_->used(queue_index);
        bytes += worker.chain.readable_bytes() + worker.chain.writable_bytes();
        ++served;
    }
    runner_.ring(queue_index); // there may be more
}

Result<void, QueueError> Blk::serve(Queue& queue, BlkWorker& worker)
{
    const Chain& chain = worker.chain;
    // Without a byte for the status there is no way to answer.
    if (chain.writable_bytes() == 0) return fail(queue.refuse(chain));
    const u64 status_at = chain.writable_bytes() - 1;
    Answer answer = execute(queue, worker);
    if (!answer && is_drivers_fault(answer.error())) answer = Done{BlkStatus::ioerr};
    if (!answer) return fail(answer.error());
    const u8 status = static_cast<u8>(answer->status);
    if (const auto told = queue.write(chain, status_at, {&status, 1}); !told)
        return fail(is_drivers_fault(told.error()) ? queue.refuse(chain) : told.error());
    const u64 written = answer->written == status_at ? status_at + 1 : answer->written;
    return queue.push(chain, static_cast<u32>(written));
}

Blk::Answer Blk::execute(Queue& queue, BlkWorker& worker)
{
    if (worker.chain.readable_bytes() < header_size) return Done{BlkStatus::ioerr};
    u8 header[header_size];
    GIMBAL_TRY_VOID(queue.read(worker.chain, 0, header));
    const BlkType type{little_endian<u32>(header)};
    const u64 sector = little_endian<u64>(header + 8);
    switch (type) {
    case BlkType::in: return read_sectors(queue, worker, sector);
    case BlkType::out: return write_sectors(queue, worker, sector);
    case BlkType::flush: return negotiated(blk_feature::flush) ? flush_disk() : Done{BlkStatus::unsupp};
    case BlkType::get_id: return get_id(queue, worker);
    case BlkType::discard:
        if (!negotiated(blk_feature::discard)) return Done{BlkStatus::unsupp};
        return change_ranges(queue, worker, type);
    case BlkType::write_zeroes:
        if (!negotiated(blk_feature::write_zeroes)) return Done{BlkStatus::unsupp};
        return change_ranges(queue, worker, type);
    }
    return Done{BlkStatus::unsupp}; // the driver's number is none of ours
}

bool Blk::data_fits(u64 sector, u64 bytes) const
{
    return bytes % sector_size == 0 && bytes <= blk_limits::request_bytes &&
           sectors_inside(sector, bytes / sector_size, disk_.properties().sectors);
}

Blk::Answer Blk::read_sectors(Queue& queue, BlkWorker& worker, u64 sector)
{
    const Chain& chain = worker.chain;
    const u64 bytes = chain.writable_bytes() - 1;
    // Data in the wrong direction would be ignored in silence otherwise.
    if (chain.readable_bytes() != header_size || !data_fits(sector, bytes)) return Done{BlkStatus::ioerr};
    for (u64 at = 0; at < bytes;) {
        const usize here =
            bytes - at < BlkWorker::buffer_size ? static_cast<usize>(bytes - at) : BlkWorker::buffer_size;
        if (!disk_.read(sector * sector_size + at, {worker.buffer, here})) return Done{BlkStatus::ioerr, at};
        const auto copied = queue.write(chain, at, {worker.buffer, here});
        if (!copied && is_drivers_fault(copied.error())) return Done{BlkStatus::ioerr, at};
        if (!copied) return fail(copied.error());
        at += here;
    }
    return Done{BlkStatus::ok, bytes};
}

Blk::Answer Blk::write_sectors(Queue& queue, BlkWorker& worker, u64 sector)
{
    const Chain& chain = worker.chain;
    const u64 bytes = chain.readable_bytes() - header_size;
    if (!offers_changes() || chain.writable_bytes() != 1 || !data_fits(sector, bytes)) return Done{BlkStatus::ioerr};
    {
        const BlockWriteScope scope(disk_);
        for (u64 at = 0; at < bytes;) {
            const usize here =
                bytes - at < BlkWorker::buffer_size ? static_cast<usize>(bytes - at) : BlkWorker::buffer_size;
            GIMBAL_TRY_VOID(queue.read(chain, header_size + at, {worker.buffer, here}));
            if (!disk_.write(sector * sector_size + at, {worker.buffer, here})) return Done{BlkStatus::ioerr};
            at += here;
        }
    }
    return stable();
}

Blk::Answer Blk::change_ranges(Queue& queue, const BlkWorker& worker, BlkType type)
{
    const Chain& chain = worker.chain;
    const bool discards = type == BlkType::discard;
    const u64 bytes = chain.readable_bytes() - header_size;
    const u64 count = bytes / sizeof(Range);
    const u32 most = discards ? blk_limits::discard_seg : blk_limits::write_zeroes_seg;
    const u32 most_sectors = discards ? blk_limits::discard_sectors : blk_limits::write_zeroes_sectors;
    if (chain.writable_bytes() != 1 || bytes % sizeof(Range) != 0 || count == 0 || count > most)
        return Done{BlkStatus::ioerr};

    // All of them are read once and checked before the first has an effect.
    u8 raw[most_ranges * sizeof(Range)];
    GIMBAL_TRY_VOID(queue.read(chain, header_size, {raw, static_cast<usize>(bytes)}));
    Range ranges[most_ranges];
    __builtin_memcpy(ranges, raw, static_cast<usize>(bytes));
    const u32 known_flags = discards ? 0 : flag_unmap;
    for (u64 i = 0; i < count; ++i)
        if ((ranges[i].flags & ~known_flags) != 0) return Done{BlkStatus::unsupp};
    for (u64 i = 0; i < count; ++i)
        if (ranges[i].num_sectors > most_sectors ||
            !sectors_inside(ranges[i].sector, ranges[i].num_sectors, disk_.properties().sectors))
            return Done{BlkStatus::ioerr};
    {
        const BlockWriteScope scope(disk_);
        for (u64 i = 0; i < count; ++i) {
            const u64 offset = ranges[i].sector * sector_size;
            const u64 size = ranges[i].num_sectors * sector_size;
            const auto done = discards ? disk_.discard(offset, size)
                                       : disk_.write_zeroes(offset, size, (ranges[i].flags & flag_unmap) != 0);
            if (!done) return Done{BlkStatus::ioerr};
        }
    }
    return stable();
}

Blk::Answer Blk::get_id(Queue& queue, const BlkWorker& worker)
{
    const auto& identity = disk_.properties().identity;
    if (worker.chain.writable_bytes() - 1 < identity.size()) return Done{BlkStatus::ioerr};
    GIMBAL_TRY_VOID(queue.write(worker.chain, 0, identity));
    return Done{BlkStatus::ok, identity.size()};
}

Blk::Done Blk::flush_disk() { return {disk_.flush() ? BlkStatus::ok : BlkStatus::ioerr}; }

Blk::Done Blk::stable()
{
    if (writeback_.load()) return {BlkStatus::ok};
    return flush_disk();
}

} // namespace gimbal::virtio
