// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/console.hpp"

#include "base/bits.hpp"

namespace gimbal::virtio {
namespace {

constexpr u64 feature_size = bit(0);        // VIRTIO_CONSOLE_F_SIZE
constexpr u64 feature_emerg_write = bit(2); // VIRTIO_CONSOLE_F_EMERG_WRITE

// struct virtio_console_config (5.3.4): le16 cols, le16 rows, le32 max_nr_ports, le32 emerg_wr.
constexpr u32 emerg_wr_offset = 8;

constexpr u32 step = 256;             // bytes copied at once
constexpr unsigned batch = 256;       // buffers, before others have their turn
constexpr u64 batch_bytes = 0x1'0000; // output, likewise

static_assert(is_power_of_two(Console::input_capacity));

} // namespace

Console::Console(CharSink& sink, QueueRunner& runner, std::optional<ConsoleSize> size)
    : sink_(sink), runner_(runner), has_size_(size.has_value()), size_(size.value_or(ConsoleSize{}))
{
}

u64 Console::features() const { return feature_emerg_write | (has_size_ ? feature_size : 0); }

void Console::read_config(u32 offset, std::span<u8> out)
{
    SpinGuard guard(lock_);
    const u8 fields[] = {static_cast<u8>(size_.columns), static_cast<u8>(size_.columns >> 8),
                         static_cast<u8>(size_.rows), static_cast<u8>(size_.rows >> 8)};
    for (u8& byte : out) {
        byte = offset < sizeof fields ? fields[offset] : u8{0}; // no further ports, and emerg_wr is for writing
        ++offset;
    }
}

/// 5.3.5.1: an emergency write is allowed at any time. What the sink has no room for is lost: the guest cannot wait.
void Console::write_config(u32 offset, std::span<const u8> data)
{
    if (offset > emerg_wr_offset || emerg_wr_offset - offset >= data.size()) return;
    SpinGuard guard(lock_);
    static_cast<void>(sink_.put(data.subspan(emerg_wr_offset - offset, 1)));
}

/// Input may wait since before.
void Console::activate(u64)
{
    if (has_input()) runner_.ring(receive_queue);
}

void Console::reset()
{
    SpinGuard guard(lock_);
    attended_ = false;
}

void Console::notify(u32 queue)
{
    if (queue == receive_queue) {
        SpinGuard guard(lock_);
        // Linux reads the size only when it is told of a change, and is told here for the first time.
        if (has_size_ && !attended_) host_->config_changed();
        attended_ = true;
        offer_room();
    }
    runner_.ring(queue);
}

void Console::process(u32 queue)
{
    if (queue == receive_queue) process_receive();
    if (queue == transmit_queue) process_transmit();
}

// Input: from the host to the receive queue.

void Console::offer_room()
{
    if (!refused_ || input_count() == input_capacity) return;
    refused_ = false;
    sink_.receiver_ready();
}

usize Console::receive(std::span<const u8> bytes)
{
    usize taken = 0;
    {
        SpinGuard guard(lock_);
        while (taken < bytes.size() && input_count() < input_capacity)
            input_[input_head_++ % input_capacity] = bytes[taken++];
        if (taken < bytes.size()) refused_ = true;
    }
    if (taken != 0) runner_.ring(receive_queue);
    return taken;
}

usize Console::receive_room()
{
    SpinGuard guard(lock_);
    if (input_count() == input_capacity) refused_ = true;
    return input_capacity - input_count();
}

bool Console::receive_attended()
{
    SpinGuard guard(lock_);
    if (!attended_) refused_ = true;
    return attended_;
}

u32 Console::peek_input(std::span<u8> out)
{
    SpinGuard guard(lock_);
    u32 count = 0;
    while (count < out.size() && count < input_count()) {
        out[count] = input_[(input_tail_ + count) % input_capacity];
        ++count;
    }
    return count;
}

void Console::drop_input(u32 count)
{
    SpinGuard guard(lock_);
    input_tail_ += count;
    offer_room();
}

bool Console::has_input()
{
    SpinGuard guard(lock_);
    return input_count() != 0;
}

/// Fills one buffer with what there is. False: the queue can go on no more.
bool Console::deliver(Queue& queue)
{
    if (receive_chain_.readable_bytes() != 0) return queue.refuse(receive_chain_) == QueueError::stopped;
    u32 written = 0;
    while (written < receive_chain_.writable_bytes()) {
        u8 bytes[step];
        const u64 room = receive_chain_.writable_bytes() - written;
        const u32 count = peek_input(std::span(bytes).first(room < step ? room : step));
        if (count == 0 || !queue.write(receive_chain_, written, {bytes, count})) break;
        drop_input(count);
        written += count;
    }
    return queue.push(receive_chain_, written).has_value();
}

void Console::process_receive()
{
    Queue& queue = host_->queue(receive_queue);
    bool more = true;
    while (more) {
        queue.disable_notifications();
        unsigned done = 0;
        while (has_input()) {
            if (done++ == batch) {
                host_->used(receive_queue);
                runner_.ring(receive_queue);
                return;
            }
            const auto popped = queue.pop(receive_chain_);
            if (popped && !*popped) break;
            if (popped && deliver(queue)) continue;
            host_->used(receive_queue);
            host_->queue_broken(receive_queue); // of no effect if it only was reset
            return;
        }
        host_->used(receive_queue);
        more = queue.enable_notifications() && has_input();
    }
}

// Output: from the transmit queue to the sink.

/// True: transmit_chain_ holds output.
Result<bool, QueueError> Console::next_output(Queue& queue)
{
    if (transmitting_) return true;
    GIMBAL_TRY(popped, queue.pop(transmit_chain_));
    if (!popped) return false;
    if (transmit_chain_.writable_bytes() != 0) return fail(queue.refuse(transmit_chain_)); // 5.3.6.1
    transmit_offset_ = 0;
    transmitting_ = true;
    return true;
}

Console::Progress Console::send(Queue& queue, u64& budget)
{
    while (transmit_offset_ < transmit_chain_.readable_bytes()) {
        u8 bytes[step];
        const u64 rest = transmit_chain_.readable_bytes() - transmit_offset_;
        const auto piece = std::span(bytes).first(rest < step ? rest : step);
        const auto copied = queue.read(transmit_chain_, transmit_offset_, piece);
        if (!copied && copied.error() == QueueError::stopped) return Progress::gone;
        if (!copied) break; // not RAM: nothing there that could be shown
        usize taken;
        {
            SpinGuard guard(lock_);
            taken = sink_.put(piece);
        }
        transmit_offset_ += taken;
        budget -= taken < budget ? taken : budget;
        if (taken < piece.size()) return Progress::blocked;
        if (budget == 0) return Progress::blocked;
    }
    return queue.push(transmit_chain_, 0) ? Progress::done : Progress::gone;
}

void Console::process_transmit()
{
    Queue& queue = host_->queue(transmit_queue);
    u64 budget = batch_bytes;
    unsigned done = 0;
    do {
        queue.disable_notifications();
        while (true) {
            const auto output = next_output(queue);
            if (!output) {
                host_->used(transmit_queue);
                host_->queue_broken(transmit_queue);
                return;
            }
            if (!*output) break;
            const Progress progress = send(queue, budget);
            transmitting_ = progress == Progress::blocked;
            if (transmitting_ || ++done == batch) {
                host_->used(transmit_queue);
                // Otherwise the sink is full, and transmit_ready() rings.
                if (budget == 0 || !transmitting_) runner_.ring(transmit_queue);
                return;
            }
        }
        host_->used(transmit_queue);
    } while (queue.enable_notifications());
}

void Console::resize(ConsoleSize size)
{
    if (!has_size_) return;
    SpinGuard guard(lock_);
    if (size_ == size) return;
    size_ = size;
    host_->config_changed();
}

} // namespace gimbal::virtio
