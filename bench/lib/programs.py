# SPDX-License-Identifier: Apache-2.0
"""What is measured: the rows of the table and the programs in each. guest/bench has the programs of kind `program`."""

import dataclasses
import difflib


@dataclasses.dataclass(frozen=True)
class Entry:
    name: str
    row: str
    kind: str = "program"   # program: one of guest/bench's, run by the agent; boot: the kernel to our init's marker;
                            # image: guest/images/block, a machine for each run
    program: str = ""       # the program's name, if it is not the entry's
    cpus: int = 1           # the guest's CPUs; the program gets as many threads
    needs: str = ""         # "disk" or "network"

    @property
    def command(self):
        return self.program or self.name


def programs(row, *names, **more):
    return [Entry(name, row, **more) for name in names]


def contended(*names):
    return [Entry(f"{name}-{cpus}", "integer loops, pointer chase, contended atomics", program=name, cpus=cpus)
            for name in names for cpus in (2, 4)]


ENTRIES = [
    Entry("boot", "boot, 1 CPU", "boot"),
    Entry("boot-4", "boot, 4 CPUs", "boot", cpus=4),
    *programs("calls, indirect calls, recursion, interpreters, qsort", "recursion", "calls", "indirect", "interpreter",
              "qsort"),
    *programs("scalar double and single", "bodies", "matrix", "single"),
    *programs("NEON FP", "saxpy", "dot", "fused"),
    *programs("NEON integer", "pixels", "lanes"),
    *programs("memory loops, memcpy, stream, crc, sha256", "sieve", "memcpy", "memcpy-small", "stream", "crc32",
              "crc32c-unit", "sha256", "sha256-unit"),
    *programs("syscalls, page faults, pipe switches", "syscall", "fault", "pipe"),
    *programs("fork and exec", "fork", "exec"),
    *programs("integer loops, pointer chase, contended atomics", "integer", "divide", "bits", "chase"),
    *contended("atomic", "lock"),
    *programs("disk", "disk-read", "disk-random", "disk-write", needs="disk"),
    # Random reads without a kernel: by hypercall where there is one (the peer: by virtqueue), and by virtqueue on both.
    Entry("block-calls", "block fast path", "image", "calls", needs="disk"),
    Entry("block-queue", "block fast path", "image", "queue", needs="disk"),
    *programs("network", "network", needs="network"),
]


class UnknownName(Exception):
    """Says which name is not known and what was perhaps meant."""


# Words that stand for several entries.
KINDS = {"programs": "program", "boots": "boot", "images": "image"}


def choose(only):
    """The entries that `only` (names, or None for all) asks for, in the table's order."""
    if only is None:
        return list(ENTRIES)
    names = [entry.name for entry in ENTRIES]
    for name in only:
        if name not in (*names, *KINDS):
            near = difflib.get_close_matches(name, (*names, *KINDS), 1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join((*KINDS, *names))}"
            raise UnknownName(f"--only: unknown program '{name}'; {hint}")
    kinds = [KINDS[name] for name in only if name in KINDS]
    return [entry for entry in ENTRIES if entry.name in only or entry.kind in kinds]
