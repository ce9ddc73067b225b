// SPDX-License-Identifier: Apache-2.0
#include "bare/payload_reader.hpp"

#include "vm/aarch64/board.hpp"

namespace gimbal::bare::payload {
namespace {

namespace board = gimbal::board::aarch64;

constexpr u64 memory_granule = 0x1'0000;
constexpr u64 ram_base = board::location(board::Part::ram).base.value;
constexpr u64 ram_max = board::location(board::Part::ram).size;

/// True if [begin, begin + size) lies in [first, first + room); `size` may be anything.
constexpr bool inside(u64 begin, u64 size, u64 first, u64 room)
{
    return begin >= first && begin - first <= room && size <= room - (begin - first);
}

bool is_good_name(std::span<const char> name)
{
    usize length = 0;
    while (length < name.size() && name[length] >= ' ' && name[length] <= '~') ++length;
    if (length == 0 || length == name.size()) return false;
    for (usize i = length; i < name.size(); ++i)
        if (name[i] != '\0') return false;
    return true;
}

bool has_good_pieces(const Vm& vm, u64 first_offset, u64 payload_size)
{
    if (vm.piece_count == 0 || vm.piece_count > max_pieces) return false;
    for (u32 i = 0; i < vm.piece_count; ++i) {
        const Piece& piece = vm.pieces[i];
        if (piece.size == 0 || !is_aligned(piece.offset, alignment) || piece.offset < first_offset ||
            !inside(piece.offset, piece.size, 0, payload_size) ||
            !inside(piece.gpa, piece.size, ram_base, vm.memory_size))
            return false;
        for (u32 other = 0; other < i; ++other) // both end in RAM: no sum wraps
            if (piece.gpa < vm.pieces[other].gpa + vm.pieces[other].size &&
                vm.pieces[other].gpa < piece.gpa + piece.size)
                return false;
    }
    return true;
}

bool is_good(const Vm& vm, u64 first_offset, u64 payload_size)
{
    return is_good_name(vm.name) && vm.memory_size != 0 && vm.memory_size <= ram_max &&
           is_aligned(vm.memory_size, memory_granule) && is_aligned(vm.entry, 4) &&
           inside(vm.entry, 4, ram_base, vm.memory_size) && vm.cpu_count != 0 && vm.cpu_count <= board::max_cpus &&
           vm.priority <= max_priority && vm.budget <= max_budget && has_good_pieces(vm, first_offset, payload_size);
}

bool is_good(const Channel& channel, u32 vm_count)
{
    return is_good_name(channel.name) && is_power_of_two(channel.size) && channel.size >= board::channel_size_min &&
           channel.size <= board::channel_size_max && channel.vms[0] < channel.vms[1] && channel.vms[1] < vm_count;
}

bool are_good(std::span<const Channel> channels, u32 vm_count)
{
    u32 slots[max_vms]{}; // one bit per slot that is taken
    for (usize i = 0; i < channels.size(); ++i) {
        if (!is_good(channels[i], vm_count)) return false;
        for (usize other = 0; other < i; ++other)
            if (channels[other].name == channels[i].name) return false;
        for (unsigned end = 0; end < 2; ++end) {
            const u32 slot = channels[i].slots[end];
            u32& taken = slots[channels[i].vms[end]];
            if (slot >= board::max_channels || test_bit(taken, slot)) return false;
            taken |= static_cast<u32>(bit(slot));
        }
    }
    return true;
}

} // namespace

const char* error_text(Error error)
{
    switch (error) {
    case Error::absent: return "this image holds no VMs; make one with gimbal pack";
    case Error::bad_version: return "the VMs were packed by another version of gimbal";
    case Error::cut_short: return "the image was cut short";
    case Error::damaged: return "the image is damaged: its checksum does not fit";
    case Error::bad_vm: return "the image holds a VM that makes no sense";
    case Error::bad_channel: return "the image holds a channel that makes no sense";
    }
    return "";
}

Result<Reader, Error> Reader::open(std::span<const u8> bytes)
{
    if (bytes.size() < sizeof(Header) || !is_aligned(reinterpret_cast<std::uintptr_t>(bytes.data()), alignof(Header)))
        return fail(Error::absent);
    const Header& header = *reinterpret_cast<const Header*>(bytes.data());
    if (header.magic != Header::expected_magic) return fail(Error::absent);
    if (header.version != version) return fail(Error::bad_version);
    if (header.size > bytes.size()) return fail(Error::cut_short);
    const u64 channels_at = sizeof(Header) + u64{header.vm_count} * sizeof(Vm);
    const u64 table_end = channels_at + u64{header.channel_count} * sizeof(Channel);
    if (header.reserved != 0 || header.vm_size != sizeof(Vm) || header.vm_count == 0 || header.vm_count > max_vms ||
        header.channel_size != sizeof(Channel) || header.channel_count > max_channels || header.size < table_end ||
        !is_aligned(header.size, sizeof(u64)))
        return fail(Error::damaged);
    const auto payload = bytes.first(header.size);
    if (checksum(payload.subspan(Header::checksum_from)) != header.checksum) return fail(Error::damaged);
    const std::span vms(reinterpret_cast<const Vm*>(bytes.data() + sizeof(Header)), header.vm_count);
    for (const Vm& vm : vms)
        if (!is_good(vm, table_end, header.size)) return fail(Error::bad_vm);
    const std::span channels(reinterpret_cast<const Channel*>(bytes.data() + channels_at), header.channel_count);
    if (!are_good(channels, header.vm_count)) return fail(Error::bad_channel);
    return Reader(payload, vms, channels);
}

StrView name(const Vm& vm)
{
    const StrView all(vm.name.data(), vm.name.size());
    return all.substr(0, all.find('\0'));
}

} // namespace gimbal::bare::payload
