#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A fault of the hypervisor itself, made by gimbal.test-fault: fault_test.py GIMBAL IMAGE PEER CASE SECONDS. One guest has
vCPUs on both CPUs, the other on the first alone. A fault of the second CPU ends the first guest and leaves the other."""

import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import bare_board  # noqa: E402
import guest_test  # noqa: E402

MAX = "max,pauth-impdef=on"
# Case: the board's CPU model, the fault, what the guest that must come to its end does, how many guests do.
CASES = {
    "load": ("cortex-a72", "1:60", "poweroff", 1),
    "stack": (MAX, "1:60:stack", "poweroff", 1),
    "panic": (MAX, "1:60:panic", "selftest", 1),  # the self-test steps through an LSE instruction
    "first-cpu": (MAX, "0:60:panic", "poweroff", 0),
}


def describe(guests, cpus, word):
    return (f'kernel = "{guests / "kernel-cloud"}"\ninitrd = "{guests / "initrd"}"\nmemory = "256M"\n'
            f'cpus = {cpus}\ncmdline = "console=ttyAMA0 gimbal.do={word}"\n')


def main():
    gimbal, hypervisor, peer, name, seconds = sys.argv[1:]
    cpu, fault, word, survivors = CASES[name]
    if not pathlib.Path(peer).exists():
        print(f"there is no {peer}: run `make peer` first")
        return guest_test.MISSING
    guests = guest_test.guest_folder("initrd", "kernel-cloud")
    with tempfile.TemporaryDirectory() as folder:
        image = bare_board.pack(gimbal, hypervisor, folder, [describe(guests, 2, word), describe(guests, 1, word)])
        status, console = bare_board.boot(peer, image, folder, seconds, cpu, 2, f"gimbal.test-fault={fault}")
    problems = []
    if status != 0:
        problems.append(f"the board's status is {status}")
    report = re.findall(rb"CPU (\d) has faulted: exception 4 at image\+0x[0-9a-f]+", console)
    if report != [fault[0].encode()]:
        problems.append(f"there are reports of {report}")
    registers = set(re.findall(rb" (x\d+) 0x[0-9a-f]+", console))
    if len(registers) != 31 or not re.search(rb"called from( image\+0x[0-9a-f]+){3,}", console):
        problems.append("the report lacks registers or callers")
    if fault.endswith("panic") and b"internal error: gimbal.test-fault (" not in console:
        problems.append("the assertion's words are missing")
    if (up := len(re.findall(rb"GIMBAL-GUEST-UP ", console))) != survivors:
        problems.append(f"{up} guests came up, {survivors} should have")
    wanted = survivors if word == "selftest" else 0
    if (passed := len(re.findall(rb"GIMBAL-SELFTEST PASS (\d+)/\1", console))) != wanted:
        problems.append(f"{passed} of {wanted} self-tests passed")
    if not console.rstrip().endswith(b"gimbal-el2: every guest has ended"):
        problems.append("the hypervisor did not say that every guest has ended")
    return guest_test.verdict(problems, console)


if __name__ == "__main__":
    sys.exit(main())
