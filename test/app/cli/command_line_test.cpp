// SPDX-License-Identifier: Apache-2.0
#include "app/cli/command_line.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/settings.hpp"

namespace gimbal {
namespace {

using testing::HasSubstr;
using testing::Not;

Result<Command, UserError> parse(std::vector<const char*> arguments)
{
    arguments.insert(arguments.begin(), "gimbal");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

std::string error_of(std::vector<const char*> arguments)
{
    const auto command = parse(std::move(arguments));
    return command ? "no error" : command.error().message;
}

RunConfig config_of(std::vector<const char*> arguments)
{
    auto command = parse(std::move(arguments));
    EXPECT_TRUE(command) << command.error().message;
    return command ? std::get<RunConfig>(std::move(*command)) : RunConfig{};
}

std::string text_of(std::vector<const char*> arguments)
{
    const auto command = parse(std::move(arguments));
    return command && std::holds_alternative<ShowText>(*command) ? std::get<ShowText>(*command).text : "no text";
}

TEST(CommandLine, defaults)
{
    const RunConfig config = config_of({"run", "--kernel", "Image"});
    EXPECT_EQ(config.kernel, "Image");
    EXPECT_EQ(config.initrd, "");
    EXPECT_EQ(config.cmdline, std::nullopt);
    EXPECT_EQ(config.memory, u64{512} << 20);
    EXPECT_EQ(config.cpus, 1U);
    EXPECT_EQ(config.serial.kind, host::SerialKind::stdio);
    EXPECT_EQ(config.console, ConsoleKind::pl011);
    EXPECT_EQ(config.timeout, std::nullopt);
    EXPECT_FALSE(config.no_reboot || config.count || config.trace.exits || config.trace.ir);
    EXPECT_EQ(config.log_level, host::LogLevel::warn);
}

TEST(CommandLine, everything)
{
    const RunConfig config = config_of({"run",         "--kernel=Image", "--initrd",  "i.gz",
                                        "--cmdline",   "quiet -- x=1",   "--memory",  "1G",
                                        "--serial",    "unix:/tmp/s",    "--console", "virtio",
                                        "--machine",   "virt",           "--timeout", "2.5",
                                        "--no-reboot", "--stats",        "-",         "--count",
                                        "--trace",     "exits,ir",       "--log",     "debug,log.txt"});
    EXPECT_EQ(config.initrd, "i.gz");
    EXPECT_EQ(config.cmdline, "quiet -- x=1");
    EXPECT_EQ(config.memory, u64{1} << 30);
    EXPECT_EQ(config.serial.kind, host::SerialKind::unix_socket);
    EXPECT_EQ(config.serial.path, "/tmp/s");
    EXPECT_EQ(config.console, ConsoleKind::virtio);
    EXPECT_EQ(config.timeout, 2.5);
    EXPECT_EQ(config.stats, "-");
    EXPECT_TRUE(config.no_reboot && config.count && config.trace.exits && config.trace.ir);
    EXPECT_EQ(config.log_level, host::LogLevel::debug);
    EXPECT_EQ(config.log_path, "log.txt");
}

TEST(CommandLine, help_and_version)
{
    EXPECT_THAT(text_of({"--help"}), HasSubstr("run"));
    EXPECT_THAT(text_of({"--version"}), testing::StartsWith("gimbal "));
    const std::string help = text_of({"run", "--help"});
    for (const Setting& setting : run_settings())
        EXPECT_THAT(help, HasSubstr(setting.flag == nullptr ? "" : setting.flag));
    EXPECT_THAT(help, Not(HasSubstr("TEXT:")));
}

TEST(CommandLine, cpus)
{
    EXPECT_EQ(config_of({"run", "--kernel", "k", "--cpus", "4"}).cpus, 4U);
    EXPECT_EQ(config_of({"run", "--kernel", "k", "--cpus=64"}).cpus, 64U);
    for (const char* value : {"0", "65", "-1", "two", "", "2.5", "2 ", "+2", "0x2", "4294967297"})
        EXPECT_EQ(error_of({"run", "--kernel", "k", "--cpus", value}),
                  "--cpus: '" + std::string(value) + "' is no number of CPUs; the board takes 1 to 64");
}

TEST(CommandLine, networks)
{
    const RunConfig config =
        config_of({"run", "--kernel", "k", "--net", "user,hostfwd=tcp:8080:80,hostfwd=udp:53:53", "--net", "user"});
    ASSERT_EQ(config.nets.size(), 2U);
    ASSERT_EQ(config.nets[0].forwards.size(), 2U);
    EXPECT_EQ(config.nets[0].forwards[0].host_port, 8080);
    EXPECT_EQ(config.nets[0].forwards[1].protocol, Protocol::udp);
    EXPECT_THAT(error_of({"run", "--kernel", "k", "--net", "tap"}), HasSubstr("expected user"));
    EXPECT_THAT(error_of({"run", "--kernel", "k", "--net", "user,hostfwd=tcp:0:80"}), HasSubstr("no port to forward"));
}

TEST(CommandLine, memory)
{
    const auto memory = [](const char* value) { return error_of({"run", "--kernel", "k", "--memory", value}); };
    EXPECT_THAT(memory("0M"), HasSubstr("--memory: 0 bytes of memory cannot be had; the board takes 1 MiB to 255 GiB"));
    EXPECT_THAT(memory("1K"), HasSubstr("1 KiB of memory cannot be had"));
    EXPECT_THAT(memory("1T"), HasSubstr("1 TiB of memory cannot be had"));
    EXPECT_THAT(memory("garbage"), HasSubstr("'garbage' is not a size"));
    EXPECT_THAT(memory("512Q"), HasSubstr("'Q' is no unit"));
    EXPECT_THAT(memory("512"), HasSubstr("the unit is missing"));
    EXPECT_THAT(memory("1025K"), HasSubstr("no multiple of 64 KiB"));
    EXPECT_THAT(memory("99999999999999999999M"), HasSubstr("too large"));
    EXPECT_THAT(error_of({"run", "--kernel", "k", "--memory=-1M"}), HasSubstr("it is negative"));
}

TEST(CommandLine, bad_values)
{
    const auto with = [](const char* flag, const char* value) {
        return error_of({"run", "--kernel", "k", flag, value});
    };
    for (const char* value : {"0", "x", "1s", "inf", "nan", "1e99", ""})
        EXPECT_THAT(with("--timeout", value), HasSubstr("is no time limit")) << value;
    EXPECT_THAT(with("--serial", "tcp:1"), HasSubstr("'tcp:1' is no serial port"));
    EXPECT_THAT(with("--serial", "file:"), HasSubstr("path is empty"));
    EXPECT_THAT(with("--console", "hvc0"), HasSubstr("there is no console 'hvc0'; expected pl011 or virtio"));
    EXPECT_THAT(with("--engine", "tcg"), HasSubstr("there is no engine 'tcg'; expected auto, translator, kvm or hvf"));
    EXPECT_THAT(with("--engine", "translater"), HasSubstr("did you mean 'translator'?"));
    EXPECT_THAT(with("--translator-backend", "jit"), HasSubstr("has no backend 'jit'; expected auto"));
    EXPECT_THAT(with("--machine", "pc"), HasSubstr("there is no machine 'pc'; expected virt"));
    EXPECT_THAT(with("--log", "loud"), HasSubstr("'loud' is no log level"));
    EXPECT_THAT(with("--trace", "exits,asm"), HasSubstr("'asm' cannot be traced"));
    EXPECT_THAT(with("--initrd", ""), HasSubstr("path is empty"));
    EXPECT_THAT(with("--cmdline", std::string(2048, 'x').c_str()), HasSubstr("Linux takes at most 2047"));
}

TEST(CommandLine, bad_usage)
{
    EXPECT_THAT(error_of({}), HasSubstr("no command is given"));
    EXPECT_THAT(error_of({"rum"}), HasSubstr("unknown command 'rum'; did you mean 'run'?"));
    EXPECT_THAT(error_of({"run"}), HasSubstr("no kernel is given"));
    EXPECT_THAT(error_of({"run", "--kernel", "k", "--kernal", "x"}),
                HasSubstr("unknown option '--kernal'; did you mean"));
    EXPECT_THAT(error_of({"run", "--kernel", "k", "--zzzzzzzz"}), HasSubstr("see 'gimbal run --help'"));
    EXPECT_THAT(error_of({"run", "--kernel", "k", "stray"}), HasSubstr("unexpected argument 'stray'"));
    EXPECT_THAT(error_of({"run", "--kernel"}), HasSubstr("--kernel"));
    EXPECT_THAT(error_of({"run", "--kernel", "a", "--kernel", "b"}), HasSubstr("--kernel is given twice"));
    EXPECT_THAT(error_of({"run", "--kernel", "a", "--count", "--count"}), HasSubstr("--count is given twice"));
    EXPECT_THAT(error_of({"run", "--kernel", "a", "--count=no"}), HasSubstr("count was given"));
}

TEST(CommandLine, flags_win_over_the_file)
{
    const std::string path = testing::TempDir() + "gimbal_cli_test.toml";
    std::ofstream(path) << "kernel = 'Image'\nmemory = '64M'\nno_reboot = true\n";
    const RunConfig config = config_of({"run", "--config", path.c_str(), "--memory", "128M"});
    EXPECT_EQ(config.kernel, testing::TempDir() + "Image");
    EXPECT_EQ(config.memory, u64{128} << 20);
    EXPECT_TRUE(config.no_reboot);
    EXPECT_EQ(config.name, "gimbal_cli_test");
    EXPECT_THAT(error_of({"run", "--config", "/nowhere/vm.toml"}), HasSubstr("No such file"));
    EXPECT_THAT(error_of({"run", "--config", "/tmp"}), HasSubstr("it is a directory"));
}

TEST(CommandLine, engines)
{
    EXPECT_EQ(config_of({"run", "--kernel", "k"}).engine, std::nullopt);
    EXPECT_EQ(config_of({"run", "--kernel", "k", "--engine", "auto"}).engine, std::nullopt);
    EXPECT_EQ(config_of({"run", "--kernel", "k", "--engine", "kvm"}).engine, EngineKind::kvm);
    EXPECT_EQ(config_of({"run", "--kernel", "k", "--translator-backend", "interpreter"}).backend,
              translator::BackendKind::interpreter);
    EXPECT_EQ(config_of({"run", "--kernel", "k", "--translator-backend", "auto"}).backend, std::nullopt);
    EXPECT_THAT(error_of({"run", "--kernel", "k", "--translator-backend", "tcg"}),
                HasSubstr("has no backend 'tcg'; expected auto, "));
}

TEST(CommandLine, doctor)
{
    const auto command = parse({"doctor"});
    ASSERT_TRUE(command.has_value());
    EXPECT_TRUE(std::holds_alternative<Doctor>(*command));
    EXPECT_THAT(error_of({"doctor", "--verbose"}), HasSubstr("unexpected argument '--verbose'"));
    EXPECT_THAT(error_of({"docter"}), HasSubstr("unknown command 'docter'; did you mean 'doctor'?"));
    EXPECT_THAT(text_of({"doctor", "--help"}), HasSubstr("which engines work here"));
}

TEST(Suggestion, is_near_or_nothing)
{
    constexpr std::string_view known[] = {"kernel", "memory"};
    EXPECT_EQ(closest("kernal", known), "kernel");
    EXPECT_EQ(closest("krenl", known), "");
    EXPECT_EQ(closest("mem", known), "");
    EXPECT_EQ(closest("", known), "");
    EXPECT_EQ(closest(std::string(100'000, 'k'), known), "");
}

} // namespace
} // namespace gimbal
