#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs Debian guests with gimbal-el2 and boots the image on the peer's board: hypervisor_test.py GIMBAL IMAGE PEER CASE SECONDS"""

import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import bare_board  # noqa: E402
import guest_test  # noqa: E402

NVHE = ("cortex-a72", "", "nVHE")
VHE = ("max,pauth-impdef=on", "", "VHE")
VHE_OFF = (VHE[0], "gimbal.vhe=off", "nVHE")
TWO_GUESTS = [("kernel-cloud", 2, "poweroff"), ("kernel", 2, "poweroff")]
SELF_TESTS = [("kernel-cloud", 2, "selftest"), ("kernel-cloud", 2, "selftest")]
# Case: the board's CPU model with its command line and the mode that EL2 takes; the CPUs; then each guest's kernel, CPUs
# and what it does.
CASES = {
    "nvhe": (NVHE, 1, [("kernel", 1, "poweroff")]),
    "vhe": (VHE, 1, [("kernel-cloud", 1, "poweroff")]),
    "vhe-off": (VHE_OFF, 2, [("kernel-cloud", 2, "poweroff")]),
    "two-guests": (NVHE, 2, TWO_GUESTS),
    "two-guests-vhe": (VHE, 2, TWO_GUESTS),
    "four-vcpus-on-one-cpu": (NVHE, 1, [("kernel-cloud", 4, "poweroff")]),
    "four-vcpus-on-one-cpu-vhe": (VHE, 1, [("kernel-cloud", 4, "poweroff")]),
    "self-tests": (VHE_OFF, 2, SELF_TESTS),  # the self-test steps through an LSE instruction, which cortex-a72 has not
    "self-tests-vhe": (VHE, 2, SELF_TESTS),
}


def describe(guests, kernel, cpus, word):
    return (f'kernel = "{guests / kernel}"\ninitrd = "{guests / "initrd"}"\nmemory = "256M"\n'
            f'cpus = {cpus}\ncmdline = "console=ttyAMA0 gimbal.do={word}"\n')


def main():
    gimbal, hypervisor, peer, name, seconds = sys.argv[1:]
    (cpu, bootargs, mode), count, vms = CASES[name]
    if not pathlib.Path(peer).exists():
        print(f"there is no {peer}: run `make peer` first")
        return guest_test.MISSING
    guests = guest_test.guest_folder("initrd", *{kernel for kernel, _, _ in vms})
    with tempfile.TemporaryDirectory() as folder:
        image = bare_board.pack(gimbal, hypervisor, folder, [describe(guests, *vm) for vm in vms])
        status, console = bare_board.boot(peer, image, folder, seconds, cpu, count, bootargs)
    problems = []
    if status != 0:
        problems.append(f"the board's status is {status}")
    if f"gimbal-el2: {count} CPUs, {mode}".encode() not in [line.strip() for line in console.splitlines()]:
        problems.append(f"the hypervisor did not say that it runs in {mode} on {count} CPUs")
    if (up := len(re.findall(rb"GIMBAL-GUEST-UP ", console))) != len(vms):
        problems.append(f"{up} of {len(vms)} guests came up")
    wanted = sum(word == "selftest" for _, _, word in vms)
    if (passed := len(re.findall(rb"GIMBAL-SELFTEST PASS (\d+)/\1", console))) != wanted:
        problems.append(f"{passed} of {wanted} self-tests passed")
    if not console.rstrip().endswith(b"gimbal-el2: every guest has ended"):
        problems.append("the hypervisor did not say that every guest has ended")
    return guest_test.verdict(problems, console)


if __name__ == "__main__":
    sys.exit(main())
