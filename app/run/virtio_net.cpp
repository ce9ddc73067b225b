// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/run/virtio_devices.hpp"
#include "device/virtio/net.hpp"
#include "host/user_net.hpp"

namespace gimbal {
namespace {

class NetPart final : public VirtioPart {
public:
    NetPart(std::unique_ptr<host::UserNet> wire, u32 index, host::Worker::OnFailure on_failure)
        : wire_(std::move(wire)), card_({virtio::default_mac_address(index), host::UserNet::mtu}, *wire_, *wire_)
    {
        wire_->start(card_, card_, std::move(on_failure));
    }
    virtio::Device& device() override { return card_; }
    host::Pausable& threads() override { return *wire_; }
    void stop_threads() override { wire_->stop(); }

private:
    std::unique_ptr<host::UserNet> wire_;
    virtio::Net card_;
};

} // namespace

Result<OwnedPart, UserError> make_virtio_net(const VirtioContext& context, u32 index)
{
    std::vector<host::PortForward> forwards;
    for (const HostForward& forward : context.config.nets[index].forwards)
        forwards.push_back({.udp = forward.protocol == Protocol::udp,
                            .host_address = forward.host_address,
                            .host_port = forward.host_port,
                            .guest_port = forward.guest_port});
    auto wire = host::UserNet::open(forwards);
    if (!wire) return fail(UserError{fmt::format("network {}: {}", index, wire.error().message)});
    return OwnedPart(new NetPart(std::move(*wire), index, context.on_failure(fmt::format("network {}", index))));
}

} // namespace gimbal
