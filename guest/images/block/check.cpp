// SPDX-License-Identifier: Apache-2.0
// Every answer of the fast path. The host gives 64 MiB of memory, disk 0 of 4 MiB, disk 1 of 64 KiB that is read-only;
// both hold the pattern, but for the order in the first sector.
#include "block.hpp"

namespace {

constexpr u64 ram_end = 0x4400'0000;
constexpr u64 sectors = 8192;
constexpr u64 fixed_sectors = 128;
constexpr u64 max_transfer = u64{1} << 20;
constexpr u64 mark = 0x5555'5555'5555'5555; ///< XORed into the pattern by what is written here.

constexpr i64 io_fault = -14;
constexpr i64 no_device = -19;
constexpr i64 invalid = -22;
constexpr i64 read_only = -30;
constexpr i64 range = -34;
constexpr i64 not_supported = -1;

alignas(4096) u64 buffer[max_transfer / 8 + sector_size];
u64 checks;
u64 failures;

void expect(const char* name, i64 found, i64 expected)
{
    ++checks;
    if (found == expected) return;
    ++failures;
    print("failed: ");
    print(name);
    print(": found ");
    print_number(found);
    print(", expected ");
    print_number(expected);
    print("\n");
}

void fill(u64 words, u64 value)
{
    for (u64 i = 0; i < words; ++i) buffer[i] = value;
}

/// Words of `buffer` that are not the pattern of what lies at `sector`, with `change` XORed in.
i64 differing(u64 sector, u64 bytes, u64 change = 0)
{
    i64 count = 0;
    for (u64 i = 0; i < bytes / 8; ++i)
        if (buffer[i] != (pattern(sector * sector_size / 8 + i) ^ change)) ++count;
    return count;
}

i64 read(u64 disk, u64 sector, u64 bytes, u64 address = 0)
{
    return fast_path(read_call, disk, sector, address != 0 ? address : reinterpret_cast<u64>(buffer), bytes);
}

i64 write(u64 disk, u64 sector, u64 bytes, u64 address = 0)
{
    return fast_path(write_call, disk, sector, address != 0 ? address : reinterpret_cast<u64>(buffer), bytes);
}

void check_transfers()
{
    expect("probe", fast_path(probe_call), 2);
    fill(2 * sector_size, 0);
    expect("read of one sector", read(0, 1, sector_size), sector_size);
    expect("its content", differing(1, sector_size), 0);
    expect("what lies behind it", static_cast<i64>(buffer[sector_size / 8]), 0);
    expect("largest read", read(0, 16, max_transfer), max_transfer);
    expect("its content", differing(16, max_transfer), 0);
    expect("last sector", read(0, sectors - 1, sector_size), sector_size);
    expect("its content", differing(sectors - 1, sector_size), 0);
    expect("read-only disk", read(1, 8, fixed_sectors / 2 * sector_size), fixed_sectors / 2 * sector_size);
    expect("its content", differing(8, fixed_sectors / 2 * sector_size), 0);

    for (u64 i = 0; i < max_transfer / 8; ++i) buffer[i] = pattern(64 * sector_size / 8 + i) ^ mark;
    expect("largest write", write(0, 64, max_transfer), max_transfer);
    expect("flush", fast_path(flush_call, 0), 0);
    expect("flush of a read-only disk", fast_path(flush_call, 1), 0);
    fill(max_transfer / 8, 0);
    expect("read of what was written", read(0, 64, max_transfer), max_transfer);
    expect("its content", differing(64, max_transfer, mark), 0);
    expect("read in front of it", read(0, 63, sector_size), sector_size);
    expect("its content", differing(63, sector_size), 0);
    expect("read behind it", read(0, 64 + max_transfer / sector_size, sector_size), sector_size);
    expect("its content", differing(64 + max_transfer / sector_size, sector_size), 0);

    // A buffer of no alignment.
    u8* const odd = reinterpret_cast<u8*>(buffer) + 5;
    odd[-1] = odd[sector_size] = 0xEE;
    expect("read to an odd address", read(0, 2, sector_size, reinterpret_cast<u64>(odd)), sector_size);
    u64 word = 0;
    for (u64 i = 0; i < 8; ++i) word |= u64{odd[8 + i]} << (8 * i);
    expect("its content", static_cast<i64>(word ^ pattern(2 * sector_size / 8 + 1)), 0);
    expect("what lies around it", odd[-1] + odd[sector_size], 2 * 0xEE);
}

void check_refusals()
{
    constexpr u64 all = ~u64{0};
    static constexpr u64 sizes[] = {0, 1, 511, 513, max_transfer + sector_size, u64{1} << 32, all - 511, all};
    for (const u64 bytes : sizes) {
        expect("read of a bad size", read(0, 0, bytes), invalid);
        expect("write of a bad size", write(0, 0, bytes), invalid);
    }
    static constexpr u64 beyond[] = {sectors, sectors + 1, all, all / sector_size, u64{1} << 55, u64{1} << 63};
    for (const u64 sector : beyond) {
        expect("read beyond the end", read(0, sector, sector_size), range);
        expect("write beyond the end", write(0, sector, sector_size), range);
    }
    expect("read across the end", read(0, sectors - 1, 2 * sector_size), range);
    expect("write across the end", write(0, sectors - 1, 2 * sector_size), range);
    expect("read across the end of the other disk", read(1, fixed_sectors - 1, 2 * sector_size), range);
    expect("write to a read-only disk", write(1, 0, sector_size), read_only);
    static constexpr u64 disks[] = {2, u64{1} << 32, all};
    for (const u64 disk : disks) {
        expect("read of no disk", read(disk, 0, sector_size), no_device);
        expect("write to no disk", write(disk, 0, sector_size), no_device);
        expect("flush of no disk", fast_path(flush_call, disk), no_device);
    }
    static constexpr u64 holes[] = {
        8, 0x0900'0000, 0x0A00'0000, ram_first - sector_size, ram_end - sector_size + 1, ram_end, all - 511};
    volatile u64* const last = reinterpret_cast<volatile u64*>(ram_end - 8);
    *last = mark;
    for (const u64 hole : holes) {
        expect("read to no memory", read(0, 1, sector_size, hole), io_fault);
        expect("write from no memory", write(0, 1, sector_size, hole), io_fault);
    }
    expect("memory in front of the hole", static_cast<i64>(*last), static_cast<i64>(mark));
    expect("read to the end of memory", read(0, 1, sector_size, ram_end - sector_size), sector_size);
    expect("the disk afterwards", read(0, 1, sector_size), sector_size);
    expect("its content", differing(1, sector_size), 0);
}

void check_calls()
{
    u64 registers[8] = {probe_call, 11, 12, 13, 14, 15, 16, 17};
    call(registers, false);
    for (u64 i = 1; i < 8; ++i)
        expect("a register that is no answer", static_cast<i64>(registers[i]), static_cast<i64>(10 + i));
    const auto answer = [](u64 function, bool secure) {
        u64 values[8] = {function};
        call(values, secure);
        return static_cast<i64>(values[0]);
    };
    expect("probe by SMC", answer(probe_call, true), not_supported);
    expect("flush by SMC", answer(flush_call, true), not_supported);
    expect("the function behind the last", answer(flush_call + 1, false), not_supported);
    expect("probe with a 32-bit identifier", static_cast<int>(answer(0x8200'0000, false)), not_supported);
}

} // namespace

void check_fast_path()
{
    check_transfers();
    check_refusals();
    check_calls();
    print(failures == 0 ? "BLOCK PASS " : "BLOCK FAIL ");
    print_number(static_cast<i64>(failures == 0 ? checks : failures));
    print("/");
    print_number(static_cast<i64>(checks));
    print("\n");
}
