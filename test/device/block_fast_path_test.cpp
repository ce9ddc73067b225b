// SPDX-License-Identifier: Apache-2.0
#include "device/block_fast_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/device/fake_disk.hpp"
#include "test/device/virtio/guest_driver.hpp"

namespace gimbal::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace answer = block_fast_path;

/// Remembers which disks were rung.
struct Flusher final : BlockFlusher {
    void ring(u32 disk) noexcept override { rung.push_back(disk); }
    std::vector<u32> rung;
};

class FastPath : public testing::Test {
protected:
    CallOutcome outcome(u64 function, u64 disk = 0, u64 sector = 0, u64 buffer = 0, u64 bytes = 0,
                        Conduit conduit = Conduit::hypercall)
    {
        CallExit call{
            {function, disk, sector, buffer, bytes},
            0
        };
        return path.call({1}, conduit, call);
    }
    i64 call(u64 function, u64 disk = 0, u64 sector = 0, u64 buffer = 0, u64 bytes = 0)
    {
        const CallOutcome result = outcome(function, disk, sector, buffer, bytes);
        EXPECT_EQ(result.effect, CallEffect::none);
        EXPECT_EQ(result.answer.kind, CompletionKind::done);
        return static_cast<i64>(result.answer.results[0]);
    }
    i64 read(u64 disk, u64 sector, u64 buffer, u64 bytes)
    {
        return call(BlockFastPath::read, disk, sector, buffer, bytes);
    }
    i64 write(u64 disk, u64 sector, u64 buffer, u64 bytes)
    {
        return call(BlockFastPath::write, disk, sector, buffer, bytes);
    }
    std::string on_disk(u64 offset, usize size)
    {
        return {disk.bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                disk.bytes.begin() + static_cast<std::ptrdiff_t>(offset + size)};
    }

    GuestRam ram{0x200000};
    FakeDisk disk{2112};
    FakeDisk fixed{16, true};
    BlockBackend* disks[2]{&disk, &fixed};
    std::vector<BlockFastPath::Buffer> buffers{2};
    VcpuSlot slots[2];
    Flusher flusher;
    BlockFastPath path{ram.memory, disks, buffers, slots, flusher};
    u64 data{ram.base() + 0x1003}; // of any alignment
};

TEST_F(FastPath, ProbeCountsTheDisks)
{
    EXPECT_EQ(call(BlockFastPath::probe), 2);
    BlockFastPath none(ram.memory, {}, buffers, slots, flusher);
    const CallExit probe{{BlockFastPath::probe}, 0};
    EXPECT_EQ(none.call({0}, Conduit::hypercall, probe).answer.results[0], 0U);
    const CallExit flush{{BlockFastPath::flush}, 0};
    EXPECT_EQ(static_cast<i64>(none.call({0}, Conduit::hypercall, flush).answer.results[0]), answer::no_device);
}

TEST_F(FastPath, ReadsAndWritesWholeTransfers)
{
    EXPECT_EQ(read(0, 0, data, BlockFastPath::max_transfer), static_cast<i64>(BlockFastPath::max_transfer));
    EXPECT_EQ(ram.get(data, BlockFastPath::max_transfer), on_disk(0, BlockFastPath::max_transfer));
    ram.put(data, std::string(1024, 'w'));
    EXPECT_EQ(write(0, 5, data, 1024), 1024);
    EXPECT_EQ(on_disk(5 * 512, 1024), std::string(1024, 'w'));
    EXPECT_EQ(read(1, 15, data, 512), 512); // the last sector of a read-only disk
    EXPECT_EQ(ram.get(data, 512), std::string(fixed.bytes.end() - 512, fixed.bytes.end()));
}

TEST_F(FastPath, SizesAreSectorsAndBounded)
{
    for (const u64 bytes :
         {u64{0}, u64{1}, u64{511}, u64{513}, BlockFastPath::max_transfer + 512, ~u64{0} - 511, ~u64{0}}) {
        EXPECT_EQ(read(0, 0, data, bytes), answer::invalid) << bytes;
        EXPECT_EQ(write(0, 0, data, bytes), answer::invalid) << bytes;
    }
    EXPECT_THAT(disk.calls, IsEmpty());
}

TEST_F(FastPath, SectorsBeyondTheCapacityAreRefused)
{
    for (const u64 sector : {u64{2112}, u64{2113}, ~u64{0}, ~u64{0} / 512, u64{1} << 55}) {
        EXPECT_EQ(read(0, sector, data, 512), answer::range) << sector;
        EXPECT_EQ(write(0, sector, data, 512), answer::range) << sector;
    }
    EXPECT_EQ(write(0, 2111, data, 1024), answer::range);
    EXPECT_THAT(disk.calls, IsEmpty());
}

TEST_F(FastPath, ReadOnlyDisksRefuseWrites)
{
    EXPECT_EQ(write(1, 0, data, 512), answer::read_only);
    EXPECT_THAT(fixed.calls, IsEmpty());
}

TEST_F(FastPath, UnknownDisksAreNone)
{
    for (const u64 index : {u64{2}, u64{1} << 32, ~u64{0}}) {
        EXPECT_EQ(read(index, 0, data, 512), answer::no_device);
        EXPECT_EQ(write(index, 0, data, 512), answer::no_device);
        EXPECT_EQ(call(BlockFastPath::flush, index), answer::no_device);
    }
}

TEST_F(FastPath, ABufferIsCheckedWholeBeforeAnythingMoves)
{
    for (const u64 at : {ram.end() - 1023, ram.end(), u64{0}, ~u64{0} - 511, ram.base() - 512}) {
        EXPECT_EQ(read(0, 0, at, 1024), answer::fault) << std::hex << at;
        EXPECT_EQ(write(0, 0, at, 1024), answer::fault) << std::hex << at;
    }
    EXPECT_EQ(ram.load<u8>(ram.end() - 1), 0);
    EXPECT_THAT(disk.calls, IsEmpty());
    EXPECT_EQ(read(0, 0, ram.end() - 1024, 1024), 1024);
}

TEST_F(FastPath, ReadOnlyMemoryCanBeWrittenFromButNotReadInto)
{
    std::vector<u8> storage(8192);
    u8* const page = reinterpret_cast<u8*>(align_up(reinterpret_cast<std::uintptr_t>(storage.data()), 4096));
    ASSERT_TRUE(ram.memory.map({.base = {0x1000}, .size = 4096, .host = page, .read_only = true}).has_value());
    EXPECT_EQ(read(0, 0, 0x1000, 512), answer::fault);
    EXPECT_EQ(write(0, 0, 0x1000, 512), 512);
}

TEST_F(FastPath, FlushIsAnsweredFromTheDisksThread)
{
    for (const auto error : {std::optional<BlockError>(), std::optional(BlockError::io)}) {
        disk.flush_error = error;
        EXPECT_EQ(outcome(BlockFastPath::flush, 0).effect, CallEffect::pending);
        EXPECT_THAT(disk.calls, IsEmpty()) << "not on the vCPU's thread";
        EXPECT_FALSE(path.answer({1}));
        path.process(1); // another disk's
        EXPECT_FALSE(path.answer({1}));
        EXPECT_FALSE(slots[1].requests.any());
        path.process(0);
        EXPECT_THAT(std::exchange(disk.calls, {}), ElementsAre("flush in 0 scopes"));
        EXPECT_TRUE(slots[1].requests.take(Request::kick));
        const auto answer = path.answer({1});
        ASSERT_TRUE(answer);
        EXPECT_EQ(static_cast<i64>(answer->results[0]), error ? answer::io : 0);
        EXPECT_FALSE(path.answer({1})) << "once";
    }
    EXPECT_THAT(flusher.rung, ElementsAre(0U, 0U));
}

TEST_F(FastPath, OneFlushAnswersAllThatHaveAskedByThen)
{
    const CallExit flush{
        {BlockFastPath::flush, 0},
        0
    };
    EXPECT_EQ(path.call({0}, Conduit::hypercall, flush).effect, CallEffect::pending);
    EXPECT_EQ(path.call({1}, Conduit::hypercall, flush).effect, CallEffect::pending);
    path.process(0);
    path.process(0); // the second ring finds nothing left
    EXPECT_THAT(disk.calls, ElementsAre("flush in 0 scopes"));
    EXPECT_TRUE(path.answer({0}));
    EXPECT_TRUE(path.answer({1}));
}

TEST_F(FastPath, FlushOfAReadOnlyDiskIsAnsweredAtOnce)
{
    EXPECT_EQ(call(BlockFastPath::flush, 1), 0);
    EXPECT_THAT(flusher.rung, IsEmpty());
}

TEST_F(FastPath, FailuresOfTheHostAreErrno)
{
    disk.error = BlockError::io;
    EXPECT_EQ(read(0, 0, data, 512), answer::io);
    disk.error = BlockError::no_space;
    EXPECT_EQ(write(0, 0, data, 512), answer::no_space);
    EXPECT_EQ(disk.scopes, 0U); // a write is one scope, also when it fails
    EXPECT_THAT(disk.calls, ElementsAre("read 0+512", "write 0+512"));
}

TEST_F(FastPath, OnlyHvcAndOnlyItsFourFunctions)
{
    EXPECT_EQ(static_cast<i64>(outcome(BlockFastPath::probe, 0, 0, 0, 0, Conduit::secure_call).answer.results[0]),
              smccc_not_supported);
    CallTable table;
    ASSERT_TRUE(path.register_in(table).has_value());
    EXPECT_EQ(table.find(0xC200'0004), nullptr);
    EXPECT_EQ(table.find(0xC1FF'FFFF), nullptr);
    EXPECT_EQ(table.find(0x8200'0000), nullptr); // the 32-bit convention is not offered
    EXPECT_EQ(call(0xC200'0004), smccc_not_supported);
}

} // namespace
} // namespace gimbal::test
