// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "base/bits.hpp"
#include "vm/types.hpp"

/// The AArch64 `virt` board. The device tree and the assembly of the machine both read this table and nothing else.
/// Addresses and interrupts are those of QEMU's `virt`, so that stock kernels and firmware find what they know.
namespace gimbal::board::aarch64 {

enum class Part : u8 {
    gic_distributor,
    gic_redistributors,
    console,
    clock,
    power_key,
    virtio,
    pci_memory,
    pci_configuration,
    ram
};

struct PartLocation {
    Part part;
    Gpa base;
    u64 size;                     ///< Bytes. For RAM the most that the board holds.
    std::optional<Spi> interrupt; ///< Level, active high. virtio: that of slot 0. pci_memory: INTA of device 0.
};

inline constexpr u64 redistributor_size = 0x2'0000; // RD_base and SGI_base frames of 64 KiB (IHI 0069)
inline constexpr u64 virtio_slot_size = 0x200;
inline constexpr u32 virtio_slot_count = 32;
inline constexpr unsigned power_key_line = 3; // of the PL061; high while the key is down

inline constexpr auto memory_map = std::to_array<PartLocation>({
    {Part::gic_distributor,    {0x0800'0000}, 0x1'0000,                            std::nullopt},
    {Part::gic_redistributors, {0x080a'0000}, 0xf6'0000,                           std::nullopt},
    {Part::console,            {0x0900'0000}, 0x1000,                              Spi{1}      },
    {Part::clock,              {0x0901'0000}, 0x1000,                              Spi{2}      },
    {Part::power_key,          {0x0903'0000}, 0x1000,                              Spi{7}      },
    {Part::virtio,             {0x0a00'0000}, virtio_slot_size* virtio_slot_count, Spi{16}     },
    {Part::pci_memory,         {0x1000'0000}, 0x2eff'0000,                         Spi{3}      },
    {Part::pci_configuration,  {0x3f00'0000}, 0x10'0000,                           std::nullopt},
    {Part::ram,                {0x4000'0000}, u64{255} << 30,                      std::nullopt},
});

constexpr const PartLocation& location(Part part) { return memory_map[static_cast<usize>(part)]; }

namespace detail {
constexpr bool map_is_sound()
{
    for (usize i = 0; i < memory_map.size(); ++i) {
        if (static_cast<usize>(memory_map[i].part) != i) return false;
        if (i != 0 && memory_map[i - 1].base.value + memory_map[i - 1].size > memory_map[i].base.value) return false;
    }
    return true;
}
} // namespace detail
static_assert(detail::map_is_sound(), "the map is in the order of Part, ascending and without overlaps");

/// As many redistributors as fit below the console.
inline constexpr u32 max_cpus = static_cast<u32>(location(Part::gic_redistributors).size / redistributor_size);

inline constexpr u64 counter_frequency_hz = 62'500'000;

/// PPIs of the generic timers, as INTIDs (Arm BSA: secure 29, EL1 physical 30, virtual 27, EL2 26).
inline constexpr Intid secure_timer{29};
inline constexpr Intid physical_timer{30};
inline constexpr Intid virtual_timer{27};
inline constexpr Intid hypervisor_timer{26};

/// `slot` is below virtio_slot_count.
constexpr Gpa virtio_base(u32 slot) { return location(Part::virtio).base + slot * virtio_slot_size; }
constexpr Spi virtio_interrupt(u32 slot) { return {location(Part::virtio).interrupt->value + slot}; }

/// PCI: bus 0 only, and on it nothing but channels between VMs. Channel n is device n + 1; device 0 is left to a host
/// bridge, which this board needs not have. INTA of a device leads to one of four interrupts, as on any PCI bus.
inline constexpr u32 max_channels = 8;
inline constexpr u64 channel_size_min = 0x1000;
inline constexpr u64 channel_size_max = 0x100'0000;
inline constexpr u32 pci_interrupt_count = 4;

/// `channel` is below max_channels.
constexpr u32 channel_device(u32 channel) { return channel + 1; }
constexpr Gpa channel_registers(u32 channel) { return location(Part::pci_memory).base + channel * u64{0x1000}; }
constexpr Gpa channel_memory(u32 channel) { return location(Part::pci_memory).base + (channel + 1) * channel_size_max; }
constexpr Spi pci_interrupt(u32 device)
{
    return {location(Part::pci_memory).interrupt->value + device % pci_interrupt_count};
}
static_assert(max_channels * u64{0x1000} <= channel_size_max &&
                  (max_channels + 1) * channel_size_max <= location(Part::pci_memory).size,
              "channels lie in the window");

} // namespace gimbal::board::aarch64
