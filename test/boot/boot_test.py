#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""boot_test.py PROGRAM CASE [SECONDS]: Debian's kernel boots to our init, does what it was told and powers off, status 0."""

import json
import pathlib
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from guest_test import boot, guest_folder, verdict  # noqa: E402

POWER_OFF = "console=ttyAMA0 gimbal.do=poweroff"
TIMEOUT = int(sys.argv[3]) if len(sys.argv) > 3 else 120  # ends a guest that hangs


def powers_off(program, folder, kernel):
    result = boot.gimbal(program, folder, kernel, cmdline=POWER_OFF, timeout=TIMEOUT)
    return result, []


def several_cpus(program, folder, kernel, cpus):
    """All CPUs come up, each does something, and the statistics tell them apart."""
    with tempfile.TemporaryDirectory() as scratch:
        stats_file = pathlib.Path(scratch) / "stats.json"
        result = boot.gimbal(program, folder, kernel, "--cpus", str(cpus), "--stats", stats_file, cmdline=POWER_OFF,
                             timeout=TIMEOUT)
        stats = json.loads(stats_file.read_text()) if stats_file.is_file() else {"vcpus": [], "exits": {}, "cpus": 0}
    problems = []
    if f"Brought up 1 node, {cpus} CPU".encode() not in result.console:
        problems.append(f"{cpus} CPUs did not come up")
    per_cpu = [vcpu["exits"] for vcpu in stats["vcpus"]]
    if stats["cpus"] != cpus or len(per_cpu) != cpus or not all(exits.get("idle", 0) for exits in per_cpu):
        problems.append(f"statistics of {len(per_cpu)} vCPUs, or of some that never ran")
    if any(sum(exits.get(kind, 0) for exits in per_cpu) != total for kind, total in stats["exits"].items()):
        problems.append("the vCPUs' exits do not add up to the total")
    return result, problems


def hotplug(program, folder):
    """Linux takes CPUs away and brings them back: CPU_OFF, AFFINITY_INFO and CPU_ON again."""
    commands = b"cd /sys/devices/system/cpu\n" + b"".join(
        b"for c in 1 2 3; do echo 0 > cpu$c/online; done; echo left-$(cat online)\n"
        b"for c in 3 1 2; do echo 1 > cpu$c/online; done; echo back-$(cat online)\n" for _ in range(5)) + b"exit\n"
    result = boot.gimbal(program, folder, "kernel", "--cpus", "4", timeout=TIMEOUT, keys=commands)
    left = len(re.findall(rb"^left-0\r?$", result.console, re.MULTILINE))
    back = len(re.findall(rb"^back-0-3\r?$", result.console, re.MULTILINE))
    return result, [] if (left, back) == (5, 5) else [f"CPUs left {left} times and came back {back} times, not 5"]


def shell_ends_with_input(program, folder):
    """As `make run </dev/null`: a prompt, then end of input ends the shell and the machine."""
    result = boot.gimbal(program, folder, "kernel", timeout=TIMEOUT)
    return result, [] if b"# " in result.console else ["no shell prompt"]


def shell_runs_commands(program, folder):
    """What is typed ahead of the prompt reaches the shell."""
    result = boot.gimbal(program, folder, "kernel", timeout=TIMEOUT, keys=b"echo $((6 * 7))-answer; exit\n")
    return result, [] if b"42-answer" in result.console else ["the shell did not run its command"]


def shell_on_the_virtio_console(program, folder):
    """The console whose driver is a module: marker, shell and the kernel's last words all come by it."""
    result = boot.gimbal(program, folder, "kernel", "--console", "virtio", timeout=TIMEOUT,
                         keys=b"echo $((6 * 7))-answer on $(tty); head -c 32 /dev/hwrng | wc -c; exit\n")
    problems = [] if b"42-answer on /dev/hvc0" in result.console else ["no shell on /dev/hvc0"]
    if b"reboot: Power down" not in result.console:
        problems.append("no kernel messages")
    if b"\n32\r" not in result.console:
        problems.append("no 32 bytes from /dev/hwrng")
    return result, problems


CASES = {
    "kernel": lambda program, folder: powers_off(program, folder, "kernel"),
    "kernel-cloud": lambda program, folder: powers_off(program, folder, "kernel-cloud"),
    "kernel-2-cpus": lambda program, folder: several_cpus(program, folder, "kernel", 2),
    "kernel-4-cpus": lambda program, folder: several_cpus(program, folder, "kernel", 4),
    "kernel-cloud-4-cpus": lambda program, folder: several_cpus(program, folder, "kernel-cloud", 4),
    "kernel-8-cpus": lambda program, folder: several_cpus(program, folder, "kernel", 8),
    "hotplug": hotplug,
    "kernel-trixie-cloud": lambda program, folder: powers_off(program, folder, "kernel-trixie-cloud"),
    "shell-ends-with-input": shell_ends_with_input,
    "shell-runs-commands": shell_runs_commands,
    "virtio-console": shell_on_the_virtio_console,
}


def main(program, case):
    folder = guest_folder()
    if case == "kernel-trixie-cloud":
        guest_folder(case, how="tools/fetch-guests aarch64 --long")
    result, problems = CASES[case](program, folder)
    if result.status != 0:
        problems.append(f"status {result.status}, not 0")
    if result.marker_count() != 1:
        problems.append(f"{result.marker_count()} marker lines, not 1")
    print(f"{case}: {result.wall_s:.1f} s, {result.cpu_s:.1f} s of CPU")
    return verdict(problems, result.console, result.errors)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
