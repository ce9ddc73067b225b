// SPDX-License-Identifier: Apache-2.0
#include "app/loader/layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/size.hpp"
#include "test/app/loader/images.hpp"

namespace gimbal::loader {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

constexpr u64 ram_base = 0x4000'0000;
constexpr u64 mib = 1 << 20;

Kernel image(u64 size = 32 * mib, u64 text_offset = 0)
{
    return *parse_kernel(arm64_image({.text_offset = text_offset, .image_size = size}), 64 * mib);
}

LayoutRequest request(u64 ram, u64 initrd = 0) { return {ram_base, ram, initrd, mib}; }

TEST(Layout, kernel_then_device_tree_then_initrd)
{
    const auto layout = plan_layout(image(), request(64 * mib, 5000));
    ASSERT_TRUE(layout) << layout.error().message;
    EXPECT_EQ(layout->kernel_base, ram_base);
    EXPECT_EQ(layout->entry.value, ram_base);
    EXPECT_EQ(layout->device_tree.value, ram_base + 32 * mib);
    EXPECT_EQ(layout->initrd.value, ram_base + 33 * mib);
}

TEST(Layout, text_offset_is_honoured)
{
    const auto layout = plan_layout(image(mib, 0x8'0000), request(16 * mib));
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->entry.value, ram_base + 0x8'0000);
}

TEST(Layout, exact_fit_and_one_byte_less)
{
    EXPECT_TRUE(plan_layout(image(), request(40 * mib, 7 * mib)));
    const auto refused = plan_layout(image(), request(40 * mib, 7 * mib + 1));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("the initrd (0x42100000-0x42800000"), HasSubstr("guest RAM (0x40000000-0x427fffff"),
                      HasSubstr("the kernel (0x40000000-0x41ffffff, 32 MiB)"), HasSubstr("--memory")));
}

TEST(Layout, kernel_larger_than_memory)
{
    const auto refused = plan_layout(image(), request(16 * mib));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message,
                HasSubstr("the kernel (0x40000000-0x41ffffff, 32 MiB) does not fit into guest "
                          "RAM (0x40000000-0x40ffffff, 16 MiB); give the guest more --memory"));
}

TEST(Layout, absolute_kernel)
{
    const auto low = plan_layout(*parse_kernel(elf({{}}), mib), request(16 * mib, 4096));
    ASSERT_TRUE(low) << low.error().message;
    EXPECT_EQ(low->kernel_base, 0U);
    EXPECT_EQ(low->entry.value, 0x4008'0000U);
    EXPECT_EQ(low->device_tree.value, 0x4009'0000U);

    // At the top of RAM: everything else goes in front of it.
    const u64 top = ram_base + 15 * mib;
    const auto high =
        plan_layout(*parse_kernel(elf(
                                      {
                                          {.virtual_address = top, .physical_address = top, .memory_size = mib}
    },
                                      top),
                                  mib),
                    request(16 * mib, 4096));
    ASSERT_TRUE(high) << high.error().message;
    EXPECT_EQ(high->device_tree.value, ram_base);
    EXPECT_EQ(high->initrd.value, ram_base + mib);
}

TEST(Layout, absolute_kernel_outside_ram)
{
    const auto below = plan_layout(*parse_kernel(elf({{.physical_address = 0x1000}}), mib), request(16 * mib));
    ASSERT_FALSE(below);
    EXPECT_THAT(below.error().message, AllOf(HasSubstr("(0x1000-0x11ff"), HasSubstr("link it at an address in RAM")));
    const auto wraps = plan_layout(image(mib), {~u64{0} << 21, mib, 0, mib});
    ASSERT_FALSE(wraps);
}

TEST(Size, accepts)
{
    EXPECT_EQ(parse_size("512M"), 512 * mib);
    EXPECT_EQ(parse_size("512MiB"), 512 * mib);
    EXPECT_EQ(parse_size("2g"), 2048 * mib);
    EXPECT_EQ(parse_size("4096B"), 4096U);
    EXPECT_EQ(parse_size("0K"), 0U);
}

TEST(Size, refuses)
{
    for (const char* text : {"", "M", "512", "-1M", "512Q", "1.5G", " 1M", "1M ", "1MiBB", "1Mi", "99999999999T",
                             "18446744073709551616B", "0x10M", "1MM"}) {
        const auto size = parse_size(text);
        ASSERT_FALSE(size) << text;
        EXPECT_THAT(size.error().message, HasSubstr("is not a size"));
    }
}

TEST(Size, format)
{
    EXPECT_EQ(format_size(0), "0 bytes");
    EXPECT_EQ(format_size(1000), "1000 bytes");
    EXPECT_EQ(format_size(512 * mib), "512 MiB");
    EXPECT_EQ(format_size(1024 * mib), "1 GiB");
}

} // namespace
} // namespace gimbal::loader
