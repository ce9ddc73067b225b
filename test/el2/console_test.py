#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two guests and a user at the console of gimbal-el2: console_test.py GIMBAL IMAGE PEER GUEST SECONDS"""

import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import bare_board  # noqa: E402
import guest_test  # noqa: E402

PAUSE = 1.0  # how long a guest stands still, in seconds; what is asserted holds for any


class Console:
    """What a board's console shows, and the keys of its user."""

    def __init__(self, command, seconds):
        self.board = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.deadline = time.monotonic() + seconds
        self.seen = b""
        self.at = 0  # what was expected so far
        self.ended = False
        self.news = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while data := self.board.stdout.read1(4096):
            with self.news:
                self.seen += data
                self.news.notify()
        with self.news:
            self.ended = True
            self.news.notify()

    def type(self, keys):
        self.board.stdin.write(keys.encode())
        self.board.stdin.flush()

    def expect(self, pattern):
        """Waits for the pattern behind what was expected before."""
        with self.news:
            while not (match := re.search(pattern.encode(), self.seen[self.at:])):
                if self.ended or time.monotonic() > self.deadline:
                    raise AssertionError(f"did not see {pattern!r} behind {self.seen[max(0, self.at - 200):self.at]!r}")
                self.news.wait(max(0, self.deadline - time.monotonic()))
            self.at += match.end()
            return [group.decode() for group in match.groups()]

    def command(self, words, *answers):
        """A line of the management prompt, which is open."""
        self.type(words + "\r")
        return [self.expect(answer) for answer in answers]

    def counter(self):
        self.type("t")
        count, frequency = self.expect(r"count (\d+) of (\d+)\r?\n")
        return int(count) / int(frequency)


def statistics(console):
    return console.command("statistics two", r"ran (\d+) ms in (\d+) turns, woke (\d+) times\r\n.*exits: (\d+)")[0]


def check_both_are_shown(console):
    console.expect(r"\[one\] ready, fresh\r\n(?s:.*)\[two\] ready, fresh\r\n|"
                   r"\[two\] ready, fresh\r\n(?s:.*)\[one\] ready, fresh\r\n")
    console.type("x")
    console.expect(r"\[one\] key 120\r\n")


def check_switch(console):
    console.type("\x012")
    console.expect(r"gimbal-el2: 2, two\r\n")
    console.type("yp")  # the prompt has no newline, and is seen
    console.expect(r"(?m:^)key 121\r?\nprompt> ")
    console.type("\x01a")
    console.expect(r"key 1\r?\n")
    console.type("\x01?")
    console.expect(r"  1  one\r\n  2  two, gets the input\r\n")


def check_clock(console):
    before = int(time.time())
    console.type("c")
    (seconds,) = console.expect(r"clock (\d+)\r?\n")
    if not before - 1 <= int(seconds) <= time.time() + 1:
        raise AssertionError(f"the guest's clock says {seconds}, ours {before}")


def check_prompt(console):
    console.type("\x01c")
    console.expect(r"help lists the commands")
    console.command("list", r"  1  one: running, 32 MiB, 1 vCPU, priority 1\r\n",
                    r"  2  two: running, 32 MiB, 1 vCPU, priority 2, budget 50%\r\n")
    console.command("stop nobody", r"there is no guest 'nobody'")
    console.command("halt", r"unknown command 'halt'")
    console.command("resume two", r"two is running: it is not paused")
    console.command("start two", r"two is running: it has not stopped")


def check_idle_costs_nothing(console):
    """It sleeps without a timer: between two looks nothing of it has run."""
    first = statistics(console)
    time.sleep(PAUSE)
    if (second := statistics(console)) != first:
        raise AssertionError(f"an idle guest went from {first} to {second} (ms, turns, wake-ups, exits)")


def check_pause(console):
    console.type("\r")
    asked = time.monotonic()
    before = console.counter()
    console.type("\x01c")
    console.command("pause two", r"two: paused\r\n")
    paused = time.monotonic()
    console.command("pause two", r"two is paused: it does not run")
    time.sleep(PAUSE)
    resumed = time.monotonic()
    console.command("resume two", r"two: goes on\r\n")
    console.type("\r")
    passed = console.counter() - before
    if passed > time.monotonic() - asked - (resumed - paused):
        raise AssertionError(f"the guest counts {passed} s, {resumed - paused} of them in a pause")


def check_restarts(console):
    console.type("r")
    console.expect(r"two: resets\r\n")
    console.expect(r"ready, fresh\r?\n")
    console.type("\x01c")
    console.command("restart two", r"two: restarts\r\n")
    console.type("\r")
    console.expect(r"ready, fresh\r?\n")


def check_power_key(console):
    console.type("k")
    console.expect(r"waiting for the key\r?\n")
    console.type("\x01c")
    console.command("powerdown two")
    console.type("\r")
    console.expect(r"key down\r?\nkey up\r?\n")


def check_stops(console):
    console.type("\x01c")
    console.command("stop two", r"two: stopped\r\n", r"\(gimbal-el2\) ")
    console.command("pause two", r"two is stopped: it does not run")
    console.command("start two", r"\(gimbal-el2\) ")
    console.type("\r")
    console.expect(r"ready, fresh\r?\n")
    console.type("\x01c")
    console.command("stop one", r"one: stopped\r\n")
    console.command("stop two", r"two: stopped\r\n", r"no guest runs")
    console.command("start 1")
    console.command("console one")
    console.expect(r"gimbal-el2: 1, one\r\n(?s:.*)ready, fresh\r?\n")
    console.type("o")  # the other one may still come back
    console.expect(r"one: has powered off\r\n")
    console.expect(r"no guest runs")
    console.type("\x01c")
    console.command("start two")
    console.command("console two", r"gimbal-el2: 2, two\r\n(?s:.*)ready, fresh\r?\n")
    console.type("o")
    console.expect(r"two: has powered off\r\n")
    console.expect(r"gimbal-el2: every guest has ended\r\n")


def main():
    gimbal, hypervisor, peer, guest, seconds = sys.argv[1:]
    if not pathlib.Path(peer).exists():
        print(f"there is no {peer}: run `make peer` first")
        return guest_test.MISSING
    texts = [f'name = "{name}"\nkernel = "{guest}"\nmemory = "32M"\n[type1]\naffinity = [{cpu}]\npriority = {priority}\n{more}'
             for name, cpu, priority, more in (("one", 0, 1, ""), ("two", 1, 2, "budget = 50\n"))]
    with tempfile.TemporaryDirectory() as folder:
        image = bare_board.pack(gimbal, hypervisor, folder, texts)
        console = Console([peer, *bare_board.BOARD, "-m", "256M", "-cpu", "cortex-a72", "-smp", "2", "-kernel", image],
                          float(seconds))
        problems = []
        try:
            for check in (check_both_are_shown, check_switch, check_clock, check_prompt, check_idle_costs_nothing,
                          check_pause, check_restarts, check_power_key, check_stops):
                check(console)
            if status := console.board.wait(max(1, console.deadline - time.monotonic())):
                problems.append(f"the board's status is {status}")
        except (AssertionError, subprocess.TimeoutExpired) as error:
            problems.append(str(error))
        finally:
            console.board.kill()
            console.board.wait()
    return guest_test.verdict(problems, console.seen)


if __name__ == "__main__":
    sys.exit(main())
