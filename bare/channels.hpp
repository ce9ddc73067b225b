// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "bare/arena.hpp"
#include "bare/payload_reader.hpp"
#include "device/ivshmem/ivshmem.hpp"
#include "device/pci/ecam.hpp"
#include "engine/el2/stage2.hpp"
#include "vm/aarch64/board.hpp"

namespace gimbal::bare {

/// The channels of an image: what of them belongs to neither VM. Made at boot, before any VM, and never undone: a VM
/// that ends leaves the memory to the other one.
class Channels {
public:
    /// Memory for each, all zero. False: there is not so much.
    bool create(std::span<const payload::Channel> channels, Arena& arena);

    std::span<const payload::Channel> descriptions() const { return descriptions_; }
    std::span<const std::span<u8>> memories() const { return {memories_, descriptions_.size()}; }
    /// The end number `end` of a channel is there; joins them when both are.
    void join(usize channel, unsigned end, Ivshmem& device);

private:
    std::span<const payload::Channel> descriptions_;
    std::span<u8> memories_[payload::max_channels];
    Ivshmem* ends_[payload::max_channels][2]{};
};

/// One VM's ends of its channels, on its PCI bus.
class ChannelPorts {
public:
    /// `vm`: its index in the payload. Puts what it has of `channels` on the bus and into stage 2, where it is memory
    /// that is never executed. False: something of it was taken, or stage 2 is out of pages. Nothing for a VM without
    /// channels. Again after detach(), with the chip and the bus of the VM's next start.
    bool attach(Channels& channels, u32 vm, InterruptChip& chip, MmioBus& bus, el2::Stage2& stage2);
    /// With the VM's other devices. The memory stays: the other VM may be using it.
    void reset();
    /// Chip and bus go. The ends stay, because the other VM may ring them, and so does stage 2.
    void detach();

private:
    bool add(Channels& channels, usize channel, unsigned end, MmioBus& bus, el2::Stage2& stage2);
    bool make(Channels& channels, usize channel, unsigned end, el2::Stage2& stage2);
    bool set_up_bus(InterruptChip& chip, MmioBus& bus);

    PciEcam ecam_;
    InterruptLine lines_[board::aarch64::pci_interrupt_count];
    std::optional<Ivshmem> ends_[board::aarch64::max_channels];
    bool has_bus_{};
};

} // namespace gimbal::bare
