// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/app/loader/images.hpp"

namespace gimbal::test {

inline constexpr const char* command = GIMBAL_COMMAND;

struct Outcome {
    int status;
    std::string error;
};

/// An arm64 ELF of these instructions at the bottom of RAM.
inline Bytes program(const std::vector<u32>& instructions)
{
    constexpr u64 base = 0x4000'0000;
    const u64 size = instructions.size() * 4;
    Bytes file = elf(
        {
            {.virtual_address = base, .physical_address = base, .file_size = size, .memory_size = size}
    },
        base);
    for (usize i = 0; i < instructions.size(); ++i) put(file, 0x1000 + 4 * i, instructions[i]);
    return file;
}

inline constexpr u32 movz_w0_8400_lsl_16 = 0x52b0'8000;
inline constexpr u32 movk_w0_8 = 0x7280'0100; // PSCI SYSTEM_OFF
inline constexpr u32 movk_w0_9 = 0x7280'0120; // PSCI SYSTEM_RESET
inline constexpr u32 hvc = 0xd400'0002;
inline constexpr u32 branch_to_self = 0x1400'0000;

/// The command in a folder of its own.
class Command : public testing::Test {
protected:
    void SetUp() override
    {
        std::string name = testing::TempDir() + "gimbal_command_XXXXXX";
        folder_ = std::string(::mkdtemp(name.data())) + "/";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& name, const Bytes& content) const
    {
        std::ofstream(folder_ + name, std::ios::binary)
            .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
        return folder_ + name;
    }
    Outcome run(const std::string& arguments) const
    {
        const std::string line =
            std::string(command) + " " + arguments + " </dev/null >/dev/null 2>" + folder_ + "stderr";
        const int status = std::system(line.c_str());
        std::ifstream stream(folder_ + "stderr");
        return {
            WEXITSTATUS(status), {std::istreambuf_iterator<char>(stream), {}}
        };
    }
    void expect_refused(const std::string& arguments, const std::string& message) const
    {
        const Outcome outcome = run(arguments + " --timeout 10");
        EXPECT_EQ(outcome.status, 2) << arguments;
        EXPECT_THAT(outcome.error, testing::StartsWith("gimbal: ")) << arguments;
        EXPECT_THAT(outcome.error, testing::HasSubstr(message)) << arguments;
        EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    }
    std::string folder_;
};

} // namespace gimbal::test
