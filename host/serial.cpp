// SPDX-License-Identifier: Apache-2.0
#include "host/serial.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <spdlog/spdlog.h>

#include "host/host_call.hpp"

namespace gimbal::host {
namespace {

constexpr u8 escape_key = 0x01; // Ctrl-A

i64 steady_nanoseconds() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

} // namespace

EscapeFilter::Outcome EscapeFilter::feed(u8 byte)
{
    if (!pending_) {
        pending_ = byte == escape_key;
        return pending_ ? Outcome{} : Outcome{.count = 1, .bytes = {byte}};
    }
    pending_ = false;
    if (byte == 'x' || byte == 'X') return {.quit = true};
    if (byte == 'c' || byte == 'C') return {.monitor = true};
    if (byte == 'a' || byte == 'A') return {.count = 1, .bytes = {escape_key}};
    return {
        .count = 2, .bytes = {escape_key, byte}
    };
}

bool SerialPort::transmit(u8 byte)
{
    if (first_output_ns_.load(MemoryOrder::relaxed) == 0)
        first_output_ns_.store(steady_nanoseconds(), MemoryOrder::relaxed);
    if (!output_.put(byte)) {
        starved_.store(true);
        if (!output_.put(byte)) { // again: the loop may have looked at starved_ just before
            loop_.wake();         // without a reader nothing else makes it look
            return false;
        }
    }
    if (idle_.load() && idle_.exchange(false)) loop_.wake();
    return true;
}

std::optional<std::chrono::steady_clock::time_point> SerialPort::first_output() const
{
    const i64 when = first_output_ns_.load(MemoryOrder::relaxed);
    if (when == 0) return std::nullopt;
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(when));
}

void SerialPort::on_wake()
{
    feed_receiver();
    drain();
}

/// After descriptors or buffers changed: what poll is to look for.
void SerialPort::update_watches()
{
    const bool wants_input = !input_ended_ && !input_paused_ && (interactive_ || input_.size() < input_capacity);
    if (in_watch_ != nullptr) in_watch_->events = wants_input ? POLLIN : short{0};
    if (out_watch_ != nullptr) out_watch_->events = wants_output() ? POLLOUT : short{0};
}

void SerialPort::set_input_paused(bool paused)
{
    input_paused_ = paused;
    update_watches();
}

void SerialPort::read_input()
{
    std::array<u8, 1024> bytes{};
    const ssize_t count = ::read(in_fd_, bytes.data(), std::min(bytes.size(), input_capacity));
    if (count > 0) {
        take_input(std::span(bytes).first(static_cast<usize>(count)));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        if (is_socket_) return drop_peer();
        input_ended_ = true;
        owe_end_of_input();
    }
    feed_receiver();
    update_watches();
}

void SerialPort::take_input(std::span<const u8> bytes)
{
    for (const u8 byte : bytes) {
        EscapeFilter::Outcome outcome{.count = 1, .bytes = {byte}};
        if (interactive_) outcome = escapes_.feed(byte);
        if (outcome.quit && on_quit_) on_quit_();
        if (outcome.monitor && on_monitor_) on_monitor_();
        for (unsigned i = 0; i < outcome.count; ++i) {
            if (overlay_ != nullptr)
                overlay_->key(outcome.bytes[i]);
            else if (!interactive_ || input_.size() < input_capacity)
                input_.push_back(outcome.bytes[i]);
        }
    }
}

void SerialPort::feed_receiver()
{
    if (receiver_ == nullptr) return;
    if (!interactive_ && !settled_) return settle();
    while (!input_.empty() && receiver_->has_room()) {
        receiver_->receive(input_.front());
        input_.pop_front();
    }
    if (end_owed_ && !quiet_timer_->armed) owe_end_of_input();
    update_watches();
}

/// Called again by each output, which puts the moment off.
void SerialPort::settle()
{
    update_watches();
    const bool waits = !input_.empty() || end_owed_;
    if (!waits || !receiver_->has_room()) return;
    if (settle_timer_ == nullptr)
        settle_timer_ = &loop_.add_timer([this] {
            settled_ = receiver_ != nullptr && receiver_->has_room();
            feed_receiver();
        });
    const auto now = std::chrono::steady_clock::now();
    if (!settle_timer_->armed) settles_by_ = now + longest_settling;
    loop_.arm(*settle_timer_, std::min(now + quiet_time, settles_by_));
}

void SerialPort::owe_end_of_input()
{
    end_owed_ = true;
    if (quiet_timer_ == nullptr) quiet_timer_ = &loop_.add_timer([this] { send_end_of_input(); });
    loop_.arm(*quiet_timer_, std::chrono::steady_clock::now() + quiet_time);
}

void SerialPort::send_end_of_input()
{
    // Without room we are called again when there is some.
    if (receiver_ == nullptr || !input_.empty() || !receiver_->has_room()) return;
    end_owed_ = false;
    receiver_->receive(end_of_input);
}

long SerialPort::write_some(std::span<const u8> bytes)
{
    const usize size = std::min(bytes.size(), chunk_);
    if (is_socket_) return ::send(out_fd_, bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return ::write(out_fd_, bytes.data(), size);
}

/// Lets go of output that nobody takes.
void SerialPort::drop_output(usize count)
{
    if (counts_drops_) dropped_ += count;
    output_.drop(count);
    if (input_ended_) owe_end_of_input(); // what was lost may have been a prompt
}

/// One write of `bytes`. False: the reader has no room, or is gone.
bool SerialPort::put_out(std::span<const u8> bytes, usize& budget)
{
    pollfd writable{out_fd_, POLLOUT, 0};
    if (::poll(&writable, 1, 0) == 0) return false;
    const HostCall call("write", "console output"); // a file may lie on a disk that does not answer
    const long count = write_some(bytes);
    if (count > 0) {
        took_output(bytes.first(static_cast<usize>(count)));
        budget -= static_cast<usize>(count);
        if (input_ended_) owe_end_of_input();
        if (settle_timer_ != nullptr && settle_timer_->armed) settle();
    } else if (count < 0 && errno == EAGAIN) {
        return false;
    } else if (count < 0 && errno != EINTR) {
        if (errno != EPIPE) spdlog::error("console output is lost from here on: {}", system_error(errno).message);
        drop_peer();
    }
    return true;
}

/// Nothing to write for now. Idle first, then the look: a byte that comes between is seen here (false) or wakes us.
bool SerialPort::rest()
{
    idle_.store(true);
    begin_batch();
    if (!wants_output()) return true;
    idle_.store(false);
    return false;
}

/// Writes until nothing is left or the reader has no room; at most one ring full, so that a guest that never stops
/// printing leaves the loop time for everything else.
void SerialPort::drain()
{
    if (on_first_output_ && output_.size() != 0) std::exchange(on_first_output_, nullptr)();
    usize budget = output_capacity;
    begin_batch();
    while (true) {
        auto bytes = next_output();
        if (bytes.empty()) {
            if (rest()) break;
            continue;
        }
        if (budget == 0) {
            loop_.wake();
            break;
        }
        bytes = bytes.first(std::min(bytes.size(), budget));
        if (out_fd_ < 0) {
            if (keeps_output_ && output_.room() != 0) break;
            const usize surplus = keeps_output_ ? std::min<usize>(bytes.size(), output_capacity / 4) : bytes.size();
            drop_output(surplus);
            budget -= surplus;
            continue;
        }
        if (!put_out(bytes, budget)) break;
    }
    if (output_.room() != 0 && starved_.exchange(false) && on_room_) on_room_();
    update_watches();
}

void SerialPort::flush(std::chrono::milliseconds patience, bool in_all)
{
    using std::chrono::steady_clock;
    close_overlay();
    auto until = steady_clock::now() + patience;
    while (out_fd_ >= 0 && wants_output()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
        pollfd writable{out_fd_, POLLOUT, 0};
        if (left.count() <= 0 || ::poll(&writable, 1, static_cast<int>(left.count())) <= 0) break;
        drain();
        if (!in_all) until = steady_clock::now() + patience;
    }
    drop_output(output_.size());
}

void SerialPort::flush_from_signal() noexcept
{
    while (out_fd_ >= 0) {
        const auto bytes = output_.peek();
        pollfd writable{out_fd_, POLLOUT, 0};
        if (bytes.empty() || ::poll(&writable, 1, 0) <= 0) return;
        const long count = write_some(bytes);
        if (count <= 0) return;
        output_.drop(static_cast<usize>(count));
    }
}

} // namespace gimbal::host
