// SPDX-License-Identifier: Apache-2.0
#include "host/serial.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gimbal::host {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Receiver final : SerialReceiver {
    bool has_room() override { return received.size() < room; }
    void receive(u8 byte) override
    {
        received.push_back(static_cast<char>(byte));
        if (on_receive) on_receive();
    }
    std::string received;
    usize room{1000};
    std::function<void()> on_receive;
};

/// Standard input and output replaced by pipes for as long as it lives.
class StdioPipes {
public:
    StdioPipes()
    {
        saved_[0] = ::dup(0);
        saved_[1] = ::dup(1);
        int in[2];
        int out[2];
        if (::pipe(in) != 0 || ::pipe(out) != 0) std::abort();
        ::dup2(in[0], 0);
        ::dup2(out[1], 1);
        ::close(in[0]);
        ::close(out[1]);
        input.reset(in[1]);
        output.reset(out[0]);
    }
    ~StdioPipes()
    {
        for (const int fd : {0, 1}) {
            ::dup2(saved_[fd], fd);
            ::close(saved_[fd]);
        }
    }
    Fd input;  // what the port reads is written here
    Fd output; // what the port writes is read here

private:
    int saved_[2];
};

void send_text(SerialPort& port, std::string_view text)
{
    for (const char c : text) port.transmit(static_cast<u8>(c));
}

std::string read_text(int fd, usize size)
{
    std::string text(size, '\0');
    usize filled = 0;
    while (filled < size) {
        const ssize_t count = ::read(fd, text.data() + filled, size - filled);
        if (count <= 0) break;
        filled += static_cast<usize>(count);
    }
    text.resize(filled);
    return text;
}

/// Runs the loop until `done` or, with a failure, for half a minute.
void run_until(EventLoop& loop, const std::function<bool()>& done)
{
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    auto& timer = loop.add_timer([] {});
    timer.fire = [&] {
        const auto now = std::chrono::steady_clock::now();
        EXPECT_LT(now, give_up);
        if (done() || now >= give_up) return loop.quit();
        loop.arm(timer, now + 1ms);
    };
    loop.arm(timer, std::chrono::steady_clock::now());
    loop.run();
}

std::unique_ptr<SerialPort> open_port(const SerialConfig& config, EventLoop& loop)
{
    auto port = SerialPort::open(config, loop);
    EXPECT_TRUE(port) << port.error().message;
    return port ? std::move(*port) : nullptr;
}

TEST(Escape, keys)
{
    EscapeFilter filter;
    EXPECT_EQ(filter.feed('q').count, 1);
    EXPECT_EQ(filter.feed(1).count, 0);
    EXPECT_TRUE(filter.feed('x').quit);
    EXPECT_EQ(filter.feed(1).count, 0);
    const auto literal = filter.feed('a');
    EXPECT_EQ(literal.count, 1);
    EXPECT_EQ(literal.bytes[0], 1);
    EXPECT_EQ(filter.feed(1).count, 0);
    const auto other = filter.feed('z');
    EXPECT_EQ(other.count, 2);
    EXPECT_EQ(other.bytes[1], 'z');
    EXPECT_EQ(filter.feed('x').count, 1);
}

TEST(Serial, input_then_end_of_input_held_until_there_is_room)
{
    StdioPipes pipes;
    EventLoop loop;
    const auto port = open_port({SerialKind::stdio, {}}, loop);
    Receiver receiver;
    receiver.room = 2;
    port->set_receiver(&receiver);
    ASSERT_EQ(::write(pipes.input.get(), "a\x01xb", 4), 4); // no terminal: Ctrl-A is a byte like any other
    pipes.input.reset();
    run_until(loop, [&] { return receiver.received.size() == 2; });
    EXPECT_EQ(receiver.received, "a\x01");
    receiver.room = 4; // room for the input, not for its end
    port->receiver_changed();
    run_until(loop, [&] { return receiver.received.size() == 4; });
    receiver.room = 1000;
    port->receiver_changed();
    run_until(loop, [&] { return receiver.received.size() == 5; });
    EXPECT_EQ(receiver.received, "a\x01xb\x04");
}

TEST(Serial, output_reaches_the_reader_whole)
{
    StdioPipes pipes;
    EventLoop loop;
    const auto port = open_port({SerialKind::stdio, {}}, loop);
    std::string expected;
    for (int i = 0; i < 300'000; ++i) expected += static_cast<char>('a' + i % 26);
    std::string got;
    Atomic<bool> complete{false};
    std::thread reader([&] {
        got = read_text(pipes.output.get(), expected.size());
        complete.store(true);
    });
    std::thread guest([&] {
        for (const char c : expected)
            while (!port->transmit(static_cast<u8>(c))) std::this_thread::yield(); // as a driver polls a full FIFO
    });
    run_until(loop, [&] { return complete.load(); });
    guest.join();
    reader.join();
    EXPECT_EQ(got, expected);
    EXPECT_TRUE(port->first_output());
    EXPECT_EQ(port->dropped(), 0U);
}

TEST(Serial, a_reader_that_does_not_read_stops_nobody)
{
    StdioPipes pipes;
    EventLoop loop;
    const auto port = open_port({SerialKind::stdio, {}}, loop);
    usize accepted = 0;
    while (port->transmit('x')) ++accepted;
    EXPECT_EQ(accepted, SerialPort::output_capacity);
    const auto before = std::chrono::steady_clock::now();
    port->flush(50ms);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
    EXPECT_LE(port->dropped(), accepted);
}

TEST(Serial, a_reader_that_is_gone_is_forgotten)
{
    std::signal(SIGPIPE, SIG_IGN);
    StdioPipes pipes;
    EventLoop loop;
    const auto port = open_port({SerialKind::stdio, {}}, loop);
    pipes.output.reset();
    send_text(*port, "hello");
    port->flush(50ms);
    EXPECT_EQ(port->dropped(), 5U);
}

TEST(Serial, end_of_input_answers_prompts_that_nobody_reads)
{
    std::signal(SIGPIPE, SIG_IGN);
    StdioPipes pipes;
    EventLoop loop;
    const auto port = open_port({SerialKind::stdio, {}}, loop);
    Receiver receiver;
    port->set_receiver(&receiver);
    pipes.output.reset();
    pipes.input.reset();
    run_until(loop, [&] { return receiver.received == "\x04"; });
    send_text(*port, "# "); // a shell that opened its terminal since, and threw away what came before
    run_until(loop, [&] { return receiver.received == "\x04\x04"; });
    EXPECT_EQ(port->dropped(), 2U);
}

TEST(Serial, a_guest_that_never_stops_printing_leaves_the_loop_its_timers)
{
    for (const SerialConfig& config : {
             SerialConfig{SerialKind::file, "/dev/null"},
             SerialConfig{SerialKind::null, {}         }
    }) {
        EventLoop loop;
        const auto port = open_port(config, loop);
        Atomic<bool> stop{false};
        std::thread guest([&] {
            while (!stop.load(MemoryOrder::relaxed)) port->transmit('x');
        });
        auto& timer = loop.add_timer([&] { loop.quit(); });
        loop.arm(timer, std::chrono::steady_clock::now() + 50ms);
        loop.run(); // returns
        stop.store(true);
        guest.join();
    }
}

TEST(Serial, file)
{
    const std::string path = testing::TempDir() + "gimbal_serial_test";
    EventLoop loop;
    {
        const auto port = open_port({SerialKind::file, path}, loop);
        send_text(*port, "to a file");
        port->flush(50ms);
    }
    std::string text;
    std::getline(std::ifstream(path), text);
    EXPECT_EQ(text, "to a file");
    const auto refused = SerialPort::open({SerialKind::file, "/nowhere/x"}, loop);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "No such file or directory");
}

TEST(Serial, null_takes_everything)
{
    EventLoop loop;
    const auto port = open_port({SerialKind::null, {}}, loop);
    Atomic<bool> complete{false};
    std::thread guest([&] {
        for (usize i = 0; i < 3 * SerialPort::output_capacity; ++i)
            while (!port->transmit('x')) std::this_thread::yield();
        complete.store(true);
    });
    run_until(loop, [&] { return complete.load(); });
    guest.join();
    port->flush(50ms);
    EXPECT_EQ(port->dropped(), 0U); // asked for, so no loss
}

class SocketSerial : public testing::Test {
protected:
    std::string path_ = testing::TempDir() + "gimbal_serial_socket";
    void SetUp() override { ::unlink(path_.c_str()); }

    Fd connect_to() const
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        return fd;
    }
};

TEST_F(SocketSerial, a_late_peer_sees_what_came_before)
{
    EventLoop loop;
    const auto port = open_port({SerialKind::unix_socket, path_}, loop);
    send_text(*port, "early ");
    const Fd peer = connect_to();
    Atomic<bool> complete{false};
    std::string got;
    std::thread reader([&] {
        got = read_text(peer.get(), 6);
        complete.store(true);
    });
    run_until(loop, [&] { return complete.load(); });
    reader.join();
    EXPECT_EQ(got, "early ");
}

TEST_F(SocketSerial, without_a_peer_the_oldest_output_goes)
{
    EventLoop loop;
    const auto port = open_port({SerialKind::unix_socket, path_}, loop);
    while (port->transmit('x')) {}
    run_until(loop, [&] { return port->transmit('y'); });
    EXPECT_GT(port->dropped(), 0U);
}

TEST_F(SocketSerial, refuses_bad_places)
{
    EventLoop loop;
    const auto too_long = SerialPort::open({SerialKind::unix_socket, std::string(200, 'x')}, loop);
    ASSERT_FALSE(too_long);
    EXPECT_THAT(too_long.error().message, HasSubstr("at most 107 characters"));
    std::ofstream(path_) << "a file";
    const auto file = SerialPort::open({SerialKind::unix_socket, path_}, loop);
    ASSERT_FALSE(file);
    EXPECT_THAT(file.error().message, HasSubstr("no socket"));
    ::unlink(path_.c_str());

    const auto first = open_port({SerialKind::unix_socket, path_}, loop);
    const auto second = SerialPort::open({SerialKind::unix_socket, path_}, loop);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("another process listens"));
}

TEST_F(SocketSerial, takes_over_what_a_crash_left)
{
    EventLoop loop;
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    }
    EXPECT_TRUE(SerialPort::open({SerialKind::unix_socket, path_}, loop));
}

} // namespace
} // namespace gimbal::host
