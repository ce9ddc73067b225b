// SPDX-License-Identifier: Apache-2.0
#include "app/run/disks.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace gimbal {

Result<Disks, UserError> open_disks(const RunConfig& config)
{
    Disks disks;
    for (usize i = 0; i < config.disks.size(); ++i) {
        const std::string& path = config.disks[i].path;
        for (usize other = 0; other < i; ++other) {
            std::error_code missing; // the open below says it better
            if (std::filesystem::equivalent(path, config.disks[other].path, missing))
                return fail(UserError{fmt::format("disk '{}': it is the same file as disk '{}'; a disk is given once",
                                                  path, config.disks[other].path)});
        }
        auto disk = host::Disk::open(path, config.disks[i].read_only);
        if (!disk) return fail(UserError{fmt::format("disk '{}': {}", path, disk.error().message)});
        disks.push_back(std::move(*disk));
    }
    return disks;
}

DiskCalls::DiskCalls(Vm& vm, const Disks& disks)
    : vm_(vm),
      disks_([&] {
          std::vector<BlockBackend*> pointers;
          for (const auto& disk : disks) pointers.push_back(disk.get());
          return pointers;
      }()),
      buffers_(vm.vcpu_count()),
      calls_(vm.memory, disks_, buffers_, vm.slots(), *this)
{
    for (u32 index = 0; index < disks_.size(); ++index) {
        auto& worker = workers_.emplace_back();
        if (disks_[index]->properties().read_only) continue;
        worker = std::make_unique<host::Worker>(
            fmt::format("disk call {}", index), [this, index] { calls_.process(index); },
            [index, &vm](const std::string& what) {
                spdlog::error("disk {} cannot go on: {}", index, what);
                vm.request_stop({.reason = StopReason::device_failure});
            });
    }
}

void DiskCalls::ring(u32 disk) noexcept { workers_[disk]->ring(); }

void DiskCalls::request_pause()
{
    for (const auto& worker : workers_)
        if (worker) worker->request_pause();
}

void DiskCalls::wait_paused()
{
    for (const auto& worker : workers_)
        if (worker) worker->wait_paused();
}

void DiskCalls::resume()
{
    for (const auto& worker : workers_)
        if (worker) worker->resume();
}

Result<void, UserError> DiskCalls::attach()
{
    if (!calls_.register_in(vm_.calls)) return fail(UserError{"the board cannot be assembled: the block fast path"});
    return {};
}

} // namespace gimbal
