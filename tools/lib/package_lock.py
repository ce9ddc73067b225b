# SPDX-License-Identifier: Apache-2.0
"""Packages at the versions and hashes of guest/packages.lock, through a private apt state; the newest with a warning if
the mirror no longer has a version."""

import dataclasses
import os
import pathlib
import sys

import apt_root

LOCK = pathlib.Path(__file__).resolve().parent.parent.parent / "guest/packages.lock"


@dataclasses.dataclass(frozen=True)
class Role:
    """One package a guest is made of: taken as it is, or found in the Depends of a meta package."""
    package: str
    depends_pattern: str | None = None
    # What a long role gives: file in build/guest/<architecture> -> the one file in the package (tar's patterns).
    outputs: dict = dataclasses.field(default_factory=dict)


def read_lock(architecture):
    """role -> (package, version, SHA-256)"""
    entries = {}
    for line in LOCK.read_text().splitlines() if LOCK.is_file() else []:
        words = line.split("#")[0].split()
        if len(words) == 5 and words[0] == architecture:
            entries[words[1]] = tuple(words[2:])
    return entries


def write_lock(architecture, packages):
    """Replaces the lines of these roles of one architecture."""
    kept = [line for line in LOCK.read_text().splitlines()
            if line.split()[:1] != [architecture] or line.split()[1] not in packages] if LOCK.is_file() else []
    lines = [" ".join((architecture, role, *packages[role])) for role in packages]
    replace(LOCK, "\n".join(kept + lines) + "\n")


def replace(path, text):
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


def newest(apt, role):
    """(package, version, SHA-256) of the newest that the mirror has."""
    package = role.package
    if role.depends_pattern:
        if not apt.versions(package):
            raise apt_root.AptError(f"{package}: the mirror {apt.mirror} does not have it")
        package = apt.dependency(package, role.depends_pattern)
    offers = apt.versions(package)
    if not offers:
        raise apt_root.AptError(f"{package}: the mirror {apt.mirror} does not have it")
    return package, *offers[0]


def choose(apt, name, role, locked, use_newest):
    """(package, version, SHA-256) to fetch: the locked one if the mirror still has it."""
    if use_newest or not locked:
        return newest(apt, role)
    package, version, digest = locked
    if any(offer == version for offer, _ in apt.versions(package)):
        return locked
    replacement = newest(apt, role)
    print(f"warning: {name}: the mirror no longer has {package} {version} of guest/packages.lock; "
          f"using {replacement[0]} {replacement[1]}", file=sys.stderr)
    return replacement


def fetch(apt, roles, locked, use_newest):
    """role -> ((package, version, SHA-256), .deb)"""
    result = {}
    for name, role in roles.items():
        wanted = locked.get(name)
        try:
            if wanted and not use_newest:
                deb = apt.deb_path(*wanted[:2])
                if deb.is_file() and apt_root.sha256(deb) == wanted[2]:
                    result[name] = (wanted, deb)
                    continue
            apt.update()
            wanted = choose(apt, name, role, wanted, use_newest)
            deb = apt.deb_path(*wanted[:2])
            if not (deb.is_file() and apt_root.sha256(deb) == wanted[2]):
                print(f"fetching {wanted[0]} {wanted[1]}", flush=True)
                deb = apt.download(*wanted[:2])
            digest = apt_root.sha256(deb)
            if digest != wanted[2]:
                deb.unlink()
                raise apt_root.AptError(f"its SHA-256 is {digest}, {wanted[2]} was expected")
        except apt_root.AptError as error:
            package = wanted[0] if wanted else role.package
            raise apt_root.AptError(f"cannot get {package} ({name}): {error}") from error
        result[name] = (wanted, deb)
    return result
