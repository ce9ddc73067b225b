// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "app/cli/run_config.hpp"
#include "app/user_error.hpp"
#include "device/block_fast_path.hpp"
#include "host/disk.hpp"
#include "host/worker.hpp"
#include "vm/vm.hpp"

namespace gimbal {

/// The disks of a run in the order in which they were given. Open, and locked, through all of the guest's resets.
using Disks = std::vector<std::unique_ptr<host::Disk>>;

Result<Disks, UserError> open_disks(const RunConfig& config);

/// Access to the disks by hypercall, for one life of the guest, with a thread for each disk that can be flushed.
/// Outlives the vCPUs' threads.
class DiskCalls final : public host::Pausable, private BlockFlusher {
public:
    /// Throws std::system_error if the system refuses a thread.
    DiskCalls(Vm& vm, const Disks& disks);
    DiskCalls(const DiskCalls&) = delete;
    DiskCalls& operator=(const DiskCalls&) = delete;

    /// Before the VM is finalized.
    Result<void, UserError> attach();

    void request_pause() override;
    void wait_paused() override;
    void resume() override;

private:
    void ring(u32 disk) noexcept override;

    Vm& vm_;
    std::vector<BlockBackend*> disks_;
    std::vector<BlockFastPath::Buffer> buffers_; // one per vCPU
    BlockFastPath calls_;
    std::vector<std::unique_ptr<host::Worker>> workers_; // by disk, null for a read-only one; last: they use the rest
};

} // namespace gimbal
