# SPDX-License-Identifier: Apache-2.0
"""A private apt state for one architecture: packages are found, verified and unpacked, never installed.

The system's dpkg and apt configuration stay as they are; root is not needed.
"""

import hashlib
import os
import pathlib
import re
import subprocess

import apt_sources

# Settings of the system that say how to reach a mirror; everything else of its apt configuration is left out.
CARRIED_SETTINGS = re.compile(r"^Acquire::(http|https|ftp|tor|Retries|ForceIPv[46]|Queue-Mode)\b", re.IGNORECASE)


class AptError(Exception):
    """Its text is for the user: what failed, for which package, and apt's own reason."""


class AptRoot:
    def __init__(self, path, architecture, suites, status=None):
        """suites: of the main archive; `<suite>-security` ones come from the security archive.
        status: a dpkg status file that says what is there already; by default nothing is."""
        self.path = pathlib.Path(path).absolute()
        self.architecture = architecture
        self.archives = self.path / "archives"
        for folder in ("state/lists/partial", "cache/archives/partial", "sources", "log", "archives"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        self.status = pathlib.Path(status) if status else self.path / "state/status"
        if not status:
            self.status.touch()
        self._write_sources(suites)
        self._write_config()
        self.updated = False

    def _write_sources(self, suites):
        main, security = apt_sources.find_debian(apt_sources.read_sources())
        if main is None:
            raise AptError("no Debian archive in /etc/apt/sources.list or /etc/apt/sources.list.d")
        self.mirror = main.uris[0]
        from_security = [suite for suite in suites if suite.endswith("-security")]
        text = apt_sources.stanza(main, [suite for suite in suites if suite not in from_security], self.architecture)
        if from_security and security is not None:
            text += "\n" + apt_sources.stanza(security, from_security, self.architecture)
        (self.path / "sources/debian.sources").write_text(text)

    def _write_config(self):
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        lines = [line for line in dump.splitlines() if CARRIED_SETTINGS.match(line)]
        state, cache = self.path / "state", self.path / "cache"
        lines += [
            f'APT::Architecture "{self.architecture}";', f'APT::Architectures {{ "{self.architecture}"; }};',
            'APT::Update::Error-Mode "any";', 'Acquire::Languages "none";',
            f'Dir::State "{state}";', f'Dir::State::lists "{state}/lists";', f'Dir::State::status "{self.status}";',
            f'Dir::Cache "{cache}";', f'Dir::Cache::archives "{cache}/archives";', f'Dir::Log "{self.path}/log";',
            'Dir::Etc::main "/dev/null";', 'Dir::Etc::parts "/dev/null";', 'Dir::Etc::sourcelist "/dev/null";',
            f'Dir::Etc::sourceparts "{self.path}/sources";',
            'Dir::Etc::preferences "/dev/null";', 'Dir::Etc::preferencesparts "/dev/null";',
        ]
        if os.geteuid() == 0:
            lines.append('APT::Sandbox::User "root";')  # apt's own user cannot write below a checkout
        (self.path / "apt.conf").write_text("\n".join(lines) + "\n")

    def run(self, *command, show=False, cwd=None):
        """The output of an apt command; AptError with apt's last words if it fails."""
        environment = dict(os.environ, APT_CONFIG=str(self.path / "apt.conf"), LC_ALL="C.UTF-8")
        result = subprocess.run(command, env=environment, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                                stdout=None if show else subprocess.PIPE, stderr=subprocess.PIPE)
        if result.returncode != 0:
            reasons = [line for line in result.stderr.splitlines() if line.startswith("E:")]
            raise AptError("\n".join(reasons[:3]) or f"{' '.join(command)} failed")
        return result.stdout or ""

    def update(self):
        """Fetches the package lists, at most once in the life of this object."""
        if not self.updated:
            print(f"fetching package lists ({self.architecture}) from {self.mirror}", flush=True)
            self.run("apt-get", "-q", "update")
            self.updated = True

    def versions(self, package):
        """[(version, SHA-256)] that the lists offer, newest first."""
        try:
            text = self.run("apt-cache", "show", package)
        except AptError:
            return []
        found = []
        for stanza in text.split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|SHA256): (.*)$", stanza, re.MULTILINE))
            if fields.get("Package") == package:
                found.append((fields["Version"], fields.get("SHA256", "")))
        return found

    def dependency(self, package, pattern):
        """The first package in the Depends of `package` that matches `pattern`."""
        text = self.run("apt-cache", "show", "--no-all-versions", package)
        depends = re.search(r"^Depends: (.*)$", text, re.MULTILINE)
        for name in re.split(r"[,|]\s*", depends[1] if depends else ""):
            name = name.split()[0]
            if re.fullmatch(pattern, name):
                return name
        raise AptError(f"{package} depends on nothing like {pattern}")

    def deb_path(self, package, version):
        """Where `download` leaves it: apt names the architecture, which is `all` for some."""
        paths = [self.archives / f"{package}_{version.replace(':', '%3a')}_{architecture}.deb"
                 for architecture in (self.architecture, "all")]
        return paths[1] if paths[1].is_file() else paths[0]

    def download(self, package, version):
        """The verified .deb of this package and version."""
        self.run("apt-get", "-q", "download", f"{package}={version}", cwd=self.archives)
        path = self.deb_path(package, version)
        if not path.is_file():
            raise AptError(f"apt fetched {package} {version} under a name other than {path.name}")
        return path


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def unpack(deb, destination, *patterns):
    """Unpacks the files of a .deb that match the patterns (tar's, as ./usr/*), or all."""
    destination.mkdir(parents=True, exist_ok=True)
    archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE)
    extract = ["tar", "-x", "-C", str(destination), "--no-same-owner"]
    if patterns:
        extract += ["--wildcards", *patterns]
    result = subprocess.run(extract, stdin=archive.stdout, capture_output=True, text=True)
    archive.stdout.close()
    archive.wait()
    if result.returncode != 0:
        raise AptError(f"{deb.name}: {result.stderr.strip()}")


def native_architecture():
    """dpkg's name of this system's architecture."""
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
