#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two Debian guests under gimbal-el2 pass random numbers through a channel: channel_test.py GIMBAL IMAGE PEER MIB SECONDS

One has the generic kernel, the other the cloud flavour. What the sender and the receiver print must agree, and a channel
of 64 KiB that has passed many times its size must have been rung often by both."""

import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import guest_test  # noqa: E402

BOARD = ["-M", "virt,virtualization=on,gic-version=3", "-nic", "none", "-global", "virtio-mmio.force-legacy=false",
         "-display", "none", "-serial", "stdio", "-m", "1G", "-cpu", "cortex-a72", "-smp", "2"]
REPORT = re.compile(rb"GIMBAL-CHANNEL (sent|received) (\d+) MiB, checksum ([0-9a-f]{16}), rang (\d+) times, "
                    rb"was rung (\d+) times")
GUESTS = (("sender", "kernel", "channel-send"), ("receiver", "kernel-cloud", "channel-receive"))


def pack(gimbal, hypervisor, folder, guests, mib):
    files = []
    for cpu, (name, kernel, word) in enumerate(GUESTS):
        file = folder / f"{name}.toml"
        file.write_text(f'kernel = "{guests / kernel}"\ninitrd = "{guests / "initrd"}"\nmemory = "256M"\n'
                        f'cmdline = "console=ttyAMA0 quiet gimbal.do={word} gimbal.channel={mib}"\n'
                        f'[type1]\naffinity = [{cpu}]\nchannels = [{{ name = "ring0", size = "64K" }}]\n')
        files.append(file)
    subprocess.run([gimbal, "pack", *files, "--target", "el2", "--hypervisor", hypervisor, "-o", folder / "image"],
                   check=True, stdout=subprocess.DEVNULL)
    return folder / "image"


def check(console, mib):
    """What is wrong with what the guests said."""
    reports = {report[0]: report[1:] for report in REPORT.findall(console)}
    if set(reports) != {b"sent", b"received"}:
        return [f"of the two ends only {sorted(reports)} reported"]
    problems = []
    if reports[b"sent"][:2] != reports[b"received"][:2] or int(reports[b"sent"][0]) != mib:
        problems.append("the two ends did not pass the same")
    turns = mib * 16  # as often as that the ring was full or its like has passed
    for end, (_, _, rang, _) in reports.items():
        if int(rang) < turns:
            problems.append(f"{end.decode()}: rang {int(rang)} times of at least {turns}")
    # How often an end has to wait for the other is the host's business, but never is not.
    if not any(int(report[3]) for report in reports.values()):
        problems.append("no interrupt came to either end")
    return problems


def main():
    gimbal, hypervisor, peer, mib, seconds = sys.argv[1:]
    if not pathlib.Path(peer).exists():
        print(f"there is no {peer}: run `make peer` first")
        return guest_test.MISSING
    guests = guest_test.guest_folder("initrd", "kernel", "kernel-cloud")
    with tempfile.TemporaryDirectory() as folder:
        image = pack(gimbal, hypervisor, pathlib.Path(folder), guests, mib)
        with open(pathlib.Path(folder) / "console", "w+b") as output:
            try:
                status = subprocess.run([peer, *BOARD, "-kernel", image], stdin=subprocess.DEVNULL, stdout=output,
                                        timeout=float(seconds)).returncode
            except subprocess.TimeoutExpired:
                status = f"none after {seconds} s"
            output.seek(0)
            console = output.read()
    problems = check(console, int(mib))
    if status != 0:
        problems.append(f"the board's status is {status}")
    for line in REPORT.finditer(console):
        print(line[0].decode())
    return guest_test.verdict(problems, console)


if __name__ == "__main__":
    sys.exit(main())
