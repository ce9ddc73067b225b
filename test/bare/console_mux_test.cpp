// SPDX-License-Identifier: Apache-2.0
#include "bare/console_mux.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gimbal::bare {
namespace {

constexpr u64 frequency = 1'000'000; // a tick is a microsecond

/// Takes everything, or as much as it has room for.
class FakePort final : public ConsolePort {
public:
    bool send(u8 byte) override
    {
        if (room == 0) return false;
        if (room != unlimited) --room;
        text += static_cast<char>(byte);
        return true;
    }
    void want_room(bool wanted) override { wants_room = wanted; }
    void attend() noexcept override { ++attended; }

    static constexpr usize unlimited = ~usize{0};
    usize room = unlimited;
    bool wants_room{};
    unsigned attended{};
    std::string text;
};

class ConsoleMuxTest : public testing::Test {
protected:
    void add(unsigned count)
    {
        constexpr const char* names[] = {"a", "b", "c"};
        for (unsigned i = 0; i < count; ++i) mux_.add_guest(names[i]);
    }
    usize put(unsigned guest, std::string_view text)
    {
        return mux_.put(guest, {reinterpret_cast<const u8*>(text.data()), text.size()}, {now_});
    }
    void say(std::string_view text) { mux_.write(text.data(), text.size()); }
    std::string shown() { return std::exchange(port_.text, {}); }

    FakePort port_;
    ConsoleMux mux_{port_, frequency};
    u64 now_{};
};

TEST_F(ConsoleMuxTest, one_guest_is_shown_as_it_is_and_at_once)
{
    add(1);
    put(0, "log");
    EXPECT_EQ(shown(), "log");
    put(0, "in: \x1b[1m\r\n\n");
    EXPECT_EQ(shown(), "in: \x1b[1m\r\n\n");
}

TEST_F(ConsoleMuxTest, lines_of_several_begin_with_the_name)
{
    add(2);
    put(0, "one\r\ntwo\n");
    put(1, "three\r\n\r\n");
    EXPECT_EQ(shown(), "[a] one\r\n[a] two\r\n[b] three\r\n[b] \r\n");
}

TEST_F(ConsoleMuxTest, a_line_is_shown_while_it_grows_and_the_others_wait_for_its_end)
{
    add(2);
    put(0, "be");
    EXPECT_EQ(shown(), "[a] be");
    put(1, "other\n");
    EXPECT_EQ(shown(), "");
    put(0, "gin\n");
    EXPECT_EQ(shown(), "gin\r\n[b] other\r\n");
}

TEST_F(ConsoleMuxTest, a_prompt_gives_way_after_a_moment_of_silence)
{
    add(2);
    put(0, "login: ");
    put(1, "other\n");
    EXPECT_EQ(port_.attended, 1U) << "somebody must come back";
    const auto due = mux_.service({now_});
    ASSERT_EQ(due, HostTicks{ConsoleMux::patience_us});
    EXPECT_EQ(shown(), "[a] login: ");
    now_ = due->value;
    EXPECT_EQ(mux_.service({now_}), std::nullopt);
    EXPECT_EQ(shown(), "\r\n[b] other\r\n");
    put(0, "root\n");
    EXPECT_EQ(shown(), "[a] root\r\n");
}

TEST_F(ConsoleMuxTest, a_line_without_end_is_broken_for_another_guest)
{
    add(2);
    put(0, std::string(ConsoleMux::longest_line, 'x'));
    put(1, "other\n");
    put(0, "y");
    EXPECT_EQ(shown(), "[a] " + std::string(ConsoleMux::longest_line, 'x') + "\r\n[b] other\r\n[a] y");
}

TEST_F(ConsoleMuxTest, a_line_is_not_broken_if_nobody_waits)
{
    add(2);
    put(0, std::string(3 * ConsoleMux::longest_line, 'x'));
    EXPECT_EQ(shown(), "[a] " + std::string(3 * ConsoleMux::longest_line, 'x'));
}

TEST_F(ConsoleMuxTest, a_carriage_return_alone_begins_the_same_line_again)
{
    add(2);
    put(0, "10%\r");
    put(0, "20%\r");
    put(0, "\r\n");
    EXPECT_EQ(shown(), "[a] 10%\r[a] 20%\r\n");
}

TEST_F(ConsoleMuxTest, line_feed_and_carriage_return_in_the_other_order_are_no_empty_line)
{
    add(2);
    put(0, "one\n\rtwo\n\r");
    put(1, "three\n");
    EXPECT_EQ(shown(), "[a] one\r\n[a] two\r\n[b] three\r\n");
}

TEST_F(ConsoleMuxTest, the_hypervisors_lines_begin_a_line)
{
    add(2);
    put(0, "half");
    say("words\n");
    put(0, "full\n");
    EXPECT_EQ(shown(), "[a] half\r\nwords\r\n[a] full\r\n");
}

TEST_F(ConsoleMuxTest, what_a_hidden_guest_writes_is_shown_when_it_is_chosen)
{
    add(2);
    mux_.show(1, {now_});
    EXPECT_EQ(shown(), "gimbal-el2: 2, b\r\n");
    put(0, "hidden\r\n");
    put(1, "seen");
    EXPECT_EQ(shown(), "seen");
    mux_.show(0, {now_});
    EXPECT_EQ(shown(), "\r\ngimbal-el2: 1, a\r\nhidden\r\n");
    mux_.show(std::nullopt, {now_});
    put(0, "both\n");
    put(1, "both\n");
    EXPECT_EQ(shown(), "gimbal-el2: all guests\r\n[a] both\r\n[b] both\r\n");
}

TEST_F(ConsoleMuxTest, the_oldest_hidden_lines_are_dropped_and_that_is_said)
{
    add(2);
    mux_.show(1, {now_});
    constexpr usize line = 64; // bytes
    constexpr usize count = ConsoleMux::backlog_bytes / line + 3;
    for (usize i = 0; i < count; ++i) {
        std::string text = std::to_string(i);
        text.resize(line - 1, '.');
        EXPECT_EQ(put(0, text + "\n"), line) << "a hidden guest never waits";
    }
    shown();
    mux_.show(0, {now_});
    while (port_.text.size() < ConsoleMux::backlog_bytes) mux_.service({now_});
    const std::string text = shown();
    EXPECT_TRUE(
        text.starts_with("gimbal-el2: 1, a\r\ngimbal-el2: a: 192 bytes were dropped while they were hidden\r\n3.."))
        << text.substr(0, 200);
    EXPECT_TRUE(text.ends_with(".\n"));
    mux_.show(0, {now_});
    EXPECT_EQ(shown(), "gimbal-el2: 1, a\r\n") << "it is said once";
}

TEST_F(ConsoleMuxTest, a_shown_guest_waits_for_a_slow_uart_and_loses_nothing)
{
    add(1);
    port_.room = 10;
    std::string all;
    for (unsigned i = 0; i < 5000; ++i) all += std::to_string(i) + "\n";
    usize sent = put(0, all);
    EXPECT_LT(sent, all.size());
    EXPECT_TRUE(port_.wants_room);
    EXPECT_FALSE(mux_.takes_again(0));
    for (unsigned turns = 0; sent < all.size() && turns < 10'000; ++turns) {
        port_.room = 16;
        static_cast<void>(mux_.service({now_}));
        if (mux_.takes_again(0)) sent += put(0, std::string_view(all).substr(sent));
    }
    port_.room = FakePort::unlimited;
    static_cast<void>(mux_.service({now_}));
    EXPECT_EQ(shown(), all);
    EXPECT_FALSE(port_.wants_room);
    EXPECT_TRUE(mux_.is_flushed());
}

TEST_F(ConsoleMuxTest, the_hypervisor_is_heard_while_a_guest_floods_the_uart)
{
    add(1);
    port_.room = 0;
    put(0, std::string(2 * ConsoleMux::backlog_bytes, 'x'));
    say("words\n");
    port_.room = FakePort::unlimited;
    static_cast<void>(mux_.service({now_}));
    EXPECT_NE(shown().find("\r\nwords\r\n"), std::string::npos);
}

TEST_F(ConsoleMuxTest, what_the_hypervisor_loses_is_said)
{
    add(1);
    port_.room = 0;
    say(std::string(ConsoleMux::output_bytes + 100, 'w') + "\n");
    port_.room = FakePort::unlimited;
    static_cast<void>(mux_.service({now_}));
    EXPECT_TRUE(shown().ends_with("gimbal-el2: the console was too slow for 102 bytes of this text\r\n"));
}

TEST_F(ConsoleMuxTest, nothing_of_a_guest_appears_below_a_prompt)
{
    add(1);
    put(0, "half");
    mux_.set_prompt("> li");
    EXPECT_EQ(shown(), "half\r\n> li");
    put(0, "of a line\n");
    EXPECT_EQ(shown(), "");
    say("words\n");
    EXPECT_EQ(shown(), "\r\x1b[Kwords\r\n> li");
    mux_.clear_prompt({now_});
    EXPECT_EQ(shown(), "\r\x1b[Kof a line\n");
}

/// Whoever writes whenever, however fast the UART is: each guest's lines come whole, in order, with its name.
TEST_F(ConsoleMuxTest, complete_lines_never_mix)
{
    add(3);
    std::mt19937 random(7);
    std::string sources[3];
    usize sent[3]{};
    for (unsigned guest = 0; guest < 3; ++guest)
        for (unsigned i = 0; i < 200; ++i)
            sources[guest] += std::string(random() % 40, static_cast<char>('a' + guest)) + std::to_string(i) + "\n";
    while (sent[0] < sources[0].size() || sent[1] < sources[1].size() || sent[2] < sources[2].size()) {
        const auto guest = static_cast<unsigned>(random() % 3);
        const auto rest = std::string_view(sources[guest]).substr(sent[guest]);
        port_.room = random() % 30;
        sent[guest] += put(guest, rest.substr(0, random() % 20));
        now_ += random() % 100; // nobody is silent for long
        static_cast<void>(mux_.service({now_}));
    }
    port_.room = FakePort::unlimited;
    static_cast<void>(mux_.service({now_}));
    std::string found[3];
    const std::string text = shown();
    for (usize at = 0; at < text.size();) {
        const usize end = text.find("\r\n", at);
        ASSERT_NE(end, std::string::npos);
        ASSERT_EQ(text[at], '[') << text.substr(at, 80);
        const unsigned guest = static_cast<unsigned>(text[at + 1] - 'a');
        ASSERT_LT(guest, 3U);
        found[guest] += text.substr(at + 4, end - at - 4) + "\n";
        at = end + 2;
    }
    for (unsigned guest = 0; guest < 3; ++guest) EXPECT_EQ(found[guest], sources[guest]);
}

TEST_F(ConsoleMuxTest, guests_on_several_cpus_write_at_once)
{
    add(3);
    std::vector<std::thread> cpus;
    for (unsigned guest = 0; guest < 3; ++guest)
        cpus.emplace_back([this, guest] {
            for (unsigned i = 0; i < 2000; ++i) put(guest, "line\n");
        });
    for (unsigned i = 0; i < 100; ++i) {
        mux_.show(i % 3, {now_});
        mux_.show(std::nullopt, {now_});
    }
    for (std::thread& cpu : cpus) cpu.join();
    static_cast<void>(mux_.service({now_}));
    EXPECT_TRUE(mux_.is_flushed());
}

} // namespace
} // namespace gimbal::bare
