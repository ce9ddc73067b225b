#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""litmus_test.py PROGRAM IMAGE --cpus N [--rounds N]: runs the memory-model guest and checks that it did all it should.

A forbidden outcome, a lost update, a stale translation and a void test (an outcome that this host can show and that was
not seen) are failures; so is a verdict that is missing.
"""

import argparse
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from guest_test import boot  # noqa: E402

THREADS = {"MP": 2, "CoRR": 2, "SB": 2, "LB": 2, "WRC": 3, "IRIW": 4}
TESTS_BY_THREADS = {2: 21, 3: 4, 4: 4}
COUNTERS = ("ldxr/stxr", "ldaxr/stlxr", "ldadd", "cas", "ldxp/stxp low", "ldxp/stxp high", "lock")


def problems_of(console, cpus):
    problems = re.findall(r"^litmus .*(?:FAILED|FORBIDDEN|VOID).*$", console, re.MULTILINE)
    tests = re.findall(r"^litmus (MP|CoRR|SB|LB|WRC|IRIW)\S*: (?:forbidden|expected|allowed), seen \d+ of [1-9]\d*\r?$",
                       console, re.MULTILINE)
    for threads, expected in TESTS_BY_THREADS.items():
        found = sum(THREADS[family] == threads for family in tests)
        if found != (expected if threads <= cpus else 0):
            problems.append(f"{found} tests of {threads} threads")
    for counter in COUNTERS:
        if not re.search(rf"^litmus {counter}: ([1-9]\d*) of \1\r?$", console, re.MULTILINE):
            problems.append(f"no verdict on {counter}")
    for line in ["tlbi+dsb", "ic+dsb+isb", "sgi ring"] + ["cpu_off+cpu_on"] * (cpus > 1) + ["cpu_on race"] * (cpus > 2):
        if f"\nlitmus {line}: " not in console:
            problems.append(f"no verdict on {line}")
    last = re.search(r"^LITMUS PASS (\d+)/(\d+)\r?$", console, re.MULTILINE)
    if last is None or last[1] != last[2]:
        problems.append("the image did not pass")
    if f"litmus: {cpus} CPUs" not in console:
        problems.append(f"it did not find {cpus} CPUs")
    return problems


def stops_midway(program, image, cpus):
    """A time limit ends the machine while all of its CPUs are at work; what that takes is not measured."""
    result = subprocess.run([program, "run", *boot.backend_words(), "--kernel", image, "--cpus", str(cpus), "--memory", "64M", "--timeout", "3",
                             "--cmdline", "litmus.rounds=1000000 litmus.timing=0"],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    print(result.stdout, result.stderr)
    return 0 if result.returncode == 5 and f"litmus: {cpus} CPUs" in result.stdout else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("image")
    parser.add_argument("--cpus", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--no-timing", action="store_true",
                        help="the program is too slow to show what depends on store buffers: do not ask for it")
    parser.add_argument("--stop-midway", action="store_true")
    arguments = parser.parse_args()
    if arguments.stop_midway:
        return stops_midway(arguments.program, arguments.image, arguments.cpus)
    words = f"litmus.rounds={arguments.rounds} litmus.timing={0 if arguments.no_timing else 1}"
    result = subprocess.run([arguments.program, "run", *boot.backend_words(), "--kernel", arguments.image, "--cpus", str(arguments.cpus),
                             "--memory", "64M", "--cmdline", words],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    print(result.stdout)
    problems = problems_of(result.stdout, arguments.cpus)
    if result.returncode != 0:
        problems.append(f"status {result.returncode}, not 0")
    if result.stderr:
        problems.append("messages on standard error:\n" + result.stderr[-8000:])
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
