#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs Debian guests with gimbal-el2 and boots the image on the peer's board: hypervisor_test.py GIMBAL IMAGE PEER CASE SECONDS"""

import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import guest_test  # noqa: E402

BOARD = ["-M", "virt,virtualization=on,gic-version=3", "-nic", "none", "-global", "virtio-mmio.force-legacy=false",
         "-display", "none", "-serial", "stdio", "-m", "1G"]
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
    "self-tests": (NVHE, 2, SELF_TESTS),
    "self-tests-vhe": (VHE, 2, SELF_TESTS),
}


def pack(gimbal, hypervisor, folder, guests, vms):
    files = []
    for number, (kernel, cpus, word) in enumerate(vms):
        file = folder / f"guest{number}.toml"
        file.write_text(f'kernel = "{guests / kernel}"\ninitrd = "{guests / "initrd"}"\nmemory = "256M"\n'
                        f'cpus = {cpus}\ncmdline = "console=ttyAMA0 gimbal.do={word}"\n')
        files.append(file)
    subprocess.run([gimbal, "pack", *files, "--target", "el2", "--hypervisor", hypervisor, "-o", folder / "image"],
                   check=True, stdout=subprocess.DEVNULL)
    return folder / "image"


def main():
    gimbal, hypervisor, peer, name, seconds = sys.argv[1:]
    (cpu, bootargs, mode), count, vms = CASES[name]
    if not pathlib.Path(peer).exists():
        print(f"there is no {peer}: run `make peer` first")
        return guest_test.MISSING
    guests = guest_test.guest_folder("initrd", *{kernel for kernel, _, _ in vms})
    with tempfile.TemporaryDirectory() as folder:
        image = pack(gimbal, hypervisor, pathlib.Path(folder), guests, vms)
        command = [peer, *BOARD, "-cpu", cpu, "-smp", str(count), "-append", bootargs, "-kernel", image]
        with open(pathlib.Path(folder) / "console", "w+b") as output:
            try:
                status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, timeout=float(seconds)).returncode
            except subprocess.TimeoutExpired:
                status = f"none after {seconds} s"
            output.seek(0)
            console = output.read()
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
