// SPDX-License-Identifier: Apache-2.0
#include "app/pack/channels.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/loader/describe.hpp"
#include "app/size.hpp"
#include "base/bits.hpp"
#include "vm/aarch64/board.hpp"

namespace gimbal {
namespace {

namespace payload = bare::payload;
namespace map = board::aarch64;

UserError refusal(const PackedVm& vm, const std::string& name, const std::string& what)
{
    return {fmt::format("{}: channel '{}': {}", vm.file, loader::describe_text(name), what)};
}

Result<void, UserError> check_end(const PackedVm& vm, const ChannelConfig& channel)
{
    if (channel.name.size() >= payload::Channel{}.name.size() ||
        !std::ranges::all_of(channel.name, [](char c) { return c >= ' ' && c <= '~'; }))
        return fail(refusal(vm, channel.name,
                            fmt::format("that is no name for a channel; expected 1 to {} printable ASCII characters",
                                        payload::Channel{}.name.size() - 1)));
    if (!is_power_of_two(channel.size) || channel.size < map::channel_size_min || channel.size > map::channel_size_max)
        return fail(
            refusal(vm, channel.name,
                    fmt::format("its size is {}; expected a power of two from {} to {}", format_size(channel.size),
                                format_size(map::channel_size_min), format_size(map::channel_size_max))));
    return {};
}

/// Puts the second VM's end to a channel that has one.
Result<void, UserError> join(payload::Channel& channel, const std::vector<PackedVm>& vms, u32 vm,
                             const ChannelConfig& end)
{
    const PackedVm& first = vms[channel.vms[0]];
    if (channel.vms[0] == vm) return fail(refusal(vms[vm], end.name, "this VM names it twice"));
    if (channel.vms[1] != 0)
        return fail(refusal(vms[vm], end.name,
                            fmt::format("it joins '{}' and '{}' already; a channel has two ends", first.file,
                                        vms[channel.vms[1]].file)));
    if (channel.size != end.size)
        return fail(refusal(vms[vm], end.name,
                            fmt::format("its size is {} here and {} in '{}'; give both the same", format_size(end.size),
                                        format_size(channel.size), first.file)));
    channel.vms[1] = vm;
    return {};
}

} // namespace

Result<std::vector<payload::Channel>, UserError> join_channels(const std::vector<PackedVm>& vms)
{
    std::vector<payload::Channel> channels;
    for (u32 vm = 0; vm < vms.size(); ++vm) {
        const auto& ends = vms[vm].config.type1.channels;
        if (ends.size() > map::max_channels)
            return fail(UserError{fmt::format("{}: it names {} channels; a VM has at most {}", vms[vm].file,
                                              ends.size(), map::max_channels)});
        for (u32 slot = 0; slot < ends.size(); ++slot) {
            GIMBAL_TRY_VOID(check_end(vms[vm], ends[slot]));
            payload::Channel wanted;
            std::ranges::copy(ends[slot].name, wanted.name.begin());
            const auto known = std::ranges::find(channels, wanted.name, &payload::Channel::name);
            if (known != channels.end()) {
                GIMBAL_TRY_VOID(join(*known, vms, vm, ends[slot]));
                known->slots[1] = slot;
                continue;
            }
            wanted.size = ends[slot].size;
            wanted.vms[0] = vm;
            wanted.slots[0] = slot;
            channels.push_back(wanted);
        }
    }
    for (const payload::Channel& channel : channels)
        if (channel.vms[1] == 0) // 0 is never the second
            return fail(refusal(vms[channel.vms[0]], channel.name.data(),
                                "no other VM of this image names it; a channel has two ends"));
    if (channels.size() > payload::max_channels)
        return fail(UserError{fmt::format("the VMs name {} channels; an image holds at most {}", channels.size(),
                                          payload::max_channels)});
    return channels;
}

} // namespace gimbal
