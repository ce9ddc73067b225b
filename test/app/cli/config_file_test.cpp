// SPDX-License-Identifier: Apache-2.0
#include "app/cli/config_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gimbal {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(std::string_view text)
{
    RunConfig config;
    const auto applied = apply_config(config, text, "dir/vm.toml");
    return applied ? "no error" : applied.error().message;
}

TEST(ConfigFile, every_key)
{
    RunConfig config;
    const auto applied = apply_config(config, R"(
name = "web"
kernel = "Image"
initrd = "/abs/initrd.gz"
cmdline = "console=ttyAMA0"
memory = "1G"
cpus = 3
serial = "file:console.log"
machine = "virt"
timeout = 30
no_reboot = true
stats = "stats.json"
count = true
trace = ["exits"]
log = "info,vm.log"
)",
                                      "dir/vm.toml");
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_EQ(config.name, "web");
    EXPECT_EQ(config.kernel, "dir/Image");
    EXPECT_EQ(config.initrd, "/abs/initrd.gz");
    EXPECT_EQ(config.cpus, 3U);
    EXPECT_EQ(config.serial.path, "dir/console.log");
    EXPECT_EQ(config.timeout, 30);
    EXPECT_EQ(config.stats, "dir/stats.json");
    EXPECT_EQ(config.log_path, "dir/vm.log");
    EXPECT_TRUE(config.trace.exits);
    EXPECT_FALSE(config.trace.ir);
}

TEST(ConfigFile, names_file_and_line)
{
    EXPECT_EQ(error_of("kernel = 'a'\nkernal = 'b'\n"), "dir/vm.toml:2: unknown key 'kernal'; did you mean 'kernel'?");
    EXPECT_THAT(error_of("a = 'b'\n"), StartsWith("dir/vm.toml:1: unknown key 'a'"));
    EXPECT_EQ(error_of("\n\nmemory = 512\n"), "dir/vm.toml:3: 'memory' must be a string");
    EXPECT_EQ(error_of("count = 'yes'\n"), "dir/vm.toml:1: 'count' must be true or false");
    EXPECT_EQ(error_of("timeout = 'soon'\n"), "dir/vm.toml:1: 'timeout' must be a number");
    EXPECT_EQ(error_of("trace = [1]\n"), "dir/vm.toml:1: 'trace' must be a string or an array of strings");
    EXPECT_THAT(error_of("memory = '1K'\n"), StartsWith("dir/vm.toml:1: memory: 1 KiB of memory"));
    EXPECT_THAT(error_of("timeout = nan\n"), HasSubstr("is no time limit"));
    EXPECT_EQ(error_of("cpus = '2'\n"), "dir/vm.toml:1: 'cpus' must be a number");
    EXPECT_THAT(error_of("cpus = -1\n"), HasSubstr("'-1' is no number of CPUs; the board takes 1 to 64"));
    EXPECT_THAT(error_of("cpus = 1.5\n"), HasSubstr("'1.5' is no number of CPUs"));
    EXPECT_THAT(error_of("[[disk]]\npath = 'x'\n"), HasSubstr("unknown key 'disk'"));
}

TEST(ConfigFile, syntax_errors)
{
    for (const char* text : {"kernel", "kernel = ", "= 1", "[", "kernel = 'a'\nkernel = 'b'", "\xff\xfe"})
        EXPECT_THAT(error_of(text), StartsWith("dir/vm.toml:")) << text;
    EXPECT_EQ(error_of(""), "no error");
    EXPECT_NE(error_of("x = " + std::string(100'000, '[')), "no error");
}

} // namespace
} // namespace gimbal
