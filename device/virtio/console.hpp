// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/spinlock.hpp"
#include "device/char_sink.hpp"
#include "device/virtio/device.hpp"

namespace gimbal::virtio {

/// In characters.
struct ConsoleSize {
    u16 columns{};
    u16 rows{};
    friend bool operator==(ConsoleSize, ConsoleSize) = default;
};

/// Console device (VIRTIO 1.2, 5.3) with one port. Nothing is lost in either direction: output that the sink does not
/// take stays in the driver's buffer, and input is refused while there is no room for it.
class Console final : public Device {
public:
    static constexpr u32 receive_queue = 0;
    static constexpr u32 transmit_queue = 1;
    static constexpr u32 input_capacity = 1024; ///< Bytes taken from the host and not delivered yet, a power of two.

    /// Without a size VIRTIO_CONSOLE_F_SIZE is not offered.
    Console(CharSink& sink, QueueRunner& runner, std::optional<ConsoleSize> size);

    DeviceId id() const override { return DeviceId::console; }
    u64 features() const override;
    u32 queue_count() const override { return 2; }
    void attach(DeviceHost& host) override { host_ = &host; }
    void read_config(u32 offset, std::span<u8> out) override;
    void write_config(u32 offset, std::span<const u8> data) override;
    void activate(u64 negotiated) override;
    void reset() override;
    void notify(u32 queue) override;
    void process(u32 queue) override;

    /// Bytes from the host; any thread. Returns how many were taken from the front. After less than all, the sink's
    /// receiver_ready() says when to go on. What was taken and not delivered outlives a reset of the device.
    usize receive(std::span<const u8> bytes);
    /// How many bytes receive() would take now; any thread. Zero counts as a refusal.
    usize receive_room();
    /// A driver is there and has offered buffers for input; any thread. False counts as a refusal.
    bool receive_attended();
    /// The sink has room again; any thread.
    void transmit_ready() { runner_.ring(transmit_queue); }
    /// The terminal's size has changed; any thread. Of no effect if the size was not known from the start.
    void resize(ConsoleSize size);

private:
    enum class Progress : u8 { done, blocked, gone };

    u32 input_count() const { return input_head_ - input_tail_; }
    u32 peek_input(std::span<u8> out);
    void drop_input(u32 count);
    bool has_input();
    void offer_room();

    void process_receive();
    bool deliver(Queue& queue);
    void process_transmit();
    Result<bool, QueueError> next_output(Queue& queue);
    Progress send(Queue& queue, u64& budget);

    CharSink& sink_;
    QueueRunner& runner_;
    DeviceHost* host_{};
    const bool has_size_;

    SpinLock lock_; // guards what follows, and the sink
    ConsoleSize size_;
    u8 input_[input_capacity]{};
    u32 input_head_{}; // free-running, as the tail is
    u32 input_tail_{};
    bool attended_{};
    bool refused_{}; // input was refused; the sink is owed a receiver_ready()

    // The runner's thread.
    Chain receive_chain_;
    Chain transmit_chain_;
    bool transmitting_{};   // transmit_chain_ is popped and not pushed
    u64 transmit_offset_{}; // how far the sink has taken it
};

} // namespace gimbal::virtio
