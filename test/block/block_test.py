#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""block_test.py PROGRAM IMAGE FAULTS CASE [RUNS]: the block image on the command; disks that fail, a monitor that is killed.

IMAGE is guest/images/block.elf, FAULTS the library of disk_faults.cpp. Random moments come from the time; a failure
says what they were."""

import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import disks  # noqa: E402

TIMEOUT = 30
MIB = 1 << 20
ACKNOWLEDGED = re.compile(rb"^ACK (\d+)\r?\n", re.MULTILINE)
ENDED = re.compile(rb"^END (\d+)\r?\n", re.MULTILINE)
ORDERS = {"calls": "records by calls\n", "queue": "records by queue\n"}


class Command:
    """One way to run the command on a folder of disks."""

    def __init__(self, program, image, faults, folder):
        self.program, self.image, self.faults = program, image, faults
        self.disk = folder / "disk.img"
        self.fixed = folder / "fixed.img"
        self.folder = folder

    def start(self, arguments, fault=None, fault_range=None, file_limit=None):
        environment = dict(os.environ)
        if fault:
            environment |= {"LD_PRELOAD": self.faults, "GIMBAL_FAULT": fault, "GIMBAL_FAULT_FILE": str(self.disk)}
        if fault_range:
            environment["GIMBAL_FAULT_RANGE"] = f"{fault_range[0]}-{fault_range[1]}"
        limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))) if file_limit else None
        # Output to a pipe, which no limit on files touches.
        return subprocess.Popen([self.program, "run", "--kernel", self.image, "--memory", "64M", *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment, preexec_fn=limit)

    def run(self, arguments, **options):
        """(status, console, errors)"""
        process = self.start(arguments, **options)
        try:
            console, errors = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            console, errors = process.communicate()
        return process.returncode, console, errors.decode(errors="replace")


def last_number(expression, console):
    numbers = expression.findall(console)
    return int(numbers[-1]) if numbers else 0


def check(command, fault=None):
    """The image's own checks of the fast path, and what they have left on the disk."""
    disks.make_pattern_disk(command.disk, 4 * MIB, "check\n")
    disks.make_pattern_disk(command.fixed, 64 << 10)
    before = command.fixed.read_bytes()
    status, console, errors = command.run(["--disk", command.disk, "--disk", f"{command.fixed},ro"], fault=fault)
    text = console.decode(errors="replace")
    if status != 0 or not re.search(r"^BLOCK PASS (\d+)/\1\r?$", text, re.MULTILINE):
        return [f"status {status}", text[-3000:], errors]
    print(text.strip())
    expected = bytearray(disks.pattern(4 * MIB))
    expected[:6] = b"check\n"
    expected[64 * 512:64 * 512 + MIB] = disks.pattern(MIB, 0x5555555555555555, 64 * 512)
    problems = [] if command.disk.read_bytes() == bytes(expected) else ["the disk does not hold what was written"]
    return problems + ([] if command.fixed.read_bytes() == before else ["the read-only disk has changed"])


def killed(command, how, fault=None):
    """Ends the command by SIGKILL at a random moment of its writing; (acknowledged, lost, a word on when)."""
    disks.make_record_disk(command.disk, 64 * MIB, ORDERS[how])
    # Some runs end early, when everything happens for the first time, others in the middle.
    wanted = random.choice([1, 2, 3, random.randint(4, 60)])
    delay = random.uniform(0, 0.01)
    process = command.start(["--disk", command.disk], fault=fault)
    deadline = time.monotonic() + TIMEOUT
    console = b""
    while last_number(ACKNOWLEDGED, console) < wanted and time.monotonic() < deadline:
        piece = os.read(process.stdout.fileno(), 65536)
        if not piece:
            break
        console += piece
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    rest, errors = process.communicate()
    acknowledged = last_number(ACKNOWLEDGED, console + rest)
    moment = f"killed {delay * 1000:.2f} ms after record {wanted}"
    if process.returncode != -signal.SIGKILL:
        moment += f"; it had ended by itself: {process.returncode} {errors.decode(errors='replace')}"
    elif acknowledged < wanted:
        moment += f"; it came to {acknowledged} only: {errors.decode(errors='replace')}"
    return acknowledged, disks.lost_records(command.disk, acknowledged), moment


def kill(command, how, runs, fault=None):
    """No acknowledged record is lost."""
    total = 0
    for number in range(runs):
        acknowledged, lost, moment = killed(command, how, fault)
        total += acknowledged
        if ";" in moment or lost:
            return [f"run {number}: {moment}; of {acknowledged} acknowledged records {lost} are lost"]
    print(f"{runs} runs, {total} acknowledged records, none lost")
    return []


def control(command):
    """A disk that forgets in spite of a flush must show, or the other cases prove nothing."""
    acknowledged, lost, moment = killed(command, "calls", "lying-disk")
    if len(lost) != acknowledged or not lost:
        return [f"{moment}: {len(lost)} of {acknowledged} records lost with a disk that keeps none"]
    print(f"all of {acknowledged} records lost, as they should be")
    return []


def full(command, how, **fault):
    """Records up to the limit are there; the write beyond is an error for the guest, which goes on to power off."""
    disks.make_record_disk(command.disk, 16 * MIB, ORDERS[how])
    status, console, errors = command.run(["--disk", command.disk], **fault)
    acknowledged, ended = last_number(ACKNOWLEDGED, console), last_number(ENDED, console)
    limit = (MIB // disks.RECORD)
    problems = []
    if status != 0 or acknowledged != limit - 1 or ended != limit:
        problems.append(f"status {status}, {acknowledged} acknowledged, ended at {ended}, not {limit}")
    if lost := disks.lost_records(command.disk, acknowledged):
        problems.append(f"{lost} are lost")
    if command.disk.stat().st_size != 16 * MIB:
        problems.append("the file has another size")
    if errors.count("the guest sees I/O errors") != 1:
        problems.append("not exactly one line in the log: " + errors)
    print(f"{acknowledged} records, then the error")
    return problems + ([console.decode(errors="replace")[-500:]] if problems else [])


def flush_error(command, how):
    """A flush that fails is never forgotten: the guest is told, and not one record is acknowledged."""
    disks.make_record_disk(command.disk, 16 * MIB, ORDERS[how])
    status, console, errors = command.run(["--disk", command.disk], fault="flush-error")
    if status != 0 or b"BLOCK FAIL: flush" not in console or ACKNOWLEDGED.search(console):
        return [f"status {status}", console.decode(errors="replace"), errors]
    return []


def second(command):
    """A second writer and the same file twice are refused by name, with one line and status 2."""
    disks.make_record_disk(command.disk, 64 * MIB, ORDERS["calls"])
    first = command.start(["--disk", command.disk])
    problems = []
    try:
        if not first.stdout.readline():
            return ["the first one did not start: " + first.stderr.read().decode(errors="replace")]
        for argument, expected in ((command.disk, f"process {first.pid} (gimbal) has it open; a disk has one writer"),
                                   (f"{command.disk},ro", f"process {first.pid} (gimbal) has it open for writing")):
            status, _, errors = command.run(["--disk", argument])
            if status != 2 or errors.count("\n") != 1 or f"disk '{command.disk}': {expected}" not in errors:
                problems.append(f"{argument}: status {status}: {errors}")
    finally:
        first.kill()
        first.communicate()
    link = command.folder / "link.img"
    link.symlink_to(command.disk)
    status, _, errors = command.run(["--disk", command.disk, "--disk", link])
    if status != 2 or errors.count("\n") != 1 or "it is the same file as disk" not in errors:
        problems.append(f"twice: status {status}: {errors}")
    return problems


LIMIT = {"fault_range": (MIB, 1 << 40)}
CASES = {
    "fast-path": lambda command, runs: check(command),
    "fast-path-short": lambda command, runs: check(command, fault="short"),
    "kill-calls": lambda command, runs: kill(command, "calls", runs),
    "kill-queue": lambda command, runs: kill(command, "queue", runs),
    "power-loss-calls": lambda command, runs: kill(command, "calls", runs, "power-loss"),
    "power-loss-queue": lambda command, runs: kill(command, "queue", runs, "power-loss"),
    "power-loss-control": lambda command, runs: control(command),
    "full-calls": lambda command, runs: full(command, "calls", fault="no-space", **LIMIT),
    "full-queue": lambda command, runs: full(command, "queue", fault="no-space", **LIMIT),
    "file-limit": lambda command, runs: full(command, "calls", file_limit=MIB),
    "write-error": lambda command, runs: full(command, "queue", fault="write-error", **LIMIT),
    "flush-error-calls": lambda command, runs: flush_error(command, "calls"),
    "flush-error-queue": lambda command, runs: flush_error(command, "queue"),
    "second-writer": lambda command, runs: second(command),
}


def main(program, image, faults, case, runs="50"):
    with tempfile.TemporaryDirectory() as folder:
        problems = CASES[case](Command(program, image, faults, pathlib.Path(folder)), int(runs))
    if problems:
        print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
