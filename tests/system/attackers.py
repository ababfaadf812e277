"""Clients that mean no good, clients that do, and what a worker holds before and after them.

`flood` brings many connections into one state and ends them in one way; `GoodClients` asks as ever
meanwhile and remembers how long each answer took; `Level` is what has to be the same again afterwards.
"""
import os
import resource
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

from harness import ISOLATE, wait_for
from probes import request
from throwing import connect

RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER: on, 0 s


def allow_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count), hard), hard))


# ---- what a worker holds ----

class Level:
    def __init__(self, g):
        self.pid = g.workers()[0]["pid"]
        self.descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))
        status = Path(f"/proc/{self.pid}/status").read_text()
        self.memory = 1024 * int(status.split("VmRSS:")[1].split()[0])
        figures = g.metrics()
        self.connections = figures["gale_connections"]
        self.running = sum(value for name, value in figures.items()
                           if name.startswith("gale_requests_running{"))

    def is_back(self, before):
        """Nothing is held for anybody; the same worker lives. Connections to isolated workers are
        kept a while."""
        return (self.pid == before.pid and (ISOLATE or self.descriptors <= before.descriptors) and
                not self.connections and not self.running)

    def __str__(self):
        return (f"{self.descriptors} descriptors, {self.connections} connections, "
                f"{self.running} requests, {self.memory / 1e6:.1f} MB")


def wait_for_level(g, before):
    wait_for(lambda: Level(g).is_back(before), "descriptors, connections and requests to go")
    return Level(g)


# ---- floods ----

# Where a connection is when it ends: what was sent, and what of the answer has been read by then.
STATES = {
    "says nothing": (b"", None),
    "half a head": (request("/hello")[:-3], None),
    "no body": (request("/body", "Content-Length: 100", method="POST"), None),
    "half a body": (request("/body", "Content-Length: 100", method="POST") + b"x" * 50, None),
    "half a chunk": (request("/body", "Transfer-Encoding: chunked", method="POST") + b"5\r\nab", None),
    "being served": (request("/nap?ms=60000"), None),
    "does not read": (request("/files/big"), b"HTTP/1.1 200"),
    "kept": (request("/hello"), b"hello\n"),
    "refused": (b"\x16\x03\x01", b"HTTP/1.1 400"),
    "pipelined": (request("/hello") * 30, None),
    "asked to go on": (request("/body", "Expect: 100-continue", "Content-Length: 9", method="POST"),
                       b"100 Continue"),
}
WAYS = ("close", "reset", "half-close")


def read_mark(s, mark):
    data = b""
    while mark not in data:
        more = s.recv(4096)
        if not more:
            return
        data += more


def end_socket(s, way):
    if way == "half-close":
        try:
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return False
    if way == "reset":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.close()
    return True


def flood(address, state, way, count):
    """Brings so many connections there at once, then ends them."""
    data, mark = STATES[state]
    sockets = []
    for _ in range(count):
        s = connect(address, room=4096)
        sockets.append(s)
        s.sendall(data)
    for s in sockets if mark else []:
        read_mark(s, mark)
    left = [s for s in sockets if not end_socket(s, way)]
    return left


# ---- good clients ----

class GoodClients:
    """While it is entered one client asks again and again, and another on a connection each time."""

    def __init__(self, address, path="/hello", pause=0.002):
        self.address, self.data, self.pause = address, request(path), pause
        self.kept, self.fresh, self.wrong = [], [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=way)
                        for way in ((True, self.kept), (False, self.fresh))]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def run(self, is_kept, took):
        s = None
        while not self.stop.wait(self.pause):
            begun = time.monotonic()
            try:
                s = s or connect(self.address)
                s.sendall(self.data)
                answer = s.recv(4096)
            except OSError as error:
                self.wrong.append(error)
                s = None
                continue
            took.append(time.monotonic() - begun)
            if not answer.startswith(b"HTTP/1.1 200"):
                self.wrong.append(answer)
            if not is_kept:
                s.close()
                s = None
        if s:
            s.close()

    def figures(self):
        """(median, 99th percentile) in milliseconds, of those kept and those fresh."""
        return [(statistics.median(took) * 1e3, statistics.quantiles(took, n=100)[98] * 1e3)
                for took in (self.kept, self.fresh)]


# ---- slowhttptest ----

# head, body, range and read: what each asks for, besides how many and for how long
SLOW_MODES = {
    "-H": ["/hello"],
    "-B": ["/body", "-s", "4096", "-x", "1"],
    "-R": ["/files/ten", "-a", "1", "-b", "3000"],
    "-X": ["/files/big", "-w", "1", "-y", "512", "-z", "1", "-n", "1"],
}


def slowhttptest(mode, port, count, seconds):
    """A process of it: a byte a second (or what the mode calls so) on `count` connections."""
    path, *options = SLOW_MODES[mode]
    return subprocess.Popen(
        ["nice", "slowhttptest", mode, "-c", str(count), "-r", str(count), "-i", "1", "-l", str(seconds),
         "-p", "20", "-v", "1", "-u", f"http://127.0.0.1:{port}{path}", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
