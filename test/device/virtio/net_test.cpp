// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/net.hpp"

#include "device/internet_checksum.hpp"
#include "test/device/virtio/net_fixture.hpp"

namespace gimbal::test {
namespace {

TEST_F(NetworkDevice, Clause5_1_3_OffersWhatItHas)
{
    EXPECT_EQ(device->id(), virtio::DeviceId::network);
    EXPECT_EQ(device->features() | virtio::feature::of_every_device, all);
    EXPECT_EQ(device->queue_count(), 3U);
}

TEST_F(NetworkDevice, Clause5_1_4_ConfigurationHoldsAddressStatusAndMtu)
{
    Bytes config(16, 0xFF);
    for (u32 at = 0; at < config.size(); ++at) device->read_config(at, std::span(config).subspan(at, 1));
    EXPECT_EQ(config, (Bytes{0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 1, 0, 0, 0, 0x28, 0x23, 0, 0, 0, 0}));
    const u8 zero[4]{};
    device->write_config(0, zero); // read-only
    u8 word[4]{};
    device->read_config(0, word);
    EXPECT_EQ(word[0], 0x52);
    EXPECT_EQ(virtio::default_mac_address(2).bytes[5], 0x58);
}

TEST_F(NetworkDevice, Clause5_1_6_2_TransmitsTheFrameBehindTheHeader)
{
    const Bytes frame = test_frame(1514);
    transmit(packet(frame));
    transmit(packet(frame), 256); // header and frame may be cut anywhere
    transmit(packet(test_frame(60)), 5 + 7);
    ASSERT_EQ(backend.sent.size(), 3U);
    EXPECT_EQ(backend.sent[0], frame);
    EXPECT_EQ(backend.sent[1], frame);
    EXPECT_EQ(driver[net::transmit_queue].used_index(), 3);
    EXPECT_EQ(driver[net::transmit_queue].used(0), (DriverQueue::Used{0, 0}));
    EXPECT_EQ(host.used_calls[net::transmit_queue], 3U);
    EXPECT_EQ(device->counters().transmitted.load(), 3U);
}

TEST_F(NetworkDevice, Clause5_1_6_2_ManyFramesAreOneInterrupt)
{
    ASSERT_TRUE(ram.memory.write({data}, packet(test_frame(100))).has_value());
    for (u16 head = 0; head < 8; ++head)
        driver[net::transmit_queue].offer(
            {
                {data, 112, false}
        },
            head);
    device->process(net::transmit_queue);
    EXPECT_EQ(backend.sent.size(), 8U);
    EXPECT_EQ(host.used_calls[net::transmit_queue], 1U);
}

TEST_F(NetworkDevice, Clause5_1_6_2_CompletesThePartialChecksum)
{
    start(all);
    Bytes frame = test_frame(100);
    frame[34 + 16] = 0x12; // the pseudo header's sum
    frame[34 + 17] = 0x34;
    transmit(packet(frame, net::header_needs_csum, 0, 34, 16));
    ASSERT_EQ(backend.sent.size(), 1U);
    const Bytes& sent = backend.sent[0];
    const u16 checksum = static_cast<u16>((sent[50] << 8) | sent[51]);
    EXPECT_EQ(checksum, InternetSum{}.add(std::span(frame).subspan(34)).field());
    // What a receiver finds when it adds the pseudo header.
    EXPECT_EQ(InternetSum{}.add(std::span(sent).subspan(34)).add(u16{0x1234}).folded(), 0xFFFF);
    EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + 50, sent.begin()));
    EXPECT_TRUE(std::equal(frame.begin() + 52, frame.end(), sent.begin() + 52));
}

TEST_F(NetworkDevice, Clause5_1_6_2_AChecksumIsNeverZero)
{
    start(all);
    Bytes frame(60);
    frame[34] = frame[35] = 0xFF;
    transmit(packet(frame, net::header_needs_csum, 0, 34, 10));
    ASSERT_EQ(backend.sent.size(), 1U);
    EXPECT_EQ(backend.sent[0][44], 0xFF);
    EXPECT_EQ(backend.sent[0][45], 0xFF);
}

TEST_F(NetworkDevice, Clause5_1_6_2_ChecksumFieldsBeyondTheFrameLoseTheFrame)
{
    start(all);
    const Bytes frame = test_frame(60);
    transmit(packet(frame, net::header_needs_csum, 0, 60, 0));
    transmit(packet(frame, net::header_needs_csum, 0, 34, 25));
    transmit(packet(frame, net::header_needs_csum, 0, 0xFFFF, 0xFFFF));
    EXPECT_TRUE(backend.sent.empty());
    EXPECT_EQ(device->counters().transmit_dropped.load(), 3U);
    EXPECT_EQ(driver[net::transmit_queue].used_index(), 3);
    transmit(packet(frame, net::header_needs_csum, 0, 34, 24)); // the last place there is
    EXPECT_EQ(backend.sent.size(), 1U);
}

TEST_F(NetworkDevice, Clause5_1_6_2_WhatWasNotNegotiatedLosesTheFrame)
{
    const Bytes frame = test_frame(60);
    transmit(packet(frame, net::header_needs_csum, 0, 34, 16)); // no CSUM
    for (const u8 gso : Bytes{1, 3, 4, 5, 0x80, 0xFF}) transmit(packet(frame, 0, gso));
    EXPECT_TRUE(backend.sent.empty());
    EXPECT_EQ(device->counters().transmit_dropped.load(), 7U);
    EXPECT_FALSE(host.broken[net::transmit_queue]);
}

TEST_F(NetworkDevice, Clause5_1_6_2_2_IgnoresFlagsItDoesNotKnowAndNumBuffers)
{
    Bytes bytes = packet(test_frame(60), 0xFE);
    bytes[10] = bytes[11] = 0x77;
    transmit(bytes);
    EXPECT_EQ(backend.sent.size(), 1U);
}

TEST_F(NetworkDevice, Clause5_1_6_2_ChainsTooShortOrTooLongAreReturnedUnsent)
{
    for (const usize size : {usize{0}, usize{1}, usize{11}, usize{12}, usize{25}}) transmit(Bytes(size));
    EXPECT_EQ(driver[net::transmit_queue].used_index(), 5);
    const u32 half = 33'000; // two descriptors, more than any frame
    driver[net::transmit_queue].offer({
        {data, half, false},
        {data, half, false}
    });
    device->process(net::transmit_queue);
    EXPECT_EQ(driver[net::transmit_queue].used_index(), 6);
    EXPECT_TRUE(backend.sent.empty());
    EXPECT_EQ(device->counters().transmit_dropped.load(), 6U);
    EXPECT_FALSE(host.broken[net::transmit_queue]);
}

TEST_F(NetworkDevice, Clause5_1_6_2_TheLargestFrameIsSentWhole)
{
    const usize first = 60'000;
    Bytes bytes = packet(test_frame(max_frame_size));
    ASSERT_TRUE(ram.memory.write({data}, bytes).has_value());
    driver[net::transmit_queue].offer({
        {data,         first,                                  false},
        {data + first, static_cast<u32>(bytes.size() - first), false}
    });
    device->process(net::transmit_queue);
    ASSERT_EQ(backend.sent.size(), 1U);
    EXPECT_EQ(backend.sent[0], test_frame(max_frame_size));
}

TEST_F(NetworkDevice, Clause5_1_6_2_AWritableDescriptorToSendBreaksTheQueue)
{
    driver[net::transmit_queue].offer({
        {data,          100, false},
        {data + 0x1000, 10,  true }
    });
    device->process(net::transmit_queue);
    EXPECT_TRUE(host.broken[net::transmit_queue]);
    EXPECT_FALSE(host.broken[net::receive_queue]);
    EXPECT_TRUE(backend.sent.empty());
    offer_receive(0, 1526); // the other queue goes on
    EXPECT_EQ(deliver(test_frame(60)), Delivery::delivered);
}

TEST_F(NetworkDevice, Clause5_1_6_2_AFrameOutsideMemoryBreaksTheQueue)
{
    driver[net::transmit_queue].offer({
        {ram.end() - 50, 100, false}
    });
    device->process(net::transmit_queue);
    EXPECT_TRUE(host.broken[net::transmit_queue]);
    EXPECT_TRUE(backend.sent.empty());
}

TEST_F(NetworkDevice, Clause5_1_6_4_ReceivesIntoOneBuffer)
{
    offer_receive(0, 1526);
    const Bytes frame = test_frame(1514);
    EXPECT_EQ(deliver(frame, true), Delivery::delivered);
    EXPECT_EQ(driver[net::receive_queue].used(0), (DriverQueue::Used{0, 1526}));
    Bytes header(net::header_size);
    header[10] = 1; // num_buffers; no DATA_VALID without GUEST_CSUM
    EXPECT_EQ(memory(receive_buffer(0), net::header_size), header);
    EXPECT_EQ(memory(receive_buffer(0) + net::header_size, frame.size()), frame);
    EXPECT_EQ(host.used_calls[net::receive_queue], 0U);
    device->end_of_burst();
    device->end_of_burst();
    EXPECT_EQ(host.used_calls[net::receive_queue], 1U);
}

TEST_F(NetworkDevice, Clause5_1_6_4_SaysWhichChecksumsAreKnownToBeGood)
{
    start(all);
    offer_receive(0, 1526);
    offer_receive(1, 1526);
    EXPECT_EQ(deliver(test_frame(60), true), Delivery::delivered);
    EXPECT_EQ(deliver(test_frame(60), false), Delivery::delivered);
    EXPECT_EQ(ram.load<u8>(receive_buffer(0)), net::header_data_valid);
    EXPECT_EQ(ram.load<u8>(receive_buffer(1)), 0);
}

TEST_F(NetworkDevice, Clause5_1_6_4_MergesBuffersAndPublishesThemTogether)
{
    start(all);
    const Bytes frame = test_frame(250);
    for (const u16 head : {u16{4}, u16{5}}) offer_receive(head, 100);
    EXPECT_EQ(deliver(frame), Delivery::no_buffers);
    EXPECT_EQ(driver[net::receive_queue].used_index(), 0);
    offer_receive(6, 100);
    EXPECT_EQ(deliver(frame), Delivery::delivered);
    DriverQueue& queue = driver[net::receive_queue];
    EXPECT_EQ(queue.used_index(), 3);
    EXPECT_EQ(queue.used(0), (DriverQueue::Used{4, 100}));
    EXPECT_EQ(queue.used(1), (DriverQueue::Used{5, 100}));
    EXPECT_EQ(queue.used(2), (DriverQueue::Used{6, 62}));
    EXPECT_EQ(memory(receive_buffer(4) + 10, 2), (Bytes{3, 0}));
    Bytes got = memory(receive_buffer(4) + 12, 88);
    for (const Bytes& rest : {memory(receive_buffer(5), 100), memory(receive_buffer(6), 62)})
        got.insert(got.end(), rest.begin(), rest.end());
    EXPECT_EQ(got, frame);
}

TEST_F(NetworkDevice, Clause5_1_6_4_AFrameThatTheWholeQueueCannotHoldIsLost)
{
    start(all);
    for (u16 head = 0; head < 8; ++head) offer_receive(head, 20);
    EXPECT_EQ(deliver(test_frame(200)), Delivery::dropped);
    EXPECT_EQ(deliver(test_frame(100)), Delivery::delivered); // the buffers are still there
    EXPECT_EQ(driver[net::receive_queue].used_index(), 6);
}

TEST_F(NetworkDevice, Clause5_1_6_3_BuffersTooSmallLoseTheFrameAndStay)
{
    offer_receive(0, 100);
    EXPECT_EQ(deliver(test_frame(89)), Delivery::dropped);
    EXPECT_EQ(driver[net::receive_queue].used_index(), 0);
    EXPECT_EQ(deliver(test_frame(88)), Delivery::delivered);
    for (const u32 size : {0U, 5U, 11U}) { // not even a header fits
        start(all);
        offer_receive(0, size);
        EXPECT_EQ(deliver(test_frame(60)), Delivery::dropped);
    }
}

TEST_F(NetworkDevice, Clause5_1_6_3_AReadableDescriptorToReceiveBreaksTheQueue)
{
    driver[net::receive_queue].offer({
        {data, 2000, false}
    });
    EXPECT_EQ(deliver(test_frame(60)), Delivery::dropped);
    EXPECT_TRUE(host.broken[net::receive_queue]);
}

TEST_F(NetworkDevice, Clause5_1_6_3_ABufferOutsideMemoryBreaksTheQueue)
{
    driver[net::receive_queue].offer({
        {ram.end() - 20, 2000, true}
    });
    EXPECT_EQ(deliver(test_frame(60)), Delivery::dropped);
    EXPECT_TRUE(host.broken[net::receive_queue]);
    EXPECT_EQ(deliver(test_frame(60)), Delivery::dropped);
}

TEST_F(NetworkDevice, Clause5_1_6_3_WithoutBuffersTheBackendWaitsForTheDriver)
{
    EXPECT_EQ(deliver(test_frame(60)), Delivery::no_buffers);
    EXPECT_EQ(backend.ready_calls, 0U);
    offer_receive(0, 1526);
    device->notify(net::receive_queue);
    EXPECT_EQ(runner.rings, (std::vector<u32>{net::receive_queue})); // nothing happens on the vCPU
    EXPECT_EQ(backend.ready_calls, 0U);
    device->process(net::receive_queue);
    EXPECT_EQ(backend.ready_calls, 1U);
    EXPECT_EQ(deliver(test_frame(60)), Delivery::delivered);
}

TEST_F(NetworkDevice, Clause5_1_4_1_FramesAboveTheMtuAreNotPassed)
{
    start(all);
    for (u16 head = 0; head < 8; ++head) offer_receive(head, 2000);
    EXPECT_EQ(deliver(test_frame(9000 + 18)), Delivery::delivered); // with a VLAN tag
    EXPECT_EQ(deliver(test_frame(9000 + 19)), Delivery::dropped);
    EXPECT_EQ(deliver(test_frame(13)), Delivery::dropped);
}

TEST_F(NetworkDevice, Clause2_4_NothingMovesBeforeDriverOkOrAfterReset)
{
    offer_receive(0, 1526);
    device->reset();
    EXPECT_EQ(deliver(test_frame(60)), Delivery::dropped);
    transmit(packet(test_frame(60)));
    EXPECT_TRUE(backend.sent.empty());
    EXPECT_EQ(driver[net::receive_queue].used_index(), 0);
    EXPECT_EQ(device->counters().receive_dropped.load(), 1U);
}

TEST_F(NetworkDevice, Clause5_1_4_TheLinkGoesDownAndUp)
{
    offer_receive(0, 1526);
    device->set_link(false);
    device->set_link(false);
    EXPECT_EQ(host.config_changes, 1U);
    u8 status[2]{0xFF, 0xFF};
    device->read_config(6, status);
    EXPECT_EQ(status[0], 0);
    EXPECT_EQ(deliver(test_frame(60)), Delivery::dropped);
    transmit(packet(test_frame(60)));
    EXPECT_TRUE(backend.sent.empty());
    device->set_link(true);
    EXPECT_EQ(host.config_changes, 2U);
    EXPECT_EQ(deliver(test_frame(60)), Delivery::delivered);
}

TEST_F(NetworkDevice, ABackendMayAnswerWhileItSends)
{
    struct Echo final : NetBackend {
        FrameReceiver* card{};
        void send(std::span<const u8> frame) override { EXPECT_EQ(card->deliver(frame, false), Delivery::delivered); }
        void receiver_ready() override {}
    } echo;
    auto mirror = std::make_unique<virtio::Net>(virtio::NetConfig{test_mac, 1500}, echo, runner);
    echo.card = mirror.get();
    mirror->attach(host);
    start(all);
    mirror->activate(all);
    for (const u16 head : {u16{4}, u16{5}, u16{6}}) offer_receive(head, 100);
    ASSERT_TRUE(ram.memory.write({data}, packet(test_frame(250))).has_value());
    driver[net::transmit_queue].offer(
        {
            {data, 262, false}
    },
        2);
    mirror->process(net::transmit_queue);
    EXPECT_EQ(driver[net::transmit_queue].used(0), (DriverQueue::Used{2, 0}));
    EXPECT_EQ(driver[net::receive_queue].used_index(), 3);
}

TEST_F(NetworkDevice, ABusyQueueLeavesTheOthersTheirTurn)
{
    // A ring that is refilled as fast as it is emptied: the call ends all the same and asks to be called again.
    struct Refilling final : NetBackend {
        DriverQueue* queue{};
        u64 at{};
        unsigned count{};
        void send(std::span<const u8>) override
        {
            ++count;
            queue->offer(
                {
                    {at, 112, false}
            },
                static_cast<u16>(count % 8));
        }
        void receiver_ready() override {}
    } refilling;
    refilling.queue = &driver[net::transmit_queue];
    refilling.at = data;
    auto busy = std::make_unique<virtio::Net>(virtio::NetConfig{test_mac, 1500}, refilling, runner);
    busy->attach(host);
    busy->activate(virtio::feature::version_1);
    ASSERT_TRUE(ram.memory.write({data}, packet(test_frame(100))).has_value());
    driver[net::transmit_queue].offer({
        {data, 112, false}
    });
    busy->process(net::transmit_queue);
    EXPECT_EQ(refilling.count, 256U);
    EXPECT_EQ(runner.rings, (std::vector<u32>{net::transmit_queue}));
}

} // namespace
} // namespace gimbal::test
