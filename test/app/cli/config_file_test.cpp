// SPDX-License-Identifier: Apache-2.0
#include "app/cli/config_file.hpp"

#include "app/cli/devices.hpp"
#include "app/cli/type1.hpp"

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
    EXPECT_THAT(error_of("[[disk]]\nreadonly = true\n"), HasSubstr("this 'disk' has no 'path'"));
}

constexpr Table every_table[] = {disk_table, net_table, type1_table};

std::string table_error_of(std::string_view text)
{
    RunConfig config;
    const auto applied = apply_config(config, text, "dir/vm.toml", every_table);
    return applied ? "no error" : applied.error().message;
}

TEST(ConfigFile, disks_and_networks)
{
    RunConfig config;
    const auto applied = apply_config(config, R"(
[[disk]]
path = "root.img"
[[disk]]
path = "/srv/data, old.img"
readonly = true
[[net]]
mode = "user"
hostfwd = ["tcp:8080:80", "udp:0.0.0.0:5353:53"]
[[net]]
mode = "user"
)",
                                      "dir/vm.toml", every_table);
    ASSERT_TRUE(applied) << applied.error().message;
    ASSERT_EQ(config.disks.size(), 2);
    EXPECT_EQ(config.disks[0].path, "dir/root.img");
    EXPECT_FALSE(config.disks[0].read_only);
    EXPECT_EQ(config.disks[1].path, "/srv/data, old.img");
    EXPECT_TRUE(config.disks[1].read_only);
    ASSERT_EQ(config.nets.size(), 2);
    const auto& forwards = config.nets[0].forwards;
    ASSERT_EQ(forwards.size(), 2);
    EXPECT_EQ(forwards[0].host_address, "127.0.0.1");
    EXPECT_EQ(forwards[0].host_port, 8080);
    EXPECT_EQ(forwards[0].guest_port, 80);
    EXPECT_EQ(forwards[1].protocol, Protocol::udp);
    EXPECT_EQ(forwards[1].host_address, "0.0.0.0");
    EXPECT_TRUE(config.nets[1].forwards.empty());
}

TEST(ConfigFile, the_type1_table_is_checked_and_left_to_pack)
{
    EXPECT_EQ(error_of(R"(
kernel = "Image"
[type1]
priority = 1
affinity = [0, 1]
passthrough = ["virtio_mmio@a000000"]
channels = [{ name = "ring0", size = "64K" }]
)"),
              "no error");
    EXPECT_EQ(error_of("[type1]\npriority = 32\n"),
              "dir/vm.toml:2: priority: '32' is no priority; expected 0 to 31, of which a larger one runs first");
    EXPECT_EQ(error_of("[type1]\npriority = -1\n"),
              "dir/vm.toml:2: priority: '-1' is no priority; expected 0 to 31, of which a larger one runs first");
    EXPECT_EQ(error_of("[type1]\naffinity = [64]\n"), "dir/vm.toml:2: affinity: '64' is no CPU; expected 0 to 63");
    EXPECT_EQ(error_of("[type1]\naffinity = [1, 1]\n"), "dir/vm.toml:2: affinity: CPU 1 is named twice");
    EXPECT_EQ(error_of("[type1]\naffinity = []\n"),
              "dir/vm.toml:2: affinity: it names no CPU; leave it out to let the VM run on any");
    EXPECT_EQ(error_of("[type1]\nchannels = [{ name = 'a', size = '64' }]\n").substr(0, 20), "dir/vm.toml:2: size:");
    EXPECT_EQ(error_of("[type1]\nchannels = [{ name = '', size = '64K' }]\n"),
              "dir/vm.toml:2: name: the channel's name is empty");
    EXPECT_EQ(error_of("[type1]\npriorty = 1\n"),
              "dir/vm.toml:2: unknown key 'priorty' in 'type1'; did you mean 'priority'?");
    EXPECT_EQ(error_of("[type1]\naffinity = ['0']\n"), "dir/vm.toml:2: 'affinity' must be an array of integers");
    EXPECT_EQ(error_of("[type1]\nchannels = [{ name = 'a', sise = '1' }]\n"),
              "dir/vm.toml:2: unknown key 'sise' in 'channels'; did you mean 'size'?");
    EXPECT_EQ(error_of("[type1]\nchannels = [{ name = 'a' }]\n"), "dir/vm.toml:2: this 'channels' has no 'size'");
    EXPECT_EQ(error_of("[type1]\nchannels = [1]\n"),
              "dir/vm.toml:2: 'channels' must be tables; write [[channels]] for each");
    EXPECT_EQ(error_of("[[type1]]\n"), "dir/vm.toml:1: 'type1' must be a table; write [type1] once");
    EXPECT_EQ(error_of("type1 = 3\n"), "dir/vm.toml:1: 'type1' must be a table; write [type1] once");
}

TEST(ConfigFile, tables_name_file_and_line)
{
    EXPECT_EQ(table_error_of("[[disk]]\npath = 'x'\nread_only = true\n"),
              "dir/vm.toml:3: unknown key 'read_only' in 'disk'; did you mean 'readonly'?");
    EXPECT_EQ(table_error_of("[[disk]]\npath = 'x'\n[[disk]]\n"), "dir/vm.toml:3: this 'disk' has no 'path'");
    EXPECT_EQ(table_error_of("[disk]\npath = 'x'\n"), "dir/vm.toml:1: 'disk' must be tables; write [[disk]] for each");
    EXPECT_EQ(table_error_of("[[disk]]\npath = ''\n"), "dir/vm.toml:2: path: the disk's path is empty");
    EXPECT_EQ(table_error_of("[[disk]]\npath = 1\n"), "dir/vm.toml:2: 'path' must be a string");
    EXPECT_EQ(table_error_of("[[net]]\nmode = 'tap'\n"),
              "dir/vm.toml:2: mode: there is no network 'tap'; expected user");
    EXPECT_THAT(table_error_of("[[net]]\nmode = 'user'\nhostfwd = ['tcp:0:80']\n"),
                StartsWith("dir/vm.toml:3: hostfwd: 'tcp:0:80' is no port to forward: '0' is no port"));
    EXPECT_EQ(table_error_of("[[disc]]\n"), "dir/vm.toml:1: unknown key 'disc'; did you mean 'disk'?");
}

TEST(DeviceFlags, disks)
{
    RunConfig config;
    ASSERT_TRUE(add_disk(config, "a.img", ""));
    ASSERT_TRUE(add_disk(config, "b.img,ro", "dir/"));
    ASSERT_EQ(config.disks.size(), 2);
    EXPECT_EQ(config.disks[0].path, "a.img");
    EXPECT_FALSE(config.disks[0].read_only);
    EXPECT_EQ(config.disks[1].path, "dir/b.img");
    EXPECT_TRUE(config.disks[1].read_only);
    EXPECT_THAT(add_disk(config, "a,b.img", "").error().message, StartsWith("'b.img' is no option of a disk"));
    EXPECT_EQ(add_disk(config, ",ro", "").error().message, "the disk's path is empty");
    EXPECT_EQ(add_disk(config, std::string("a\0b", 3), "").error().message, "the disk's path has a NUL in it");
}

TEST(DeviceFlags, networks)
{
    RunConfig config;
    ASSERT_TRUE(add_net(config, "user", ""));
    ASSERT_TRUE(add_net(config, "user,hostfwd=tcp:8080:80,hostfwd=udp:10.0.0.1:53:53", ""));
    ASSERT_EQ(config.nets.size(), 2);
    EXPECT_EQ(config.nets[1].forwards[1].host_address, "10.0.0.1");
    const auto refused = [](const char* value) {
        RunConfig fresh;
        const auto added = add_net(fresh, value, "");
        return added ? "no error" : added.error().message;
    };
    EXPECT_THAT(refused("tap"), HasSubstr("there is no network 'tap'; expected user"));
    EXPECT_THAT(refused(""), HasSubstr("there is no network ''"));
    EXPECT_THAT(refused("user,hostfwd"), HasSubstr("'hostfwd' is no option of a network"));
    EXPECT_THAT(refused("user,hostfw=tcp:1:1"), HasSubstr("did you mean 'hostfwd'?"));
    EXPECT_THAT(refused("user,hostfwd=tcp:8080"), HasSubstr("it has 2 parts"));
    EXPECT_THAT(refused("user,hostfwd=sctp:1:1"), HasSubstr("it is neither tcp nor udp"));
    EXPECT_THAT(refused("user,hostfwd=tcp:65536:1"), HasSubstr("'65536' is no port from 1 to 65535"));
    EXPECT_THAT(refused("user,hostfwd=tcp:1:-1"), HasSubstr("'-1' is no port"));
    EXPECT_THAT(refused("user,hostfwd=tcp:localhost:1:1"), HasSubstr("'localhost' is no IPv4 address"));
    EXPECT_THAT(refused("user,hostfwd=tcp:1:1,hostfwd=tcp:1:2"), HasSubstr("port 1 of 127.0.0.1 is forwarded twice"));
    EXPECT_EQ(refused("user,hostfwd=tcp:1:1,hostfwd=udp:1:1"), "no error");
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
