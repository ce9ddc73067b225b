// SPDX-License-Identifier: Apache-2.0
#include "block.hpp"

namespace {

constexpr i64 not_supported = -1;
alignas(4096) u8 first_sector[sector_size];

bool asks_for(const char* word)
{
    for (u64 i = 0; word[i] != 0; ++i)
        if (first_sector[i] != static_cast<u8>(word[i])) return false;
    return true;
}

/// Offset 256 of the order's sector: how often.
u64 order_count()
{
    u64 count = 0;
    for (u64 i = 0; i < 8; ++i) count |= u64{first_sector[256 + i]} << 8 * i;
    return count;
}

} // namespace

const u64 console_address = uart;

void print_number(i64 value)
{
    if (value < 0) print("-");
    print(value < 0 ? 0 - static_cast<u64>(value) : static_cast<u64>(value));
}

i64 fast_path(u64 function, u64 disk, u64 sector, u64 buffer, u64 bytes)
{
    u64 registers[8] = {function, disk, sector, buffer, bytes};
    call(registers, false);
    return static_cast<i64>(registers[0]);
}

/// Sector 0 of disk 0 says what to do: "check" the fast path, write "records" or time reads by "calls" or by the
/// "queue". A machine without the fast path can do the last only.
extern "C" [[noreturn]] void boot()
{
    i64 bytes = fast_path(read_call, 0, 0, reinterpret_cast<u64>(first_sector), sector_size);
    const bool by_queue_only = bytes == not_supported;
    if (by_queue_only && queue_start() && queue_read(0, first_sector, sector_size)) bytes = sector_size;
    if (bytes != static_cast<i64>(sector_size)) {
        print("BLOCK FAIL: sector 0 of disk 0: ");
        print_number(bytes);
        print("\n");
    } else if (asks_for("check\n")) {
        check_fast_path();
    } else if (asks_for("records by calls\n")) {
        write_records(false);
    } else if (asks_for("records by queue\n")) {
        write_records(true);
    } else if (asks_for("timed reads by calls\n")) {
        time_reads(order_count(), false);
    } else if (asks_for("timed flushes by calls\n")) {
        time_flushes(order_count());
    } else if (asks_for("timed reads by queue\n") && (by_queue_only || queue_start())) {
        time_reads(order_count(), true);
    } else {
        print("BLOCK FAIL: sector 0 of disk 0 asks for nothing that is known\n");
    }
    power_off();
}
