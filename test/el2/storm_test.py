#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""storm_test.py GIMBAL HYPERVISOR PEER IMAGE MODEL VCPUS STEPS SEED SECONDS: a guest that tries everything on the
hypervisor, with that many steps on each of its vCPUs, while Debian beside it passes its self-test.

The storm ends with its own line, or the hypervisor has stopped its VM and said why. Debian must pass either way."""

import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import bare_board  # noqa: E402
import guest_test  # noqa: E402

CPUS = 2


def main():
    gimbal, hypervisor, peer, image, model, vcpus, steps, seed, seconds = sys.argv[1:]
    if not pathlib.Path(peer).exists():
        print(f"there is no {peer}: run `make peer` first")
        return guest_test.MISSING
    guests = guest_test.guest_folder("initrd", "kernel-cloud")
    debian = (f'name = "debian"\nkernel = "{guests / "kernel-cloud"}"\ninitrd = "{guests / "initrd"}"\nmemory = "256M"\n'
              f'cpus = {CPUS}\ncmdline = "console=ttyAMA0 gimbal.do=selftest"\n')
    storm = (f'name = "storm"\nkernel = "{image}"\nmemory = "64M"\ncpus = {vcpus}\n'
             f'cmdline = "storm.steps={steps} storm.seed={seed}"\n')
    with tempfile.TemporaryDirectory() as folder:
        packed = bare_board.pack(gimbal, hypervisor, folder, [debian, storm])
        status, console = bare_board.boot(peer, packed, folder, seconds, model, CPUS)
    problems = []
    if status != 0:
        problems.append(f"the board's status is {status}")
    if not re.search(rb"GIMBAL-SELFTEST PASS (\d+)/\1", console):
        problems.append("Debian has not passed its self-test")
    done = re.search(rb"GIMBAL-STORM DONE (\d+) steps, (\d+) faults, (\d+) interrupts", console)
    stopped = re.search(rb"gimbal-el2: storm: stopped[^\r\n]*", console)
    if done is None and stopped is None:
        problems.append("the storm has neither ended nor been stopped with a reason")
    elif done is not None and int(done[1]) != int(vcpus) * int(steps):
        problems.append(f"the storm has made {int(done[1])} steps of {int(vcpus) * int(steps)}")
    if b"gimbal-el2: every guest has ended" not in console:
        problems.append("the hypervisor did not say that every guest has ended")
    print((done or stopped or [b"nothing"])[0].decode(errors="replace"))
    return guest_test.verdict(problems, console)


if __name__ == "__main__":
    sys.exit(main())
