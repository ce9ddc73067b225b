# SPDX-License-Identifier: Apache-2.0
"""Our initramfs, as an uncompressed newc archive: a guest spends no instructions on unpacking a compressed one."""

import pathlib
import re
import stat

# Drivers of the board's devices and a file system, as far as a kernel has them as modules. Their .modinfo names the
# modules they need in turn, and the devices they drive; crc32c_generic is what ext4 asks the kernel's crypto for.
MODULES = ("virtio_mmio", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng", "gpio_keys", "evdev", "ext4",
           "crc32c_generic", "uio_pci_generic")
FOLDERS = ("bin", "dev", "etc", "lib", "lib/modules", "mnt", "proc", "root", "run", "sbin", "sys", "tmp", "usr",
           "usr/bin", "usr/sbin")


class Archive:
    """A newc writer. It needs no root for device nodes, and its output depends on nothing but its input."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        self.inode += 1
        path = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        self._pad()
        self.data += content
        self._pad()

    def _pad(self):
        self.data += bytes(-len(self.data) % 4)

    def folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def file(self, name, content, mode=0o644):
        self.add(name, stat.S_IFREG | mode, content)

    def link(self, name, target):
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, name, major, minor, mode=0o600):
        self.add(name, stat.S_IFCHR | mode, device=(major, minor))

    def finish(self):
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def modinfo(module, key):
    """The values of one key in a .ko's .modinfo."""
    return [value.decode() for value in re.findall(rb"\0" + key.encode() + rb"=([^\0]*)", module.read_bytes())]


def depends(module):
    """The module names in a .ko's own list."""
    return [name.replace("-", "_") for names in modinfo(module, "depends") for name in names.split(",") if name]


def closure(available, names):
    """The available modules among `names` and all they depend on, dependencies first."""
    order = []

    def visit(name):
        if name in available and name not in order:
            for other in depends(available[name]):
                visit(other)
            order.append(name)

    for name in names:
        visit(name)
    return order


def add_modules(archive, release):
    """/lib/modules/<release> with MODULES, modules.dep and modules.alias; `release` is the unpacked folder."""
    available = {path.stem.replace("-", "_"): path for path in release.rglob("*.ko")}
    chosen = closure(available, MODULES)
    base = f"lib/modules/{release.name}"
    folders = {parent for name in chosen for parent in available[name].relative_to(release).parents}
    for folder in sorted(folders | {pathlib.Path(".")}):
        archive.folder(str(pathlib.PurePath(base) / folder))
    lines = []
    for name in chosen:
        path = available[name].relative_to(release)
        archive.file(f"{base}/{path}", available[name].read_bytes())
        needs = [str(available[other].relative_to(release)) for other in closure(available, depends(available[name]))]
        lines.append(f"{path}:{''.join(' ' + need for need in reversed(needs))}\n")
    archive.file(f"{base}/modules.dep", "".join(lines).encode())
    aliases = [f"alias {alias} {name}\n" for name in chosen for alias in modinfo(available[name], "alias")]
    archive.file(f"{base}/modules.alias", "".join(aliases).encode())


def build(initramfs, programs, releases):
    """The archive's bytes. initramfs: the folder of our files; programs: static ones, by the name they get in /bin;
    releases: unpacked lib/modules/<release>."""
    archive = Archive()
    for folder in FOLDERS:
        archive.folder(folder)
    # The kernel opens it for init before anything can be mounted.
    archive.character_device("dev/console", 5, 1)
    archive.file("init", (initramfs / "init").read_bytes(), 0o755)
    archive.file("etc/udhcpc.script", (initramfs / "udhcpc.script").read_bytes(), 0o755)
    for name, path in programs.items():
        archive.file(f"bin/{name}", path.read_bytes(), 0o755)
    archive.link("bin/sh", "busybox")
    archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    archive.file("etc/group", b"root:x:0:\n")
    for release in releases:
        add_modules(archive, release)
    return archive.finish()
