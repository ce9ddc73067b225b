// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "device/block_backend.hpp"
#include "vm/calls.hpp"
#include "vm/memory.hpp"

namespace gimbal {

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
/// it. Being synchronous, a call holds its vCPU as long as the host needs: FLUSH as long as its medium does.
class BlockFastPath final : public CallHandler {
public:
    static constexpr u32 probe = 0xC200'0000;
    static constexpr u32 read = 0xC200'0001;
    static constexpr u32 write = 0xC200'0002;
    static constexpr u32 flush = 0xC200'0003;
    static constexpr u64 max_transfer = u64{1} << 20; ///< Bytes in one call.
    /// What one vCPU's calls pass through on their way.
    struct Buffer {
        alignas(4096) u8 bytes[usize{64} << 10];
    };

    /// One buffer per vCPU. Everything outlives the handler.
    BlockFastPath(GuestMemory& memory, std::span<BlockBackend* const> disks, std::span<Buffer> buffers)
        : memory_(memory), disks_(disks), buffers_(buffers)
    {
    }

    Result<void, CallTableError> register_in(CallTable& table) { return table.add({probe, flush, this}); }

    CallOutcome call(VcpuId vcpu, Conduit conduit, const CallExit& call) override;

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
    std::span<Buffer> buffers_; ///< By vCPU; each is used on that vCPU's thread only.
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
