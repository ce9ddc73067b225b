# SPDX-License-Identifier: Apache-2.0
"""Instructions that the hypervisor executes for one round trip: two runs of guest/images/trips that differ in how many
trips they make, counted by tools/plugin/counter.cpp on the peer's board."""

import bisect
import dataclasses
import pathlib
import re
import subprocess
import tempfile

BOARD = ("-M", "virt,virtualization=on,gic-version=3", "-smp", "1", "-m", "256M", "-nic", "none", "-display", "none",
         "-serial", "stdio", "-monitor", "none", "-accel", "tcg,thread=single,one-insn-per-tb=on",
         # The guest's time is the instructions' own, so that two runs are the same but for the trips.
         "-icount", "shift=3,sleep=off")
IMAGE_BASE = 0x4020_0000    # where the peer loads an Image


@dataclasses.dataclass(frozen=True)
class Trip:
    name: str
    kind: int           # guest/images/trips
    goal: int           # instructions
    few: int = 100
    many: int = 1100
    guests: int = 1
    per_count: int = 1  # round trips that one count makes


TRIPS = (
    Trip("PSCI_VERSION by HVC", 0, 150),
    Trip("read of GICD_CTLR", 1, 220),
    Trip("virtual timer expires, taken and ended", 2, 190),
    Trip("SGI to itself, taken and ended", 3, 500),
    Trip("exit to a device model: read of UARTFR", 4, 300),
    # Both guests see the other one's turns: every gap is a switch away and one back.
    Trip("switch to another VM's vCPU, FP untouched", 5, 600, few=2, many=12, guests=2, per_count=2),
)


@dataclasses.dataclass(frozen=True)
class Build:
    folder: pathlib.Path    # build/release
    peer: pathlib.Path
    cpu: str = "cortex-a72"

    @property
    def gimbal(self):
        return self.folder / "bin/gimbal"

    @property
    def hypervisor(self):
        return self.folder / "bin/gimbal-el2.bin"

    @property
    def plugin(self):
        return self.folder / "plugin/counter.so"

    @property
    def guest(self):
        return self.folder / "guest/images/trips.elf"


def own_size(hypervisor):
    """image_size of the Image header (Linux, Documentation/arch/arm64/booting.rst), in whole instructions."""
    return int.from_bytes(hypervisor.read_bytes()[16:24], "little") + 3 & ~3


def pack(build, folder, vms):
    """`vms`: the command lines. Returns the packed image."""
    files = []
    for number, cmdline in enumerate(vms):
        file = folder / f"vm{number}.toml"
        file.write_text(f'kernel = "{build.guest}"\nmemory = "16M"\ncmdline = "{cmdline}"\n')
        files.append(file)
    image = folder / "image"
    subprocess.run([build.gimbal, "pack", *files, "--target", "el2", "--hypervisor", build.hypervisor, "-o", image],
                   check=True, stdout=subprocess.DEVNULL)
    return image


def count(build, trip, times, each=False, seconds=300):
    """Instructions inside the hypervisor of one run; with `each`, {offset in the image: how often} besides."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        image = pack(build, folder, [f"trips.kind={trip.kind} trips.count={times}"] * trip.guests)
        counts = folder / "counts"
        plugin = f"{build.plugin},base={IMAGE_BASE:#x},size={own_size(build.hypervisor):#x},out={counts}"
        run = subprocess.run([build.peer, *BOARD, "-cpu", build.cpu, "-kernel", image,
                              "-plugin", plugin + (",each=on" if each else "")],
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
        if run.returncode != 0 or b"every guest has ended" not in run.stdout:
            raise RuntimeError(f"{trip.name}: the board's status is {run.returncode}, its console\n"
                               f"{(run.stdout + run.stderr).decode(errors='replace')}")
        inside, _, *rest = counts.read_text().splitlines()
    total = int(inside.removeprefix("inside "))
    return total, {int(offset, 16): int(number) for offset, number in (line.split() for line in rest)}


def measure(build, trip):
    """Instructions of one trip."""
    few, _ = count(build, trip, trip.few)
    many, _ = count(build, trip, trip.many)
    return (many - few) / (trip.many - trip.few) / trip.per_count


def by_symbol(build, trip):
    """[(instructions of one trip, function)], the largest first."""
    _, few = count(build, trip, trip.few, each=True)
    _, many = count(build, trip, trip.many, each=True)
    elf = build.folder / "bare/aarch64/gimbal-el2.elf"
    symbols = []
    for line in subprocess.run(["llvm-nm-19", "--demangle", elf], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        if match := re.match(r"([0-9a-f]+) [tTwW] (.*)", line):
            symbols.append((int(match[1], 16), match[2]))
    symbols.sort()
    starts = [start for start, _ in symbols]
    sums = {}
    for offset, number in many.items():
        name = symbols[bisect.bisect_right(starts, offset) - 1][1]
        sums[name] = sums.get(name, 0) + number - few.get(offset, 0)
    scale = (trip.many - trip.few) * trip.per_count
    return sorted(((number / scale, name) for name, number in sums.items() if number > 0), reverse=True)
