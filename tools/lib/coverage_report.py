#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints llvm-cov's summary per file and part; fails if the whole is below GIMBAL_COVERAGE_FLOOR percent of lines."""

import collections
import json
import os
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


def main(summary):
    data = json.loads(pathlib.Path(summary).read_text())["data"][0]
    parts = collections.defaultdict(lambda: [0, 0])
    for entry in sorted(data["files"], key=lambda entry: entry["summary"]["lines"]["percent"]):
        lines = entry["summary"]["lines"]
        path = pathlib.Path(entry["filename"]).relative_to(SOURCE)
        for name in (path.parts[0], "all"):
            parts[name][0] += lines["covered"]
            parts[name][1] += lines["count"]
        if lines["count"] and lines["percent"] < 90:
            print(f"{lines['percent']:6.1f} %  {path} ({lines['count'] - lines['covered']} lines missed)")
    print()
    for name, (covered, count) in sorted(parts.items(), key=lambda item: item[0] == "all"):
        print(f"{100 * covered / max(count, 1):6.1f} %  {name} ({covered} of {count} lines)")
    covered, count = parts["all"]
    return 0 if 100 * covered >= float(os.environ["GIMBAL_COVERAGE_FLOOR"]) * count else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
