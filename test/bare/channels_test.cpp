// SPDX-License-Identifier: Apache-2.0
#include "bare/channels.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "bare/page_stack.hpp"
#include "test/bare/payloads.hpp"
#include "test/device/fakes.hpp"

namespace gimbal::bare {
namespace {

namespace board = gimbal::board::aarch64;
using test::FakeChip;
using test::Payload;

struct QuietTlb final : el2::Tlb {
    void publish() noexcept override {}
    void invalidate_ipa(u16, Gpa, unsigned) noexcept override {}
    void invalidate_vm(u16) noexcept override {}
};

constexpr usize room = 0x80'0000;

struct Memory {
    explicit Memory(usize size) : bytes(static_cast<u8*>(std::aligned_alloc(0x10'0000, size)), std::free), size(size)
    {
        std::memset(bytes.get(), 0xA5, size);
    }
    u64 base() const { return reinterpret_cast<u64>(bytes.get()); }
    std::unique_ptr<u8, void (*)(void*)> bytes;
    usize size;
};

/// What a VM has for its channels.
struct Machine {
    Memory tables{0x10'0000};
    PageStack pages;
    QuietTlb tlb;
    el2::VmidSlot vmid;
    el2::Stage2 stage2{pages, tlb, vmid};
    FakeChip chip;
    MmioBus bus;
    ChannelPorts ports;

    Machine()
    {
        pages.add(tables.base(), tables.size);
        const auto layout = el2::make_stage2_layout({.granule_4kib = true, .pa_bits = 48}, 40);
        EXPECT_TRUE(layout);
        EXPECT_TRUE(stage2.create(*layout));
    }
    ~Machine() { stage2.destroy(); }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    u32 configuration(u32 device, u32 offset)
    {
        return static_cast<u32>(
            *bus.read({VcpuId{0}}, {0x3f00'0000 + (u64{device} << 15) + offset}, AccessSize::bytes_4));
    }
    void write(u64 gpa, u32 value) { EXPECT_TRUE(bus.write({VcpuId{0}}, {gpa}, AccessSize::bytes_4, value)); }
    void enable(u32 channel)
    {
        write(0x3f00'0000 + (u64{board::channel_device(channel)} << 15) + 4, 2);
        write(board::channel_registers(channel).value, 1);
    }
};

class ChannelsOfTwo : public testing::Test {
protected:
    ChannelsOfTwo()
    {
        EXPECT_TRUE(channels_.create(reader_->channels(), arena_));
        for (u32 i = 0; i < 2; ++i)
            EXPECT_TRUE(
                machines_[i].ports.attach(channels_, i, machines_[i].chip, machines_[i].bus, machines_[i].stage2));
    }
    Payload payload_{3, 2};
    Result<payload::Reader, payload::Error> reader_{payload::Reader::open(payload_.bytes())};
    Memory memory_{room};
    Arena arena_{memory_.base(), memory_.base() + room};
    Channels channels_;
    Machine machines_[3];
};

TEST_F(ChannelsOfTwo, both_map_the_same_zeroed_memory_that_neither_executes)
{
    for (u32 i = 0; i < 2; ++i) {
        const std::span<u8> shared = channels_.memories()[i];
        ASSERT_EQ(shared.size(), 0x1'0000U);
        for (const u8 byte : shared) ASSERT_EQ(byte, 0);
        for (unsigned end = 0; end < 2; ++end) {
            const Gpa gpa = board::channel_memory(reader_->channels()[i].slots[end]);
            const auto mapping = machines_[end].stage2.translate(gpa);
            ASSERT_TRUE(mapping);
            EXPECT_EQ(mapping->physical, reinterpret_cast<u64>(shared.data()));
            EXPECT_EQ(mapping->attributes, el2::stage2_shared);
            EXPECT_FALSE(mapping->attributes.execute_el0 || mapping->attributes.execute_el1);
            EXPECT_TRUE(machines_[end].stage2.translate(gpa + (shared.size() - 1)));
            EXPECT_FALSE(machines_[end].stage2.translate(gpa + shared.size()));
        }
    }
}

TEST_F(ChannelsOfTwo, each_end_is_where_its_vm_has_it_and_rings_the_other)
{
    EXPECT_EQ(machines_[0].configuration(1, 0), 0x1110'1af4U);
    EXPECT_EQ(machines_[1].configuration(8, 0), 0x1110'1af4U);
    EXPECT_EQ(machines_[1].configuration(1, 0), 0xFFFF'FFFFU);
    EXPECT_EQ(machines_[0].configuration(1, 0x54), board::channel_memory(0).value);
    machines_[0].enable(0);
    machines_[1].enable(7);
    machines_[0].write(board::channel_registers(0).value + 0xC, 1 << 16);
    EXPECT_TRUE(machines_[1].chip.levels[board::pci_interrupt(8).value]);
    EXPECT_EQ(machines_[0].chip.changes, 0U);
    machines_[1].ports.reset();
    EXPECT_FALSE(machines_[1].chip.levels[board::pci_interrupt(8).value]);
}

TEST_F(ChannelsOfTwo, a_vm_without_channels_has_no_pci_bus)
{
    EXPECT_TRUE(machines_[2].ports.attach(channels_, 2, machines_[2].chip, machines_[2].bus, machines_[2].stage2));
    EXPECT_TRUE(machines_[2].bus.ranges().empty());
}

TEST_F(ChannelsOfTwo, what_is_taken_already_is_told)
{
    Machine& twice = machines_[0];
    ChannelPorts again;
    EXPECT_FALSE(again.attach(channels_, 0, twice.chip, twice.bus, twice.stage2));
}

TEST(Channels, memory_that_is_not_there)
{
    Payload payload(2, 2);
    const auto reader = payload::Reader::open(payload.bytes());
    const Memory memory(0x10'0000);
    Arena arena(memory.base(), memory.base() + 0x1'8000);
    EXPECT_FALSE(Channels().create(reader->channels(), arena));
}

} // namespace
} // namespace gimbal::bare
