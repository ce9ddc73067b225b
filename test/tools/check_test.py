#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks notice what they are there for: each is run on a small checkout with one fault planted."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
FUNCTION = "int long_one()\n{{\n{}    return 0;\n}}\n"


class Check(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copytree(SOURCE / "tools", self.root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        (self.root / "tools/length-exemptions.txt").write_text("")
        self.write("vm/exit.hpp", "#pragma once\n")
        self.write("device/uart.hpp", '#include "vm/exit.hpp"\n')
        self.write("base/hosted/panic.hpp", "#include <cstdio>\n")

    def write(self, path, text, head=SPDX):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(head + text)

    def run_check(self, name):
        return subprocess.run([self.root / "tools" / name.split()[0], *name.split()[1:]], capture_output=True,
                              text=True)

    def assert_refused(self, name, *words):
        result = self.run_check(name)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout)

    def assert_accepted(self, name):
        result = self.run_check(name)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_a_sound_tree_passes(self):
        for name in ("check-layering", "check-length", "check-text"):
            self.assert_accepted(name)

    def test_an_include_that_points_up(self):
        self.write("vm/bus.hpp", '#include "device/uart.hpp"\n')
        self.assert_refused("check-layering", "vm/bus.hpp:2", "device/uart.hpp")

    def test_an_engine_that_knows_a_device(self):
        self.write("engine/kvm/run.cpp", '#include "device/uart.hpp"\n')
        self.assert_refused("check-layering", "engine/kvm/run.cpp:2")

    def test_an_engine_that_knows_another(self):
        self.write("engine/kvm/kvm.hpp", "")
        self.write("engine/hvf/run.cpp", '#include "engine/kvm/kvm.hpp"\n')
        self.assert_refused("check-layering", "engine/hvf/run.cpp:2", "engines do not know each other")

    def test_a_header_of_the_hypervisor_in_the_command(self):
        self.write("bare/payload.hpp", "#pragma once\n")
        self.write("app/pack.cpp", '#include "bare/payload.hpp"\n')
        self.assert_accepted("check-layering")
        self.write("bare/board.hpp", "#pragma once\n")
        self.write("app/pack.cpp", '#include "bare/board.hpp"\n')
        self.assert_refused("check-layering", "app/pack.cpp:2", "bare/board.hpp")

    def test_a_hosted_header_in_freestanding_code(self):
        self.write("vm/bus.hpp", "#include <vector>\n")
        self.assert_refused("check-layering", "vm/bus.hpp:2", "<vector>")

    def test_a_hosted_file_in_freestanding_code(self):
        self.write("vm/bus.hpp", '#include "base/hosted/panic.hpp"\n')
        self.assert_refused("check-layering", "vm/bus.hpp:2")

    def test_a_path_that_does_not_start_at_the_root(self):
        self.write("device/other.hpp", '#include "uart.hpp"\n')
        self.assert_refused("check-layering", "device/other.hpp:2")

    def test_a_long_file(self):
        self.write("vm/long.cpp", "int x;\n" * 400)
        self.assert_refused("check-length", "vm/long.cpp: 401 lines")

    def test_a_long_function_and_its_exemption(self):
        self.write("vm/long.cpp", FUNCTION.format("    step();\n" * 60))
        self.assert_refused("check-length", "long_one has 61 lines")
        self.write("tools/length-exemptions.txt", "vm/long.cpp long_one: it is one table\n", head="")
        self.assert_accepted("check-length")

    def test_an_exemption_that_nothing_needs(self):
        self.write("tools/length-exemptions.txt", "vm/exit.hpp: it was long once\n", head="")
        self.assert_refused("check-length", "within the limits now")

    def test_a_function_of_sixty_lines_is_allowed(self):
        self.write("vm/long.cpp", FUNCTION.format("    step();\n" * 59))
        self.assert_accepted("check-length")

    def test_a_missing_licence_line(self):
        self.write("vm/bus.hpp", "#pragma once\n", head="")
        self.assert_refused("check-text", "vm/bus.hpp", "SPDX")

    def test_unfinished_work(self):
        self.write("vm/bus.hpp", "// TO" "DO: the rest\n")
        self.assert_refused("check-text", "vm/bus.hpp:2")

    def test_a_fault_that_no_longer_applies(self):
        fault = ('[[fault]]\nname = "a twist"\ntarget = "t"\ntests = "*"\n'
                 '[[fault.edit]]\nfile = "vm/a.cpp"\nfind = "{}"\nreplace = ""\n')
        self.write("vm/a.cpp", "one two two\n")
        self.write("test/faults/faults.toml", fault.format("one"), head="")
        self.assert_accepted("plant-faults --check")
        for stale in ("two", "three"):
            self.write("test/faults/faults.toml", fault.format(stale), head="")
            self.assert_refused("plant-faults --check", "a twist", "not once")

    def test_behaviours_without_tests(self):
        self.write("test/vm/exit_test.cpp", "TEST(Exit, IsClosed) {}\n")
        self.write("docs/behaviours.md", "| A1 | a frame | `Exit.IsClosed` |\n| A2 | state | `Exit.IsOpen` |\n"
                                         "| A3 | a claim |\n| A4 | a board | no test: it has another board |\n", head="")
        result = self.run_check("check-behaviours").stdout
        self.assertNotIn("A1:", result)
        self.assertIn("A2: there is no test Exit.IsOpen", result)
        self.assertIn("A3: neither", result)
        self.assertNotIn("A4:", result)
        self.assertIn("L34: no row", result)


if __name__ == "__main__":
    sys.exit(unittest.main())
