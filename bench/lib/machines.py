# SPDX-License-Identifier: Apache-2.0
"""The machines that take turns: this host, Gimbal, and the peer QEMU with each of its CPU models."""

import dataclasses
import pathlib

# The peer's own default for `virt` is a 32-bit CPU, which runs no arm64 kernel; the plain 64-bit model that most people
# name stands for its defaults. The last is the fastest for much: pauth-impdef is several times faster than the
# architected algorithm, and we have no SVE.
PEER_DEFAULT = "cortex-a72"
PEER_MODELS = (PEER_DEFAULT, "neoverse-n1", "max,pauth-impdef=on,sve=off")


@dataclasses.dataclass
class Guest:
    """What every machine of one comparison is given."""
    kernel: pathlib.Path
    initrd: pathlib.Path | None
    cmdline: str
    cpus: int = 1
    memory: str = "512M"
    disk: pathlib.Path | None = None    # this machine's own copy
    network: bool = False


@dataclasses.dataclass(frozen=True)
class Native:
    program: pathlib.Path
    name: str = "native"

    def command(self, _guest):
        return [self.program, "agent"]


@dataclasses.dataclass(frozen=True)
class Gimbal:
    program: pathlib.Path
    options: tuple = ()
    name: str = "gimbal"

    def command(self, guest):
        words = [self.program, "run", "--kernel", guest.kernel, "--cmdline", guest.cmdline, "--cpus", guest.cpus,
                 "--memory", guest.memory]
        if guest.initrd:
            words += ["--initrd", guest.initrd]
        if guest.disk:
            words += ["--disk", guest.disk]
        if guest.network:
            words += ["--net", "user"]
        return [*words, *self.options]


@dataclasses.dataclass(frozen=True)
class Peer:
    program: pathlib.Path
    model: str

    @property
    def name(self):
        return f"peer {self.model.split(',')[0]}"

    def command(self, guest):
        words = [self.program, "-M", "virt,gic-version=3", "-cpu", self.model, "-smp", guest.cpus, "-m", guest.memory,
                 "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-nodefaults",
                 "-kernel", guest.kernel, "-append", guest.cmdline]
        if guest.initrd:
            words += ["-initrd", guest.initrd]
        # The transport that Gimbal has, at the version it has.
        words += ["-global", "virtio-mmio.force-legacy=false"]
        if guest.disk:
            words += ["-drive", f"if=none,id=disk,format=raw,file={guest.disk}", "-device", "virtio-blk-device,drive=disk"]
        if guest.network:
            words += ["-netdev", "user,id=net", "-device", "virtio-net-device,netdev=net"]
        return words
