// SPDX-License-Identifier: Apache-2.0
#include "app/loader/kernel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/app/loader/images.hpp"

namespace gimbal::loader {
namespace {

using namespace test;
using testing::HasSubstr;

constexpr u64 limit = u64{64} << 20;

std::string error_of(Bytes file, u64 size_limit = limit)
{
    const auto kernel = parse_kernel(std::move(file), size_limit);
    return kernel ? "no error: " + kernel->description : kernel.error().message;
}

TEST(Kernel, arm64_image)
{
    const auto kernel = parse_kernel(arm64_image({.text_offset = 0x8'0000}), limit);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->arch, GuestArch::aarch64);
    EXPECT_EQ(kernel->description, "arm64 Image");
    EXPECT_TRUE(kernel->relocatable);
    EXPECT_EQ(kernel->entry, 0x8'0000U);
    ASSERT_EQ(kernel->segments.size(), 1U);
    EXPECT_EQ(kernel->segments[0].address, 0x8'0000U);
    EXPECT_EQ(kernel->segments[0].bytes.size(), 0x1000U);
    EXPECT_EQ(kernel->segments[0].memory_size, 0x20'0000U);
}

TEST(Kernel, arm64_image_before_3_17_has_no_size)
{
    const auto kernel = parse_kernel(arm64_image({.text_offset = 0, .image_size = 0}), limit);
    ASSERT_TRUE(kernel);
    EXPECT_EQ(kernel->entry, 0x8'0000U);
    EXPECT_EQ(kernel->segments[0].memory_size, 0x1000U);
}

TEST(Kernel, arm64_image_with_efi_header)
{
    Bytes image = arm64_image();
    add_pe(image);
    EXPECT_TRUE(parse_kernel(image, limit));
    image.resize(image.size() - 1);
    EXPECT_THAT(error_of(image), HasSubstr("truncated"));
}

TEST(Kernel, arm64_image_nonsense)
{
    EXPECT_THAT(error_of(arm64_image({.flags = 0xb})), HasSubstr("big-endian"));
    EXPECT_THAT(error_of(arm64_image({.text_offset = ~u64{0}})), HasSubstr("damaged"));
    EXPECT_THAT(error_of(arm64_image({.image_size = ~u64{0}})), HasSubstr("damaged"));
}

TEST(Kernel, every_packing)
{
    const Bytes image = arm64_image();
    const auto describe = [](Bytes file) {
        const auto kernel = parse_kernel(std::move(file), limit);
        return kernel ? kernel->description : kernel.error().message;
    };
    EXPECT_EQ(describe(gzip(image)), "arm64 Image in gzip");
    EXPECT_EQ(describe(zstd(image)), "arm64 Image in zstd");
    EXPECT_EQ(describe(zboot(gzip(image), "gzip")), "arm64 Image in EFI zboot (gzip)");
    EXPECT_EQ(describe(zboot(zstd(image), "zstd22")), "arm64 Image in EFI zboot (zstd)");
    EXPECT_EQ(describe(gzip(zboot(zstd(image), "zstd"))), "arm64 Image in gzip in EFI zboot (zstd)");
}

TEST(Kernel, unpacked_bytes_are_the_image)
{
    const Bytes image = arm64_image();
    for (const Bytes& packed : {gzip(image), zstd(image)}) {
        const auto kernel = parse_kernel(packed, limit);
        ASSERT_TRUE(kernel);
        EXPECT_TRUE(std::ranges::equal(kernel->segments[0].bytes, image));
    }
}

TEST(Kernel, unpacks_to_the_limit_and_no_further)
{
    const Bytes image = arm64_image({}, 0x10'0000);
    for (const Bytes& packed : {gzip(image), zstd(image)}) {
        EXPECT_TRUE(parse_kernel(packed, image.size()));
        EXPECT_THAT(error_of(packed, image.size() - 1), HasSubstr("unpacks to more than"));
    }
}

TEST(Kernel, truncated_and_damaged_packing)
{
    const Bytes image = arm64_image({}, 0x1'0000);
    for (Bytes packed : {gzip(image), zstd(image)}) {
        Bytes half(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(packed.size() / 2));
        EXPECT_THAT(error_of(half), HasSubstr("truncated"));
    }
    Bytes damaged = gzip(image);
    damaged[damaged.size() - 5] ^= 0xff; // the CRC
    EXPECT_THAT(error_of(damaged), HasSubstr("damaged"));
    EXPECT_THAT(error_of(gzip(gzip(gzip(gzip(image))))), HasSubstr("layers"));
}

TEST(Kernel, zboot_nonsense)
{
    const Bytes image = arm64_image();
    EXPECT_THAT(error_of(zboot(image, "xzkern")), HasSubstr("packed with 'xzkern'; expected gzip or zstd"));
    EXPECT_THAT(error_of(zboot(image, "\x1b[2J")), HasSubstr("'?[2J'"));
    Bytes outside = zboot(gzip(image), "gzip");
    put<u32>(outside, 8, 0xffff'fff0);
    EXPECT_THAT(error_of(outside), HasSubstr("outside the file"));
    Bytes head = zboot(gzip(image), "gzip");
    head.resize(30);
    EXPECT_THAT(error_of(head), HasSubstr("truncated"));
}

TEST(Kernel, loongarch_image)
{
    const auto kernel = parse_kernel(loongarch_image(), limit);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->arch, GuestArch::loongarch64);
    EXPECT_FALSE(kernel->relocatable);
    EXPECT_EQ(kernel->entry, 0x20'0400U);
    EXPECT_EQ(kernel->segments[0].address, 0x20'0000U);
    Bytes bad = loongarch_image();
    put<u64>(bad, 8, 0x1000);
    EXPECT_THAT(error_of(bad), HasSubstr("damaged"));
}

TEST(Kernel, elf_segments)
{
    const auto kernel = parse_kernel(
        elf({
            {.physical_address = 0x4020'0000},
            {.virtual_address = 0x5000'0000, .physical_address = 0x4010'0000}
    }),
        limit);
    ASSERT_TRUE(kernel) << kernel.error().message;
    ASSERT_EQ(kernel->segments.size(), 2U);
    EXPECT_EQ(kernel->segments[0].address, 0x4010'0000U); // ordered
    EXPECT_EQ(kernel->segments[0].bytes.size(), 0x100U);
    EXPECT_EQ(kernel->segments[0].memory_size, 0x200U);
    EXPECT_EQ(kernel->entry, 0x4020'0000U); // the virtual entry, in its segment's physical place
    EXPECT_FALSE(kernel->relocatable);
}

TEST(Kernel, elf_for_loongarch_leaves_its_window)
{
    const u64 window = 0x9000'0000'0020'0000;
    const auto kernel = parse_kernel(elf(
                                         {
                                             {.virtual_address = window, .physical_address = window}
    },
                                         window + 0x10, 258),
                                     limit);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->arch, GuestArch::loongarch64);
    EXPECT_EQ(kernel->segments[0].address, 0x20'0000U);
    EXPECT_EQ(kernel->entry, 0x20'0010U);
}

TEST(Kernel, arm64_vmlinux_is_relocated)
{
    const u64 base = 0xffff'8000'0800'0000;
    Bytes file = elf(
        {
            {.virtual_address = base, .physical_address = base, .file_size = 0x100, .memory_size = 0x100},
            {.offset = 0x1100, .virtual_address = base + 0x1'0000, .physical_address = base + 0x1'0000}
    },
        base);
    const Bytes image = arm64_image({.text_offset = 0x8'0000, .image_size = 0x4'0000}, 0x100);
    std::copy(image.begin(), image.end(), file.begin() + 0x1000);
    const auto kernel = parse_kernel(file, limit);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_TRUE(kernel->relocatable);
    EXPECT_EQ(kernel->entry, 0x8'0000U);
    EXPECT_EQ(kernel->segments[1].address, 0x9'0000U);
    EXPECT_EQ(kernel->segments[1].address + kernel->segments[1].memory_size, 0x8'0000U + 0x4'0000U);
}

TEST(Kernel, elf_nonsense)
{
    EXPECT_THAT(error_of(elf({})), HasSubstr("without program headers"));
    EXPECT_THAT(error_of(elf({{.memory_size = 0}})), HasSubstr("without a segment to load"));
    EXPECT_THAT(error_of(elf({{.file_size = 0x300}})), HasSubstr("damaged"));
    EXPECT_THAT(error_of(elf({{.offset = 0x1fff}})), HasSubstr("truncated"));
    EXPECT_THAT(error_of(elf({{.offset = ~u64{0}}})), HasSubstr("truncated"));
    EXPECT_THAT(error_of(elf({{.physical_address = ~u64{0xff}}})), HasSubstr("wrap"));
    EXPECT_THAT(error_of(elf({{}}, 0x1000)), HasSubstr("entry point 0x1000"));
    EXPECT_THAT(error_of(elf({{}, {.physical_address = 0x4008'0100}})),
                HasSubstr("overlap in memory: 0x40080000-0x400801ff and 0x40080100-0x400802ff"));
    EXPECT_THAT(error_of(elf({{.physical_address = 0xffff'8000'0800'0000}})), HasSubstr("no physical address"));
    EXPECT_THAT(error_of(elf({{}}, 0, 62)), HasSubstr("ELF file for x86-64; expected one for AArch64 or LoongArch"));
    Bytes file = elf({{}});
    file.resize(70);
    EXPECT_THAT(error_of(file), HasSubstr("truncated"));
    file.resize(20);
    EXPECT_THAT(error_of(file), HasSubstr("truncated"));
}

TEST(Kernel, every_prefix_of_every_kind_is_refused_or_read)
{
    for (const Bytes& file : {arm64_image({}, 0x100), loongarch_image(0x100), elf({{}}), gzip(arm64_image({}, 0x100)),
                              zboot(zstd(arm64_image({}, 0x100)), "zstd")})
        for (usize size = 0; size < file.size(); ++size) {
            const auto kernel =
                parse_kernel(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)), limit);
            EXPECT_TRUE(kernel || !kernel.error().message.empty());
        }
}

TEST(Kernel, says_what_was_found)
{
    const auto text = [](std::string_view content) { return error_of(Bytes(content.begin(), content.end())); };
    EXPECT_THAT(text(""), HasSubstr("an empty file"));
    EXPECT_THAT(text("#!/bin/sh\n"), HasSubstr("a script"));
    EXPECT_THAT(text("hello\n"), HasSubstr("a text file"));
    EXPECT_THAT(text("QFI\xfb...."), HasSubstr("a qcow2 disk image"));
    EXPECT_THAT(text("070701...."), HasSubstr("a cpio archive"));
    EXPECT_THAT(text(std::string_view("\xfd"
                                      "7zXZ\0..",
                                      8)),
                HasSubstr("xz-compressed data"));
    EXPECT_THAT(error_of(Bytes(4096)), HasSubstr("nothing but zero bytes"));
    Bytes bzimage(0x400);
    put_text(bzimage, 0x202, "HdrS");
    EXPECT_THAT(error_of(bzimage), HasSubstr("an x86 Linux kernel"));
    Bytes program(0x400);
    add_pe(program, 0x8664);
    EXPECT_THAT(error_of(program), HasSubstr("an EFI or Windows program for x86-64"));
    EXPECT_THAT(error_of(gzip(Bytes(100))), HasSubstr("(found in gzip)"));
}

} // namespace
} // namespace gimbal::loader
