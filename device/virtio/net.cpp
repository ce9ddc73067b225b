// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/net.hpp"

#include "device/internet_checksum.hpp"

namespace gimbal::virtio {
namespace {

constexpr usize vlan_tag_size = 4;

u16 little16(const u8* bytes) { return static_cast<u16>(bytes[0] | (bytes[1] << 8)); }

void put_little16(u8* bytes, u16 value)
{
    bytes[0] = static_cast<u8>(value);
    bytes[1] = static_cast<u8>(value >> 8);
}

void count(Atomic<u64>& counter) { counter.fetch_add(1, MemoryOrder::relaxed); }

} // namespace

Net::Net(const NetConfig& config, NetBackend& backend, QueueRunner& runner)
    : config_(config), backend_(backend), runner_(runner)
{
    filter_.own = config_.mac;
}

u64 Net::features() const
{
    namespace f = net::feature;
    return f::csum | f::guest_csum | f::mtu | f::mac | f::mrg_rxbuf | f::status | f::ctrl_vq | f::ctrl_rx |
           f::ctrl_mac_addr;
}

void Net::read_config(u32 offset, std::span<u8> out)
{
    u8 config[net::config_size]{};
    {
        SpinGuard guard(lock_);
        for (usize i = 0; i < sizeof(filter_.own.bytes); ++i) config[i] = filter_.own.bytes[i];
    }
    put_little16(config + net::config_status, link_up_.load() ? net::status_link_up : u16{0});
    put_little16(config + net::config_mtu, config_.mtu);
    for (usize i = 0; i < out.size(); ++i) out[i] = offset + i < sizeof(config) ? config[offset + i] : u8{0};
}

void Net::activate(u64 negotiated) { negotiated_.store(negotiated); }

void Net::reset()
{
    negotiated_.store(0);
    SpinGuard guard(lock_);
    filter_ = {};
    filter_.own = config_.mac;
}

void Net::set_link(bool up)
{
    SpinGuard guard(lock_);
    if (link_up_.exchange(up) != up && negotiated_.load() != 0) host_->config_changed();
}

void Net::stop_queue(u32 queue, QueueError error)
{
    if (error != QueueError::stopped) host_->queue_broken(queue);
}

void Net::process(u32 queue)
{
    if (negotiated_.load() == 0) return;
    switch (queue) {
    case net::receive_queue:
        host_->queue(net::receive_queue).disable_notifications();
        backend_.receiver_ready();
        break;
    case net::transmit_queue: process_transmit(); break;
    case net::control_queue: process_control(); break;
    }
}

void Net::process_transmit()
{
    Queue& queue = host_->queue(net::transmit_queue);
    queue.disable_notifications();
    unsigned done = 0;
    while (true) {
        while (done < burst && transmit_next(queue)) ++done;
        if (done == burst) {
            runner_.ring(net::transmit_queue); // there may be more
            break;
        }
        if (!queue.enable_notifications()) break;
        queue.disable_notifications();
        if (queue.broken()) break;
    }
    if (done != 0) host_->used(net::transmit_queue);
}

/// False: nothing is left, or the queue has ended.
bool Net::transmit_next(Queue& queue)
{
    const auto popped = queue.pop(chain_);
    if (!popped) {
        stop_queue(net::transmit_queue, popped.error());
        return false;
    }
    if (!*popped) return false;
    if (chain_.writable_bytes() != 0) { // 5.1.6.2: nothing in it is the device's to write
        stop_queue(net::transmit_queue, queue.refuse(chain_));
        return false;
    }
    const u64 size = chain_.readable_bytes();
    if (size < net::header_size + ethernet_header_size || size > sizeof(frame_)) {
        count(counters_.transmit_dropped);
    } else if (!queue.read(chain_, 0, {frame_, size})) {
        stop_queue(net::transmit_queue, queue.refuse(chain_));
        return false;
    } else {
        transmit({frame_, size});
    }
    if (const auto pushed = queue.push(chain_, 0); !pushed) {
        stop_queue(net::transmit_queue, pushed.error());
        return false;
    }
    return true;
}

/// Header (5.1.6.2) and frame, already the device's own copy. num_buffers means nothing here: Linux leaves it undefined
/// when MRG_RXBUF is not negotiated. Unknown flags are ignored, as 5.1.6.2.2 has it.
void Net::transmit(std::span<u8> packet)
{
    const std::span<u8> frame = packet.subspan(net::header_size);
    const u8 flags = packet[0];
    const u8 gso_type = packet[1];
    bool good = gso_type == net::header_gso_none && link_up_.load(); // no HOST_TSO or HOST_UFO is offered
    if (good && (flags & net::header_needs_csum) != 0)
        good = complete_checksum(frame, little16(&packet[6]), little16(&packet[8]));
    if (!good) return count(counters_.transmit_dropped);
    count(counters_.transmitted);
    backend_.send(frame);
}

/// 5.1.6.2: the field at `start` + `offset` holds the pseudo header's sum; it becomes the checksum of everything from
/// `start` on.
bool Net::complete_checksum(std::span<u8> frame, u16 start, u16 offset) const
{
    const usize field = usize{start} + offset;
    if ((negotiated_.load() & net::feature::csum) == 0 || start >= frame.size() || field + 2 > frame.size())
        return false;
    const u16 checksum = InternetSum{}.add(frame.subspan(start)).field();
    frame[field] = static_cast<u8>(checksum >> 8);
    frame[field + 1] = static_cast<u8>(checksum);
    return true;
}

Delivery Net::deliver(std::span<const u8> frame, bool checksum_good)
{
    const bool fits_wire = frame.size() >= ethernet_header_size &&
                           frame.size() <= ethernet_header_size + vlan_tag_size + config_.mtu; // 5.1.4.1, mtu
    if (negotiated_.load() == 0 || !link_up_.load() || !fits_wire || !passes(frame)) {
        count(counters_.receive_dropped);
        return Delivery::dropped;
    }
    Queue& queue = host_->queue(net::receive_queue);
    auto delivery = fill_buffers(queue, frame, checksum_good);
    if (delivery && *delivery == Delivery::no_buffers && queue.enable_notifications())
        delivery = fill_buffers(queue, frame, checksum_good);
    if (!delivery) {
        stop_queue(net::receive_queue, delivery.error());
        delivery = Delivery::dropped;
    }
    switch (*delivery) {
    case Delivery::delivered:
        count(counters_.received);
        delivered_ = true;
        break;
    case Delivery::dropped: count(counters_.receive_dropped); break;
    case Delivery::no_buffers: break;
    }
    return *delivery;
}

/// 5.1.6.4: with MRG_RXBUF a frame may take several buffers, which are published together; the first begins with the
/// header that counts them.
Result<Delivery, QueueError> Net::fill_buffers(Queue& queue, std::span<const u8> frame, bool checksum_good)
{
    u8 header[net::header_size]{};
    usize done = 0; // bytes of the frame
    u16 buffers = 0;
    while (buffers == 0 || done < frame.size()) {
        Chain& chain = buffers == 0 ? first_ : next_;
        const auto popped = queue.pop(chain);
        if (!popped) return fail(popped.error());
        if (!*popped) {
            const bool can_never = buffers == queue.size();
            queue.unstage();
            return can_never ? Delivery::dropped : Delivery::no_buffers;
        }
        // Only now: the chain is of this life of the queue, so that what was negotiated is too.
        const u64 negotiated = negotiated_.load();
        const u64 head = buffers == 0 ? net::header_size : 0;
        if (chain.readable_bytes() != 0) return fail(queue.refuse(chain)); // 5.1.6.3
        u64 room = chain.writable_bytes();
        const bool mergeable = (negotiated & net::feature::mrg_rxbuf) != 0;
        if (negotiated == 0 || room < head || room == 0 || (!mergeable && room - head < frame.size())) {
            queue.unpop(chain);
            queue.unstage();
            return Delivery::dropped;
        }
        room = room - head < frame.size() - done ? room - head : frame.size() - done;
        if (checksum_good && (negotiated & net::feature::guest_csum) != 0) header[0] = net::header_data_valid;
        if (!queue.write(chain, head, frame.subspan(done, room))) return fail(queue.refuse(chain));
        if (const auto staged = queue.stage(chain, static_cast<u32>(head + room)); !staged) return fail(staged.error());
        done += room;
        ++buffers;
    }
    put_little16(header + 10, buffers);
    if (!queue.write(first_, 0, header)) return fail(queue.refuse(first_));
    if (const auto published = queue.publish(); !published) return fail(published.error());
    return Delivery::delivered;
}

void Net::end_of_burst()
{
    if (!delivered_) return;
    delivered_ = false;
    host_->used(net::receive_queue);
}

} // namespace gimbal::virtio
