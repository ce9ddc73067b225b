// SPDX-License-Identifier: Apache-2.0
#include "test/device/virtio/net_fixture.hpp"

namespace gimbal::test {
namespace {

constexpr u8 ok = 0;
constexpr u8 error = 1;
constexpr virtio::MacAddress broadcast{
    {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
};
constexpr virtio::MacAddress multicast{
    {0x33, 0x33, 0, 0, 0, 1}
};
constexpr virtio::MacAddress stranger{
    {0x02, 1, 2, 3, 4, 5}
};

struct NetworkControl : NetworkDevice {
    void SetUp() override
    {
        NetworkDevice::SetUp();
        start(all);
        for (u16 head = 0; head < 8; ++head) offer_receive(head, 1526);
    }
    bool hears(const virtio::MacAddress& address) { return deliver(test_frame(60, address)) == Delivery::delivered; }
    /// MAC_TABLE_SET with these lists.
    static Bytes table(const std::vector<virtio::MacAddress>& unicast, const std::vector<virtio::MacAddress>& groups)
    {
        Bytes bytes{1, 0};
        for (const auto* list : {&unicast, &groups}) {
            bytes.insert(bytes.end(), {static_cast<u8>(list->size()), 0, 0, 0});
            for (const auto& address : *list)
                bytes.insert(bytes.end(), std::begin(address.bytes), std::end(address.bytes));
        }
        return bytes;
    }
};

TEST_F(NetworkControl, Clause5_1_6_5_1_PromiscuousUntilTheDriverSaysOtherwise)
{
    EXPECT_TRUE(hears(stranger));
    EXPECT_EQ(command({0, 0, 0}), ok);
    EXPECT_FALSE(hears(stranger));
    EXPECT_FALSE(hears(multicast));
    EXPECT_TRUE(hears(test_mac));
    EXPECT_TRUE(hears(broadcast));
    EXPECT_EQ(command({0, 0, 1}), ok);
    EXPECT_TRUE(hears(stranger));
    EXPECT_EQ(host.used_calls[net::control_queue], 2U);
}

TEST_F(NetworkControl, Clause5_1_6_5_1_AllMulticast)
{
    EXPECT_EQ(command({0, 0, 0}), ok);
    EXPECT_EQ(command({0, 1, 1}), ok);
    EXPECT_TRUE(hears(multicast));
    EXPECT_FALSE(hears(stranger));
    EXPECT_EQ(command({0, 1, 0}), ok);
    EXPECT_FALSE(hears(multicast));
}

TEST_F(NetworkControl, Clause5_1_6_5_2_FiltersByTheTable)
{
    EXPECT_EQ(command({0, 0, 0}), ok);
    EXPECT_EQ(command(table({stranger}, {multicast})), ok);
    EXPECT_TRUE(hears(stranger));
    EXPECT_TRUE(hears(multicast));
    EXPECT_EQ(command(table({}, {})), ok);
    EXPECT_FALSE(hears(stranger));
    const std::vector<virtio::MacAddress> many(17, multicast); // more than the device remembers: nothing is filtered
    EXPECT_EQ(command(table({}, many)), ok);
    EXPECT_TRUE(hears(stranger));
}

TEST_F(NetworkControl, Clause5_1_6_5_2_SetsTheAddressUntilReset)
{
    EXPECT_EQ(command({0, 0, 0}), ok);
    EXPECT_EQ(command({1, 1, 2, 1, 2, 3, 4, 5}), ok);
    EXPECT_TRUE(hears(stranger));
    EXPECT_FALSE(hears(test_mac));
    u8 first[1]{};
    device->read_config(0, first);
    EXPECT_EQ(first[0], 2);
    EXPECT_EQ(command({1, 1, 3, 1, 2, 3, 4, 5}), error); // a group's address is nobody's own
    device->reset();
    device->read_config(0, first);
    EXPECT_EQ(first[0], 0x52);
}

TEST_F(NetworkControl, Clause5_1_6_5_WhatIsNotOfferedOrMalformedIsRefused)
{
    EXPECT_EQ(command({0, 2, 1}), error);          // CTRL_RX_EXTRA
    EXPECT_EQ(command({2, 0, 0, 0}), error);       // CTRL_VLAN
    EXPECT_EQ(command({4, 0, 1, 0}), error);       // MQ
    EXPECT_EQ(command({0xFF, 0xFF}), error);       //
    EXPECT_EQ(command({0, 0}), error);             // no data
    EXPECT_EQ(command({0, 0, 0, 0}), error);       // too much
    EXPECT_EQ(command({0, 0, 2}), error);          // neither on nor off
    EXPECT_EQ(command({1, 1, 2, 1, 2}), error);    // half an address
    EXPECT_EQ(command({1, 0}), error);             // no table
    EXPECT_EQ(command({1, 0, 0, 0, 0, 0}), error); // one list only
    EXPECT_EQ(command({1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 5, 6}), error);
    EXPECT_EQ(command({1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}), error); // a rest
    EXPECT_TRUE(hears(stranger));                                 // nothing of it had an effect
    EXPECT_FALSE(host.broken[net::control_queue]);
}

TEST_F(NetworkControl, Clause5_1_6_5_RefusesCommandsWhoseFeatureWasNotNegotiated)
{
    start(virtio::feature::version_1 | net::feature::ctrl_vq);
    EXPECT_EQ(command({0, 0, 0}), error);
    EXPECT_EQ(command({1, 1, 2, 1, 2, 3, 4, 5}), error);
    EXPECT_EQ(command(table({}, {})), error);
}

TEST_F(NetworkControl, Clause5_1_6_5_NoRoomForAnAnswerBreaksTheQueue)
{
    EXPECT_EQ(command({0, 0, 0}, 0), std::nullopt);
    EXPECT_TRUE(host.broken[net::control_queue]);
    EXPECT_TRUE(hears(stranger));
}

TEST_F(NetworkControl, Clause5_1_6_5_NoCommandBreaksTheQueue)
{
    EXPECT_EQ(command({0}), std::nullopt);
    EXPECT_TRUE(host.broken[net::control_queue]);
}

} // namespace
} // namespace gimbal::test
