#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/make-rootfs leaves a whole disk or none, and says in one line what went wrong: its commands are stand-ins here."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
COMMANDS = {
    "fakeroot": 'exec "$@"',
    "debootstrap": """for tree; do case $tree in */tree) break ;; esac; done
lists=$tree/var/lib/apt/lists archives=$tree/var/cache/apt/archives
mkdir -p "$lists" "$archives"
touch "$archives/base-files_12.4_arm64.deb" "$archives/libgmp10_2%3a6.2_arm64.deb"
printf 'Package: a\\nSize: 1\\n\\nPackage: base-files\\nSize: 2\\n\\nPackage: libgmp10\\nSize: 3\\n' >"$lists/main_Packages"
echo made >>"$STANDINS/count"
""",
    "mke2fs": """while [ $# -gt 2 ]; do [ "$1" != -d ] || cp "$2"/var/lib/apt/lists/* "$STANDINS/list"; shift; done
echo new >"$1"
""",
    "gimbal": "echo GIMBAL-ROOTFS-READY",
    "e2fsck": "exit 0",
}


class MakeRootfs(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.folder = self.root / "build/guest/arm64"
        self.disk = self.folder / "rootfs.img"
        self.folder.mkdir(parents=True)
        for name in ("kernel", "initrd"):
            (self.folder / name).write_text("")
        for name, script in COMMANDS.items():
            self.command(name, script)

    def command(self, name, script):
        path = self.root / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def start(self):
        environment = dict(os.environ, PATH=f"{self.root}:{os.environ['PATH']}", STANDINS=str(self.root))
        return subprocess.Popen([sys.executable, SOURCE / "tools/make-rootfs", "--build", self.root / "build", "--gimbal",
                                 self.root / "gimbal"], env=environment, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def make(self):
        process = self.start()
        output, errors = process.communicate()
        self.assertEqual(process.returncode, 0, output + errors)
        self.assertEqual(self.disk.read_text(), "new\n")
        return output

    def times_made(self):
        return len((self.root / "count").read_text().splitlines())

    def assert_fails(self, *words):
        """One line that holds the words and names the log, no disk and nothing half-made."""
        process = self.start()
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 1)
        self.assertEqual(len(errors.splitlines()), 1, errors)
        for word in ("error: ", *words, "rootfs.log"):
            self.assertIn(word, errors)
        self.assertFalse(self.disk.exists())
        self.assertFalse((self.folder / ".rootfs").exists())

    def test_a_disk_that_is_there_is_kept(self):
        self.make()
        self.make()
        self.assertEqual(self.times_made(), 1)
        self.assertFalse((self.folder / ".rootfs").exists())

    def test_the_second_stage_gets_the_list_of_what_is_installed(self):
        self.make()
        self.assertEqual((self.root / "list").read_text(),
                         "Package: base-files\nSize: 2\n\nPackage: libgmp10\nSize: 3\n\n")

    def test_another_recipe_makes_another_disk(self):
        self.make()
        (self.folder / ".recipe-rootfs").write_text(f"old {self.disk.stat().st_mtime_ns}")
        self.make()
        self.assertEqual(self.times_made(), 2)
        self.assertFalse((self.folder / "rootfs.img.old").exists())

    def test_a_used_disk_is_moved_aside(self):
        self.make()
        self.disk.write_text("somebody's work\n")
        (self.folder / ".recipe-rootfs").write_text("old 0")
        self.assertIn("rootfs.img.old", self.make())
        self.assertEqual((self.folder / "rootfs.img.old").read_text(), "somebody's work\n")

    def test_debootstrap_fails(self):
        self.command("debootstrap", 'echo "I: Retrieving InRelease"; echo "E: Failed getting release file"; exit 1')
        self.assert_fails("debootstrap failed with status 1", "E: Failed getting release file")

    def test_the_image_does_not_fit(self):
        self.command("mke2fs", 'echo "mke2fs: No space left on device while populating file system" >&2; exit 1')
        self.assert_fails("No space left on device")

    def test_the_second_stage_fails(self):
        self.command("gimbal", 'echo "dpkg: error processing package dbus (--configure):"; echo "reboot: Power down"')
        self.assert_fails("in the guest", "dpkg: error processing package dbus")

    def test_the_machine_fails(self):
        self.command("gimbal", "echo 'gimbal: the guest crashed' >&2; exit 4")
        self.assert_fails("status 4", "the guest crashed")

    def test_the_file_system_is_damaged(self):
        self.command("e2fsck", "echo 'Inodes that were part of a corrupted orphan linked list found.'; exit 4")
        self.assert_fails("file system", "corrupted orphan")

    def test_a_failure_leaves_the_disk_before(self):
        self.make()
        (self.folder / ".recipe-rootfs").write_text("old 0")
        self.command("gimbal", "exit 5")
        process = self.start()
        process.communicate()
        self.assertEqual(process.returncode, 1)
        self.assertEqual(self.disk.read_text(), "new\n")

    def test_no_guest(self):
        (self.folder / "kernel").unlink()
        process = self.start()
        self.assertIn("make guests", process.communicate()[1])
        self.assertEqual(process.returncode, 1)

    def test_told_to_end(self):
        os.mkfifo(self.root / "running")
        self.command("gimbal", 'exec 9>"$STANDINS/running"; echo up >&9; sleep 1000 & wait')
        process = self.start()
        with open(self.root / "running") as running:
            self.assertEqual(running.readline(), "up\n")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(running.read(), "")  # the end of the last that has it open
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 1)
        self.assertEqual(errors, "error: ended by SIGTERM; no disk was made\n")
        self.assertFalse(self.disk.exists())
        self.assertFalse((self.folder / ".rootfs").exists())


if __name__ == "__main__":
    unittest.main()
