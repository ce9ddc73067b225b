# SPDX-License-Identifier: Apache-2.0
"""What the makers of vectors share: the decode tables, the run of the reference program, the file that comes of it."""

import argparse
import pathlib
import re
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[4]
TABLES = SOURCE / "engine/translator/frontend/aarch64/tables"


def parse_options(doc, per_row, output):
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--qemu", default=str(SOURCE / "build/peer/qemu-aarch64"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-row", type=int, default=per_row)
    parser.add_argument("--output", default=str(output))
    return parser.parse_args()


def table(name):
    """Rows of one decode table: name and pattern."""
    return re.findall(r'A64\((\w+),\s*"([^"]{32})"\)', (TABLES / f"{name}.inc").read_text())


def digests(qemu, reference, lines):
    """What the reference program prints for each line."""
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/reference"
        subprocess.run(["aarch64-linux-gnu-g++", "-std=c++20", "-O1", "-static", f"-I{SOURCE}", "-o", program,
                        str(reference)], check=True)
        printed = subprocess.run([qemu, "-cpu", "max", program], input="\n".join(lines), text=True, check=True,
                                 stdout=subprocess.PIPE).stdout.split()
    assert len(printed) == len(lines), f"{len(printed)} digests of {len(lines)}"
    return printed


def write(arguments, maker, columns, reference, vectors):
    """A vector is (row, seed, words...); the digest that the reference prints for seed and words completes it."""
    lines = [" ".join(f"{number:x}" for number in vector[1:]) for vector in vectors]
    with open(arguments.output, "w", encoding="ascii") as out:
        print("// SPDX-License-Identifier: Apache-2.0", file=out)
        print(f"//\n// EXECUTE({columns}), by {maker} with qemu-aarch64.", file=out)
        print("//\n// clang-format off", file=out)
        for (row, *numbers), digest in zip(vectors, digests(arguments.qemu, reference, lines)):
            words = ", ".join(f"0x{number:08X}" for number in numbers)
            print(f"EXECUTE({row}, {words}, 0x{digest.upper()})", file=out)
        print("// clang-format on", file=out)
