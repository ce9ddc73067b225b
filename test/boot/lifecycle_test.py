#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lifecycle_test.py PROGRAM CASE: Debian's kernel is paused, stopped, reset and asked to power off from outside."""

import pathlib
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from guest_test import guest_folder, verdict  # noqa: E402
from interactive import Guest  # noqa: E402

# ash asks where the cursor is; a line end passes two terminals, and each may add a carriage return.
PROMPT = rb"~ # (\x1b\[6n)?$"
STOOD = 3  # seconds


def at_prompt(guest):
    guest.read_until(rb"GIMBAL-GUEST-UP [0-9.]+\r")
    guest.read_until(PROMPT)


def uptime(guest):
    """The guest's own idea of how long it has been up."""
    guest.type(b"cat /proc/uptime\r")
    _, match = guest.read_until(rb"\n([0-9.]+) [0-9.]+\r+\n")
    guest.read_until(PROMPT)
    return float(match[1])


def complaints(guest):
    """What Linux says of a clock or CPU that went astray."""
    guest.type(b"echo n=$(dmesg | grep -ciE 'rcu.*stall|soft lockup|unstable|hung')\r")
    _, match = guest.read_until(rb"n=([0-9]+)\r")
    guest.read_until(PROMPT)
    return int(match[1])


def power_key(guest):
    """SIGTERM is the power key, and the guest powers off in its own way."""
    at_prompt(guest)
    guest.signal(signal.SIGTERM)
    guest.read_until(rb"reboot: Power down")
    return guest.wait(), []


def monitor_power_down(guest):
    at_prompt(guest)
    guest.type(b"\x01cpowerdown\r")
    guest.read_until(rb"reboot: Power down")
    return guest.wait(), []


def pause(guest):
    """A guest that sleeps through a pause wakes on its own time and has seen no time pass meanwhile."""
    at_prompt(guest)
    started = time.monotonic()
    before = uptime(guest)
    guest.type(b"sleep 2; echo woken-$((6 * 7))\r")
    guest.type(b"\x01cpause\r")
    guest.read_until(rb"paused\r\n")
    time.sleep(STOOD)
    early = b"woken-42" in guest.shown
    guest.type(b"resume\r")
    guest.read_until(rb"resumed\r\n")
    guest.type(b"\r")
    guest.read_until(rb"woken-42\r+\n")
    guest.read_until(PROMPT)
    after = uptime(guest)
    elapsed = time.monotonic() - started
    problems = []
    if early:
        problems.append("the guest ran while it was paused")
    if after - before < 2:
        problems.append(f"two seconds of sleep took {after - before:.2f} s of the guest's time")
    if after - before > elapsed - STOOD + 0.02:  # /proc/uptime counts hundredths
        problems.append(f"the guest counted {after - before:.2f} s of {elapsed:.2f} s, of which it stood {STOOD}")
    if complaints(guest):
        problems.append("the kernel complains")
    guest.type(b"exit\r")
    return guest.wait(), problems


def stopped_process(guest):
    """SIGSTOP and SIGCONT: time goes on for the guest, and it carries on."""
    at_prompt(guest)
    guest.signal(signal.SIGSTOP)
    time.sleep(STOOD)
    guest.signal(signal.SIGCONT)
    guest.type(b"echo $((6 * 7))-still-here\r")
    guest.read_until(rb"\n42-still-here\r+\n")
    problems = ["the kernel complains"] if complaints(guest) else []
    guest.type(b"exit\r")
    return guest.wait(), problems


def reset(guest):
    """The monitor's reset, and the guest comes up once more."""
    at_prompt(guest)
    guest.type(b"\x01creset\r")
    at_prompt(guest)
    guest.type(b"exit\r")
    return guest.wait(), []


CASES = {
    "power-key": power_key,
    "monitor-power-down": monitor_power_down,
    "pause": pause,
    "stopped-process": stopped_process,
    "reset": reset,
}


def main(program, case):
    folder = guest_folder()
    command = [program, "run", "--kernel", folder / "kernel", "--initrd", folder / "initrd", "--cpus", "2"]
    with Guest(command) as guest:
        try:
            status, problems = CASES[case](guest)
        except RuntimeError as error:
            status, problems = None, [str(error)]
        if status != 0:
            problems.append(f"status {status}, not 0")
    return verdict(problems, guest.log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
