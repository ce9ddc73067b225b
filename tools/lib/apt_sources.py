# SPDX-License-Identifier: Apache-2.0
"""Where this system's apt gets Debian from: the mirror, its keys and its options."""

import dataclasses
import pathlib
import re

DEBIAN_SUITES = ("bookworm", "oldstable", "stable", "trixie", "testing", "sid", "unstable")
# What a stanza may say about how to reach and trust the mirror; it holds for every suite taken from it.
CARRIED_OPTIONS = ("signed-by", "trusted", "check-valid-until", "allow-insecure", "allow-weak",
                   "allow-downgrade-to-insecure", "by-hash", "inrelease-path")


@dataclasses.dataclass
class Source:
    uris: list
    suites: list
    components: list
    options: dict
    origin: str


def _parse_one_line(text, origin):
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if match:
            pairs = re.findall(r"([\w-]+)[+-]?=(\S+)", match[1] or "")
            options = {key.lower(): value for key, value in pairs if key.lower() in CARRIED_OPTIONS}
            yield Source([match[2]], [match[3]], match[4].split(), options, origin)


def _parse_deb822(text, origin):
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", text):
        fields = {}
        key = None
        for line in stanza.splitlines():
            if line[:1].isspace() and key:
                fields[key] += "\n" + line  # a continued value, such as a key given in place
            elif ":" in line:
                key, value = line.split(":", 1)
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() not in ("no", "false"):
            options = {name: value for name, value in fields.items() if name in CARRIED_OPTIONS}
            yield Source(fields.get("uris", "").split(), fields.get("suites", "").split(),
                         fields.get("components", "").split(), options, origin)


def read_sources(etc=pathlib.Path("/etc/apt")):
    """All enabled binary sources of the system, those in files that Debian's installer writes first."""
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list")),
             *sorted((etc / "sources.list.d").glob("*.sources"))]
    files = [file for file in files if file.is_file()]
    files.sort(key=lambda file: not (file.name == "sources.list" or file.name.startswith("debian")))
    sources = []
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        parse = _parse_deb822 if file.suffix == ".sources" else _parse_one_line
        sources.extend(parse(text, str(file)))
    return sources


def find_debian(sources):
    """(the source of Debian's main archive, the source of its security archive or None)."""
    main = security = None
    for source in sources:
        usable = "main" in source.components and not any(uri.startswith("cdrom:") for uri in source.uris)
        if usable and main is None and any(suite in DEBIAN_SUITES for suite in source.suites):
            main = source
        if usable and security is None and any(re.fullmatch(r"\w+-security", suite) for suite in source.suites):
            security = source
    return main, security


def stanza(source, suites, architecture):
    """A deb822 stanza for `suites` of the archive that `source` points at."""
    lines = ["Types: deb", "URIs: " + " ".join(source.uris), "Suites: " + " ".join(suites), "Components: main",
             "Architectures: " + architecture]
    options = dict(source.options)
    keyring = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if "signed-by" not in options and keyring.is_file():
        options["signed-by"] = str(keyring)
    if "sid" in suites:
        options["check-valid-until"] = "no"
    lines += [f"{name.title()}: {value}" for name, value in options.items()]
    return "\n".join(lines) + "\n"
