#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pause_test.py PROGRAM [PAUSES]: Debian's kernel is paused again and again while it copies a disk and passes a stream on.

While it is paused no thread of the monitor but the main one runs, no byte comes out of its sockets and its disks stand
still. In the end the copy and the stream are whole. Random moments come from the time."""

import array
import fcntl
import hashlib
import pathlib
import random
import re
import socket
import sys
import tempfile
import termios
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools/lib"))
import boot  # noqa: E402
from interactive import Guest  # noqa: E402
from lifecycle_test import at_prompt, complaints  # noqa: E402

MISSING = 77
DISK = 2 << 20
STANDS = 0.1  # seconds
SCRIPT = """(while [ ! -e /run/done ]; do echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda of=/dev/vdb bs=64k conv=fsync 2>/dev/null; done) & \
wget -q -O - http://10.0.2.2:{source} | nc 10.0.2.2 {sink}; touch /run/done; wait; echo pass''ed-on\r"""


class Peer:
    """Accepts one connection on a port of its own and works on it on a thread."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sum = hashlib.sha256()
        self.count = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        connection, _ = self.listener.accept()
        with connection:
            self.work(connection)


class Source(Peer):
    """Sends a stream, as fast as it is taken, until it is told to end."""

    def __init__(self):
        self.end = threading.Event()
        super().__init__()

    def work(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        stream = random.Random(1)
        while not self.end.is_set():
            block = stream.randbytes(65536)
            connection.sendall(block)
            self.sum.update(block)
            self.count += len(block)


class Sink(Peer):
    def __init__(self):
        self.lock = threading.Lock()
        self.connection = None
        super().__init__()

    def work(self, connection):
        self.connection = connection
        while data := connection.recv(65536, socket.MSG_PEEK):
            with self.lock:
                connection.recv(len(data))
                self.sum.update(data)
                self.count += len(data)

    def arrived(self):
        """All bytes that have come to this host, read or not."""
        with self.lock:
            waiting = array.array("i", [0])
            fcntl.ioctl(self.connection, termios.FIONREAD, waiting)
            return self.count + waiting[0]


def thread_file(process, thread, name):
    return pathlib.Path(f"/proc/{process}/task/{thread}/{name}").read_text()


def others(process):
    """The threads that work for the guest: not the main one, and not the alarm, which may wake once for a moment that
    the pause has called off."""
    threads = [int(entry.name) for entry in pathlib.Path(f"/proc/{process}/task").iterdir()]
    return [one for one in threads if one != process and thread_file(process, one, "comm") != "alarm\n"]


def run_times(process):
    """By thread, what it has run in nanoseconds and how often, once all sleep: one that has parked still has to get there."""
    while any(thread_file(process, thread, "stat").rpartition(")")[2].split()[0] != "S" for thread in others(process)):
        time.sleep(0.001)
    return {thread_file(process, thread, "comm").strip() + f" {thread}": thread_file(process, thread, "schedstat")
            for thread in others(process)}


def vcpu_lines(guest):
    guest.type(b"info\r")
    before, _ = guest.read_until(rb"vcpu 1 [^\r]*\r\n")
    return re.findall(rb"vcpu 0 [^\r]*", before)[-1] + guest.log[guest.log.rfind(b"vcpu 1"):].split(b"\r")[0]


def state(guest, disk, sink):
    times = run_times(guest.process)
    status = disk.stat()
    return {"threads": times, "disk": (status.st_mtime_ns, hashlib.sha256(disk.read_bytes()).hexdigest()),
            "socket": sink.arrived(), "counters": vcpu_lines(guest)}


def pause_once(guest, disk, sink):
    """What moved while the guest was paused."""
    guest.type(b"pause\r")
    guest.read_until(rb"[^e]paused\r\n")
    before = state(guest, disk, sink)
    time.sleep(STANDS)
    after = state(guest, disk, sink)
    guest.type(b"resume\r")
    guest.read_until(rb"resumed\r\n")
    moved = [key for key in before if before[key] != after[key] and key != "threads"]
    moved += [name for name, time_run in before["threads"].items() if after["threads"].get(name) != time_run]
    return [f"{len(moved)} moved: {', '.join(moved)}"] if moved else []


def run(guest, disks, pauses, source, sink):
    at_prompt(guest)
    guest.type(SCRIPT.format(source=source.port, sink=sink.port).encode())
    problems = []
    while sink.count == 0:
        time.sleep(0.01)
    guest.type(b"\x01c")
    for number in range(pauses):
        count, written = sink.count, disks[1].stat().st_mtime_ns
        while sink.count == count or disks[1].stat().st_mtime_ns == written:  # the guest goes on with both
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.1))
        problems += [f"pause {number}: {what}" for what in pause_once(guest, disks[1], sink)]
    source.end.set()
    guest.type(b"\r")
    guest.read_until(rb"passed-on\r+\n")
    guest.read_until(rb"~ # ")
    source.thread.join()
    sink.thread.join()
    if complaints(guest):
        problems.append("the kernel complains")
    guest.type(b"exit\r")
    status = guest.wait()
    if (source.count, source.sum.digest()) != (sink.count, sink.sum.digest()):
        problems.append(f"{source.count} bytes were sent, {sink.count} came back, or others")
    if disks[0].read_bytes() != disks[1].read_bytes():
        problems.append("the copy differs")
    print(f"{pauses} pauses, {source.count >> 20} MiB passed on")
    return problems + ([f"status {status}"] if status != 0 else [])


def main(program, pauses="20"):
    folder = boot.guest_folder()
    if folder is None:
        print("no guest: run `make guests` first")
        return MISSING
    with tempfile.TemporaryDirectory() as scratch:
        disks = [pathlib.Path(scratch) / name for name in ("from.img", "to.img")]
        disks[0].write_bytes(random.randbytes(DISK))
        disks[1].write_bytes(bytes(DISK))
        command = [program, "run", "--kernel", folder / "kernel-cloud", "--initrd", folder / "initrd", "--cpus", "2",
                   "--disk", f"{disks[0]},ro", "--disk", disks[1], "--net", "user"]
        with Guest(command) as guest:
            try:
                problems = run(guest, disks, int(pauses), Source(), Sink())
            except RuntimeError as error:
                problems = [str(error)]
            if problems:
                print("\n".join(problems))
                print(guest.log.decode(errors="replace")[-4000:])
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
