#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stuck_test.py PROGRAM IMAGE FAULTS: the block image on disks whose reads, writes or flushes never return.

Whoever ends the VM then gets the status, the statistics, the terminal and one line that says what is left behind. That
the end comes at all is this test's time limit."""

import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import termios

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "boot"))
import disks  # noqa: E402
from block_test import Command  # noqa: E402
from interactive import Guest  # noqa: E402

STUCK = b"disk_faults: stuck\n"
MIB = 1 << 20
BEHIND_THE_ORDER = (4096, 1 << 40)


def interrupt(process):
    process.send_signal(signal.SIGINT)


def terminate_twice(process):
    process.send_signal(signal.SIGTERM)
    while b"another SIGTERM stops the VM" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)


# Name, order, fault, who is stuck with what; how it is ended, with which word, status and end_reason.
BY_SIGNAL = (interrupt, "stopped by signal 2", 130, "signal")
CASES = [
    ("flush by queue", "records by queue\n", "stuck-flush", "virtio-blk", "flush", *BY_SIGNAL),
    ("write by queue", "records by queue\n", "stuck-write", "virtio-blk", "write", *BY_SIGNAL),
    ("flush by call", "records by calls\n", "stuck-flush", "disk call 0", "flush", *BY_SIGNAL),
    ("write by call", "records by calls\n", "stuck-write", "vcpu 0", "write", *BY_SIGNAL),
    ("read by call", "timed reads by calls\n", "stuck-read", "vcpu 0", "read", *BY_SIGNAL),
    ("read by queue", "timed reads by queue\n", "stuck-read", "virtio-blk", "read", *BY_SIGNAL),
    ("two SIGTERMs", "records by queue\n", "stuck-flush", "virtio-blk", "flush", terminate_twice, "stopped by signal 15",
     143, "signal"),
    ("the time limit", "records by queue\n", "stuck-flush", "virtio-blk", "flush", lambda process: None,
     r"stopped after 3 s \(--timeout\)", 5, "timeout"),
]


def make_disk(command, order):
    disks.make_record_disk(command.disk, 64 * MIB, order)
    with open(command.disk, "r+b") as disk:  # how often, for the timed ones
        disk.seek(256)
        disk.write((1000).to_bytes(8, "little"))


def ended(command, order, fault, who, what, end, word, status, reason):
    make_disk(command, order)
    stats = command.folder / "stats.json"
    stats.unlink(missing_ok=True)
    limit = ["--timeout", "3"] if reason == "timeout" else []
    process = command.start(["--disk", command.disk, "--stats", stats, *limit], fault=fault,
                            fault_range=BEHIND_THE_ORDER)
    while (line := process.stderr.readline()) != STUCK:
        if not line:
            return ["it ended before it was stuck"]
    end(process)
    _, errors = process.communicate()
    errors = errors.decode(errors="replace")
    problems = [] if process.returncode == status else [f"status {process.returncode}, not {status}"]
    line = rf"gimbal: {word}, without waiting any longer for {who} \({what} of disk '{re.escape(str(command.disk))}'\)\n"
    if not re.fullmatch(line, errors):
        problems.append(f"other words: {errors!r}")
    found = json.loads(stats.read_text()) if stats.exists() else {}
    if found.get("end_reason") != reason or found.get("arch") != "aarch64" or not sum(found["exits"].values()):
        problems.append(f"other statistics: {found}")
    return problems


class OnTerminal:
    """The command, stuck, on a terminal of its own."""

    def __init__(self, command):
        make_disk(command, "records by queue\n")
        os.environ.update({"LD_PRELOAD": command.faults, "GIMBAL_FAULT": "stuck-flush",
                           "GIMBAL_FAULT_FILE": str(command.disk)})
        try:
            self.guest = Guest([command.program, "run", "--kernel", command.image, "--memory", "64M", "--disk",
                                command.disk])
        finally:
            for name in ("LD_PRELOAD", "GIMBAL_FAULT", "GIMBAL_FAULT_FILE"):
                del os.environ[name]

    def __enter__(self):
        self.guest.__enter__()
        self.guest.read_until(rb"disk_faults: stuck\r\n")
        return self

    def __exit__(self, *exception):
        self.guest.__exit__(*exception)

    def is_raw(self):
        return not termios.tcgetattr(self.guest.terminal)[3] & termios.ICANON

    def ends(self, status, word):
        """Problems."""
        found = self.guest.wait()
        problems = [] if found == status else [f"status {found}, not {status}"]
        if word not in self.guest.log:
            problems.append(f"no word of {word!r}: {self.guest.log[-500:]!r}")
        return problems


def on_terminal(command):
    """Keys work as long as the guest runs; the terminal is given back in each case."""
    left = b"without waiting any longer for virtio-blk (flush of disk"
    with OnTerminal(command) as run:
        problems = [] if run.is_raw() else ["not raw while it runs"]
        run.guest.type(b"\x01x")
        problems += run.ends(0, left)
    with OnTerminal(command) as run:
        run.guest.type(b"\x01cpause\r")  # cannot come about
        run.guest.read_until(rb"\(gimbal\) pause")
        run.guest.signal(signal.SIGINT)
        problems += run.ends(130, left)
    with OnTerminal(command) as run:
        run.guest.type(b"\x01creset\r")  # waits for the disk; with the terminal given back, Ctrl-C is a signal
        run.guest.read_until(rb"the guest has ended; still waiting for virtio-blk \(flush of disk '[^']*'\); Ctrl-C leaves")
        if run.is_raw():
            problems.append("raw while nobody reads keys")
        run.guest.type(b"\x03")
        problems += run.ends(130, left)
    return problems


def main(program, image, faults):
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        command = Command(program, image, faults, pathlib.Path(folder))
        results = [(name, ended(command, *case)) for name, *case in CASES] + [("on a terminal", on_terminal(command))]
    for name, problems in results:
        print(f"{name}: {'; '.join(problems) or 'good'}")
        failures += bool(problems)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
