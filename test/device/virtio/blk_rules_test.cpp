// SPDX-License-Identifier: Apache-2.0
// Requests that no correct driver makes, and disks that fail.
#include "test/device/virtio/blk_fixture.hpp"

namespace gimbal::test {
namespace {

using BlkRules = BlkDevice;
using BlkFailures = BlkDevice;

TEST_F(BlkRules, SectorsBeyondTheCapacityAreRefusedWhole)
{
    start();
    constexpr u64 all = ~u64{0};
    for (const u64 sector : {u64{64}, u64{65}, all, all / 512, all / 512 + 1, u64{1} << 55, u64{1} << 63}) {
        EXPECT_EQ(read(sector, 512), ioerr) << sector;
        EXPECT_EQ(used_length(), 0U); // nothing in front of the status was written
        EXPECT_EQ(write(sector, 512), ioerr) << sector;
        EXPECT_EQ(change(BlkType::discard,
                         {
                             {sector, 1, 0}
        }),
                  ioerr)
            << sector;
        EXPECT_EQ(change(BlkType::write_zeroes,
                         {
                             {sector, 1, 0}
        }),
                  ioerr)
            << sector;
    }
    EXPECT_EQ(read(63, 1024), ioerr); // its first half is inside
    EXPECT_EQ(write(63, 1024), ioerr);
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {1,  1, 0},
                         {63, 2, 0}
    }),
              ioerr);
    EXPECT_EQ(ram.load<u8>(data + 512), untouched);
    EXPECT_THAT(disk->calls, IsEmpty());
}

TEST_F(BlkRules, DataIsWholeSectors)
{
    start();
    for (const u32 bytes : {1U, 511U, 513U, 1023U}) {
        EXPECT_EQ(read(0, bytes), ioerr) << bytes;
        EXPECT_EQ(write(0, bytes), ioerr) << bytes;
    }
    EXPECT_THAT(disk->calls, IsEmpty());
}

TEST_F(BlkRules, ARequestIsNoLongerThanTheSegmentsItMayHave)
{
    make(u64{1} << 10);
    start();
    // More than the disk and more than one request, in descriptors that all name the same page.
    std::vector<Buffer> same(13, {data, 0x1000'0000, true});
    EXPECT_EQ(request(BlkType::in, 0, same), ioerr);
    EXPECT_THAT(disk->calls, IsEmpty());
}

TEST_F(BlkRules, DataInTheWrongDirectionIsNoData)
{
    start();
    EXPECT_EQ(request(BlkType::in, 0,
                      {
                          {data, 512, false}
    }),
              ioerr);
    EXPECT_EQ(request(BlkType::out, 0,
                      {
                          {data, 512, true}
    }),
              ioerr);
    EXPECT_EQ(request(BlkType::in, 0,
                      {
                          {data, 512, false},
                          {data, 512, true }
    }),
              ioerr);
    EXPECT_EQ(request(BlkType::discard, 0,
                      {
                          {data, 16, true}
    }),
              ioerr);
    EXPECT_THAT(disk->calls, IsEmpty());
}

TEST_F(BlkRules, AReadOnlyDiskRefusesEveryChange)
{
    make(64, true);
    start();
    EXPECT_EQ(write(1, 512), ioerr); // 5.2.6.2
    EXPECT_EQ(write(1, 0), ioerr);
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {1, 1, 0}
    }),
              unsupp); // was never offered
    EXPECT_EQ(change(BlkType::write_zeroes,
                     {
                         {1, 1, 0}
    }),
              unsupp);
    EXPECT_EQ(read(1, 512), ok);
    EXPECT_EQ(request(BlkType::flush, 0, {}), ok);
    EXPECT_THAT(disk->calls, ElementsAre("read 512+512", "flush in 0 scopes"));
}

TEST_F(BlkRules, UnknownAndUnnegotiatedTypesAreUnsupported)
{
    using namespace blk_feature;
    start(flush | discard | write_zeroes);
    EXPECT_EQ(request(BlkType::flush, 0, {}), unsupp);
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {1, 1, 0}
    }),
              unsupp);
    EXPECT_EQ(change(BlkType::write_zeroes,
                     {
                         {1, 1, 0}
    }),
              unsupp);
    for (const u32 type : {2U, 3U, 5U, 7U, 9U, 10U, 12U, 14U, 15U, 0x100U, 0x8000'0000U, 0xFFFF'FFFFU})
        EXPECT_EQ(request(
                      BlkType{
                          type
        },
                      0, {{data, 512, true}}),
                  unsupp)
            << type;
    EXPECT_THAT(disk->calls, IsEmpty());
}

TEST_F(BlkRules, DiscardAndWriteZeroesKeepToTheirLimits)
{
    make(u64{1} << 30);
    start();
    const auto many = [](u32 count) { return std::vector<Segment>(count, {0, 0, 0}); };
    EXPECT_EQ(change(BlkType::discard, many(blk_limits::discard_seg + 1)), ioerr);
    EXPECT_EQ(change(BlkType::write_zeroes, many(blk_limits::write_zeroes_seg + 1)), ioerr);
    EXPECT_EQ(change(BlkType::discard, {}), ioerr);
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {0, 0, 0}
    },
                     1),
              ioerr); // 17 bytes
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {0, 0, 0}
    },
                     0xFFFF'0000),
              ioerr);
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {0, blk_limits::discard_sectors + 1, 0}
    }),
              ioerr);
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {0, ~u32{0}, 0}
    }),
              ioerr);
    EXPECT_EQ(change(BlkType::write_zeroes,
                     {
                         {0, blk_limits::write_zeroes_sectors + 1, 0}
    }),
              ioerr);
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {0, 1, 1}
    }),
              unsupp); // 5.2.6.2: unmap means nothing here
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {0, 1, 0},
                         {0, 1, 2}
    }),
              unsupp);
    EXPECT_EQ(change(BlkType::write_zeroes,
                     {
                         {0, 1, 0x8000'0001}
    }),
              unsupp);
    EXPECT_THAT(disk->calls, IsEmpty());
}

TEST_F(BlkRules, AShortHeaderFails)
{
    start();
    put_header(0, 0);
    EXPECT_EQ(run({
                  {header, 15,  false},
                  {data,   512, true },
                  {status, 1,   true }
    }),
              ioerr);
    EXPECT_EQ(run({
                  {status, 1, true}
    }),
              ioerr);
    EXPECT_THAT(host.broken, IsEmpty());
}

TEST_F(BlkRules, WithoutRoomForTheStatusTheQueueBreaks)
{
    start();
    put_header(4, 0);
    EXPECT_EQ(run({
                  {header, 16, false}
    }),
              untouched); // none, or read-only, which is the same
    EXPECT_THAT(host.broken, ElementsAre(0U));
    EXPECT_EQ(driver.used_index(), 0);
    EXPECT_EQ(host.used_calls, 0U);
}

TEST_F(BlkRules, AStatusOfNoBytesBreaksTheQueueToo)
{
    start();
    put_header(4, 0);
    EXPECT_EQ(run({
                  {header, 16, false},
                  {status, 0,  true }
    }),
              untouched);
    EXPECT_THAT(host.broken, ElementsAre(0U));
    EXPECT_THAT(disk->calls, IsEmpty());
}

TEST_F(BlkRules, AStatusOutsideRamBreaksTheQueue)
{
    start();
    put_header(4, 0);
    run({
        {header,    16, false},
        {ram.end(), 1,  true }
    });
    EXPECT_THAT(host.broken, ElementsAre(0U));
}

TEST_F(BlkRules, BuffersOutsideRamFailTheRequest)
{
    start();
    for (const u64 at : {ram.end() - 511, ram.end(), u64{0}, ~u64{0} - 255, ram.base() - 1}) {
        EXPECT_EQ(request(BlkType::in, 0,
                          {
                              {at, 512, true}
        }),
                  ioerr)
            << std::hex << at;
        EXPECT_EQ(used_length(), 0U);
        EXPECT_EQ(request(BlkType::out, 0,
                          {
                              {at, 512, false}
        }),
                  ioerr)
            << std::hex << at;
        EXPECT_EQ(request(BlkType::get_id, 0,
                          {
                              {at, 512, true}
        }),
                  at == ram.end() - 511 ? ok : ioerr);
    }
    EXPECT_EQ(run({
                  {ram.end(), 16, false},
                  {status,    1,  true }
    }),
              ioerr); // the header
    EXPECT_THAT(host.broken, IsEmpty());
    EXPECT_EQ(request(BlkType::in, 0,
                      {
                          {ram.end() - 512, 512, true}
    }),
              ok); // the last byte of RAM is RAM
    for (const std::string& call : disk->calls) EXPECT_FALSE(call.starts_with("write")) << call;
}

TEST_F(BlkRules, AResetDuringARequestLeavesMemoryAlone)
{
    start();
    put_header(0, 0);
    driver.offer({
        {header, 16,  false},
        {data,   512, true },
        {status, 1,   true }
    });
    ram.store<u8>(status, untouched);
    host.first.stop();
    device->reset();
    device->process(0);
    EXPECT_EQ(ram.load<u8>(data), untouched);
    EXPECT_EQ(ram.load<u8>(status), untouched);
    EXPECT_THAT(host.broken, IsEmpty());
}

TEST_F(BlkFailures, AReadErrorIsAnIoError)
{
    make(1024);
    start();
    disk->error = BlockError::io;
    EXPECT_EQ(read(0, 512), ioerr);
    EXPECT_EQ(used_length(), 0U);
    EXPECT_EQ(ram.load<u8>(data), untouched);
    // Half-way: what was read until then stands, and is counted.
    disk->fail_from = virtio::BlkWorker::buffer_size;
    EXPECT_EQ(request(BlkType::in, 0,
                      {
                          {ram.base() + 0x20000, 0x18000, true}
    }),
              ioerr);
    EXPECT_EQ(used_length(), virtio::BlkWorker::buffer_size);
    disk->error.reset();
    EXPECT_EQ(read(0, 512), ok); // and the device goes on
}

TEST_F(BlkFailures, AFullDiskIsAnIoErrorAndNothingStaysOpen)
{
    start();
    disk->error = BlockError::no_space;
    EXPECT_EQ(write(0, 512), ioerr);
    EXPECT_EQ(change(BlkType::write_zeroes,
                     {
                         {0, 1, 0}
    }),
              ioerr);
    EXPECT_EQ(change(BlkType::discard,
                     {
                         {0, 1, 0}
    }),
              ioerr);
    EXPECT_EQ(disk->scopes, 0U);
    EXPECT_THAT(disk->calls, testing::Not(Contains("NOT ALLOWED")));
}

} // namespace
} // namespace gimbal::test
