// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "app/loader/bytes.hpp"
#include "app/loader/formats.hpp"
#include "base/bits.hpp"

namespace gimbal::loader {
namespace {

using namespace std::string_view_literals;

constexpr u64 flag_big_endian = 1;
constexpr u64 text_offset_before_3_17 = 0x80000; // image_size is zero and text_offset of unknown endianness

/// An `image_size` that no real kernel reaches, but far from any overflow.
constexpr u64 image_size_max = u64{1} << 40;

Kernel flat_kernel(GuestArch arch, const char* description, std::span<const u8> bytes)
{
    Kernel kernel;
    kernel.arch = arch;
    kernel.description = description;
    kernel.segments.push_back({0, bytes, bytes.size()});
    return kernel;
}

} // namespace

bool is_arm64_image(std::span<const u8> bytes) { return has_magic(bytes, 0x38, "ARM\x64"sv); }

Result<Arm64Header, UserError> read_arm64_header(std::span<const u8> bytes, u64 file_size)
{
    // The magic at 0x38 is inside, so that these fields are too.
    u64 text_offset = read_le<u64>(bytes, 8).value_or(0);
    u64 image_size = read_le<u64>(bytes, 16).value_or(0);
    const u64 flags = read_le<u64>(bytes, 24).value_or(0);
    if ((flags & flag_big_endian) != 0)
        return fail(UserError{"it is a big-endian arm64 Image; build the kernel with CONFIG_CPU_BIG_ENDIAN=n"});
    if (image_size == 0) text_offset = text_offset_before_3_17;
    image_size = std::max(image_size, file_size);
    if (image_size > image_size_max || text_offset > image_size_max)
        return fail(UserError{fmt::format("its arm64 Image header is damaged (text_offset {:#x}, image_size {:#x})",
                                          text_offset, image_size)});
    return Arm64Header{text_offset, image_size};
}

Result<Kernel, UserError> parse_arm64_image(std::span<const u8> bytes)
{
    GIMBAL_TRY(header, read_arm64_header(bytes, bytes.size()));
    GIMBAL_TRY_VOID(check_pe_sections(bytes));
    Kernel kernel = flat_kernel(GuestArch::aarch64, "arm64 Image", bytes);
    kernel.relocatable = true;
    kernel.segments[0].address = header.text_offset;
    kernel.segments[0].memory_size = header.image_size;
    kernel.entry = header.text_offset;
    return kernel;
}

bool is_loongarch_image(std::span<const u8> bytes)
{
    return has_magic(bytes, 0, "MZ"sv) && has_magic(bytes, 0x38, "\xcd\x23\x82\x81"sv);
}

Result<Kernel, UserError> parse_loongarch_image(std::span<const u8> bytes)
{
    const u64 entry = read_le<u64>(bytes, 8).value_or(0);
    const u64 image_size = std::max<u64>(read_le<u64>(bytes, 16).value_or(0), bytes.size());
    const u64 load_offset = read_le<u64>(bytes, 24).value_or(0);
    GIMBAL_TRY_VOID(check_pe_sections(bytes));
    // Older headers give the entry as an address in the direct-mapped window.
    const u64 entry_physical = bits(entry, 0, 48);
    if (image_size > image_size_max || load_offset > image_size_max || entry_physical < load_offset ||
        entry_physical - load_offset >= image_size)
        return fail(UserError{
            fmt::format("its LoongArch Image header is damaged (entry {:#x}, image size {:#x}, load offset {:#x})",
                        entry, image_size, load_offset)});
    Kernel kernel = flat_kernel(GuestArch::loongarch64, "LoongArch Image", bytes);
    kernel.segments[0].address = load_offset;
    kernel.segments[0].memory_size = image_size;
    kernel.entry = entry_physical;
    return kernel;
}

Result<void, UserError> check_pe_sections(std::span<const u8> bytes)
{
    const u64 header = read_le<u32>(bytes, 0x3c).value_or(0);
    if (!has_magic(bytes, 0, "MZ"sv) || header == 0) return {}; // no EFI stub: nothing to check
    if (!holds(bytes, header, 24))
        return fail(UserError{fmt::format("the file ends before its EFI header at {:#x}; it is truncated", header)});
    if (!has_magic(bytes, header, "PE\0\0"sv)) return fail(UserError{"its EFI header is damaged (no PE signature)"});
    const u16 section_count = read_le<u16>(bytes, header + 6).value_or(0);
    const u64 table = header + 24 + read_le<u16>(bytes, header + 20).value_or(0);
    constexpr u64 entry_size = 40;
    if (!holds(bytes, table, section_count * entry_size))
        return fail(UserError{"the file ends inside its EFI section table; it is truncated"});
    for (u64 i = 0; i < section_count; ++i) {
        const u64 raw_size = read_le<u32>(bytes, table + i * entry_size + 16).value_or(0);
        const u64 raw_offset = read_le<u32>(bytes, table + i * entry_size + 20).value_or(0);
        if (!holds(bytes, raw_offset, raw_size))
            return fail(UserError{fmt::format("the file has {} bytes but its headers promise {}; it is truncated",
                                              bytes.size(), raw_offset + raw_size)});
    }
    return {};
}

bool is_zboot(std::span<const u8> bytes) { return has_magic(bytes, 0, "MZ"sv) && has_magic(bytes, 4, "zimg"sv); }

Result<ZbootPayload, UserError> parse_zboot(std::span<const u8> bytes)
{
    const auto offset = read_le<u32>(bytes, 8);
    const auto size = read_le<u32>(bytes, 12);
    constexpr u64 name_offset = 24;
    constexpr usize name_size = 32;
    if (!offset || !size || !holds(bytes, name_offset, name_size))
        return fail(UserError{"the file ends inside its EFI zboot header; it is truncated"});
    if (!holds(bytes, *offset, *size))
        return fail(UserError{
            fmt::format("its EFI zboot payload ({} bytes at {}) lies outside the file of {} bytes; it is truncated",
                        *size, *offset, bytes.size())});
    const std::string_view name(reinterpret_cast<const char*>(bytes.data()) + name_offset, name_size);
    return ZbootPayload{bytes.subspan(*offset, *size), name.substr(0, name.find('\0'))};
}

} // namespace gimbal::loader
