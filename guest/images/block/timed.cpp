// SPDX-License-Identifier: Apache-2.0
// Timed reads, for bench/run: the order's sector holds their number at offset 256. One line tells the sum of what was
// read and the nanoseconds, as guest/bench's programs do.
#include "block.hpp"

namespace {

constexpr u64 transfer = 4096;
constexpr u64 disk_transfers = (u64{64} << 20) / transfer;
alignas(4096) u64 data[transfer / 8];

u64 nanoseconds(u64 ticks)
{
    const u64 frequency = ticks_per_second();
    return ticks / frequency * 1'000'000'000 + ticks % frequency * 1'000'000'000 / frequency;
}

bool read(u64 sector, bool by_queue)
{
    if (by_queue) return queue_read(sector, data, transfer);
    return fast_path(read_call, 0, sector, reinterpret_cast<u64>(data), transfer) == static_cast<i64>(transfer);
}

} // namespace

void time_reads(u64 count, bool by_queue)
{
    u64 sum = 0;
    u64 state = 1;
    const u64 start = now();
    for (u64 i = 0; i < count; ++i) {
        state = state * 0x5851'F42D'4C95'7F2D + 1;
        if (!read((state >> 33) % disk_transfers * (transfer / sector_size), by_queue)) {
            print("BENCH block error=a read failed\n");
            return;
        }
        sum = (sum ^ data[0]) * 0x100'0000'01B3;
    }
    const u64 ticks = now() - start;
    print("BENCH block sum=");
    print_number(static_cast<i64>(sum >> 1));
    print(" ns=");
    print_number(static_cast<i64>(nanoseconds(ticks)));
    print("\n");
}

void time_flushes(u64 count)
{
    const u64 start = now();
    for (u64 i = 0; i < count; ++i) {
        if (fast_path(flush_call, 0) != 0) {
            print("BENCH block error=a flush failed\n");
            return;
        }
    }
    const u64 ticks = now() - start;
    print("BENCH block sum=0 ns=");
    print_number(static_cast<i64>(nanoseconds(ticks)));
    print("\n");
}
