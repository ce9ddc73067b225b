// SPDX-License-Identifier: Apache-2.0
// Requests that a correct driver makes; named after the sections of VIRTIO 1.2, 5.2.
#include "test/device/virtio/blk_fixture.hpp"

namespace gimbal::test {
namespace {

using BlkFeatures = BlkDevice;
using BlkConfiguration = BlkDevice;
using BlkRequests = BlkDevice;
using BlkCache = BlkDevice;

TEST_F(BlkFeatures, ReadOnlyAndChangesExcludeEachOther)
{
    using namespace blk_feature;
    make();
    EXPECT_EQ(device->features(),
              size_max | seg_max | blk_size | topology | flush | config_wce | mq | discard | write_zeroes);
    make(64, true);
    EXPECT_EQ(device->features(), size_max | seg_max | ro | blk_size | topology | flush | config_wce | mq);
    EXPECT_EQ(device->queue_count(), queues);
    EXPECT_EQ(device->id(), virtio::DeviceId::block);
}

TEST_F(BlkConfiguration, EveryFieldOfTheLayout)
{
    make(0x1'0000'0001);
    EXPECT_EQ(config<u64>(0), 0x1'0000'0001U); // capacity
    EXPECT_EQ(config<u32>(4), 1U);             // its upper half, as a 32-bit access reads it
    EXPECT_EQ(config<u32>(8), blk_limits::size_max);
    EXPECT_EQ(config<u32>(12), 254U); // seg_max: a queue of 256 less header and status
    EXPECT_EQ(config<u32>(16), 0U);   // geometry is not offered
    EXPECT_EQ(config<u32>(20), 512U); // blk_size
    EXPECT_EQ(config<u8>(24), 3);     // physical_block_exp: 4096
    EXPECT_EQ(config<u8>(25), 0);     // alignment_offset
    EXPECT_EQ(config<u16>(26), 8);    // min_io_size
    EXPECT_EQ(config<u32>(28), 0U);   // opt_io_size
    EXPECT_EQ(config<u8>(32), 1);     // writeback
    EXPECT_EQ(config<u16>(34), queues);
    EXPECT_EQ(config<u32>(36), blk_limits::discard_sectors);
    EXPECT_EQ(config<u32>(40), blk_limits::discard_seg);
    EXPECT_EQ(config<u32>(44), 8U);
    EXPECT_EQ(config<u32>(48), blk_limits::write_zeroes_sectors);
    EXPECT_EQ(config<u32>(52), blk_limits::write_zeroes_seg);
    EXPECT_EQ(config<u8>(56), 1);
    for (u32 offset = 57; offset < 80; ++offset) EXPECT_EQ(config<u8>(offset), 0) << offset;
    EXPECT_EQ(config<u64>(0xFFFF'FFF8), 0U);
}

TEST_F(BlkConfiguration, AReadOnlyDiskHasNothingToDiscard)
{
    make(64, true);
    for (u32 offset = 36; offset < 60; ++offset) EXPECT_EQ(config<u8>(offset), 0) << offset;
}

TEST_F(BlkConfiguration, OnlyWritebackCanBeWritten)
{
    start();
    const u8 bytes[8] = {};
    for (const u32 offset : {0U, 8U, 16U, 24U, 40U, 48U, 64U}) device->write_config(offset, bytes);
    EXPECT_EQ(config<u64>(0), 64U);
    EXPECT_EQ(config<u8>(32), 1);
    device->write_config(32, std::span(bytes).first(4)); // a 32-bit access covers it
    EXPECT_EQ(config<u8>(32), 0);
    EXPECT_EQ(config<u16>(34), queues);
}

TEST_F(BlkRequests, InReadsWhatTheDiskHolds)
{
    start();
    EXPECT_EQ(read(3, 1024), ok);
    EXPECT_EQ(ram.get(data, 1024), on_disk(3 * 512, 1024));
    EXPECT_EQ(ram.load<u8>(data + 1024), untouched);
    EXPECT_EQ(used_length(), 1025U);
    EXPECT_EQ(host.used_calls, 1U);
}

TEST_F(BlkRequests, InSpansBuffersAndTheWorkersOwn)
{
    make(1024);
    start();
    // More than the worker's buffer, in pieces that divide neither sectors nor that buffer.
    const u64 elsewhere = ram.base() + 0x40000;
    EXPECT_EQ(request(BlkType::in, 1,
                      {
                          {data,      1,      true},
                          {data + 1,  40'000, true},
                          {elsewhere, 41'919, true}
    }),
              ok);
    EXPECT_EQ(ram.get(data, 40'001) + ram.get(elsewhere, 41'919), on_disk(512, 81'920));
    EXPECT_EQ(used_length(), 81'921U);
}

TEST_F(BlkRequests, OutWritesWhatMemoryHolds)
{
    start();
    ram.put(data, std::string(512, 'x') + std::string(512, 'y'));
    const std::string behind = on_disk(7 * 512, 512);
    EXPECT_EQ(write(5, 1024), ok);
    EXPECT_EQ(on_disk(5 * 512, 1024), std::string(512, 'x') + std::string(512, 'y'));
    EXPECT_EQ(on_disk(7 * 512, 512), behind);
    EXPECT_EQ(used_length(), 1U);
    EXPECT_THAT(disk->calls, ElementsAre("write 2560+1024"));
}

TEST_F(BlkRequests, TheLastSectorIsPartOfTheDisk)
{
    start();
    EXPECT_EQ(read(63, 512), ok);
    EXPECT_EQ(write(63, 512), ok);
    EXPECT_EQ(read(64, 0), ok); // nothing, at the end
    EXPECT_EQ(used_length(), 1U);
}

TEST_F(BlkRequests, HeaderAndStatusMayBeSplitInAnyWay)
{
    start();
    // 2.7.4.2: no assumptions about framing. Status and data in one descriptor, the header in sixteen.
    put_header(0, 2);
    std::vector<Buffer> buffers;
    for (u32 i = 0; i < 7; ++i) buffers.push_back({header + i, 1, false});
    buffers.push_back({header + 7, 0, false});
    buffers.push_back({header + 7, 9, false});
    buffers.push_back({data, 513, true});
    EXPECT_EQ(run(buffers), untouched);
    EXPECT_EQ(ram.get(data, 512), on_disk(1024, 512));
    EXPECT_EQ(ram.load<u8>(data + 512), ok);
    EXPECT_EQ(used_length(), 513U);

    // A write whose header shares its descriptor with the data, and whose status follows an empty descriptor.
    put_header(1, 4);
    ram.put(header + 16, std::string(512, 'z'));
    EXPECT_EQ(run({
                  {header, 528, false},
                  {data,   0,   true },
                  {status, 1,   true }
    }),
              ok);
    EXPECT_EQ(on_disk(2048, 512), std::string(512, 'z'));
}

TEST_F(BlkRequests, FlushReachesTheDisk)
{
    start();
    EXPECT_EQ(request(BlkType::flush, 0, {}), ok);
    EXPECT_THAT(disk->calls, ElementsAre("flush in 0 scopes"));
    disk->flush_error = BlockError::io;
    EXPECT_EQ(request(BlkType::flush, 0, {}), ioerr);
}

TEST_F(BlkRequests, GetIdFillsTwentyBytes)
{
    start();
    EXPECT_EQ(request(BlkType::get_id, 0,
                      {
                          {data, 20, true}
    }),
              ok);
    EXPECT_EQ(ram.get(data, 20), std::string("fake.img") + std::string(12, '\0'));
    EXPECT_EQ(used_length(), 21U);
    EXPECT_EQ(request(BlkType::get_id, 0,
                      {
                          {data, 21, true}
    }),
              ok);
    EXPECT_EQ(used_length(), 20U); // a gap lies between the identity and the status
    EXPECT_EQ(request(BlkType::get_id, 0,
                      {
                          {data, 19, true}
    }),
              ioerr);
}

TEST_F(BlkRequests, DiscardAndWriteZeroesTakeSeveralRanges)
{
    start();
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {1,  2, 0},
                         {63, 1, 0},
                         {9,  0, 0}
    }),
              ok);
    EXPECT_THAT(disk->calls, ElementsAre("discard 512+1024", "discard 32256+512", "discard 4608+0"));
    disk->calls.clear();
    EXPECT_EQ(change(BlkType::write_zeroes,
                     {
                         {4, 1, 0},
                         {6, 2, 1}
    }),
              ok);
    EXPECT_THAT(disk->calls, ElementsAre("zero 2048+512", "unmap 3072+1024"));
    EXPECT_EQ(on_disk(3072, 1024), std::string(1024, '\0'));
    EXPECT_EQ(used_length(), 1U);
}

TEST_F(BlkRequests, ManyInOneTurnThenTheRunnerIsAskedForAnother)
{
    start();
    put_header(4, 0);
    for (int round = 0; round < 5; ++round) {
        for (u16 i = 0; i < 16; i += 2)
            driver.offer(
                {
                    {header, 16, false},
                    {status, 1,  true }
            },
                i);
        device->process(0);
    }
    EXPECT_EQ(driver.used_index(), 40);
    EXPECT_THAT(host.rings, IsEmpty());
    device->notify(1);
    EXPECT_THAT(host.rings, ElementsAre(1U));
}

TEST_F(BlkRequests, QueuesAreServedByTheirOwnWorkers)
{
    start();
    DriverQueue second(ram, ram.base() + 0x3000, 8);
    ASSERT_TRUE(host.second.start(second.layout(), virtio::feature::version_1));
    put_header(0, 8);
    second.offer({
        {header, 16,  false},
        {data,   512, true },
        {status, 1,   true }
    });
    device->process(1);
    EXPECT_EQ(second.used_index(), 1);
    EXPECT_EQ(ram.get(data, 512), on_disk(8 * 512, 512));
    EXPECT_EQ(driver.used_index(), 0);
}

TEST_F(BlkCache, WithoutFlushOrToggleEveryWriteIsStable)
{
    start(blk_feature::flush | blk_feature::config_wce); // 5.2.6.2, case 1
    EXPECT_EQ(write(1, 512), ok);
    EXPECT_THAT(disk->calls, ElementsAre("write 512+512", "flush in 0 scopes"));
    disk->flush_error = BlockError::io;
    EXPECT_EQ(write(1, 512), ioerr);
}

TEST_F(BlkCache, FlushAloneMeansWriteBack)
{
    start(blk_feature::config_wce);
    EXPECT_EQ(write(1, 512), ok);
    EXPECT_THAT(disk->calls, ElementsAre("write 512+512"));
    set_writeback(0); // was not negotiated
    EXPECT_EQ(write(1, 512), ok);
    EXPECT_THAT(disk->calls, ElementsAre("write 512+512", "write 512+512"));
}

TEST_F(BlkCache, TheToggleBeginsAtZeroWithoutFlush)
{
    start(blk_feature::flush); // 5.2.5.2
    EXPECT_EQ(config<u8>(32), 0);
    EXPECT_EQ(change(BlkType::write_zeroes,
                     {
                         {1, 1, 0}
    }),
              ok);
    EXPECT_THAT(disk->calls, ElementsAre("zero 512+512", "flush in 0 scopes"));
}

TEST_F(BlkCache, TheToggleIsHonouredBothWays)
{
    start();
    EXPECT_EQ(config<u8>(32), 1);
    EXPECT_EQ(write(1, 512), ok);
    set_writeback(0);
    EXPECT_EQ(config<u8>(32), 0);
    // What was written until now is made stable too: nobody will send a flush for it any more.
    EXPECT_THAT(host.rings, ElementsAre(0U));
    device->process(0);
    EXPECT_THAT(disk->calls, ElementsAre("write 512+512", "flush in 0 scopes"));
    disk->calls.clear();
    EXPECT_EQ(write(1, 512), ok);
    EXPECT_THAT(disk->calls, ElementsAre("write 512+512", "flush in 0 scopes"));
    set_writeback(1);
    disk->calls.clear();
    EXPECT_EQ(write(1, 512), ok);
    EXPECT_THAT(disk->calls, ElementsAre("write 512+512"));
}

TEST_F(BlkCache, AChoiceBeforeDriverOkStandsAndAResetForgetsIt)
{
    make();
    set_writeback(0);
    start();
    EXPECT_EQ(config<u8>(32), 0);
    device->reset();
    EXPECT_EQ(config<u8>(32), 1);
    device->activate(device->features());
    EXPECT_EQ(config<u8>(32), 1);
}

} // namespace
} // namespace gimbal::test
