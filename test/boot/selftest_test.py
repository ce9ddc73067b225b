#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""selftest_test.py gimbal|peer PROGRAM CPUS [RUNS]: the guest's self-test passes, skips nothing that it could have
checked, and left on the disk what it says."""

import http.server
import pathlib
import re
import sys
import tempfile
import threading
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from guest_test import MISSING, boot, guest_folder, verdict  # noqa: E402

TIMEOUT = 500
VERDICT = re.compile(rb"^GIMBAL-SELFTEST (PASS|FAIL) (\d+)/(\d+)(.*?)\r?$", re.MULTILINE)
SKIPPED = re.compile(rb"^skip ([a-z0-9-]+): (.*?)\r?$", re.MULTILINE)
DISK = re.compile(rb"^ok   disk: .* crc32 ([0-9a-f]{8})\r?$", re.MULTILINE)
NEEDS_CPUS = {"clocks-across-cpus", "code-of-another-cpu", "cpu-hotplug"}
DISK_SIZE = 32 << 20
DISK_OFFSET, DISK_LENGTH = 1 << 20, 8 << 20
FILLER = b"\x5a"
BODY = bytes((index * 7919) >> 4 & 0xFF for index in range(1_500_007))


class Server(http.server.ThreadingHTTPServer):
    """Gives BODY with its length and checksum, and counts."""

    def __init__(self):
        self.served = 0
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("X-CRC32", f"{zlib.crc32(BODY):08x}")
        self.end_headers()
        self.wfile.write(BODY)
        self.server.served += 1

    def log_message(self, *_):
        pass


def run_gimbal(program, folder, cpus, words, image):
    return boot.gimbal(program, folder, "kernel", "--cpus", cpus, "--net", "user", "--disk", image,
                       cmdline=f"console=ttyAMA0 quiet {words}", timeout=TIMEOUT)


def run_peer(program, folder, cpus, words, image):
    return boot.peer(program, folder, "kernel", "-smp", cpus,
                     "-drive", f"file={image},format=raw,if=none,id=disk", "-device", "virtio-blk-device,drive=disk",
                     "-netdev", "user,id=net", "-device", "virtio-net-device,netdev=net", "-device", "virtio-rng-device",
                     cmdline=f"console=ttyAMA0 quiet {words}", timeout=TIMEOUT)


MACHINES = {"gimbal": run_gimbal, "peer": run_peer}


def disk_problems(console, image):
    found = DISK.search(console)
    if not found:
        return ["the disk check gives no checksum"]
    data = image.read_bytes()
    end = DISK_OFFSET + DISK_LENGTH
    problems = []
    if zlib.crc32(data[DISK_OFFSET:end]) != int(found[1], 16):
        problems.append("the disk holds something else than the guest read back")
    if data[:DISK_OFFSET] + data[end:] != FILLER * (DISK_SIZE - DISK_LENGTH) or len(data) != DISK_SIZE:
        problems.append("the disk changed outside the range")
    return problems


def check(machine, program, folder, cpus):
    """(what came of the run, problems)"""
    with tempfile.TemporaryDirectory() as scratch, Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        image = pathlib.Path(scratch) / "disk.img"
        image.write_bytes(FILLER * DISK_SIZE)
        words = (f"gimbal.do=selftest gimbal.disk={DISK_OFFSET}:{DISK_LENGTH} "
                 f"gimbal.http=http://10.0.2.2:{server.server_port}/body")
        result = MACHINES[machine](program, folder, str(cpus), words, image)
        server.shutdown()
        verdicts = VERDICT.findall(result.console)
        problems = []
        if len(verdicts) != 1 or verdicts[0][0] != b"PASS" or verdicts[0][1] != verdicts[0][2]:
            problems.append(f"verdicts: {verdicts}")
        expected = NEEDS_CPUS if cpus == 1 else set()
        for name, reason in SKIPPED.findall(result.console):
            if name.decode() not in expected:
                problems.append(f"{name.decode()} was skipped: {reason.decode()}")
        if result.status != 0:
            problems.append(f"status {result.status}, not 0")
        problems += disk_problems(result.console, image)
        if server.served != 3:
            problems.append(f"the server was asked {server.served} times, not 3")
    return result, problems


def main(machine, program, cpus, runs="1"):
    folder = guest_folder()
    if not pathlib.Path(program).is_file():
        print("no peer: run `make peer` first")
        return MISSING
    for number in range(1, int(runs) + 1):
        result, problems = check(machine, program, folder, int(cpus))
        print(f"run {number} of {runs}, {cpus} CPUs: {result.wall_s:.1f} s, {result.cpu_s:.1f} s of CPU", flush=True)
        if problems:
            return verdict(problems, result.console, result.errors)
        if number == 1:
            print(result.console.decode(errors="replace")[-8000:], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
