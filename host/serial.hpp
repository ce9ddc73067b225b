// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "host/byte_ring.hpp"
#include "host/event_loop.hpp"

namespace gimbal::host {

enum class SerialKind : u8 { stdio, file, unix_socket, null };

struct SerialConfig {
    SerialKind kind{SerialKind::stdio};
    std::string path; ///< file, unix_socket
};

/// The guest's side of the line, as the port feeds it; on the loop's thread.
class SerialReceiver {
public:
    virtual bool has_room() = 0; ///< The guest listens, and one more byte fits.
    virtual void receive(u8 byte) = 0;

protected:
    ~SerialReceiver() = default;
};

/// Who else may use the line, for a while: the monitor. While it is open the keys are its own, and its prompt stays on
/// the last line, beneath the guest's output, which comes in whole lines only.
class SerialOverlay {
public:
    virtual void key(u8 byte) = 0;
    virtual std::string prompt() const = 0; ///< What is typed included; no line end.

protected:
    ~SerialOverlay() = default;
};

/// Ctrl-A as QEMU and kvmtool have it: X quits, C is the monitor's, A is one Ctrl-A; before anything else it is an
/// ordinary key.
class EscapeFilter {
public:
    struct Outcome {
        bool quit{};
        bool monitor{};
        u8 count{};
        u8 bytes[2]{};
    };
    Outcome feed(u8 byte);

private:
    bool pending_{};
};

/// Where the guest's console goes on the host. Output is buffered and written by the loop's thread, so that no vCPU
/// ever waits for a reader: while the buffer is full, transmit() refuses and the guest sees a full FIFO. A reader that
/// is gone is forgotten and the output dropped. Input is held back until the guest has room for it.
class SerialPort {
public:
    static constexpr usize output_capacity = usize{64} << 10;
    static constexpr usize input_capacity = 4096;
    static constexpr u8 end_of_input = 0x04; // Ctrl-D
    /// How long the guest must have printed nothing before it is told of the end of input. A program that sets up its
    /// terminal throws away what came before, so the guest is told again whenever it has printed something since: each
    /// prompt is answered.
    static constexpr std::chrono::milliseconds quiet_time{100};
    /// A driver that has just opened the port may still throw away what it finds there, so a stream is first offered
    /// once the guest listens and has been quiet, or has listened for this long.
    static constexpr std::chrono::milliseconds longest_settling{1000};

    static Result<std::unique_ptr<SerialPort>, HostError> open(const SerialConfig& config, EventLoop& loop);
    ~SerialPort();
    SerialPort(const SerialPort&) = delete;
    SerialPort& operator=(const SerialPort&) = delete;

    /// On a vCPU's thread, one at a time. False: no room now; room_again is called when there is.
    bool transmit(u8 byte);
    /// Any thread: the guest has made room or enabled its receiver.
    void receiver_changed() noexcept { loop_.wake(); }

    /// Input comes from a terminal, key by key; else it is a stream that the guest shall see whole.
    bool interactive() const { return interactive_; }

    /// Before the loop runs.
    void set_receiver(SerialReceiver* receiver)
    {
        receiver_ = receiver;
        settled_ = false;
    }
    void set_on_quit(std::function<void()> callback) { on_quit_ = std::move(callback); }
    /// Ctrl-A C on a terminal.
    void set_on_monitor(std::function<void()> callback) { on_monitor_ = std::move(callback); }
    void set_on_room(std::function<void()> callback) { on_room_ = std::move(callback); }
    /// Before the first byte is written, on the loop's thread.
    void set_on_first_output(std::function<void()> callback) { on_first_output_ = std::move(callback); }

    /// The loop's thread: while the process is in the background it must not read its terminal.
    void set_input_paused(bool paused);

    /// The loop's thread, as all of these: the keys go to `overlay` until it is closed. `greeting` is whole lines.
    void open_overlay(SerialOverlay& overlay, std::string_view greeting = {});
    void close_overlay();
    /// Writes whole lines above the overlay's prompt; after it is closed, in front of the guest's next output.
    void print(std::string_view lines);
    void prompt_changed();

    std::optional<std::chrono::steady_clock::time_point> first_output() const;
    /// Writes what the reader takes without being waited for, up to one buffer full.
    void drain();
    /// Writes what is left, for at most `patience` without progress, or in all. When no vCPU runs any more.
    void flush(std::chrono::milliseconds patience, bool in_all = false);
    /// What can be written without waiting; async-signal-safe.
    void flush_from_signal() noexcept;
    /// Output that nobody took, in bytes.
    u64 dropped() const { return dropped_; }

private:
    explicit SerialPort(EventLoop& loop) : loop_(loop), output_(output_capacity) {}
    Result<void, HostError> open_stdio();
    Result<void, HostError> open_file(const std::string& path);
    Result<void, HostError> open_socket(const std::string& path);
    void attach(int in, int out);
    void accept_peer();
    void drop_peer();

    void read_input();
    void take_input(std::span<const u8> bytes);
    void feed_receiver();
    void settle();
    void owe_end_of_input();
    void send_end_of_input();
    bool put_out(std::span<const u8> bytes, usize& budget);
    bool rest();
    void drop_output(usize count);
    bool wants_output() const;
    std::span<const u8> next_output();
    void took_output(std::span<const u8> bytes);
    void begin_batch();
    void erase_prompt();
    void show_prompt();
    long write_some(std::span<const u8> bytes);
    void update_watches();
    void on_wake();

    EventLoop& loop_;
    ByteRing output_;             // produced by vCPUs, consumed by the loop
    Atomic<bool> idle_{true};     // the loop waits for a wake-up when there is output
    Atomic<bool> starved_{false}; // transmit() refused a byte
    Atomic<i64> first_output_ns_{0};

    // The rest belongs to the loop's thread.
    std::deque<u8> input_;
    EscapeFilter escapes_;
    SerialReceiver* receiver_{};
    std::function<void()> on_quit_;
    std::function<void()> on_monitor_;
    std::function<void()> on_room_;
    std::function<void()> on_first_output_;
    EventLoop::Watch* in_watch_{};
    EventLoop::Watch* out_watch_{};
    EventLoop::Watch* listen_watch_{};
    Fd owned_out_;
    Fd peer_;
    Fd listener_;
    std::string socket_path_;
    int in_fd_{-1};
    int out_fd_{-1};
    usize chunk_{output_capacity}; // the most that one write is known not to wait for
    u64 dropped_{};
    bool is_socket_{};
    bool counts_drops_{true}; // lost output is a loss; not where it was sent to null
    bool keeps_output_{};     // without a reader: a socket's next peer sees the last of it
    bool interactive_{};      // a terminal: Ctrl-A works, and input that does not fit is lost
    bool input_paused_{};
    bool input_ended_{};
    EventLoop::Timer* quiet_timer_{};
    EventLoop::Timer* settle_timer_{};
    EventLoop::TimePoint settles_by_{};
    bool settled_{};  // a stream is being offered
    bool end_owed_{}; // 0x04 is still to be sent

    SerialOverlay* overlay_{};
    std::string overlay_text_; // goes out before anything of the guest's
    std::string deferred_;     // ours, for behind the batch
    usize batch_{};            // of the guest's bytes, whole lines: the prompt comes back behind them
    bool prompt_shown_{};      // on the last line, once overlay_text_ is out
    bool at_line_start_{true}; // where the guest's output stands
};

} // namespace gimbal::host
