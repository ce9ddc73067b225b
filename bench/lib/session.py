# SPDX-License-Identifier: Apache-2.0
"""One running machine: its process, its console, and what was measured on it."""

import dataclasses
import pathlib
import queue
import re
import subprocess
import threading
import time


@dataclasses.dataclass
class Sample:
    ns: int             # what was timed, by the program's own clock (a boot: by ours)
    cpu_ns: int | None  # CPU time that the machine's process used for it, start and end of the program included
    sum: str = ""       # the checksum
    rss: int | None = None  # a boot: peak resident bytes at the marker


class Failure(Exception):
    """Why a machine has no result."""


def cpu_clock_ns(pid):
    """CPU time of a process with all its threads, those that ended included: its clock, see clock_getcpuclockid(3)."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def peak_rss(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024


class Session:
    """Starts a command and reads its console line by line. Ends it in any case when it is closed."""

    READY_S = 120

    def __init__(self, command, errors):
        self.errors = errors
        self.lines = queue.Queue()
        self.tail = []
        self.clocks = []    # pairs of moments, the host's and the guest's, of the answers
        with open(errors, "wb") as file:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=file)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put((time.monotonic(), line.decode(errors="replace").rstrip()))
        self.lines.put((time.monotonic(), None))

    def expect(self, pattern, seconds):
        """(moment, match) of the first line that matches. Raises Failure at the end of the console or of the time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                moment, line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failure(f"no answer in {seconds:.0f} s; {self._last_words()}") from None
            if line is None:
                raise Failure(f"ended with status {self.wait(5)}; {self._last_words()}")
            self.tail = [*self.tail[-7:], line]
            if match := re.search(pattern, line):
                return moment, match

    def _last_words(self):
        errors = pathlib.Path(self.errors).read_text(errors="replace").strip().splitlines()
        last = [line for line in (*self.tail[-1:], *errors[-1:]) if line]
        return "last line: " + " / ".join(last) if last else "it said nothing"

    def send(self, text):
        try:
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise Failure(f"takes no input; {self._last_words()}") from None

    def wait(self, seconds):
        """The exit status; kills what has not ended by then."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close() if not self.process.stdin.closed else None
        self.reader.join(5)
        self.process.stdout.close()

    def ready(self):
        self.expect(r"BENCH-READY", self.READY_S)

    def measure(self, name, scale, threads, argument, seconds):
        """Runs one program by the agent."""
        cpu = cpu_clock_ns(self.process.pid)
        start = time.monotonic()
        self.send(f"{name} {scale} {threads} {argument}".rstrip())
        _, result = self.expect(rf"BENCH {name} (?:sum=(\w+) ns=(\d+)|error=(.*))|BENCH-END {name} status=(-?\d+)", seconds)
        if result[4]:
            raise Failure(f"{name} ended with wait status {result[4]} and without a result")
        end, closing = self.expect(rf"BENCH-END {name} status=(-?\d+) ns=(\d+) at=(\d+)", seconds)
        self.clocks.append((end, int(closing[3]) / 1e9))
        if result[3]:
            raise Failure(result[3])
        if int(closing[2]) / 1e9 > (end - start) * 1.02 + 0.005:
            raise Failure(f"it took {int(closing[2]) / 1e9:.3f} s by its own clock, {end - start:.3f} s by the host's")
        return Sample(int(result[2]), cpu_clock_ns(self.process.pid) - cpu, result[1])

    def clock_error(self):
        """What is wrong with the clock by which programs were timed, against the host's from first to last answer; or ""."""
        if len(self.clocks) < 2:
            return ""
        host, guest = (last - first for first, last in zip(self.clocks[0], self.clocks[-1]))
        # Answers wait for a busy host, up to a second or so at either end.
        if abs(guest - host) <= 0.02 * host + 2:
            return ""
        return f"its clock is wrong: {guest:.3f} s passed by its own, {host:.3f} s by the host's"
