#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No page of gimbal-el2 is writable and executable: image_test.py ELF IMAGE judges the linked image and the file that is
booted. What the hypervisor maps is made of the same three marks (text_last, rodata_last, image_last), and OwnTablesTest
judges the tables."""

import pathlib
import struct
import sys

PAGE = 4096
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
PF_X, PF_W = 1, 2
PT_LOAD, SHT_SYMTAB, SHT_NOBITS = 1, 2, 8


def text(data, at):
    return data[at:data.index(b"\0", at)].decode()


def read_elf(data):
    """Segments (flags, address, file offset, file size, size), sections (name, flags, address, size), symbols by name."""
    phoff, shoff = struct.unpack_from("<QQ", data, 32)
    phentsize, phnum, shentsize, shnum, shstrndx = struct.unpack_from("<5H", data, 54)
    segments = []
    for i in range(phnum):
        kind, flags, offset, address, _, filesz, memsz = struct.unpack_from("<IIQQQQQ", data, phoff + i * phentsize)
        if kind == PT_LOAD:
            segments.append((flags, address, offset, filesz, memsz))
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * shentsize) for i in range(shnum)]
    names = headers[shstrndx][4]
    sections = [(text(data, names + name), flags, address, size) for name, _, flags, address, _, size, *_ in headers]
    symbols = {}
    for _, kind, _, _, offset, size, link, *_ in headers:
        if kind == SHT_SYMTAB:
            for at in range(offset, offset + size, 24):
                name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, at)
                symbols[text(data, headers[link][4] + name)] = value
    return segments, sections, symbols


def judge(data, image):
    segments, sections, symbols = read_elf(data)
    marks = [symbols[name] for name in ("image_head", "text_last", "rodata_last", "image_last")]
    problems = [f"a mark is inside a page: {mark:#x}" for mark in marks if mark % PAGE]
    if marks != sorted(set(marks)):
        problems.append(f"the marks are not in order: {marks}")
    pages = {}
    for flags, address, _, _, size in segments:
        if flags & PF_W and flags & PF_X:
            problems.append(f"the segment at {address:#x} is writable and executable")
        for page in range(address // PAGE, (address + size + PAGE - 1) // PAGE):
            pages[page] = pages.get(page, 0) | flags
    problems += [f"the page at {page * PAGE:#x} is in a writable and in an executable segment"
                 for page, flags in pages.items() if flags & PF_W and flags & PF_X]
    rights = {SHF_EXECINSTR: (marks[0], marks[1]), 0: (marks[1], marks[2]), SHF_WRITE: (marks[2], marks[3])}
    for name, flags, address, size in sections:
        if not flags & SHF_ALLOC or size == 0:
            continue
        first, last = rights.get(flags & (SHF_WRITE | SHF_EXECINSTR), (0, 0))
        if not first <= address <= address + size <= last:
            problems.append(f"{name} at {address:#x} is not where pages have its rights ({first:#x} to {last:#x})")
    for _, address, offset, filesz, _ in segments:
        if image[address:address + filesz] != data[offset:offset + filesz]:
            problems.append(f"the file that is booted differs from the segment at {address:#x}")
    if len(image) > marks[3]:
        problems.append(f"the file that is booted is longer than what is mapped by kind: {len(image):#x}")
    return problems


def main():
    elf, image = (pathlib.Path(name).read_bytes() for name in sys.argv[1:])
    problems = judge(elf, image)
    broken = bytearray(elf)  # the judge itself: a segment with all rights is found
    struct.pack_into("<I", broken, struct.unpack_from("<Q", elf, 32)[0] + 4, 7)
    if not any("writable and executable" in problem for problem in judge(bytes(broken), image)):
        problems.append("a segment with all rights is not noticed")
    print("\n".join(problems) or "no page is writable and executable")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
