// SPDX-License-Identifier: Apache-2.0
#include "device/block_fast_path.hpp"

namespace gimbal {
namespace {

constexpr i64 answer_of(BlockError error)
{
    switch (error) {
    case BlockError::io: return block_fast_path::io;
    case BlockError::no_space: return block_fast_path::no_space;
    case BlockError::read_only: return block_fast_path::read_only;
    case BlockError::range: return block_fast_path::range;
    }
    return block_fast_path::io;
}

} // namespace

CallOutcome BlockFastPath::call(VcpuId vcpu, Conduit conduit, const CallExit& call)
{
    const auto answer = [&](i64 value) { return CallOutcome{.answer = call_result(call.arguments[0], value)}; };
    const u32 function = static_cast<u32>(call.arguments[0]);
    if (conduit != Conduit::hypercall || function < probe || function > flush) return answer(smccc_not_supported);
    if (function == probe) return answer(static_cast<i64>(disks_.size()));
    if (call.arguments[1] >= disks_.size()) return answer(block_fast_path::no_device);
    BlockBackend& disk = *disks_[static_cast<usize>(call.arguments[1])];
    if (function == flush) {
        if (disk.properties().read_only) return answer(0); // nothing to wait for
        buffers_[vcpu.value].flush_of.store(call.arguments[1]);
        flusher_.ring(static_cast<u32>(call.arguments[1]));
        return {.effect = CallEffect::pending};
    }
    const Transfer request{call.arguments[2], {call.arguments[3]}, call.arguments[4]};
    return answer(transfer(vcpu, disk, request, function == read ? Direction::read : Direction::write));
}

std::optional<Completion> BlockFastPath::answer(VcpuId vcpu)
{
    Buffer& buffer = buffers_[vcpu.value];
    if (!buffer.flush_answered.exchange(false)) return std::nullopt;
    return call_result(flush, buffer.flushed);
}

void BlockFastPath::process(u32 disk)
{
    static_assert(max_vcpus <= 64, "one bit each");
    u64 asked = 0; // before the flush, which then covers what each of them has written
    for (usize vcpu = 0; vcpu < buffers_.size(); ++vcpu) {
        u64 expected = disk;
        if (buffers_[vcpu].flush_of.compare_exchange(expected, no_disk)) asked |= u64{1} << vcpu;
    }
    if (asked == 0) return; // an earlier turn has done it
    const auto flushed = disks_[disk]->flush();
    for (usize vcpu = 0; vcpu < buffers_.size(); ++vcpu) {
        if ((asked & u64{1} << vcpu) == 0) continue;
        buffers_[vcpu].flushed = flushed ? 0 : answer_of(flushed.error());
        buffers_[vcpu].flush_answered.store(true);
        slots_[vcpu].post(Request::kick);
    }
}

/// `direction` is the disk's: a read writes to guest memory.
Result<void, i64> BlockFastPath::check(const BlockBackend& disk, const Transfer& request, Direction direction) const
{
    const BlockProperties& properties = disk.properties();
    if (request.bytes == 0 || request.bytes > max_transfer || request.bytes % sector_size != 0)
        return fail(i64{block_fast_path::invalid});
    if (direction == Direction::write && properties.read_only) return fail(i64{block_fast_path::read_only});
    if (!sectors_inside(request.sector, request.bytes / sector_size, properties.sectors))
        return fail(i64{block_fast_path::range});
    const Direction memory_direction = direction == Direction::read ? Direction::write : Direction::read;
    if (!memory_.check(request.buffer, request.bytes, memory_direction)) return fail(i64{block_fast_path::fault});
    return {};
}

i64 BlockFastPath::transfer(VcpuId vcpu, BlockBackend& disk, const Transfer& request, Direction direction)
{
    if (const auto checked = check(disk, request, direction); !checked) return checked.error();
    std::span<u8> buffer(buffers_[vcpu.value].bytes);
    const u64 offset = request.sector * sector_size;
    std::optional<BlockWriteScope> scope;
    if (direction == Direction::write) scope.emplace(disk);
    for (u64 at = 0; at < request.bytes;) {
        const u64 left = request.bytes - at;
        const auto piece = buffer.first(left < buffer.size() ? static_cast<usize>(left) : buffer.size());
        if (direction == Direction::write) {
            if (!memory_.read(request.buffer + at, piece)) return block_fast_path::fault;
            if (const auto done = disk.write(offset + at, piece); !done) return answer_of(done.error());
        } else {
            if (const auto done = disk.read(offset + at, piece); !done) return answer_of(done.error());
            if (!memory_.write(request.buffer + at, piece)) return block_fast_path::fault;
        }
        at += piece.size();
    }
    return static_cast<i64>(request.bytes);
}

} // namespace gimbal
