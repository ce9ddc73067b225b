// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/app/guests.hpp"

/// The command as a user meets it.
namespace gimbal::test {

using testing::HasSubstr;

inline constexpr const char* command = GIMBAL_COMMAND;

struct Outcome {
    int status;
    std::string error;
};

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
        EXPECT_THAT(outcome.error, HasSubstr(message)) << arguments;
        EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    }
    std::string folder_;
};

/// The command on a terminal of its own; the test holds both ends.
class Terminal : public Command {
protected:
    void start(const std::string& kernel, std::vector<std::string> more = {})
    {
        int slave = -1;
        ASSERT_EQ(::openpty(&master_, &slave, nullptr, nullptr, nullptr), 0);
        slave_ = slave;
        ASSERT_EQ(::tcgetattr(slave_, &before_), 0);
        std::vector<std::string> words{command, "run", "--memory", "16M", "--kernel", kernel};
        words.insert(words.end(), more.begin(), more.end());
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        child_ = ::fork();
        if (child_ == 0) {
            ::login_tty(slave);
            ::execv(command, arguments.data());
            ::_exit(127);
        }
    }
    termios settings() const
    {
        termios now{};
        ::tcgetattr(slave_, &now);
        return now;
    }
    void wait_until_raw() const
    {
        while ((settings().c_lflag & ICANON) != 0) ::usleep(1000);
    }
    /// Its wait status. What it still shows is kept for read_until(); nobody reading, it might wait for us.
    int wait_for_child()
    {
        int status = 0;
        while (::waitpid(child_, &status, WNOHANG) == 0) {
            char bytes[4096];
            pollfd readable{master_, POLLIN, 0};
            if (::poll(&readable, 1, 10) <= 0) continue;
            const ssize_t count = ::read(master_, bytes, sizeof(bytes));
            if (count > 0) shown_.append(bytes, static_cast<usize>(count));
        }
        return status;
    }
    void type(std::string_view keys) const
    {
        ASSERT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    }
    /// Everything that was shown up to and with the next `text`; what comes behind it is kept for the next call.
    std::string read_until(std::string_view text)
    {
        constexpr int patience_ms = 60'000;
        while (true) {
            if (const usize at = shown_.find(text); at != std::string::npos) {
                const std::string result = shown_.substr(0, at + text.size());
                shown_.erase(0, at + text.size());
                return result;
            }
            pollfd readable{master_, POLLIN, 0};
            char bytes[4096];
            const ssize_t count =
                ::poll(&readable, 1, patience_ms) > 0 ? ::read(master_, bytes, sizeof(bytes)) : ssize_t{-1};
            if (count <= 0) {
                ADD_FAILURE() << "'" << text << "' was not shown, but this: " << shown_;
                return std::exchange(shown_, {});
            }
            shown_.append(bytes, static_cast<usize>(count));
        }
    }
    void expect_restored() const { EXPECT_EQ(settings().c_lflag, before_.c_lflag); }
    void TearDown() override
    {
        ::close(master_);
        ::close(slave_);
        Command::TearDown();
    }
    int master_{-1};
    int slave_{-1};
    pid_t child_{};
    termios before_{};
    std::string shown_;
};

} // namespace gimbal::test
