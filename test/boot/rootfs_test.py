#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rootfs_test.py PROGRAM: Debian's own user space on two CPUs, from a disk that tools/make-rootfs makes if it is not there.
systemd comes up with nothing failed, root logs in on the serial console, the network fetches from this host, the power key
ends it all, and the file system is clean."""

import hashlib
import http.server
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "test/lib"))
from guest_test import MISSING, guest_folder, verdict  # noqa: E402
from interactive import Guest  # noqa: E402

PATIENCE = 900  # seconds for what takes a guest long; the machine may be busy
BODY = random.Random(1).randbytes(1 << 20)
PROMPT = rb"root@gimbal:~# "


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)


def ask(guest, command):
    """What a command of the guest's shell prints, with spaces for line ends."""
    # Quoted in two parts, so that the command's own echo is no answer.
    guest.type(b'echo "AN""SWER[$(' + command.encode() + b' 2>&1)]"\r')
    _, match = guest.read_until(rb"ANSWER\[([^\]]*)\]", PATIENCE)
    guest.read_until(PROMPT)
    return b" ".join(match[1].split()).decode(errors="replace")


def check(guest, port):
    """What is not as it has to be, as a list of sentences."""
    guest.read_until(rb"gimbal ttyAMA0\s+gimbal login: ", PATIENCE)
    guest.type(b"root\r")
    guest.read_until(PROMPT, PATIENCE)
    url = f"http://10.0.2.2:{port}/file"
    expected = {
        # It waits for the end of the boot; the failed units are for whoever has to find out.
        "systemctl is-system-running --wait; systemctl --failed --plain --no-legend": "running",
        "nproc": "2",
        "id -un; tty": "root /dev/ttyAMA0",
        "/lib/systemd/systemd-networkd-wait-online --timeout=600 && networkctl --no-legend | grep -c routable": "1",
        # apt's own program for it, as the disk has neither wget nor curl.
        f"/usr/lib/apt/apt-helper download-file {url} /root/file >/root/log && sha256sum </root/file":
            hashlib.sha256(BODY).hexdigest() + " -",
        "dmesg | grep -ciE 'rcu.*stall|soft lockup|unstable|hung task|oops'": "0",
    }
    problems = []
    for command, answer in expected.items():
        if (found := ask(guest, command)) != answer:
            problems.append(f"{command}: {found!r}, not {answer!r}")
    return problems


def run(program, folder, disk, port):
    """(problems, exit status, console)"""
    command = [program, "run", "--kernel", folder / "kernel", "--initrd", folder / "initrd", "--disk", disk, "--cpus", "2",
               "--memory", "1G", "--net", "user", "--cmdline", "console=ttyAMA0 gimbal.do=root"]
    with Guest(command) as guest:
        try:
            problems = check(guest, port)
            guest.signal(signal.SIGTERM)
            guest.read_until(rb"reboot: Power down", PATIENCE)
            return problems, guest.wait(), guest.log
        except RuntimeError as error:
            return [str(error)], None, guest.log


def main(program):
    folder = guest_folder()
    if missing := [name for name in ("debootstrap", "fakeroot") if not shutil.which(name, path="/usr/sbin:/usr/bin")]:
        print(f"no {' and no '.join(missing)}: run `tools/setup rootfs` first")
        return MISSING
    made = subprocess.run([SOURCE / "tools/make-rootfs", "--build", folder.parent.parent, "--gimbal", program])
    if made.returncode != 0:
        return 1
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".rootfs_test.") as work:
        # The disk itself stays as it was made.
        disk = pathlib.Path(work) / "disk"
        subprocess.run(["cp", "--sparse=always", folder / "rootfs.img", disk], check=True)
        start = time.monotonic()
        problems, status, console = run(program, folder, disk, server.server_address[1])
        print(f"{time.monotonic() - start:.1f} s")
        if status != 0:
            problems.append(f"status {status}, not 0")
        checked = subprocess.run(["/sbin/e2fsck", "-f", "-n", disk], capture_output=True, text=True)
        if checked.returncode != 0:
            problems.append(f"the file system is not clean: {checked.stdout}{checked.stderr}")
    server.shutdown()
    return verdict(problems, re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", console))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
