# SPDX-License-Identifier: Apache-2.0
"""A guest on a terminal of its own, driven by what it prints."""

import os
import pty
import re
import select
import signal
import time

PATIENCE = 240  # seconds without the text that is waited for; the machine may be busy


class Guest:
    """`command` on a new terminal; `with` ends it whatever happens."""

    def __init__(self, command):
        self.shown = b""
        self.log = b""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execv(command[0], [str(word) for word in command])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.terminal)

    def _read(self, timeout):
        if not select.select([self.terminal], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # the other end is closed
            return False
        self.shown += data
        self.log += data
        return bool(data)

    def read_until(self, pattern, patience=PATIENCE):
        """What was shown up to the first match of `pattern`; the match itself."""
        end = time.monotonic() + patience
        while not (match := re.search(pattern, self.shown)):
            if time.monotonic() > end or not self._read(end - time.monotonic()):
                raise RuntimeError(f"{pattern!r} was not shown")
        before, self.shown = self.shown[:match.start()], self.shown[match.end():]
        return before, match

    def type(self, text):
        os.write(self.terminal, text)

    def signal(self, number):
        os.kill(self.process, number)

    def wait(self):
        """The exit status."""
        while self._read(PATIENCE):
            pass
        _, status = os.waitpid(self.process, 0)
        self.process = 0
        return os.waitstatus_to_exitcode(status)
