#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""network_test.py PROGRAM [MEGABYTES]: Debian's kernel gets an address, fetches from this host, serves this host through
a forwarded port, and does both at once. Checksums decide; the rates are printed for whoever wants them."""

import hashlib
import http.server
import pathlib
import random
import re
import socket
import sys
import threading
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from guest_test import boot, guest_folder, verdict  # noqa: E402

TIMEOUT = 300
SCRIPT = """
echo ADDRESS $(ip -4 addr show dev eth0 | sed -n 's/.*inet \\([0-9.]*\\).*/\\1/p') $(ls /sys/class/net | wc -l)
mkdir /run/www
dd if=/dev/urandom of=/run/www/up bs=1M count={megabytes} 2>/dev/null
echo UP $(sha256sum </run/www/up)
httpd -p 80 -h /run/www
wget -q -O /run/down {host}/down
echo DOWN $(sha256sum </run/down)
wget -q -O /dev/null {host}/fetch
wget -q -O /run/both {host}/down &
wget -q -O /dev/null {host}/fetch
wait
echo BOTH $(sha256sum </run/both)
"""


class Host(http.server.ThreadingHTTPServer):
    """What the guest talks to: /script, /down, and /fetch, which fetches from the guest before it answers."""
    daemon_threads = True

    def __init__(self, megabytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.down = random.Random(megabytes).randbytes(megabytes << 20)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.forwarded = probe.getsockname()[1]
        guest_sees = f"http://10.0.2.2:{self.server_address[1]}"
        self.script = SCRIPT.format(megabytes=megabytes, host=guest_sees).encode()
        self.keys = f"wget -q -O /run/script {guest_sees}/script && sh /run/script; exit\n".encode()
        self.fetched = []  # (checksum, bytes per second)
        self.sent = []     # bytes per second


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        host = self.server
        body = {"/script": host.script, "/down": host.down}.get(self.path, b"")
        if self.path == "/fetch":
            start = time.monotonic()
            with urllib.request.urlopen(f"http://127.0.0.1:{host.forwarded}/up", timeout=TIMEOUT) as answer:
                fetched = answer.read()
            rate = len(fetched) / (time.monotonic() - start)
            host.fetched.append((hashlib.sha256(fetched).hexdigest(), rate))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        start = time.monotonic()
        self.wfile.write(body)
        self.wfile.flush()
        if self.path == "/down":
            host.sent.append(len(body) / (time.monotonic() - start))


def check(host, console):
    """What went wrong, as a list of sentences."""
    problems = []

    def said(word):
        found = re.search(rf"^{word} (\S+)", console.replace("\r", ""), re.MULTILINE)
        return found.group(1) if found else None

    if said("ADDRESS") != "10.0.2.15":
        problems.append(f"the guest's address is {said('ADDRESS')}, not 10.0.2.15")
    down = hashlib.sha256(host.down).hexdigest()
    for word in ("DOWN", "BOTH"):
        if said(word) != down:
            problems.append(f"{word}: the guest has {said(word)}, not {down}")
    checksums = [checksum for checksum, _ in host.fetched]
    if checksums != [said("UP")] * 2:
        problems.append(f"UP: this host has {checksums}, the guest {said('UP')}")
    return problems


def main(program, megabytes=4):
    folder = guest_folder()
    host = Host(int(megabytes))
    threading.Thread(target=host.serve_forever, daemon=True).start()
    # The second card shows that several work side by side.
    result = boot.gimbal(program, folder, "kernel", "--net", f"user,hostfwd=tcp:{host.forwarded}:80", "--net", "user",
                         timeout=TIMEOUT, keys=host.keys)
    host.shutdown()
    problems = check(host, result.console.decode(errors="replace"))
    if result.status != 0:
        problems.append(f"status {result.status}, not 0")
    print(f"{result.wall_s:.1f} s, {result.cpu_s:.1f} s of CPU")
    for what, rates in (("host to guest", host.sent), ("guest to host", [rate for _, rate in host.fetched])):
        print(f"{what}: " + ", ".join(f"{rate / 1e6:.1f} MB/s" for rate in rates) + " (alone, both at once)")
    return verdict(problems, result.console, result.errors)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
