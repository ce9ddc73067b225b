// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "app/loader/bytes.hpp"
#include "app/loader/describe.hpp"
#include "app/loader/formats.hpp"
#include "app/size.hpp"
#include "base/bits.hpp"

namespace gimbal::loader {
namespace {

using namespace std::string_view_literals;

constexpr u16 machine_aarch64 = 183;
constexpr u16 machine_loongarch = 258;
constexpr u32 type_load = 1;
constexpr u64 program_header_size = 56;
constexpr unsigned loongarch_physical_bits = 48; // what the direct-mapped windows leave of an address

struct ProgramHeader {
    u64 offset;
    u64 virtual_address;
    u64 physical_address;
    u64 file_size;
    u64 memory_size;
};

struct ElfFile {
    GuestArch arch{};
    u64 entry{};                     ///< virtual
    std::vector<ProgramHeader> load; ///< PT_LOAD with memory, by physical address
};

Result<void, UserError> check_header(std::span<const u8> bytes)
{
    if (!holds(bytes, 0, 64)) return fail(UserError{"the file ends inside its ELF header; it is truncated"});
    const u16 machine = *read_le<u16>(bytes, 18);
    if (machine != machine_aarch64 && machine != machine_loongarch)
        return fail(UserError{
            fmt::format("it is an ELF file for {}; expected one for AArch64 or LoongArch", elf_machine_name(machine))});
    if (bytes[4] != 2) return fail(UserError{"it is a 32-bit ELF file; expected a 64-bit one"});
    if (bytes[5] != 1) return fail(UserError{"it is a big-endian ELF file; expected a little-endian one"});
    const u16 type = *read_le<u16>(bytes, 16);
    if (type == 1) return fail(UserError{"it is a relocatable ELF object; expected a linked kernel (vmlinux)"});
    if (type != 2 && type != 3)
        return fail(UserError{fmt::format("it is an ELF file of type {}; expected an executable", type)});
    return {};
}

Result<ProgramHeader, UserError> read_segment(std::span<const u8> bytes, u64 at, unsigned index)
{
    const ProgramHeader header{*read_le<u64>(bytes, at + 8), *read_le<u64>(bytes, at + 16),
                               *read_le<u64>(bytes, at + 24), *read_le<u64>(bytes, at + 32),
                               *read_le<u64>(bytes, at + 40)};
    if (!holds(bytes, header.offset, header.file_size))
        return fail(UserError{
            fmt::format("ELF segment {} ({} bytes at offset {}) lies outside the file of {} bytes; it is truncated",
                        index, header.file_size, header.offset, bytes.size())});
    if (header.file_size > header.memory_size)
        return fail(UserError{fmt::format("ELF segment {} is damaged: {:#x} bytes in the file but {:#x} in memory",
                                          index, header.file_size, header.memory_size)});
    u64 end = 0;
    if (add_overflows(header.physical_address, header.memory_size, end) ||
        add_overflows(header.virtual_address, header.memory_size, end))
        return fail(UserError{fmt::format("ELF segment {} is damaged: {:#x} bytes at {:#x} wrap around", index,
                                          header.memory_size, header.physical_address)});
    return header;
}

Result<void, UserError> check_overlaps(const std::vector<ProgramHeader>& sorted)
{
    for (usize i = 1; i < sorted.size(); ++i) {
        const ProgramHeader& low = sorted[i - 1];
        const ProgramHeader& high = sorted[i];
        if (low.physical_address + low.memory_size > high.physical_address)
            return fail(UserError{fmt::format("its ELF segments overlap in memory: {:#x}-{:#x} and {:#x}-{:#x}",
                                              low.physical_address, low.physical_address + low.memory_size - 1,
                                              high.physical_address, high.physical_address + high.memory_size - 1)});
    }
    return {};
}

Result<ElfFile, UserError> read_elf(std::span<const u8> bytes)
{
    GIMBAL_TRY_VOID(check_header(bytes));
    ElfFile file;
    file.arch = *read_le<u16>(bytes, 18) == machine_aarch64 ? GuestArch::aarch64 : GuestArch::loongarch64;
    file.entry = *read_le<u64>(bytes, 24);
    const u64 table = *read_le<u64>(bytes, 32);
    const u16 entry_size = *read_le<u16>(bytes, 54);
    const u16 count = *read_le<u16>(bytes, 56);
    if (count == 0) return fail(UserError{"it is an ELF file without program headers; there is nothing to load"});
    if (entry_size != program_header_size)
        return fail(UserError{fmt::format("its ELF header is damaged (program headers of {} bytes)", entry_size)});
    if (!holds(bytes, table, count * program_header_size))
        return fail(UserError{"the file ends inside its ELF program headers; it is truncated"});
    for (unsigned i = 0; i < count; ++i) {
        const u64 at = table + i * program_header_size;
        if (*read_le<u32>(bytes, at) != type_load || *read_le<u64>(bytes, at + 40) == 0) continue;
        GIMBAL_TRY(segment, read_segment(bytes, at, i));
        file.load.push_back(segment);
    }
    if (file.load.empty()) return fail(UserError{"it is an ELF file without a segment to load"});
    std::ranges::sort(file.load, {}, &ProgramHeader::physical_address);
    GIMBAL_TRY_VOID(check_overlaps(file.load));
    return file;
}

std::optional<u64> entry_physical(const ElfFile& file)
{
    for (const ProgramHeader& segment : file.load) {
        const u64 offset = file.entry - segment.virtual_address; // wraps to something huge if below
        if (offset < segment.memory_size) return segment.physical_address + offset;
    }
    return std::nullopt;
}

/// An arm64 vmlinux is linked, p_paddr included, at kernel addresses; its first segment starts with the Image header,
/// and the rest lies behind it as in the Image.
Result<Kernel, UserError> relocate_vmlinux(const ElfFile& file, std::span<const u8> bytes, u64 limit)
{
    const ProgramHeader& first = file.load.front();
    const ProgramHeader& last = file.load.back();
    const u64 base = first.physical_address;
    const u64 size = last.physical_address + last.memory_size - base;
    const auto head = bytes.subspan(first.offset, first.file_size);
    if (!is_arm64_image(head))
        return fail(UserError{fmt::format("its ELF segments are at {:#x}, which is no physical address, and it is not "
                                          "an arm64 vmlinux; link it at the board's RAM",
                                          base)});
    if (size > limit)
        return fail(UserError{
            fmt::format("its ELF segments span {:#x} bytes, more than the {} that fit", size, format_size(limit))});
    GIMBAL_TRY(header, read_arm64_header(head, size));
    Kernel kernel;
    kernel.relocatable = true;
    kernel.entry = header.text_offset;
    for (const ProgramHeader& segment : file.load)
        kernel.segments.push_back({segment.physical_address - base + header.text_offset,
                                   bytes.subspan(segment.offset, segment.file_size), segment.memory_size});
    Segment& tail = kernel.segments.back();
    tail.memory_size = header.text_offset + header.image_size - tail.address;
    return kernel;
}

} // namespace

bool is_elf(std::span<const u8> bytes)
{
    return has_magic(bytes, 0,
                     "\x7f"
                     "ELF"sv);
}

Result<Kernel, UserError> parse_elf(std::span<const u8> bytes, u64 limit)
{
    GIMBAL_TRY(file, read_elf(bytes));
    const char* const description = file.arch == GuestArch::aarch64 ? "AArch64 ELF" : "LoongArch ELF";
    if (file.arch == GuestArch::aarch64 && test_bit(file.load.front().physical_address, 63)) {
        GIMBAL_TRY(kernel, relocate_vmlinux(file, bytes, limit));
        kernel.description = description;
        return kernel;
    }
    const auto entry = entry_physical(file);
    if (!entry) return fail(UserError{fmt::format("its ELF entry point {:#x} is in no loaded segment", file.entry)});
    const u64 mask = file.arch == GuestArch::loongarch64 ? low_mask(loongarch_physical_bits) : low_mask(64);
    Kernel kernel;
    kernel.arch = file.arch;
    kernel.description = description;
    kernel.entry = *entry & mask;
    for (ProgramHeader& segment : file.load) {
        segment.physical_address &= mask;
        kernel.segments.push_back(
            {segment.physical_address, bytes.subspan(segment.offset, segment.file_size), segment.memory_size});
    }
    // Taking windows away may bring segments together that were apart.
    std::ranges::sort(file.load, {}, &ProgramHeader::physical_address);
    GIMBAL_TRY_VOID(check_overlaps(file.load));
    std::ranges::sort(kernel.segments, {}, &Segment::address);
    return kernel;
}

} // namespace gimbal::loader
