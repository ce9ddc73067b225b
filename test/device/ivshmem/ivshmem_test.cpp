// SPDX-License-Identifier: Apache-2.0
#include "device/ivshmem/ivshmem.hpp"

#include <thread>

#include "test/device/fakes.hpp"

namespace gimbal::test {
namespace {

constexpr u64 mask = 0x0;
constexpr u64 status = 0x4;
constexpr u64 position = 0x8;
constexpr u64 doorbell = 0xC;
constexpr u32 command = 0x4;
constexpr u32 memory_space = 2;
constexpr u32 interrupt_disable = 0x400;
constexpr u32 interrupt_pending = 1U << 19;

/// One end as its VM sees it.
struct End {
    FakeLine irq;
    Ivshmem device;
    Driver reg{device};

    explicit End(u32 id) : device({0x1000'0000, 0x1100'0000, 0x1'0000}, id, irq.source) {}
    void enable()
    {
        device.write_configuration(command, memory_space, 0xFFFF);
        reg.write(mask, 1);
    }
};

class Channel : public testing::Test {
protected:
    Channel()
    {
        first_.device.connect(second_.device);
        second_.device.connect(first_.device);
        first_.enable();
        second_.enable();
    }
    End first_{0};
    End second_{1};
};

TEST_F(Channel, a_ring_is_an_interrupt_on_the_other_side_until_its_status_is_read)
{
    EXPECT_EQ(first_.reg.read(position), 0U);
    EXPECT_EQ(second_.reg.read(position), 1U);
    first_.reg.write(doorbell, 1 << 16);
    EXPECT_FALSE(first_.irq.level());
    EXPECT_TRUE(second_.irq.level());
    first_.reg.write(doorbell, 1 << 16); // two are one
    EXPECT_EQ(second_.reg.read(status), 1U);
    EXPECT_FALSE(second_.irq.level());
    EXPECT_EQ(second_.reg.read(status), 0U);
    second_.reg.write(doorbell, 0);
    EXPECT_TRUE(first_.irq.level());
    EXPECT_FALSE(second_.irq.level());
    EXPECT_EQ(first_.reg.read(doorbell), 0U); // write-only
}

TEST_F(Channel, an_end_may_ring_itself_and_nobody_else_is_there)
{
    first_.reg.write(doorbell, 0);
    EXPECT_EQ(first_.reg.read(status), 1U);
    for (const u64 other : {0x2'0000U, 0xFFFF'0000U, 0x1'0001U, 0x1U}) first_.reg.write(doorbell, other);
    EXPECT_EQ(first_.reg.read(status), 0U);
    EXPECT_EQ(second_.reg.read(status), 0U);
}

TEST_F(Channel, the_mask_and_the_command_register_gate_the_line)
{
    second_.reg.write(mask, 0xFFFF'FFFE);
    EXPECT_EQ(second_.reg.read(mask), 0U);
    first_.reg.write(doorbell, 1 << 16);
    EXPECT_FALSE(second_.irq.level());
    EXPECT_EQ(second_.device.read_configuration(command) & interrupt_pending, 0U);
    second_.reg.write(mask, 0xFFFF'FFFF);
    EXPECT_EQ(second_.reg.read(mask), 1U);
    EXPECT_TRUE(second_.irq.level()); // it was kept
    second_.device.write_configuration(command, memory_space | interrupt_disable, 0xFFFF);
    EXPECT_FALSE(second_.irq.level());
    EXPECT_NE(second_.device.read_configuration(command) & interrupt_pending, 0U); // says so all the same
    second_.device.write_configuration(command, memory_space, 0xFFFF);
    EXPECT_TRUE(second_.irq.level());
    second_.reg.write(status, 0);
    EXPECT_FALSE(second_.irq.level());
    second_.reg.write(status, 0xFFFF'FFFF);
    EXPECT_TRUE(second_.irq.level());
}

TEST_F(Channel, without_memory_space_nobody_answers)
{
    first_.device.write_configuration(command, 0, 0xFFFF);
    EXPECT_EQ(first_.reg.read(position), 0xFFFF'FFFFU);
    first_.reg.write(doorbell, 1 << 16);
    EXPECT_EQ(second_.reg.read(status), 0U);
}

TEST_F(Channel, only_aligned_words_inside_the_registers)
{
    for (const AccessSize size : {AccessSize::bytes_1, AccessSize::bytes_2, AccessSize::bytes_8})
        for (const u64 offset : {mask, status, position, doorbell}) EXPECT_TRUE(first_.reg.refuses(offset, size));
    for (const u64 offset : {u64{2}, u64{0x100}, u64{0xFFFC}})
        EXPECT_TRUE(first_.reg.refuses(offset, AccessSize::bytes_4));
    for (u64 offset = 0x10; offset < 0x100; offset += 4) { // reserved
        first_.reg.write(offset, ~0U);
        EXPECT_EQ(first_.reg.read(offset), 0U);
    }
    first_.reg.write(position, 7);
    EXPECT_EQ(first_.reg.read(position), 0U);
}

TEST_F(Channel, PCI30_6_1_TheConfigurationSpace)
{
    Ivshmem& device = first_.device;
    EXPECT_EQ(device.read_configuration(0x00), 0x1110'1af4U);
    EXPECT_EQ(device.read_configuration(0x08), 0x0500'0001U);
    EXPECT_EQ(device.read_configuration(0x34), 0x40U);
    EXPECT_EQ(device.read_configuration(0x3C), 0x100U);
    for (u32 offset = 0; offset < PciFunction::configuration_size; offset += 4) {
        const u32 before = device.read_configuration(offset);
        device.write_configuration(offset, ~0U, ~0U);
        const u32 writable = offset == command ? 0x546U : offset == 0x0C || offset == 0x3C ? 0xFFU : 0;
        EXPECT_EQ(device.read_configuration(offset) & ~writable, before & ~writable) << offset;
        EXPECT_EQ(device.read_configuration(offset) & writable, writable) << offset;
    }
}

/// Reads the capability as its specification says, not as the device was written.
TEST_F(Channel, EnhancedAllocationNamesBothResources)
{
    Ivshmem& device = first_.device;
    const u32 at = device.read_configuration(0x34) & 0xFF;
    const u32 head = device.read_configuration(at);
    EXPECT_EQ(head & 0xFF, 0x14U);
    EXPECT_EQ(head >> 8 & 0xFF, 0U); // the last capability
    ASSERT_EQ(head >> 16 & 0x3F, 2U);
    const u32 bars[] = {0, 2};
    const u32 properties[] = {0, 1};
    const u32 bases[] = {0x1000'0000, 0x1100'0000};
    const u32 sizes[] = {0x100, 0x1'0000};
    u32 entry = at + 4;
    for (unsigned i = 0; i < 2; ++i) {
        const u32 first_word = device.read_configuration(entry);
        EXPECT_EQ(first_word & 7, 2U);
        EXPECT_EQ(first_word >> 4 & 0xF, bars[i]);
        EXPECT_EQ(first_word >> 8 & 0xFF, properties[i]);
        EXPECT_EQ(first_word >> 16 & 0xFF, 0xFFU);
        EXPECT_NE(first_word >> 31, 0U);
        EXPECT_EQ(device.read_configuration(entry + 4), bases[i]);
        EXPECT_EQ(device.read_configuration(entry + 8), sizes[i] - 4); // the last word: both below 4 GiB
        entry += 12;
    }
}

TEST_F(Channel, a_reset_is_this_ends_alone)
{
    first_.reg.write(doorbell, 1 << 16);
    second_.reg.write(doorbell, 0);
    first_.device.reset();
    EXPECT_FALSE(first_.irq.level());
    EXPECT_TRUE(second_.irq.level());
    second_.reg.write(doorbell, 0); // nobody has turned it on yet: kept, silent
    EXPECT_FALSE(first_.irq.level());
    first_.enable();
    EXPECT_TRUE(first_.irq.level());
}

TEST_F(Channel, both_ring_at_once_and_no_ring_is_lost)
{
    constexpr unsigned turns = 20'000;
    const auto play = [](End& end, u64 other, bool begins) {
        if (begins) end.reg.write(doorbell, other);
        for (unsigned i = 0; i < turns; ++i) {
            while (end.reg.read(status) == 0) std::this_thread::yield();
            end.reg.write(doorbell, other);
        }
    };
    std::thread peer([&] { play(second_, 0, false); });
    play(first_, 1 << 16, true);
    peer.join();
    EXPECT_EQ(first_.reg.read(status), 0U);
    EXPECT_EQ(second_.reg.read(status), 1U); // the last, which nobody waited for
}

} // namespace
} // namespace gimbal::test
