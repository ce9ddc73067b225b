# SPDX-License-Identifier: Apache-2.0
"""The files of the checkout, for the checks."""

import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
CPP = (".hpp", ".cpp", ".h", ".c")
LEFT_OUT = ("build", ".git", ".ci")


def files(*suffixes):
    """Paths relative to the checkout of what is, or could be, committed; all suffixes if none are given."""
    listing = subprocess.run(["git", "-C", str(SOURCE), "ls-files", "-z", "-co", "--exclude-standard"],
                             capture_output=True, text=True)
    if listing.returncode == 0:
        found = [pathlib.Path(name) for name in listing.stdout.split("\0") if name]
    else:  # an unpacked release
        found = [path.relative_to(SOURCE) for path in SOURCE.rglob("*")]
        found = [path for path in found if path.parts[0] not in LEFT_OUT]
    return sorted({path for path in found
                   if (SOURCE / path).is_file() and (not suffixes or path.suffix in suffixes)})


def report(problems, name):
    """Prints the problems; the exit status of the check."""
    for problem in problems:
        print(problem)
    print(f"{name}: {len(problems)} problems" if problems else f"{name}: ok")
    return 1 if problems else 0
