// SPDX-License-Identifier: Apache-2.0
#include "bare/channels.hpp"

namespace gimbal::bare {

namespace board = gimbal::board::aarch64;

bool Channels::create(std::span<const payload::Channel> channels, Arena& arena)
{
    for (usize i = 0; i < channels.size(); ++i) {
        memories_[i] = arena.take(channels[i].size, channels[i].size);
        if (memories_[i].empty()) return false;
        __builtin_memset(memories_[i].data(), 0, memories_[i].size());
    }
    descriptions_ = channels;
    return true;
}

void Channels::join(usize channel, unsigned end, Ivshmem& device)
{
    ends_[channel][end] = &device;
    Ivshmem* const other = ends_[channel][1 - end];
    if (other == nullptr) return;
    device.connect(*other);
    other->connect(device);
}

bool ChannelPorts::set_up_bus(InterruptChip& chip, MmioBus& bus)
{
    if (has_bus_) return true;
    has_bus_ = true;
    for (u32 device = 0; device < board::pci_interrupt_count; ++device)
        if (!lines_[device].connect(chip, board::pci_interrupt(device))) return false;
    return bus
        .add({.base = board::location(board::Part::pci_configuration).base,
              .size = PciEcam::size,
              .device = &ecam_,
              .limits = PciEcam::access_limits})
        .has_value();
}

bool ChannelPorts::make(Channels& channels, usize channel, unsigned end, el2::Stage2& stage2)
{
    const u32 slot = channels.descriptions()[channel].slots[end];
    const std::span<u8> memory = channels.memories()[channel];
    const u32 device = board::channel_device(slot);
    const auto line = lines_[device % board::pci_interrupt_count].add_source();
    if (!line) return false;
    const Ivshmem::Place place{static_cast<u32>(board::channel_registers(slot).value),
                               static_cast<u32>(board::channel_memory(slot).value), static_cast<u32>(memory.size())};
    Ivshmem& port = ends_[slot].emplace(place, end, *line);
    ecam_.add(device, port);
    channels.join(channel, end, port);
    return stage2
        .map(board::channel_memory(slot), reinterpret_cast<u64>(memory.data()), memory.size(), el2::stage2_shared)
        .has_value();
}

bool ChannelPorts::add(Channels& channels, usize channel, unsigned end, MmioBus& bus, el2::Stage2& stage2)
{
    const u32 slot = channels.descriptions()[channel].slots[end];
    if (!ends_[slot] && !make(channels, channel, end, stage2)) return false;
    return bus
        .add({.base = board::channel_registers(slot),
              .size = Ivshmem::registers_size,
              .device = &*ends_[slot],
              .limits = Ivshmem::access_limits})
        .has_value();
}

bool ChannelPorts::attach(Channels& channels, u32 vm, InterruptChip& chip, MmioBus& bus, el2::Stage2& stage2)
{
    const auto descriptions = channels.descriptions();
    for (usize channel = 0; channel < descriptions.size(); ++channel)
        for (unsigned end = 0; end < 2; ++end)
            if (descriptions[channel].vms[end] == vm &&
                (!set_up_bus(chip, bus) || !add(channels, channel, end, bus, stage2)))
                return false;
    return true;
}

void ChannelPorts::reset()
{
    for (std::optional<Ivshmem>& end : ends_)
        if (end) end->reset();
}

void ChannelPorts::detach()
{
    reset();
    for (InterruptLine& line : lines_) line.disconnect();
    has_bus_ = false;
}

} // namespace gimbal::bare
