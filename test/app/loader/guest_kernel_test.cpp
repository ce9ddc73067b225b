// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "app/loader/kernel.hpp"

// The loader against Debian's own kernel, which `make guests` leaves beside the build folder.
namespace gimbal::loader {
namespace {

using ::testing::HasSubstr;

TEST(GuestKernel, debian_kernel_loads_whole_and_not_truncated)
{
    const char* const folder = std::getenv("GIMBAL_BINARY_DIR");
    const std::string path = std::string(folder == nullptr ? "build/release" : folder) + "/../guest/arm64/kernel";
    std::ifstream stream(path, std::ios::binary);
    if (!stream) GTEST_SKIP() << path << " is not there (make guests)";
    const std::vector<u8> file{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    const auto kernel = parse_kernel(file, u64{512} << 20);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->arch, GuestArch::aarch64);
    EXPECT_GE(kernel->segments[0].memory_size, file.size());
    const auto cut = parse_kernel(std::vector<u8>(file.begin(), file.end() - 4096), u64{512} << 20);
    ASSERT_FALSE(cut);
    EXPECT_THAT(cut.error().message, HasSubstr("truncated"));
}

} // namespace
} // namespace gimbal::loader
