#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The mirror is found in whatever form the system's apt configuration has."""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools/lib"))
import apt_sources  # noqa: E402

ONE_LINE = """# comment
deb cdrom:[Debian GNU/Linux]/ bookworm main
deb [arch=amd64 signed-by=/keys/mirror.gpg] http://mirror.example/debian bookworm main contrib # near
deb-src http://source.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
"""
DEB822 = """Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Trusted: yes

Enabled: no
Types: deb
URIs: http://disabled.example
Suites: bookworm-security
Components: main
"""


class AptSources(unittest.TestCase):
    def setUp(self):
        self.etc = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.etc)
        (self.etc / "sources.list.d").mkdir()

    def find(self):
        return apt_sources.find_debian(apt_sources.read_sources(self.etc))

    def test_one_line_sources(self):
        (self.etc / "sources.list").write_text(ONE_LINE)
        main, security = self.find()
        self.assertEqual(main.uris, ["http://mirror.example/debian"])
        self.assertEqual(main.options, {"signed-by": "/keys/mirror.gpg"})
        self.assertEqual(security.uris, ["http://security.example/debian-security"])

    def test_deb822_sources(self):
        (self.etc / "sources.list.d/debian.sources").write_text(DEB822)
        main, security = self.find()
        self.assertEqual(main.uris, ["http://mirror.example/debian"])
        self.assertIsNone(security, "a disabled stanza counts for nothing")
        self.assertIn("Trusted: yes\n", apt_sources.stanza(main, ["bookworm"], "arm64"))

    def test_other_archives_do_not_pass_for_debian(self):
        (self.etc / "sources.list.d/browser.list").write_text("deb http://vendor.example/deb stable main\n")
        (self.etc / "sources.list.d/cloud.list").write_text("deb http://vendor.example/apt sdk-bookworm main\n")
        (self.etc / "sources.list.d/debian.sources").write_text(DEB822)
        self.assertEqual(self.find()[0].uris, ["http://mirror.example/debian"])

    def test_a_key_given_in_place_is_kept_whole(self):
        key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n -----END PGP PUBLIC KEY BLOCK-----\n"
        (self.etc / "sources.list.d/debian.sources").write_text(DEB822.replace("Trusted: yes\n", key))
        self.assertIn("\n mQ==\n", apt_sources.stanza(self.find()[0], ["bookworm"], "arm64"))

    def test_no_debian_at_all(self):
        self.assertEqual(self.find(), (None, None))


if __name__ == "__main__":
    sys.exit(unittest.main())
