// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <string_view>
#include <vector>

#include <zlib.h>
#include <zstd.h>

#include "base/types.hpp"

/// Small kernels made by hand, for tests of the loader.
namespace gimbal::test {

using Bytes = std::vector<u8>;

template <class T>
void put(Bytes& bytes, usize offset, T value)
{
    if (bytes.size() < offset + sizeof(T)) bytes.resize(offset + sizeof(T));
    std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

inline void put_text(Bytes& bytes, usize offset, std::string_view text)
{
    if (bytes.size() < offset + text.size()) bytes.resize(offset + text.size());
    std::memcpy(bytes.data() + offset, text.data(), text.size());
}

struct Arm64Fields {
    u64 text_offset{};
    u64 image_size{0x20'0000};
    u64 flags{0xa};
};

inline Bytes arm64_image(Arm64Fields fields = {}, usize size = 0x1000)
{
    Bytes image(size);
    put<u32>(image, 0, 0x1400'0000); // b .
    put(image, 8, fields.text_offset);
    put(image, 16, fields.image_size);
    put(image, 24, fields.flags);
    put_text(image, 0x38, "ARM\x64");
    return image;
}

/// Adds an EFI header with one section that spans the rest of the file.
inline void add_pe(Bytes& image, u16 machine = 0xaa64)
{
    put_text(image, 0, "MZ");
    put<u32>(image, 0x3c, 0x40);
    put_text(image, 0x40, std::string_view("PE\0\0", 4));
    put<u16>(image, 0x44, machine);
    put<u16>(image, 0x46, 1);
    put<u16>(image, 0x54, 0);
    put<u32>(image, 0x58 + 16, static_cast<u32>(image.size() - 0x200));
    put<u32>(image, 0x58 + 20, 0x200);
}

inline Bytes loongarch_image(usize size = 0x1000)
{
    Bytes image(size);
    put_text(image, 0, "MZ");
    put<u64>(image, 8, 0x20'0400);
    put<u64>(image, 16, 0x10'0000);
    put<u64>(image, 24, 0x20'0000);
    put<u32>(image, 0x38, 0x8182'23cd);
    return image;
}

struct ElfSegment {
    u64 offset{0x1000};
    u64 virtual_address{0x4008'0000};
    u64 physical_address{0x4008'0000};
    u64 file_size{0x100};
    u64 memory_size{0x200};
};

inline Bytes elf(const std::vector<ElfSegment>& segments, u64 entry = 0x4008'0000, u16 machine = 183,
                 usize size = 0x2000)
{
    Bytes file(size);
    put_text(file, 0,
             "\x7f"
             "ELF\x02\x01\x01");
    put<u16>(file, 16, 2);
    put(file, 18, machine);
    put(file, 24, entry);
    put<u64>(file, 32, 64);
    put<u16>(file, 54, 56);
    put(file, 56, static_cast<u16>(segments.size()));
    for (usize i = 0; i < segments.size(); ++i) {
        const usize at = 64 + i * 56;
        put<u32>(file, at, 1);
        put(file, at + 8, segments[i].offset);
        put(file, at + 16, segments[i].virtual_address);
        put(file, at + 24, segments[i].physical_address);
        put(file, at + 32, segments[i].file_size);
        put(file, at + 40, segments[i].memory_size);
    }
    return file;
}

inline Bytes gzip(const Bytes& plain)
{
    Bytes packed(plain.size() + plain.size() / 1000 + 100);
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = const_cast<u8*>(plain.data());
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = packed.data();
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

inline Bytes zstd(const Bytes& plain)
{
    Bytes packed(ZSTD_compressBound(plain.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
    return packed;
}

inline Bytes zboot(const Bytes& payload, std::string_view compression)
{
    Bytes file(0x200);
    put_text(file, 0, "MZ");
    put_text(file, 4, "zimg");
    put<u32>(file, 8, 0x200);
    put(file, 12, static_cast<u32>(payload.size()));
    put_text(file, 24, compression);
    file.insert(file.end(), payload.begin(), payload.end());
    return file;
}

} // namespace gimbal::test
