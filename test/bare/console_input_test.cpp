// SPDX-License-Identifier: Apache-2.0
#include "bare/console_input.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace gimbal::bare {
namespace {

class FakePort final : public ConsolePort {
public:
    bool send(u8 byte) override
    {
        text += static_cast<char>(byte);
        return true;
    }
    void want_room(bool) override {}
    void attend() noexcept override {}
    std::string text;
};

class FakeGuests final : public ConsoleTarget {
public:
    usize receive(unsigned guest, std::span<const u8> bytes) override
    {
        if (deaf) return 0;
        for (const u8 byte : bytes) received[guest] += static_cast<char>(byte);
        return bytes.size();
    }
    void transmit_ready(unsigned) override {}
    bool command(StrView line) override
    {
        commands.emplace_back(line.data(), line.size());
        return commands.back() != "leave";
    }
    bool finished() override { return false; }

    bool deaf{};
    std::string received[2];
    std::vector<std::string> commands;
};

class ConsoleInputTest : public testing::Test {
protected:
    ConsoleInputTest()
    {
        mux_.add_guest("first");
        mux_.add_guest("second");
    }
    void type(std::string_view keys)
    {
        for (const char key : keys) input_.take(static_cast<u8>(key), {});
    }
    std::string shown() { return std::exchange(port_.text, {}); }
    void put(unsigned guest, std::string_view text)
    {
        static_cast<void>(mux_.put(guest, {reinterpret_cast<const u8*>(text.data()), text.size()}, {}));
    }

    FakePort port_;
    FakeGuests guests_;
    ConsoleMux mux_{port_, 1'000'000};
    ConsoleInput input_{mux_, guests_};
};

TEST_F(ConsoleInputTest, keys_go_to_the_first_guest_at_first)
{
    type("ls\r");
    EXPECT_EQ(guests_.received[0], "ls\r");
    EXPECT_EQ(guests_.received[1], "");
}

TEST_F(ConsoleInputTest, a_digit_gives_the_input_to_another_guest_and_shows_it_alone)
{
    type("\x01"
         "2x");
    EXPECT_EQ(guests_.received[1], "x");
    EXPECT_EQ(mux_.shown(), 1U);
    type("\x01"
         "0y");
    EXPECT_EQ(mux_.shown(), std::nullopt);
    EXPECT_EQ(guests_.received[1], "xy");
    type("\x01"
         "1z");
    EXPECT_EQ(guests_.received[0], "z");
}

TEST_F(ConsoleInputTest, a_number_that_no_guest_has_changes_nothing)
{
    type("\x01"
         "3x");
    EXPECT_EQ(guests_.received[0], "x");
    EXPECT_NE(shown().find("there is no such guest"), std::string::npos);
}

TEST_F(ConsoleInputTest, ctrl_a_is_sent_by_ctrl_a_a)
{
    type("\x01"
         "a\x01"
         "A\x01\x01");
    EXPECT_EQ(guests_.received[0], "\x01\x01\x01");
}

TEST_F(ConsoleInputTest, help_lists_keys_and_guests)
{
    type("\x01?");
    const std::string text = shown();
    EXPECT_NE(text.find("Ctrl-A C"), std::string::npos);
    EXPECT_NE(text.find("  1  first, gets the input\r\n  2  second\r\n"), std::string::npos);
}

TEST_F(ConsoleInputTest, an_unknown_command_key_rings)
{
    type("\x01z");
    EXPECT_EQ(shown(), "\a");
    EXPECT_EQ(guests_.received[0], "");
}

TEST_F(ConsoleInputTest, what_a_guest_does_not_take_waits_for_it)
{
    guests_.deaf = true;
    type("typed ahead");
    EXPECT_EQ(guests_.received[0], "");
    guests_.deaf = false;
    input_.offer(0);
    EXPECT_EQ(guests_.received[0], "typed ahead");
}

TEST_F(ConsoleInputTest, a_guest_that_hangs_does_not_lock_the_user_in)
{
    guests_.deaf = true;
    type(std::string(ConsoleInput::queue_bytes, 'x'));
    EXPECT_EQ(shown(), "");
    type("y");
    EXPECT_EQ(shown(), "\a");
    type("\x01"
         "clist\r");
    EXPECT_EQ(guests_.commands, std::vector<std::string>{"list"});
}

TEST_F(ConsoleInputTest, the_prompt_edits_and_sends_lines)
{
    type("\x01"
         "c  lisst\x7f\x7ft now\x17 \r");
    EXPECT_EQ(guests_.commands, std::vector<std::string>{"list"});
    type("\x1b[A x\r");
    EXPECT_EQ(guests_.commands.back(), "list   x") << "Up brings the last line back";
    type("abc\x15"
         "def\x03ghi\r");
    EXPECT_EQ(guests_.commands.back(), "ghi");
    EXPECT_EQ(guests_.received[0], "");
}

TEST_F(ConsoleInputTest, a_guests_output_waits_while_the_prompt_is_open)
{
    type("\x01"
         "c");
    shown();
    put(0, "meanwhile\n");
    EXPECT_EQ(shown(), "");
    type("\r");
    EXPECT_EQ(shown(), "\r\x1b[K[first] meanwhile\r\n");
    type("x");
    EXPECT_EQ(guests_.received[0], "x");
}

TEST_F(ConsoleInputTest, the_prompt_is_left_in_four_ways)
{
    for (const char* const way : {"\r", "\x04",
                                  "\x01"
                                  "c",
                                  "leave\r"}) {
        guests_.received[0].clear();
        type("\x01"
             "C");
        type(way);
        type("x");
        EXPECT_EQ(guests_.received[0], "x") << way;
    }
}

TEST_F(ConsoleInputTest, a_line_longer_than_any_is_cut)
{
    type("\x01"
         "c" +
         std::string(300, 'x') + "\r");
    EXPECT_EQ(guests_.commands.back().size(), LineEditor::longest_line);
}

} // namespace
} // namespace gimbal::bare
