#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""installer_test.py PROGRAM: Debian's installer boots to its first screen, where a user chooses the language."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from guest_test import guest_folder, verdict  # noqa: E402

TIMEOUT = 1200
# What is between the words of a screen: control sequences, and moves instead of spaces.
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x1f]")
# The title, the text, a choice and a button of the installer's first dialogue.
SCREEN = (b"Select a language", b"Choose the language to be used for the installation process.", b"English", b"<Go Back>")
STOPPED = 130  # an orderly stop by SIGINT


def first_screen(program, folder):
    """(what is missing on the console, the exit status, the console)"""
    command = [program, "run", "--kernel", folder / "installer-kernel", "--initrd", folder / "installer-initrd",
               "--memory", "1G", "--cmdline", "console=ttyAMA0"]
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    limit = threading.Timer(TIMEOUT, process.kill)
    limit.start()
    console, missing = b"", list(SCREEN)
    while missing and (part := os.read(process.stdout.fileno(), 65536)):
        console += part
        plain = CONTROL.sub(b"", console)
        missing = [text for text in SCREEN if text not in plain]
    # The machine is the user's now, who leaves.
    process.send_signal(signal.SIGINT)
    status = process.wait()
    limit.cancel()
    return missing, status, console


def main(program):
    folder = guest_folder("installer-initrd", how="tools/fetch-guests aarch64 --long")
    start = time.monotonic()
    missing, status, console = first_screen(program, folder)
    print(f"{time.monotonic() - start:.1f} s")
    problems = [f"not on the screen: {missing}; status {status}"] if missing or status != STOPPED else []
    return verdict(problems, console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
