#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""resize_test.py PROGRAM: a guest on the virtio console knows the size of its terminal, and learns of a new one."""

import fcntl
import os
import pathlib
import pty
import select
import struct
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from guest_test import guest_folder  # noqa: E402

TIME_LIMIT_S = 240


def set_size(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read_until(terminal, text, deadline):
    """What came up to and with `text`."""
    seen = b""
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError(f"no {text!r} in {seen[-2000:]!r}")
        seen += os.read(terminal, 65536)
    return seen


def main(program):
    folder = guest_folder()
    deadline = time.monotonic() + TIME_LIMIT_S
    process, terminal = pty.fork()
    if process == 0:
        sys.stdin.readline()  # until the size is set
        os.execv(program, [program, "run", "--kernel", str(folder / "kernel-cloud"), "--initrd", str(folder / "initrd"),
                           "--console", "virtio", "--timeout", str(TIME_LIMIT_S)])
    set_size(terminal, 33, 101)
    os.write(terminal, b"\n")
    read_until(terminal, b"# ", deadline)
    # A change travels by an interrupt: asked until the guest has it.
    os.write(terminal, b"until stty size | grep '33 10[1]'; do :; done\n")
    read_until(terminal, b"33 101", deadline)
    set_size(terminal, 44, 122)
    os.write(terminal, b"until stty size | grep '44 12[2]'; do :; done; exit\n")
    read_until(terminal, b"44 122", deadline)
    try:
        read_until(terminal, b"never said", deadline)
    except OSError:
        pass  # the program has closed the terminal: it ends
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    print(f"status {status}")
    return 0 if status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
