// SPDX-License-Identifier: Apache-2.0
// 5.1.6.5, the control queue of the network device: which frames the driver wants to see.
#include "device/virtio/net.hpp"

namespace gimbal::virtio {
namespace {

// struct virtio_net_ctrl: class, command, data; then the device's one byte of answer.
constexpr u8 class_receive_mode = 0; // 5.1.6.5.1
constexpr u8 receive_promiscuous = 0;
constexpr u8 receive_all_multicast = 1;
constexpr u8 class_mac = 1; // 5.1.6.5.2
constexpr u8 mac_table_set = 0;
constexpr u8 mac_address_set = 1;
constexpr u64 data_at = 2;
constexpr u8 ack_ok = 0;
constexpr u8 ack_error = 1;

bool is_group(const u8* address) { return (address[0] & 1) != 0; }

bool is_broadcast(std::span<const u8> frame)
{
    for (usize i = 0; i < sizeof(MacAddress::bytes); ++i)
        if (frame[i] != 0xFF) return false;
    return true;
}

} // namespace

void Net::process_control()
{
    Queue& queue = host_->queue(net::control_queue);
    unsigned done = 0;
    while (true) {
        while (done < burst && control(queue)) ++done;
        if (done == burst) runner_.ring(net::control_queue);
        if (done == burst || !queue.enable_notifications() || queue.broken()) break;
    }
    if (done != 0) host_->used(net::control_queue);
}

/// One command. False: nothing is left, or the queue has ended.
bool Net::control(Queue& queue)
{
    const auto popped = queue.pop(chain_);
    if (!popped) {
        stop_queue(net::control_queue, popped.error());
        return false;
    }
    if (!*popped) return false;
    u8 command[data_at]{};
    if (chain_.writable_bytes() == 0 || !queue.read(chain_, 0, command)) { // no command, or nowhere to answer
        stop_queue(net::control_queue, queue.refuse(chain_));
        return false;
    }
    bool good = false;
    const u64 negotiated = negotiated_.load();
    if (command[0] == class_receive_mode)
        good = (negotiated & net::feature::ctrl_rx) != 0 && control_receive_mode(queue, command[1]);
    else if (command[0] == class_mac)
        good = control_mac(queue, command[1]);
    const u8 ack = good ? ack_ok : ack_error;
    if (!queue.write(chain_, 0, {&ack, 1})) {
        stop_queue(net::control_queue, queue.refuse(chain_));
        return false;
    }
    if (const auto pushed = queue.push(chain_, 1); !pushed) {
        stop_queue(net::control_queue, pushed.error());
        return false;
    }
    return true;
}

bool Net::control_receive_mode(Queue& queue, u8 command)
{
    u8 on = 0;
    if (chain_.readable_bytes() != data_at + 1 || !queue.read(chain_, data_at, {&on, 1}) || on > 1) return false;
    SpinGuard guard(lock_);
    if (command == receive_promiscuous)
        filter_.promiscuous = on != 0;
    else if (command == receive_all_multicast)
        filter_.all_multicast = on != 0;
    else
        return false; // CTRL_RX_EXTRA is not offered
    return true;
}

bool Net::control_mac(Queue& queue, u8 command)
{
    const u64 negotiated = negotiated_.load();
    if (command == mac_address_set && (negotiated & net::feature::ctrl_mac_addr) != 0) {
        MacAddress address;
        if (chain_.readable_bytes() != data_at + sizeof(address.bytes) || !queue.read(chain_, data_at, address.bytes) ||
            is_group(address.bytes))
            return false;
        SpinGuard guard(lock_);
        filter_.own = address;
        return true;
    }
    if (command != mac_table_set || (negotiated & net::feature::ctrl_rx) == 0) return false;
    Filter filter;
    if (!read_mac_table(queue, filter)) return false;
    SpinGuard guard(lock_);
    filter_.table_size = filter.table_size;
    for (u32 i = 0; i < filter.table_size; ++i) filter_.table[i] = filter.table[i];
    filter_.table_overflow = filter.table_overflow;
    return true;
}

/// Two lists, unicast and multicast, each a count and its addresses. What does not fit is not filtered at all.
bool Net::read_mac_table(Queue& queue, Filter& filter) const
{
    u64 at = data_at;
    for (int list = 0; list < 2; ++list) {
        u8 count_bytes[4]{};
        if (!queue.read(chain_, at, count_bytes)) return false;
        at += sizeof(count_bytes);
        const u64 entries =
            count_bytes[0] | (u64{count_bytes[1]} << 8) | (u64{count_bytes[2]} << 16) | (u64{count_bytes[3]} << 24);
        if (entries * sizeof(MacAddress::bytes) > chain_.readable_bytes() - at) return false;
        for (u64 i = 0; i < entries; ++i) {
            if (filter.table_size == max_filters) {
                filter.table_overflow = true;
                break;
            }
            if (!queue.read(chain_, at + i * sizeof(MacAddress::bytes), filter.table[filter.table_size].bytes))
                return false;
            ++filter.table_size;
        }
        at += entries * sizeof(MacAddress::bytes);
    }
    return at == chain_.readable_bytes();
}

/// Whether the driver has asked for frames to this destination.
bool Net::passes(std::span<const u8> frame)
{
    SpinGuard guard(lock_);
    if (filter_.promiscuous || filter_.table_overflow || is_broadcast(frame)) return true;
    if (is_group(frame.data()) && filter_.all_multicast) return true;
    MacAddress destination;
    for (usize i = 0; i < sizeof(destination.bytes); ++i) destination.bytes[i] = frame[i];
    if (destination == filter_.own) return true;
    for (u32 i = 0; i < filter_.table_size; ++i)
        if (destination == filter_.table[i]) return true;
    return false;
}

} // namespace gimbal::virtio
