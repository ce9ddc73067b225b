# SPDX-License-Identifier: Apache-2.0
"""Runs every entry on every machine in turn and keeps what came of it."""

import dataclasses
import os
import re
import statistics
import time

import fixtures
import machines
from session import Failure, Sample, Session, cpu_clock_ns, peak_rss

BOOT_CMDLINE = "console=ttyAMA0 gimbal.do=poweroff"
AGENT_CMDLINE = "console=ttyAMA0 quiet rdinit=/bench/init"
MARKER = r"^GIMBAL-GUEST-UP "
IMAGE_READS = 16000 # at the usual scale


@dataclasses.dataclass
class Outcome:
    """One entry on one machine."""
    samples: list = dataclasses.field(default_factory=list)
    error: str = ""

    def median(self, what="ns"):
        values = [getattr(sample, what) for sample in self.samples]
        return statistics.median(values) if values and None not in values else None


@dataclasses.dataclass
class Result:
    entry: object
    outcomes: dict = dataclasses.field(default_factory=dict)  # machine name -> Outcome
    error: str = ""         # checksums that differ

    @property
    def oversubscribed(self):
        return self.entry.cpus > len(os.sched_getaffinity(0))

    def check_sums(self):
        found = {}
        for name, outcome in self.outcomes.items():
            for sample in outcome.samples:
                found.setdefault(sample.sum, name)
        if len(found) > 1:
            self.error = "checksums differ: " + ", ".join(f"{name} {value}" for value, name in found.items())


@dataclasses.dataclass
class Settings:
    kernel: object
    initrd: object          # the usual one
    bench_initrd: object    # with the programs
    image: object           # guest/images/block
    folder: object          # for disks and logs
    runs: int
    scale: int
    seconds: float          # for one program or boot
    say: object = print     # called with a line of progress


class Comparison:
    def __init__(self, settings, gimbal, native, peers):
        self.settings = settings
        self.gimbal, self.native = gimbal, native
        self.all = [machine for machine in (native, gimbal, *peers) if machine]
        self.disks = None
        self.server = None

    def run(self, entries):
        """The results, in the order of `entries`; entries with the same number of CPUs share sessions."""
        results = {entry.name: Result(entry) for entry in entries}
        todo = list(results.values())
        try:
            for result in todo:
                if result.entry.kind in ("boot", "image"):
                    self._machines(result)
            for cpus in sorted({result.entry.cpus for result in todo}):
                self._group([r for r in todo if r.entry.cpus == cpus and r.entry.kind == "program"], cpus)
        finally:
            if self.server:
                self.server.close()
        for result in results.values():
            result.check_sums()
        return list(results.values())

    def _say(self, result, machine, outcome):
        if outcome.error:
            text = f"error: {outcome.error}"
        else:
            text = f"{outcome.samples[-1].ns / 1e6:10.1f} ms"
        self.settings.say(f"{result.entry.name:14} {machine.name:20} {text}")

    # Boots and images: a process for each run.

    def _machines(self, result):
        once = self._boot if result.entry.kind == "boot" else self._image
        for _ in range(self.settings.runs):
            for machine in self.all:
                if machine is self.native:
                    continue
                outcome = result.outcomes.setdefault(machine.name, Outcome())
                if not outcome.error:
                    try:
                        outcome.samples.append(once(machine, result.entry))
                    except Failure as failure:
                        outcome.error = str(failure)
                self._say(result, machine, outcome)

    def _boot(self, machine, entry):
        """From the start of the process to the marker."""
        guest = machines.Guest(self.settings.kernel, self.settings.initrd, BOOT_CMDLINE, entry.cpus)
        start = time.monotonic()
        with Session(machine.command(guest), self._log(machine)) as session:
            moment, _ = session.expect(MARKER, self.settings.seconds)
            cpu, rss = cpu_clock_ns(session.process.pid), peak_rss(session.process.pid)
            status = session.wait(self.settings.seconds)
            if status != 0:
                raise Failure(f"ended with status {status} after the marker")
        return Sample(int((moment - start) * 1e9), cpu, rss=rss)

    def _image(self, machine, entry):
        """What guest/images/block times. Only Gimbal has the fast path."""
        way = entry.command if machine is self.gimbal else "queue"
        guest = machines.Guest(self.settings.image, None, "", entry.cpus, disk=self._disk(machine))
        fixtures.write_order(guest.disk, f"timed reads by {way}\n", max(1, IMAGE_READS * self.settings.scale // 16))
        with Session(machine.command(guest), self._log(machine)) as session:
            cpu = cpu_clock_ns(session.process.pid)
            _, found = session.expect(r"BENCH block (?:sum=(\w+) ns=(\d+)|error=(.*))|(BLOCK FAIL.*)", self.settings.seconds)
            if found[3] or found[4]:
                raise Failure(found[3] or found[4])
            cpu = cpu_clock_ns(session.process.pid) - cpu
            if (status := session.wait(self.settings.seconds)) != 0:
                raise Failure(f"ended with status {status}")
        return Sample(int(found[2]), cpu, found[1])

    def _disk(self, machine):
        self.disks = self.disks or fixtures.Disks(self.settings.folder)
        return self.disks.copy(machine.name)

    # Programs: one session on each machine for all entries with the same number of CPUs.

    def _group(self, results, cpus):
        if not results:
            return
        needs = {result.entry.needs for result in results}
        sessions = {}
        try:
            for result in results:
                for _ in range(self.settings.runs):
                    for machine in self.all:
                        self._measure(result, machine, sessions, cpus, needs)
        finally:
            for name, session in sessions.items():
                if error := session.clock_error():
                    results[-1].outcomes[name].error = error
                session.close()

    def _measure(self, result, machine, sessions, cpus, needs):
        outcome = result.outcomes.setdefault(machine.name, Outcome())
        if outcome.error:
            return
        try:
            if machine.name not in sessions:
                sessions[machine.name] = self._start(machine, cpus, needs)
            entry = result.entry
            argument = self._argument(machine, entry.needs)
            outcome.samples.append(sessions[machine.name].measure(entry.command, self.settings.scale, entry.cpus, argument,
                                                                  self.settings.seconds))
        except Failure as failure:
            outcome.error = str(failure)
            # What it still does is unknown; the next program gets a fresh one.
            if machine.name in sessions:
                sessions.pop(machine.name).close()
        self._say(result, machine, outcome)

    def _start(self, machine, cpus, needs):
        words = [AGENT_CMDLINE]
        if needs - {""}:
            words.append(f"bench.drivers={fixtures.DRIVERS}")
        if "network" in needs:
            words.append(f"bench.address={fixtures.GUEST_ADDRESS}")
        guest = machines.Guest(self.settings.kernel, self.settings.bench_initrd, " ".join(words), cpus,
                               network="network" in needs)
        if "disk" in needs:
            guest.disk = self._disk(machine)
        session = Session(machine.command(guest), self._log(machine))
        try:
            session.ready()
        except Failure:
            session.close()
            raise
        return session

    def _argument(self, machine, needs):
        native = machine is self.native
        if needs == "disk":
            return str(self.settings.folder / "disk-native") if native else "/dev/vda"
        if needs == "network":
            self.server = self.server or fixtures.Server()
            return f"{'127.0.0.1' if native else fixtures.PEER_SEES_HOST_AT}:{self.server.port}"
        return ""

    def _log(self, machine):
        return self.settings.folder / f"{re.sub(r'[^a-z0-9]+', '-', machine.name)}.log"
