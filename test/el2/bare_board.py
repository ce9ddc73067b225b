# SPDX-License-Identifier: Apache-2.0
"""gimbal-el2 on the peer's board: packing VMs, booting the image, reading the console."""

import pathlib
import subprocess

BOARD = ["-M", "virt,virtualization=on,gic-version=3", "-nic", "none", "-global", "virtio-mmio.force-legacy=false",
         "-display", "none", "-serial", "stdio"]


def pack(gimbal, hypervisor, folder, vms):
    """`vms` are the texts of their files."""
    files = []
    for number, text in enumerate(vms):
        file = pathlib.Path(folder) / f"guest{number}.toml"
        file.write_text(text)
        files.append(file)
    image = pathlib.Path(folder) / "image"
    subprocess.run([gimbal, "pack", *files, "--target", "el2", "--hypervisor", hypervisor, "-o", image], check=True,
                   stdout=subprocess.DEVNULL)
    return image


def run(command, folder, seconds):
    """What became of the command, and all that it wrote to its standard output."""
    with open(pathlib.Path(folder) / "console", "w+b") as output:
        try:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, timeout=float(seconds)).returncode
        except subprocess.TimeoutExpired:
            status = f"none after {seconds} s"
        output.seek(0)
        return status, output.read()


def boot(peer, image, folder, seconds, cpu, count, bootargs=""):
    return run([peer, *BOARD, "-m", "1G", "-cpu", cpu, "-smp", str(count), "-append", bootargs, "-kernel", image], folder,
               seconds)
