// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "app/cli/run_config.hpp"
#include "app/user_error.hpp"
#include "device/block_fast_path.hpp"
#include "host/disk.hpp"
#include "vm/vm.hpp"

namespace gimbal {

/// The disks of a run in the order in which they were given. Open, and locked, through all of the guest's resets.
using Disks = std::vector<std::unique_ptr<host::Disk>>;

Result<Disks, UserError> open_disks(const RunConfig& config);

/// Access to the disks by hypercall, for one life of the guest. Outlives the vCPUs' threads.
class DiskCalls {
public:
    DiskCalls(Vm& vm, const Disks& disks);
    DiskCalls(const DiskCalls&) = delete;
    DiskCalls& operator=(const DiskCalls&) = delete;

    /// Before the VM is finalized.
    Result<void, UserError> attach();

private:
    Vm& vm_;
    std::vector<BlockBackend*> disks_;
    std::vector<BlockFastPath::Buffer> buffers_; // one per vCPU
    BlockFastPath calls_;
};

} // namespace gimbal
