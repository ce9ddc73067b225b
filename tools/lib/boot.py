# SPDX-License-Identifier: Apache-2.0
"""Boots a guest on Gimbal or on the peer QEMU and says what came of it; for boot tests and benchmarks."""

import dataclasses
import os
import pathlib
import re
import subprocess
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
MARKER = re.compile(rb"^GIMBAL-GUEST-UP ([0-9.]+)\r?$", re.MULTILINE)
# The peer's fastest settings: pauth-impdef is several times faster than the architected algorithm, and we have no SVE.
PEER_CPU = "max,pauth-impdef=on,sve=off"


@dataclasses.dataclass
class Boot:
    status: int         # the exit status; -9 if it had to be killed
    console: bytes      # standard output
    errors: bytes       # standard error
    wall_s: float       # from start to end
    cpu_s: float        # user and system

    def marker_count(self):
        return len(MARKER.findall(self.console))


def guest_folder(architecture="arm64"):
    """Where `make guests` left its outputs: named by GIMBAL_GUEST_DIR, beside the build folder, or in build/."""
    candidates = [os.environ.get("GIMBAL_GUEST_DIR")]
    if binary := os.environ.get("GIMBAL_BINARY_DIR"):
        candidates.append(pathlib.Path(binary).parent / "guest")
    candidates.append(SOURCE / "build/guest")
    for folder in candidates:
        if folder and (pathlib.Path(folder) / architecture / "initrd").is_file():
            return pathlib.Path(folder) / architecture
    return None


def run(command, timeout, keys=b""):
    """Runs to the end, with `keys` and then end of input on standard input; kills after `timeout` seconds."""
    start = time.monotonic()
    before = os.times()
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        console, errors = process.communicate(keys, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        console, errors = process.communicate()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Boot(process.returncode, console, errors, time.monotonic() - start, cpu)


def backend_words():
    """The option that a test's environment asks for: GIMBAL_TEST_BACKEND."""
    name = os.environ.get("GIMBAL_TEST_BACKEND")
    return ["--translator-backend", name] if name else []


def gimbal(program, folder, kernel, *options, cmdline=None, timeout=120, keys=b""):
    words = ["--cmdline", cmdline] if cmdline is not None else []
    return run([program, "run", "--kernel", folder / kernel, "--initrd", folder / "initrd", *words,
                *backend_words(), *options], timeout, keys)


def peer(program, folder, kernel, *options, cmdline="", cpu=PEER_CPU, timeout=120):
    return run([program, "-M", "virt,gic-version=3", "-cpu", cpu, "-m", "512", "-nographic", "-net", "none",
                "-no-reboot", "-kernel", folder / kernel, "-initrd", folder / "initrd", "-append", cmdline, *options],
               timeout)
