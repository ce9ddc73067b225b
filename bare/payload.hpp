// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <span>

#include "base/bits.hpp"
#include "base/types.hpp"

/// What `gimbal pack` puts behind a hypervisor image: the VMs, ready to be copied into their memory. Pure layout, the
/// same for the packer and the hypervisor. All numbers are little-endian.
///
///     image offset 0        the hypervisor, which starts with an arm64 Image header and an Identity
///     offset_behind(size)   Header, then vm_count times Vm, channel_count times Channel, then the pieces,
///                           each on a boundary of `alignment`
///
/// The packer sets image_size of the Image header to the end of it all, so that loaders put nothing on top of it; the
/// hypervisor takes from there how far it may read.
namespace gimbal::bare::payload {

static_assert(std::endian::native == std::endian::little, "the payload is read in place");

inline constexpr u64 alignment = 4096;
inline constexpr u32 version = 2; ///< Packer and hypervisor must agree on it.
inline constexpr u32 max_vms = 16;
inline constexpr u32 max_pieces = 16;
inline constexpr u32 max_channels = 32;
inline constexpr u32 max_priority = 31;
inline constexpr u32 max_budget = 100;
inline constexpr u32 max_host_cpus = 64; ///< As many as an affinity can name.

/// Optional parts of the board that a hypervisor has for its guests, as bits of Identity::parts. The packer describes
/// to a guest what is there and no more.
inline constexpr u32 part_clock = 1U << 0;     ///< The PL031.
inline constexpr u32 part_power_key = 1U << 1; ///< The PL061 and its key.

/// Says in the hypervisor's file, right behind its Image header of 64 bytes, that it is one and what it takes.
struct Identity {
    static constexpr u64 offset = 0x40;
    static constexpr u64 expected_magic = 0x5648'4c41'424d'4947; // "GIMBALHV"

    u64 magic{expected_magic};
    u32 payload_version{version};
    u32 parts{};
};
static_assert(sizeof(Identity) == 16);

/// Two running sums over 64-bit words, two additions each: the hypervisor must not spend longer on a check of a hundred
/// megabytes than on copying them. Finds damage, not malice.
struct Checksum {
    u64 sum{};
    u64 weighted{}; ///< The sum of all `sum`s on the way: finds what has changed places.
    bool operator==(const Checksum&) const = default;
};

/// `bytes.size()` is a multiple of 8; what is left over is not looked at.
inline Checksum checksum(std::span<const u8> bytes)
{
    Checksum result;
    for (usize at = 0; at + sizeof(u64) <= bytes.size(); at += sizeof(u64)) {
        u64 word;
        __builtin_memcpy(&word, bytes.data() + at, sizeof(word));
        result.sum += word;
        result.weighted += result.sum;
    }
    return result;
}

/// Bytes of the payload that go to one place in a guest's memory before it starts, and again when it restarts.
struct Piece {
    u64 gpa{};
    u64 offset{}; ///< From the Header, a multiple of `alignment`.
    u64 size{};   ///< Bytes, never zero.
};

/// One VM. Its memory starts at the board's RAM base, all zero but for the pieces.
struct Vm {
    std::array<char, 64> name{};    ///< Printable ASCII, at least one character, zeros behind it.
    u64 memory_size{};              ///< Bytes, a multiple of 64 KiB.
    u64 entry{};                    ///< Where vCPU 0 starts, in RAM, a multiple of 4.
    std::array<u64, 4> arguments{}; ///< x0 to x3 of vCPU 0.
    u64 affinity{};                 ///< One bit per host CPU that its vCPUs may run on; zero: any.
    u32 cpu_count{};                ///< 1 to the board's max_cpus.
    u32 priority{};                 ///< 0 to max_priority; a larger one runs first.
    u32 piece_count{};              ///< 1 to max_pieces: kernel, initrd and device tree, in no particular order.
    u32 budget{};                   ///< Of each vCPU: percent of its CPU, 1 to max_budget; zero: no limit.
    std::array<Piece, max_pieces> pieces{};
};
static_assert(sizeof(Vm) == 136 + max_pieces * sizeof(Piece));

/// Memory that two VMs share, each with its end of it. Number 0 is the end of the VM with the lower index.
struct Channel {
    std::array<char, 32> name{}; ///< As a VM's; no two channels have the same.
    u64 size{};                  ///< Bytes, a power of two; the board says from where to where.
    std::array<u32, 2> vms{};    ///< Indices of two VMs, ascending.
    std::array<u32, 2> slots{};  ///< Where on each one's board its end is, below max_channels there. No two share one.
};
static_assert(sizeof(Channel) == 56);

struct Header {
    static constexpr u64 expected_magic = 0x4d56'4c41'424d'4947; // "GIMBALVM"
    static constexpr u64 checksum_from = 32;                     // everything behind `checksum` is covered

    u64 magic{expected_magic};
    u32 version{payload::version};
    u32 reserved{}; ///< Zero.
    Checksum checksum;
    u64 size{};     ///< Of the whole payload in bytes, a multiple of 8.
    u32 vm_count{}; ///< 1 to max_vms.
    u32 vm_size{sizeof(Vm)};
    u32 channel_count{}; ///< 0 to max_channels.
    u32 channel_size{sizeof(Channel)};
};
static_assert(sizeof(Header) == 56 && sizeof(Vm) % 8 == 0);

/// Where the payload starts behind a hypervisor whose own image_size (Linux, Documentation/arch/arm64/booting.rst) is
/// `image_size`, below 2^63.
constexpr u64 offset_behind(u64 image_size) { return align_up(image_size, alignment); }

} // namespace gimbal::bare::payload
