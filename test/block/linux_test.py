#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""linux_test.py PROGRAM FAULTS CASE: what Linux makes of a disk. Status 77: no guest, or no e2fsprogs.

file-system  an ext4 made on the host is written in the guest, and read back on the host: identical, and clean
errors       sectors that cannot be read or written are I/O errors in the guest, which goes on with the others"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from guest_test import MISSING, boot, guest_folder, verdict  # noqa: E402

TIMEOUT = 200
MIB = 1 << 20
os.environ["PATH"] += ":/usr/sbin:/sbin"  # where e2fsprogs is

WRITE = """mount -t ext4 /dev/vda /mnt && echo MOUNTED
dd if=/dev/urandom of=/mnt/random bs=64k count=20 2>/dev/null
mkdir /mnt/folder; cp /bin/busybox /mnt/folder/busybox; ln -s folder/busybox /mnt/link
i=0; while [ $i -lt 50 ]; do echo "line $i" >>/mnt/lines; i=$((i + 1)); done
rm /mnt/before; sync; cd /mnt && sha256sum random folder/busybox lines; cd /
fstrim /mnt && echo TRIMMED; umount /mnt; exit
"""

# Reads and writes of 4 KiB: inside the bad range, in front of it, behind it.
PROBE = """rd() { dd if=/dev/vda of=/dev/null bs=4096 skip=$1 count=1 2>/dev/null && echo "read $1 good" || echo "read $1 bad"; }
wr() { dd if=/dev/zero of=/dev/vda bs=4096 seek=$1 count=1 conv=fsync 2>/dev/null && echo "write $1 good" || echo "write $1 bad"; }
rd 0; rd 300; rd 1000; exit
"""


def host_sum(disk, name, folder):
    target = folder / "dumped"
    target.unlink(missing_ok=True)
    subprocess.run(["debugfs", "-R", f"dump /{name} {target}", str(disk)], check=True, capture_output=True)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def file_system(program, guest, folder, faults):
    disk = folder / "disk.img"
    tree = folder / "tree"
    tree.mkdir()
    (tree / "before").write_text("from the host\n")
    with open(disk, "wb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(tree), str(disk)], check=True)
    result = boot.gimbal(program, guest, "kernel-cloud", "--disk", disk, "--cpus", "2", keys=WRITE.encode(),
                         timeout=TIMEOUT)
    text = result.console.decode(errors="replace").replace("\r", "")
    problems = [] if result.status == 0 else [f"status {result.status}"]
    for line in ("MOUNTED", "TRIMMED"):
        if not re.search(f"^{line}$", text, re.MULTILINE):
            problems.append(f"no line {line}")
    sums = dict((name, digest) for digest, name in re.findall(r"^([0-9a-f]{64})  (\S+)$", text, re.MULTILINE))
    if set(sums) != {"random", "folder/busybox", "lines"}:
        problems.append(f"sums of {sorted(sums)} only")
    for name, digest in sums.items():
        if host_sum(disk, name, folder) != digest:
            problems.append(f"{name} differs on the host")
    check = subprocess.run(["e2fsck", "-fn", str(disk)], capture_output=True, text=True)
    if check.returncode != 0:
        problems.append("e2fsck: " + check.stdout)
    if disk.stat().st_size != 64 * MIB:
        problems.append("the image has another size")
    return result, problems


def errors(program, guest, folder, faults):
    """Blocks 256 to 511 are bad: first for reads, then for writes."""
    disk = folder / "disk.img"
    problems = []
    for fault, script, expected, log in (
            ("read-error", PROBE, {"0": "good", "300": "bad", "1000": "good"}, "read"),
            ("no-space", PROBE.replace("rd 0; rd 300; rd 1000", "wr 0; wr 300; wr 1000"),
             {"0": "good", "300": "bad", "1000": "good"}, "write")):
        with open(disk, "wb") as file:
            file.truncate(16 * MIB)
        os.environ.update({"LD_PRELOAD": faults, "GIMBAL_FAULT": fault, "GIMBAL_FAULT_FILE": str(disk),
                           "GIMBAL_FAULT_RANGE": f"{MIB}-{2 * MIB - 1}"})
        try:
            result = boot.gimbal(program, guest, "kernel-cloud", "--disk", disk, keys=script.encode(), timeout=TIMEOUT)
        finally:
            for name in ("LD_PRELOAD", "GIMBAL_FAULT", "GIMBAL_FAULT_FILE", "GIMBAL_FAULT_RANGE"):
                del os.environ[name]
        text = result.console.decode(errors="replace").replace("\r", "")
        found = dict(re.findall(rf"^{log} (\d+) (good|bad)$", text, re.MULTILINE))
        if result.status != 0 or found != expected:
            problems.append(f"{fault}: status {result.status}, {found}")
        if "I/O error, dev vda" not in text and "critical space allocation error" not in text:
            problems.append(f"{fault}: the kernel reports no error of vda")
        if result.errors.count(b"the guest sees I/O errors") != 1:
            problems.append(f"{fault}: not one line in the log: {result.errors.decode(errors='replace')}")
        if problems:
            break
    return result, problems


CASES = {"file-system": file_system, "errors": errors}


def main(program, faults, case):
    guest = guest_folder()
    if not all(shutil.which(tool) for tool in ("mkfs.ext4", "e2fsck", "debugfs")):
        print("no e2fsprogs")
        return MISSING
    with tempfile.TemporaryDirectory() as folder:
        result, problems = CASES[case](program, guest, pathlib.Path(folder), faults)
    print(f"{case}: {result.wall_s:.1f} s")
    return verdict(problems, result.console, result.errors)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
