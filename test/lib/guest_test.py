# SPDX-License-Identifier: Apache-2.0
"""How a test that runs a Linux guest begins and ends."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools/lib"))
import boot  # noqa: E402

MISSING = 77  # what ctest takes for a skipped test


def guest_folder(*needed, how="make guests"):
    """The folder of the guests' files; without it or a `needed` file of it the test is skipped."""
    folder = boot.guest_folder()
    if folder is None or not all((folder / name).is_file() for name in needed):
        print(f"no {' and no '.join(needed) or 'guest'}: run `{how}` first")
        sys.exit(MISSING)
    return folder


def verdict(problems, console, errors=b""):
    """The test's exit status; says what went wrong and what the guest and the monitor said last."""
    if not problems:
        return 0
    print("; ".join(problems))
    print(console.decode(errors="replace")[-6000:])
    print(errors.decode(errors="replace")[-2000:])
    return 1
