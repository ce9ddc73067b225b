// SPDX-License-Identifier: Apache-2.0
// Numbered, checksummed records: written, made stable, and only then acknowledged on the console. Whoever ends the
// machine at any moment must find every acknowledged record on the disk.
#include "block.hpp"

namespace {

constexpr u64 record_sectors = 8;
constexpr u64 record_bytes = record_sectors * sector_size;
constexpr u64 words = record_bytes / 8;
alignas(4096) u64 record[words];

/// Number, a payload that depends on it, and the FNV-1a sum of the words before.
void fill(u64 number)
{
    u64 sum = 0xCBF2'9CE4'8422'2325;
    for (u64 i = 0; i + 1 < words; ++i) {
        record[i] = i == 0 ? number : pattern(number * words + i);
        sum = (sum ^ record[i]) * 0x100'0000'01B3;
    }
    record[words - 1] = sum;
}

bool write_record(u64 number, bool by_queue)
{
    const u64 sector = number * record_sectors;
    if (by_queue) return queue_write(sector, record, record_bytes);
    return fast_path(write_call, 0, sector, reinterpret_cast<u64>(record), record_bytes) ==
           static_cast<i64>(record_bytes);
}

} // namespace

void write_records(bool by_queue)
{
    if (by_queue && !queue_start()) {
        print("BLOCK FAIL: no virtio-blk device\n");
        return;
    }
    for (u64 number = 1;; ++number) { // record 0 would lie over the order
        fill(number);
        if (!write_record(number, by_queue)) {
            print("END ");
            print_number(static_cast<i64>(number));
            print("\n");
            return;
        }
        if (by_queue ? !queue_flush() : fast_path(flush_call, 0) != 0) {
            print("BLOCK FAIL: flush\n");
            return;
        }
        print("ACK ");
        print_number(static_cast<i64>(number));
        print("\n");
    }
}
