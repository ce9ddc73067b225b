// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "device/block_backend.hpp"
#include "vm/calls.hpp"
#include "vm/memory.hpp"
#include "vm/vcpu_slot.hpp"

namespace gimbal {

/// Where flushes wait for their disks: calls BlockFastPath::process(disk) after each ring, on a thread of the disk's.
class BlockFlusher {
public:
    virtual void ring(u32 disk) noexcept = 0; ///< Any thread; never waits.

protected:
    ~BlockFlusher() = default;
};

/// Disk access by hypercall, without a queue: one call, one transfer, done when it returns.
///
/// | x0          | call  | x1   | x2           | x3             | x4    | answer in x0          |
/// |-------------|-------|------|--------------|----------------|-------|-----------------------|
/// | 0xC200_0000 | PROBE |      |              |                |       | the number of disks   |
/// | 0xC200_0001 | READ  | disk | first sector | buffer address | bytes | `bytes`, or -errno    |
/// | 0xC200_0002 | WRITE | disk | first sector | buffer address | bytes | `bytes`, or -errno    |
/// | 0xC200_0003 | FLUSH | disk |              |                |       | 0, or -errno          |
///
/// HVC only; by SMC the range is not supported, and neither is any other function of it. Disks count from 0 in the
/// order of the virtio devices over the same files. `bytes` is a multiple of 512, above zero and at most max_transfer,
/// so that a vCPU comes back to its interrupts; the buffer is a guest physical address of any alignment, one run of
/// RAM. Everything is checked before the first byte moves. -errno, as Linux numbers them: ENODEV no such disk, EINVAL
/// such a size, ERANGE sectors beyond the capacity, EFAULT buffer not wholly RAM (not wholly writable RAM), EROFS,
/// ENOSPC, EIO. After EIO, ENOSPC the range of the disk, or the buffer, holds any mixture of old and new.
///
/// Transfers are stable only after FLUSH, which also covers writes through a queue of the same disk that began before
/// it. A transfer is done on the vCPU's thread, mostly a copy from or to the host's page cache. FLUSH takes as long as
/// the medium does; it is done on a thread of the disk's, and the vCPU stays open to a pause and a stop meanwhile.
class BlockFastPath final : public CallHandler {
public:
    static constexpr u32 probe = 0xC200'0000;
    static constexpr u32 read = 0xC200'0001;
    static constexpr u32 write = 0xC200'0002;
    static constexpr u32 flush = 0xC200'0003;
    static constexpr u64 max_transfer = u64{1} << 20; ///< Bytes in one call.
    static constexpr u64 no_disk = ~u64{0};
    /// What one vCPU's calls pass through on their way.
    struct Buffer {
        alignas(4096) u8 bytes[usize{64} << 10];
        Atomic<u64> flush_of{no_disk};      ///< Set by the vCPU, taken back by the flusher's thread.
        i64 flushed{};                      ///< Written before flush_answered.
        Atomic<bool> flush_answered{false}; ///< Set by the flusher's thread, taken by the vCPU.
    };

    /// A buffer and a slot per vCPU. Everything outlives the handler.
    BlockFastPath(GuestMemory& memory, std::span<BlockBackend* const> disks, std::span<Buffer> buffers,
                  std::span<VcpuSlot> slots, BlockFlusher& flusher)
        : memory_(memory), disks_(disks), buffers_(buffers), slots_(slots), flusher_(flusher)
    {
    }

    Result<void, CallTableError> register_in(CallTable& table) { return table.add({probe, flush, this}); }

    CallOutcome call(VcpuId vcpu, Conduit conduit, const CallExit& call) override;
    std::optional<Completion> answer(VcpuId vcpu) override;
    /// The flusher: one flush of `disk` for all vCPUs that have asked for one by now.
    void process(u32 disk);

private:
    struct Transfer {
        u64 sector;
        Gpa buffer;
        u64 bytes;
    };
    i64 transfer(VcpuId vcpu, BlockBackend& disk, const Transfer& request, Direction direction);
    Result<void, i64> check(const BlockBackend& disk, const Transfer& request, Direction direction) const;

    GuestMemory& memory_;
    std::span<BlockBackend* const> disks_;
    std::span<Buffer> buffers_; ///< By vCPU; the bytes are used on that vCPU's thread only.
    std::span<VcpuSlot> slots_;
    BlockFlusher& flusher_;
};

/// Linux's error numbers, negative, which are the answers of the calls above.
namespace block_fast_path {
inline constexpr i64 io = -5;
inline constexpr i64 fault = -14;
inline constexpr i64 no_device = -19;
inline constexpr i64 invalid = -22;
inline constexpr i64 no_space = -28;
inline constexpr i64 read_only = -30;
inline constexpr i64 range = -34;
} // namespace block_fast_path

} // namespace gimbal
