# SPDX-License-Identifier: Apache-2.0
"""Compiles a program of ours for a guest: static, from the folder's own sources and those of its folder for the ISA."""

import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
# Debian's cross compilers: `make run` installs no LLVM.
COMPILERS = {"aarch64": "aarch64-linux-gnu-g++"}
# No exceptions and nothing that pulls in the C++ runtime, which is larger than the program.
FLAGS = ("-std=c++23", "-O2", "-g0", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ffunction-sections",
         "-Wall", "-Wextra", "-Werror", "-static", "-s", "-Wl,--gc-sections", f"-I{SOURCE}")


class BuildError(Exception):
    """A program cannot be compiled."""


def sources(isa, folder):
    return sorted(path for part in (folder, folder / isa) for path in part.glob("*") if path.suffix in (".cpp", ".S"))


def inputs(isa, folder):
    """All files that the program depends on."""
    headers = [*folder.glob("*.hpp"), *(folder / isa).glob("*.hpp"), SOURCE / "base/types.hpp"]
    return sources(isa, folder) + sorted(headers)


def build(isa, folder, output):
    command = [COMPILERS[isa], *FLAGS, "-o", output, *sources(isa, folder)]
    try:
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BuildError(f"{COMPILERS[isa]} is missing (tools/setup guests)") from error
    if result.returncode != 0:
        raise BuildError(f"{folder.relative_to(SOURCE)} does not compile for {isa}:\n{result.stderr}")
