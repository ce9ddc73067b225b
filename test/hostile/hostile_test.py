#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile_test.py PROGRAM IMAGE: a driver that does to the virtio devices what no driver may do finds that each of them
breaks alone, recovers, and leaves its neighbours and the monitor unharmed."""

import re
import subprocess
import sys
import tempfile

TIME_LIMIT_S = 540


def main(program, image):
    with tempfile.NamedTemporaryFile(suffix=".img") as disk, open("/dev/zero", "rb") as endless:
        disk.truncate(1 << 20)
        command = [program, "run", "--kernel", image, "--memory", "64M", "--cpus", "2", "--console", "virtio",
                   "--net", "user", "--disk", disk.name, "--timeout", str(TIME_LIMIT_S)]
        run = subprocess.run(command, stdin=endless, capture_output=True, timeout=TIME_LIMIT_S + 30, check=False)
    # Beside the report the console shows what the attacked console device was made to print.
    text = run.stdout.decode(errors="replace")
    verdict = re.search(r"GIMBAL-HOSTILE (PASS|FAIL) (\d+)/(\d+)\s*$", text)
    failures = re.findall(r"FAIL [a-z]+: .*|unexpected exception.*", text)
    problems = []
    if run.returncode != 0:
        problems.append(f"status {run.returncode}, not 0")
    if verdict is None:
        problems.append("no verdict")
    elif verdict[1] != "PASS" or verdict[2] != verdict[3]:
        problems.append(verdict[0].strip())
    if run.stderr:
        problems.append("messages on standard error")
    print(verdict[0].strip() if verdict else text[-2000:])
    if problems:
        print("; ".join(problems), *failures, run.stderr.decode(errors="replace")[-2000:], sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
