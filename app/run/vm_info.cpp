// SPDX-License-Identifier: Apache-2.0
#include "app/run/vm_info.hpp"

#include <fmt/format.h>

#include "app/run/stats.hpp"
#include "app/size.hpp"
#include "host/clock.hpp"

namespace gimbal {
namespace {

const char* state_name(const VcpuSlot& slot, bool paused)
{
    switch (slot.power()) {
    case PowerState::off: return "off";
    case PowerState::on_pending: return "starting";
    case PowerState::on: break;
    }
    if (paused) return "paused";
    switch (slot.lifecycle.state()) {
    case VcpuState::created:
    case VcpuState::free: return "ended";
    case VcpuState::ready:
    case VcpuState::running: return "running";
    case VcpuState::blocked: return "idle";
    }
    return "";
}

std::string describe_vcpu(u32 index, const VcpuSlot& slot, bool paused)
{
    u64 total = 0;
    std::string kinds;
    for (unsigned kind = 0; kind < exit_kind_count; ++kind) {
        const u64 count = slot.stats.exit_count(static_cast<ExitKind>(kind));
        total += count;
        if (count != 0)
            kinds +=
                fmt::format("{}{} {}", kinds.empty() ? "" : ", ", exit_kind_name(static_cast<ExitKind>(kind)), count);
    }
    return fmt::format("  vcpu {:<5} {}, idle for {:.1f} s, {} exits{}{}{}\n", index, state_name(slot, paused),
                       host::to_seconds(slot.stats.idle_ticks.load(MemoryOrder::relaxed)), total,
                       kinds.empty() ? "" : " (", kinds, kinds.empty() ? "" : ")");
}

std::string describe_net(usize index, const NetConfig& net)
{
    std::string text = fmt::format("  net {:<6} user", index);
    for (const HostForward& forward : net.forwards)
        text += fmt::format(", {}:{} to the guest's {} {}", forward.host_address, forward.host_port,
                            forward.protocol == Protocol::tcp ? "tcp" : "udp", forward.guest_port);
    return text + "\n";
}

} // namespace

std::string describe_vm(const VmInfo& info)
{
    std::string text;
    if (!info.config.name.empty()) text += fmt::format("  name       {}\n", info.config.name);
    text += fmt::format("  state      {}\n", info.paused ? "paused" : "running");
    text += fmt::format("  engine     {}\n", info.engine);
    text += fmt::format("  memory     {}\n", format_size(info.config.memory));
    for (u32 index = 0; index < info.vm.vcpu_count(); ++index)
        text += describe_vcpu(index, info.vm.slot({index}), info.paused);
    for (usize index = 0; index < info.config.disks.size(); ++index) {
        const DiskConfig& disk = info.config.disks[index];
        text += fmt::format("  disk {:<5} {}{}\n", index, disk.path, disk.read_only ? ", read-only" : "");
    }
    for (usize index = 0; index < info.config.nets.size(); ++index)
        text += describe_net(index, info.config.nets[index]);
    return text;
}

} // namespace gimbal
