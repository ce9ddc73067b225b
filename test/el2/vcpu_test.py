#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vcpu_test.py GIMBAL IMAGE (el2 HYPERVISOR PEER MODEL CPUS VCPUS [VMS [BOOTARGS]] | run VCPUS | peer PEER MODEL CPUS)

The guest that checks the CPU under it: below gimbal-el2, under `gimbal run`, and on the peer's board with no monitor at
all, which says whether the guest itself is right. With several VMs they check what they must keep from each other."""

import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import bare_board  # noqa: E402
import guest_test  # noqa: E402

SECONDS = 200
# What a CPU of the peer's does not do, and what its board does otherwise.
PEER_CPU = "vcpu.sp=0"
PEER_BOARD = "vcpu.peer=1 vcpu.trapped=0 vcpu.smc=0"


def need(peer):
    if not pathlib.Path(peer).exists():
        print(f"there is no {peer}: run `make peer` first")
        sys.exit(guest_test.MISSING)


def below_el2(gimbal, image, folder, hypervisor, peer, model, cpus, vcpus, vms="1", bootargs=""):
    need(peer)
    texts = []
    for number in range(int(vms)):
        words = f"{PEER_CPU} vcpu.seed={number + 1}"
        if vms != "1":
            words += f" vcpu.fight=1 vcpu.rounds={2 + number}"
        texts.append(f'name = "vcpu{number}"\nkernel = "{image}"\nmemory = "64M"\ncpus = {vcpus}\ncmdline = "{words}"\n')
    packed = bare_board.pack(gimbal, hypervisor, folder, texts)
    status, console = bare_board.boot(peer, packed, folder, SECONDS, model, cpus, bootargs)
    problems = [] if b"gimbal-el2: every guest has ended" in console else ["the hypervisor has not ended"]
    return status, console, int(vms), problems


def below_run(gimbal, image, folder, vcpus):
    status, console = bare_board.run([gimbal, "run", "--kernel", image, "--memory", "64M", "--cpus", vcpus, "--cmdline",
                                      "vcpu.trapped=0"], folder, SECONDS)
    return status, console, 1, []


def on_the_peer(gimbal, image, folder, peer, model, cpus):
    need(peer)
    status, console = bare_board.run([peer, "-M", "virt,gic-version=3", "-cpu", model, "-smp", cpus, "-m", "64M", "-nic",
                                      "none", "-display", "none", "-serial", "stdio", "-kernel", image, "-append",
                                      f"{PEER_CPU} {PEER_BOARD}"], folder, SECONDS)
    return status, console, 1, []


def main():
    gimbal, image, where, *rest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        ways = {"el2": below_el2, "run": below_run, "peer": on_the_peer}
        status, console, vms, problems = ways[where](gimbal, image, folder, *rest)
    if status != 0:
        problems.append(f"the status is {status}")
    passed = re.findall(rb"GIMBAL-VCPU PASS (\d+)/\1\b", console)
    if len(passed) != vms:
        problems.append(f"{len(passed)} of {vms} guests passed")
    problems += [line.decode(errors="replace") for line in re.findall(rb"FAIL [^\r\n]*", console)]
    print(*(f"{int(count)} checks" for count in passed))
    return guest_test.verdict(problems, console)


if __name__ == "__main__":
    sys.exit(main())
