// SPDX-License-Identifier: Apache-2.0
#include "app/run/virtio_devices.hpp"

#include <spdlog/spdlog.h>

#include "vm/aarch64/board.hpp"

namespace gimbal {
namespace {

namespace map = gimbal::board::aarch64;

static_assert(virtio::MmioTransport::size == map::virtio_slot_size);
static_assert(map::virtio_slot_count == 32, "slots() is a mask of 32 bits");

} // namespace

void VirtioPart::End::operator()(VirtioPart* part) const
{
    part->stop_threads();
    delete part;
}

host::Worker::OnFailure VirtioContext::on_failure(std::string device) const
{
    return [device = std::move(device), &vm = vm](const std::string& what) {
        spdlog::error("{} cannot go on: {}", device, what);
        vm.request_stop({.reason = StopReason::device_failure});
    };
}

Result<void, UserError> VirtioDevices::add(OwnedPart part)
{
    const auto number = static_cast<u32>(slots_.size());
    if (number == map::virtio_slot_count - 1)
        return fail(UserError{fmt::format("too many disks and networks: the board takes {} virtio devices in all",
                                          map::virtio_slot_count - 1)});
    auto slot = std::make_unique<Slot>();
    slot->part = std::move(part);
    InterruptChip* const chip = vm_.services().chip;
    if (chip == nullptr || !slot->line.connect(*chip, map::virtio_interrupt(number)))
        return fail(UserError{"the board cannot be assembled: a virtio slot has no interrupt"});
    slot->transport.emplace(slot->part->device(), vm_.memory, *slot->line.add_source());
    if (!vm_.bus.add({.base = map::virtio_base(number),
                      .size = map::virtio_slot_size,
                      .device = &*slot->transport,
                      .limits = virtio::MmioTransport::access_limits}))
        return fail(UserError{"the board cannot be assembled: the bus has no room for a virtio slot"});
    add_doorbells(*slot, map::virtio_base(number));
    slots_.push_back(std::move(slot));
    return {};
}

/// What the table has no room for is notified by the trapped write.
void VirtioDevices::add_doorbells(Slot& slot, Gpa base)
{
    for (u32 queue = 0; queue < slot.part->device().queue_count(); ++queue) {
        auto bell = std::make_unique<Bell>(*slot.transport, queue);
        if (!vm_.doorbells.add({.gpa = base + static_cast<u64>(virtio::mmio::Register::queue_notify),
                                .size = AccessSize::bytes_4,
                                .match = queue,
                                .event = bell.get()}))
            return;
        slot.bells.push_back(std::move(bell));
    }
}

void VirtioDevices::request_pause()
{
    for (const auto& slot : slots_) slot->part->threads().request_pause();
}

void VirtioDevices::wait_paused()
{
    for (const auto& slot : slots_) slot->part->threads().wait_paused();
}

void VirtioDevices::resume()
{
    for (const auto& slot : slots_) slot->part->threads().resume();
}

void VirtioDevices::stop()
{
    for (const auto& slot : slots_) slot->part->stop_threads();
}

Result<void, UserError> add_virtio_devices(VirtioDevices& devices, const VirtioContext& context)
{
    for (const auto& disk : context.disks) GIMBAL_TRY_VOID(devices.add(make_virtio_blk(context, *disk)));
    for (u32 index = 0; index < context.config.nets.size(); ++index) {
        GIMBAL_TRY(network, make_virtio_net(context, index));
        GIMBAL_TRY_VOID(devices.add(std::move(network)));
    }
    GIMBAL_TRY_VOID(devices.add(make_virtio_console(context)));
    return devices.add(make_virtio_rng(context));
}

} // namespace gimbal
