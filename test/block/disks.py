# SPDX-License-Identifier: Apache-2.0
"""Disk files for the block image, and what it writes on them (guest/images/block)."""

import os
import pathlib
import struct

SECTOR = 512
RECORD = 4096
GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
FNV_BASIS, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


def pattern(size, change=0, first=0):
    """`size` bytes of the pattern, from byte `first` on, with `change` XORed into each word."""
    words = range(first // 8, (first + size) // 8)
    return struct.pack(f"<{size // 8}Q", *(((index * GOLDEN) & MASK) ^ change for index in words))


def make_pattern_disk(path, size, order=""):
    content = bytearray(pattern(size))
    content[:len(order)] = order.encode()
    pathlib.Path(path).write_bytes(content)


def make_record_disk(path, size, order):
    with open(path, "wb") as disk:
        disk.truncate(size)
        disk.write(order.encode())


def record(number):
    count = RECORD // 8
    words = [number] + [((number * count + index) * GOLDEN) & MASK for index in range(1, count - 1)]
    total = FNV_BASIS
    for word in words:
        total = ((total ^ word) * FNV_PRIME) & MASK
    return struct.pack(f"<{count}Q", *words, total)


def lost_records(path, last):
    """The numbers from 1 to `last` that are not on the disk as they were written."""
    with open(path, "rb") as disk:
        lost = []
        for number in range(1, last + 1):
            if os.pread(disk.fileno(), RECORD, number * RECORD) != record(number):
                lost.append(number)
    return lost
