// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "bare/payload.hpp"

/// A payload on a page boundary, with a sound VM or more in it that tests then spoil.
namespace gimbal::test {

class Payload {
public:
    static constexpr u64 piece_offset = bare::payload::alignment;
    static constexpr u64 piece_size = 0x1000;

    explicit Payload(u32 vm_count = 1, u32 channel_count = 0) : words_((piece_offset + piece_size) / sizeof(u64))
    {
        header() = {};
        header().size = piece_offset + piece_size;
        header().vm_count = vm_count;
        header().channel_count = channel_count;
        for (u32 i = 0; i < vm_count; ++i) vm(i) = sound_vm();
        for (u32 i = 0; i < channel_count; ++i) channel(i) = sound_channel(i);
        for (u64 i = 0; i < piece_size; ++i) bytes()[piece_offset + i] = static_cast<u8>(i * 7);
        seal();
    }

    static bare::payload::Vm sound_vm()
    {
        bare::payload::Vm vm;
        std::memcpy(vm.name.data(), "web", 3);
        vm.memory_size = 0x100'0000;
        vm.entry = 0x4000'0000;
        vm.cpu_count = 1;
        vm.piece_count = 1;
        vm.pieces[0] = {0x4000'0000, piece_offset, piece_size};
        return vm;
    }

    /// Between the first two VMs; each has its own name and slot.
    static bare::payload::Channel sound_channel(u32 index)
    {
        bare::payload::Channel channel;
        channel.name[0] = static_cast<char>('a' + index);
        channel.size = 0x1'0000;
        channel.vms = {0, 1};
        channel.slots = {index, 7 - index};
        return channel;
    }

    std::span<u8> bytes() { return {reinterpret_cast<u8*>(words_.data()), words_.size() * sizeof(u64)}; }
    bare::payload::Header& header() { return *reinterpret_cast<bare::payload::Header*>(words_.data()); }
    bare::payload::Vm& vm(u32 index)
    {
        return *reinterpret_cast<bare::payload::Vm*>(bytes().data() + sizeof(bare::payload::Header) +
                                                     index * sizeof(bare::payload::Vm));
    }
    bare::payload::Channel& channel(u32 index)
    {
        return *reinterpret_cast<bare::payload::Channel*>(reinterpret_cast<u8*>(&vm(header().vm_count)) +
                                                          index * sizeof(bare::payload::Channel));
    }
    /// Makes the checksum fit what is there now.
    void seal() { header().checksum = bare::payload::checksum(bytes().subspan(bare::payload::Header::checksum_from)); }

private:
    std::vector<u64> words_;
};

} // namespace gimbal::test
