#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/run on machines that are shell scripts: what it measures, and that no machine can hang it or pass unnoticed."""

import dataclasses
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(SOURCE / "tools/lib"), str(SOURCE / "bench/lib")]
import comparison  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
import session  # noqa: E402

# An agent whose answers are this long and have this sum.
ANSWERS = """echo BENCH-READY
while read -r name scale threads argument; do
    echo "[ 1.0] a kernel's message between"
    echo "BENCH $name sum={sum} ns={ns}"
    echo "BENCH-END $name status=0 ns={ns} at={at}"
done"""


@dataclasses.dataclass
class Machine:
    name: str
    script: str

    def command(self, _guest):
        return ["/bin/sh", "-c", self.script]


def answering(name, sum="00ff", ns=1000, at="1"):
    return Machine(name, ANSWERS.format(sum=sum, ns=ns, at=at))


class Comparison(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        folder = pathlib.Path(temporary.name)
        self.settings = comparison.Settings(folder, folder, folder, folder, folder, 2, 1, 60.0, lambda text: None)

    def compare(self, gimbal, native, *peers, names=("integer",)):
        entries = programs.choose(names)
        return comparison.Comparison(self.settings, gimbal, native, peers).run(entries)

    def test_ratios_are_to_the_fastest_model_and_to_the_default(self):
        result, = self.compare(answering("gimbal", ns=2000), answering("native", ns=1000),
                               answering("peer cortex-a72", ns=8000), answering("peer max", ns=4000))
        line = report.line(result)
        self.assertEqual((line.ratio, line.default_ratio, line.slowdown, line.fastest_name), (2.0, 4.0, 2.0, "max"))
        self.assertEqual([sample.ns for sample in result.outcomes["gimbal"].samples], [2000, 2000])
        self.assertEqual(list(report.problems([result])), [])

    def test_a_row_is_the_geometric_mean_of_its_programs(self):
        self.assertTrue(math.isclose(report.geometric_mean([1.0, 4.0, None]), 2.0))
        self.assertIsNone(report.geometric_mean([None]))

    def test_checksums_that_differ_are_an_error(self):
        result, = self.compare(answering("gimbal", sum="00fe"), answering("native"))
        self.assertIn("checksums differ", result.error)
        self.assertEqual(len(list(report.problems([result]))), 1)

    def test_a_program_that_gives_up_says_why(self):
        gives_up = Machine("gimbal", "echo BENCH-READY; read -r n; echo BENCH integer error=no such thing;"
                                     "echo BENCH-END integer status=256 ns=5 at=1; read -r n")
        result, = self.compare(gives_up, answering("native"))
        self.assertEqual(result.outcomes["gimbal"].error, "no such thing")

    def test_a_program_that_is_killed_is_an_error(self):
        killed = Machine("gimbal", "echo BENCH-READY; read -r n; echo BENCH-END integer status=11 ns=5 at=1; read -r n")
        result, = self.compare(killed, answering("native"))
        self.assertIn("wait status 11", result.outcomes["gimbal"].error)

    def test_a_machine_that_hangs_is_ended_and_the_others_go_on(self):
        self.settings.seconds = 2.0
        hangs = Machine("gimbal", "echo BENCH-READY; read -r n; echo almost; exec sleep 1000")
        first, second = self.compare(hangs, answering("native"), names=("integer", "divide"))
        self.assertIn("no answer in 2 s; last line: almost", first.outcomes["gimbal"].error)
        self.assertIn("no answer", second.outcomes["gimbal"].error)
        self.assertEqual(len(second.outcomes["native"].samples), 2)

    def test_a_machine_that_ends_says_with_what(self):
        ends = Machine("gimbal", "echo BENCH-READY; read -r n; echo the reason >&2; exit 4")
        result, = self.compare(ends, answering("native"))
        self.assertIn("ended with status 4", result.outcomes["gimbal"].error)
        self.assertIn("the reason", result.outcomes["gimbal"].error)

    def test_a_clock_that_runs_fast_is_noticed(self):
        result, = self.compare(answering("gimbal", at="$((count += 1000000000000))"), answering("native"))
        self.assertIn("its clock is wrong: 1000.000 s passed", result.outcomes["gimbal"].error)

    def test_a_program_that_took_longer_than_we_waited(self):
        result, = self.compare(answering("gimbal", ns=5_000_000_000_000), answering("native"))
        self.assertIn("it took 5000.000 s by its own clock", result.outcomes["gimbal"].error)

    def test_a_boot_is_timed_to_its_marker(self):
        boots = Machine("gimbal", "echo GIMBAL-GUEST-UP 1.00; sleep 0.2")
        result, = self.compare(boots, None, names=("boot",))
        sample = result.outcomes["gimbal"].samples[0]
        self.assertGreater(sample.rss, 0)
        self.assertEqual(result.outcomes["gimbal"].error, "")

    def test_a_boot_that_ends_badly_after_its_marker_is_an_error(self):
        result, = self.compare(Machine("gimbal", "echo GIMBAL-GUEST-UP 1.00; sleep 0.2; exit 1"), None, names=("boot",))
        self.assertIn("ended with status 1 after the marker", result.outcomes["gimbal"].error)

    def test_an_image_is_told_by_its_disk_what_to_do(self):
        def image(name):
            return Machine(name, f"d={self.settings.folder}/disk-{name}; n=$(od -An -tu8 -j256 -N8 $d);"
                                 "echo BENCH block sum=5 ns=$((n * $(head -n 1 $d | wc -c)))")

        calls, queue = self.compare(image("gimbal"), None, image("peer"), names=("block-calls", "block-queue"))
        reads = comparison.IMAGE_READS // 16
        self.assertEqual(calls.outcomes["gimbal"].samples[0].ns, reads * len("timed reads by calls\n"))
        self.assertEqual(calls.outcomes["peer"].samples[0].ns, reads * len("timed reads by queue\n"))
        self.assertEqual(queue.outcomes["gimbal"].samples[0].ns, reads * len("timed reads by queue\n"))

    def test_the_cpu_clock_counts_threads_that_ended(self):
        with subprocess.Popen([sys.executable, "-c", "sum(range(3000000)); print('x', flush=True); input()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            self.assertGreater(session.cpu_clock_ns(process.pid), 0)
            process.communicate(b"\n")


class CommandLine(unittest.TestCase):
    def refused(self, *words):
        result = subprocess.run([SOURCE / "bench/run", *words], capture_output=True, text=True)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        return result.stderr

    def test_an_unknown_name_suggests_a_known_one(self):
        self.assertIn("unknown program 'fok'; did you mean 'fork'?", self.refused("--only", "integer,fok"))

    def test_an_architecture_without_guests(self):
        self.assertIn("no loongarch64 guest yet", self.refused("--arch", "loongarch64"))

    def test_every_program_of_the_table_is_built(self):
        listed = subprocess.run([SOURCE / "bench/run", "--list"], capture_output=True, text=True, check=True).stdout
        names = [line.split()[0] for line in listed.splitlines()]
        self.assertEqual(names, [entry.name for entry in programs.ENTRIES])
        built = (SOURCE / "guest/bench/main.cpp").read_text()
        for entry in programs.ENTRIES:
            if entry.kind == "program":
                self.assertIn(f'{{"{entry.command}", ', built)


if __name__ == "__main__":
    unittest.main()
