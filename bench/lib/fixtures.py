# SPDX-License-Identifier: Apache-2.0
"""What the programs work on: an initrd with them, a disk's content and a server. The same bytes every time."""

import hashlib
import pathlib
import shutil
import socketserver
import sys
import threading

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tools/lib"))
import initrd  # noqa: E402

DISK_BYTES = 64 << 20
PATTERN = hashlib.shake_128(b"gimbal bench").digest(1 << 20)
PEER_SEES_HOST_AT = "10.0.2.2"
GUEST_ADDRESS = "10.0.2.15/24"
DRIVERS = "virtio_mmio,virtio_blk,virtio_net"


def write_initrd(path, base, program):
    """The usual initrd, followed by a second archive with the benchmark: the kernel unpacks one after the other."""
    archive = initrd.Archive()
    archive.folder("bench")
    archive.file("bench/init", (SOURCE / "guest/bench/init").read_bytes(), 0o755)
    archive.file("bench/gimbal-bench", program.read_bytes(), 0o755)
    data = base.read_bytes()
    path.write_bytes(data + bytes(-len(data) % 4) + archive.finish())
    return path


def write_disk(path):
    with open(path, "wb") as file:
        for index in range(DISK_BYTES // len(PATTERN)):
            file.write(index.to_bytes(8, "little") + PATTERN[8:])
    return path


def write_order(path, order, number):
    """For guest/images/block: sector 0 says what to do and, at offset 256, how often."""
    with open(path, "r+b") as file:
        file.write(order.encode())
        file.seek(256)
        file.write(number.to_bytes(8, "little"))
    return path


class Disks:
    """A copy of the disk for each machine, so that none finds what another wrote."""

    def __init__(self, folder):
        self.folder = folder
        self.master = write_disk(folder / "disk")

    def copy(self, name):
        path = self.folder / f"disk-{name.replace(' ', '-')}"
        shutil.copyfile(self.master, path)
        return path


class _Sender(socketserver.BaseRequestHandler):
    def handle(self):
        wanted = self.request.recv(8)
        left = int.from_bytes(wanted, "little") if len(wanted) == 8 else 0
        try:
            while left:
                left -= self.request.send(PATTERN[:min(left, len(PATTERN))])
        except OSError:
            pass  # the guest went away; its side reports that


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Server:
    """Sends as many bytes as it is asked for, on a port of 127.0.0.1 that the system chose."""

    def __init__(self):
        self.server = _Server(("127.0.0.1", 0), _Sender)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
