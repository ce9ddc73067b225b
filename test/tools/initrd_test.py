#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The initramfs archive is what the kernel's unpacker reads, and the same input gives the same bytes."""

import pathlib
import shutil
import stat
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tools/lib"))
import initrd  # noqa: E402


def read_newc(data):
    """name -> (mode, device, content)"""
    entries, at = {}, 0
    while True:
        assert data[at:at + 6] == b"070701", data[at:at + 6]
        fields = [int(data[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        at += (110 + fields[11] + 3) & ~3
        if name == "TRAILER!!!":
            return entries
        entries[name] = (fields[1], (fields[9], fields[10]), data[at:at + fields[6]])
        at += (fields[6] + 3) & ~3


class Initrd(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "busybox").write_bytes(b"static" * 3)
        self.release = self.root / "6.1.0-1-arm64"
        for name, needs in (("virtio_mmio", "virtio-ring,virtio"), ("virtio_ring", "virtio"), ("virtio", ""),
                            ("other", "")):
            path = self.release / "kernel/drivers/virtio" / f"{name}.ko"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"ELF\0license=GPL\0depends=" + needs.encode() + b"\0name=x\0")

    def build(self):
        return initrd.build(SOURCE / "guest/initramfs", {"busybox": self.root / "busybox"}, [self.release])

    def test_init_busybox_and_the_console_node(self):
        entries = read_newc(self.build())
        self.assertEqual(entries["init"][0], stat.S_IFREG | 0o755)
        self.assertEqual(entries["bin/busybox"], (stat.S_IFREG | 0o755, (0, 0), b"static" * 3))
        self.assertEqual(entries["dev/console"][:2], (stat.S_IFCHR | 0o600, (5, 1)))

    def test_folders_come_before_what_is_in_them(self):
        seen = {"."}
        for name in read_newc(self.build()):
            self.assertIn(str(pathlib.PurePath(name).parent), seen | {""}, name)
            seen.add(name)

    def test_modules_come_with_what_they_need_and_no_others(self):
        entries = read_newc(self.build())
        modules = {pathlib.PurePath(name).name for name in entries if name.endswith(".ko")}
        self.assertEqual(modules, {"virtio_mmio.ko", "virtio_ring.ko", "virtio.ko"})
        folder = "kernel/drivers/virtio"
        self.assertIn(f"{folder}/virtio_mmio.ko: {folder}/virtio_ring.ko {folder}/virtio.ko\n",
                      entries["lib/modules/6.1.0-1-arm64/modules.dep"][2].decode())

    def test_the_same_input_gives_the_same_bytes(self):
        self.assertEqual(self.build(), self.build())


if __name__ == "__main__":
    sys.exit(unittest.main())
