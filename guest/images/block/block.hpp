// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/images/common/machine.hpp"

// A program that uses its disks without a kernel: by hypercall and by a virtqueue. What it does is written in sector 0
// of disk 0, see main.cpp.

constexpr u64 sector_size = 512;

extern "C" void call(u64 registers[8], bool secure);
void print_number(i64 value); ///< Decimal.

// The fast path. Answers are its own: bytes, 0 or -errno.
constexpr u64 probe_call = 0xC200'0000;
constexpr u64 read_call = 0xC200'0001;
constexpr u64 write_call = 0xC200'0002;
constexpr u64 flush_call = 0xC200'0003;
i64 fast_path(u64 function, u64 disk = 0, u64 sector = 0, u64 buffer = 0, u64 bytes = 0);

/// The first virtio-blk device behind virtio-mmio, one request at a time, polled. False: it is not there, or failed.
bool queue_start();
bool queue_read(u64 sector, void* data, u32 bytes);
bool queue_write(u64 sector, const void* data, u32 bytes);
bool queue_flush();

/// What the host has put into every disk: the 8-byte word number `index`.
constexpr u64 pattern(u64 index) { return index * 0x9E37'79B9'7F4A'7C15; }

void check_fast_path();                    ///< Prints a line per check and a verdict.
void time_reads(u64 count, bool by_queue); ///< Prints a line for bench/run.
void time_flushes(u64 count);              ///< The same of flushes by call, with nothing to flush.
void write_records(bool by_queue);         ///< Until the disk is full or the machine is gone; see records.cpp.
