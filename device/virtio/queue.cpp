// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/queue.hpp"

#include "base/atomic.hpp"
#include "base/bits.hpp"

namespace gimbal::virtio {
namespace {

constexpr u64 descriptor_size = 16;
constexpr u64 max_chain_bytes = u64{1} << 32;
constexpr u64 copy_step = 4096;

// Offsets in the available and the used ring (2.7.6, 2.7.8): flags, idx, the entries, and the other side's event index.
constexpr u64 ring_flags = 0;
constexpr u64 ring_index = 2;
constexpr u64 ring_entries = 4;
constexpr u64 available_entry_size = 2;
constexpr u64 used_entry_size = 8;
constexpr u16 available_no_interrupt = 1;
constexpr u16 used_no_notify = 1;

constexpr u64 used_event(u16 size) { return ring_entries + available_entry_size * size; }
constexpr u64 available_event(u16 size) { return ring_entries + used_entry_size * size; }

/// One of a queue's three areas.
struct Area {
    Gpa base;
    u64 size;
    u64 alignment;
    bool written;
};

bool is_ram(const GuestMemory& memory, const Area& area)
{
    u64 end;
    if (add_overflows(area.base.value, area.size, end)) return false;
    for (Gpa at = area.base; at.value < end;) {
        const MemoryRegion* region = memory.find(at);
        if (region == nullptr || (area.written && region->read_only)) return false;
        at = region->base + region->size;
        if (at.value == 0) break; // the region ends with the address space
    }
    return true;
}

bool overlap(const Area& a, const Area& b)
{
    return a.base.value < b.base.value + b.size && b.base.value < a.base.value + a.size;
}

bool is_sound(const GuestMemory& memory, const QueueLayout& layout)
{
    if (!is_power_of_two(layout.size) || layout.size > max_queue_size) return false;
    // The event index stands behind the entries whether it is negotiated or not (2.7).
    const Area areas[] = {
        {layout.descriptors, descriptor_size * layout.size,    16, false},
        {layout.driver,      used_event(layout.size) + 2,      2,  false},
        {layout.device,      available_event(layout.size) + 2, 4,  true },
    };
    for (const Area& area : areas)
        if (!is_aligned(area.base.value, area.alignment) || !is_ram(memory, area)) return false;
    return !overlap(areas[0], areas[1]) && !overlap(areas[0], areas[2]) && !overlap(areas[1], areas[2]);
}

template <class T>
T field(const u8* bytes)
{
    T value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i) value = static_cast<T>(value | static_cast<T>(T{bytes[i]} << (8 * i)));
    return value;
}

} // namespace

bool Queue::start(const QueueLayout& layout, u64 negotiated)
{
    SpinGuard guard(lock_);
    if (!is_sound(memory_, layout)) return false;
    layout_ = layout;
    event_idx_ = (negotiated & feature::ring_event_idx) != 0;
    indirect_ = (negotiated & feature::ring_indirect_desc) != 0;
    running_ = true;
    broken_ = false;
    ++epoch_;
    next_available_ = next_used_ = in_flight_ = staged_ = 0;
    unsignalled_ = 0;
    return true;
}

void Queue::stop()
{
    SpinGuard guard(lock_);
    running_ = false;
}

bool Queue::running()
{
    SpinGuard guard(lock_);
    return running_;
}

u16 Queue::size()
{
    SpinGuard guard(lock_);
    return layout_.size;
}

bool Queue::broken()
{
    SpinGuard guard(lock_);
    return broken_;
}

std::unexpected<QueueError> Queue::break_queue()
{
    broken_ = true;
    return fail(QueueError::broken);
}

/// The driver's index, read once. What it exposes is read after it: the caller's fence pairs with the driver's barrier
/// before the index (2.7.13.3.1).
Result<u16, QueueError> Queue::available()
{
    if (!running_) return fail(QueueError::stopped);
    if (broken_) return fail(QueueError::broken);
    const auto index = memory_.load<u16>(layout_.driver + ring_index);
    if (!index) return break_queue();
    const u16 waiting = static_cast<u16>(*index - next_available_);
    if (waiting > layout_.size - in_flight_) return break_queue(); // a jump, a step back, or more than there can be
    return waiting;
}

Result<bool, QueueError> Queue::pop(Chain& chain)
{
    SpinGuard guard(lock_);
    GIMBAL_TRY(waiting, available());
    if (waiting == 0) return false;
    atomic_fence(MemoryOrder::acquire);
    const u64 slot = next_available_ & (layout_.size - 1U);
    const auto head = memory_.load<u16>(layout_.driver + ring_entries + available_entry_size * slot);
    if (!head) return break_queue();
    GIMBAL_TRY_VOID(walk(*head, chain));
    chain.epoch_ = epoch_;
    ++next_available_;
    ++in_flight_;
    return true;
}

void Queue::unpop(const Chain& chain)
{
    SpinGuard guard(lock_);
    if (!alive(chain)) return;
    --next_available_;
    --in_flight_;
}

QueueError Queue::refuse(const Chain& chain)
{
    SpinGuard guard(lock_);
    if (!alive(chain)) return QueueError::stopped;
    broken_ = true;
    return QueueError::broken;
}

Result<Queue::Descriptor, QueueError> Queue::descriptor(const Table& table, u32 index)
{
    if (index >= table.entries) return break_queue();
    u8 bytes[descriptor_size];
    if (!memory_.read(table.base + descriptor_size * index, bytes)) return break_queue();
    return Descriptor{{field<u64>(bytes)}, field<u32>(bytes + 8), field<u16>(bytes + 12), field<u16>(bytes + 14)};
}

/// 2.7.5.3.1: one table per chain, at its end. Its write-only flag means nothing (2.7.5.3.2).
Result<Queue::Table, QueueError> Queue::indirect_table(const Descriptor& descriptor)
{
    const bool chained = (descriptor.flags & descriptor_flag::next) != 0;
    u64 end;
    if (!indirect_ || chained || descriptor.length == 0 || descriptor.length % descriptor_size != 0 ||
        add_overflows(descriptor.address.value, descriptor.length, end))
        return break_queue();
    return Table{descriptor.address, static_cast<u32>(descriptor.length / descriptor_size)};
}

bool Queue::append(Chain& chain, const Descriptor& descriptor)
{
    const u32 count = chain.readable_count_ + chain.writable_count_;
    const bool writable = (descriptor.flags & descriptor_flag::write) != 0;
    if (!writable && chain.writable_count_ != 0) return false; // 2.7.4.2
    (writable ? chain.writable_count_ : chain.readable_count_) += 1;
    (writable ? chain.writable_bytes_ : chain.readable_bytes_) += descriptor.length;
    if (chain.readable_bytes_ + chain.writable_bytes_ > max_chain_bytes) return false;
    chain.segments_[count] = {descriptor.address, descriptor.length};
    return true;
}

/// A loop has no end, so that the bound on the length finds every one.
Result<void, QueueError> Queue::walk(u16 head, Chain& chain)
{
    Table table{layout_.descriptors, layout_.size};
    chain.head_ = head;
    chain.readable_count_ = chain.writable_count_ = 0;
    chain.readable_bytes_ = chain.writable_bytes_ = 0;
    bool in_indirect_table = false;
    u32 index = head;
    for (u32 count = 0; count < (in_indirect_table ? Chain::max_segments : layout_.size); ++count) {
        GIMBAL_TRY(next, descriptor(table, index));
        if ((next.flags & descriptor_flag::indirect) != 0) {
            if (in_indirect_table) return break_queue();
            GIMBAL_TRY(indirect, indirect_table(next));
            table = indirect;
            in_indirect_table = true;
            index = 0;
            --count; // the descriptor that names a table is none of the chain's buffers
            continue;
        }
        if (!append(chain, next)) return break_queue();
        if ((next.flags & descriptor_flag::next) == 0) return {};
        index = next.next;
    }
    return break_queue();
}

template <class Copy>
Result<void, QueueError> Queue::copy(const Chain& chain, std::span<const Segment> segments, u64 offset, u64 size,
                                     Copy&& copy_piece)
{
    u64 done = 0;
    for (const Segment& segment : segments) {
        if (offset >= segment.length) {
            offset -= segment.length;
            continue;
        }
        while (done < size && offset < segment.length) {
            u64 piece = segment.length - offset;
            if (piece > size - done) piece = size - done;
            if (piece > copy_step) piece = copy_step;
            u64 address;
            if (add_overflows(segment.address.value, offset, address)) return fail(QueueError::range);
            SpinGuard guard(lock_);
            if (!alive(chain)) return fail(QueueError::stopped);
            if (!copy_piece(Gpa{address}, done, piece)) return fail(QueueError::range);
            done += piece;
            offset += piece;
        }
        if (done == size) return {};
        offset = 0;
    }
    return fail(QueueError::range);
}

Result<void, QueueError> Queue::read(const Chain& chain, u64 offset, std::span<u8> out)
{
    if (offset > chain.readable_bytes_ || out.size() > chain.readable_bytes_ - offset) return fail(QueueError::range);
    if (out.empty()) return {};
    return copy(chain, chain.readable(), offset, out.size(),
                [&](Gpa from, u64 done, u64 size) { return memory_.read(from, out.subspan(done, size)).has_value(); });
}

Result<void, QueueError> Queue::write(const Chain& chain, u64 offset, std::span<const u8> data)
{
    if (offset > chain.writable_bytes_ || data.size() > chain.writable_bytes_ - offset) return fail(QueueError::range);
    if (data.empty()) return {};
    return copy(chain, chain.writable(), offset, data.size(),
                [&](Gpa to, u64 done, u64 size) { return memory_.write(to, data.subspan(done, size)).has_value(); });
}

Result<void, QueueError> Queue::stage_entry(const Chain& chain, u32 written)
{
    if (!alive(chain)) return fail(QueueError::stopped);
    if (broken_) return fail(QueueError::broken);
    if (written > chain.writable_bytes_) return fail(QueueError::range);
    const u64 slot = (next_used_ + u32{staged_}) & (layout_.size - 1U);
    const Gpa entry = layout_.device + ring_entries + used_entry_size * slot;
    if (!memory_.store<u32>(entry, chain.head_) || !memory_.store<u32>(entry + 4, written)) return break_queue();
    ++staged_;
    return {};
}

Result<void, QueueError> Queue::publish_entries()
{
    if (!running_) return fail(QueueError::stopped);
    // The entries, and before them all of the requests' data, before the index that publishes them (2.7.8.2).
    atomic_fence(MemoryOrder::release);
    next_used_ = static_cast<u16>(next_used_ + staged_);
    in_flight_ = static_cast<u16>(in_flight_ - staged_);
    unsignalled_ += staged_;
    staged_ = 0;
    if (!memory_.store<u16>(layout_.device + ring_index, next_used_)) return break_queue();
    return {};
}

Result<void, QueueError> Queue::push(const Chain& chain, u32 written)
{
    SpinGuard guard(lock_);
    GIMBAL_TRY_VOID(stage_entry(chain, written));
    return publish_entries();
}

Result<void, QueueError> Queue::stage(const Chain& chain, u32 written)
{
    SpinGuard guard(lock_);
    return stage_entry(chain, written);
}

Result<void, QueueError> Queue::publish()
{
    SpinGuard guard(lock_);
    return publish_entries();
}

void Queue::unstage()
{
    SpinGuard guard(lock_);
    next_available_ = static_cast<u16>(next_available_ - staged_);
    in_flight_ = static_cast<u16>(in_flight_ - staged_);
    staged_ = 0;
}

bool Queue::take_interrupt()
{
    SpinGuard guard(lock_);
    if (!running_ || unsignalled_ == 0) return false;
    const u32 published = unsignalled_;
    unsignalled_ = 0;
    // Used index first, then the look at what the driver wants: it writes its wish first and then looks at the index.
    atomic_fence(MemoryOrder::seq_cst);
    if (!event_idx_) {
        const auto flags = memory_.load<u16>(layout_.driver + ring_flags);
        return !flags || (*flags & available_no_interrupt) == 0;
    }
    const auto event = memory_.load<u16>(layout_.driver + used_event(layout_.size));
    // Whether the entry with that index is among those published.
    return !event || static_cast<u16>(next_used_ - *event - 1) < published;
}

void Queue::disable_notifications()
{
    SpinGuard guard(lock_);
    // With an event index there is nothing to take back: the driver notifies once, for the index it has passed.
    if (!running_ || event_idx_) return;
    static_cast<void>(memory_.store<u16>(layout_.device + ring_flags, used_no_notify));
}

bool Queue::enable_notifications()
{
    SpinGuard guard(lock_);
    if (!running_ || broken_) return false;
    const auto stored = event_idx_ ? memory_.store<u16>(layout_.device + available_event(layout_.size), next_available_)
                                   : memory_.store<u16>(layout_.device + ring_flags, u16{0});
    // Our wish first, then the look at the index: the driver does the same the other way round (2.7.13.4.1).
    atomic_fence(MemoryOrder::seq_cst);
    const auto waiting = available();
    return !stored || !waiting || *waiting != 0;
}

} // namespace gimbal::virtio
