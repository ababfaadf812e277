"""load.py - what asks the contenders: wrk, the client of bench/load, and connections that do nothing.

Each measurement is a dict of figures; the keys have one meaning everywhere (see figures.UNITS).
"""
import os
import re
import resource
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from harness.contender import BENCH, BUILD, LOAD_CPU

PACKAGES = {"nginx": "nginx-light", "lighttpd": "lighttpd", "h2o": "h2o", "wrk": "wrk",
            "apache2": "apache2-bin", "spawn-fcgi": "spawn-fcgi"}
BROWSER = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.9,de;q=0.8", "Accept-Encoding: gzip, deflate, br",
    "Cache-Control: max-age=0", "Upgrade-Insecure-Requests: 1", "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Sec-Fetch-User: ?1",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes",
]


def prepare():
    """The harness itself stays off the contenders' CPU, and may hold many connections."""
    os.environ["PATH"] += ":/usr/sbin"
    missing = [p for p in PACKAGES if not shutil.which(p)]
    if missing:
        sys.exit("install first: apt-get install " + " ".join(PACKAGES[p] for p in missing))
    os.sched_setaffinity(0, {int(LOAD_CPU)})
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


# ---- wrk ----

def wrk(contender, connections, seconds, deep=1, headers=(), path=None, cpu=LOAD_CPU):
    command = ["taskset", "-c", cpu, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
               "-s", os.path.join(BENCH, "load", "wrk.lua")]
    for header in headers:
        command += ["-H", header]
    command += [f"http://127.0.0.1:{contender.port}{path or contender.path}", "--", str(deep)]
    before = contender.cpu()
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = contender.cpu() - before
    requests, us, p50, p99, p999, most, errors = (
        int(n) for n in re.search(r"^RESULT (.*)", out, re.M).group(1).split())
    if errors:
        print(f"  {contender.name}: {errors} errors of {requests}", file=sys.stderr)
    cost = {"us": used / max(1, requests) / 1000, "rate": requests / (us / 1e6), "errors": errors}
    if deep > 1:  # wrk takes the time of all of them together
        return cost
    return {**cost, "p50": p50, "p99": p99, "p999": p999, "max": most}


# ---- bench/load/client ----

def client(*arguments):
    return ["taskset", "-c", LOAD_CPU, os.path.join(BUILD, "bench", "load", "client"),
            *(str(a) for a in arguments)]


def transfer(contender, *arguments):
    """One upload or download: throughput, and CPU time of the contender."""
    verb, *rest = arguments
    before = contender.cpu()
    done = subprocess.run(client(verb, contender.port, *rest), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{contender.name}: {done.stderr}")
    out = done.stdout.split()
    used = contender.cpu() - before
    size = int(out[1])
    return {"mb_s": size / float(out[0]) / 1e6, "us_mb": used / 1000 / (size / 1e6)}


class Uploading:
    """A client that uploads as fast as it can while the block lasts."""

    def __init__(self, contender, path, size=1 << 30):
        self.command = client("upload", contender.port, path, size, 3600)

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def poll(contender, seconds):
    out = subprocess.run(client("poll", contender.port, contender.path, seconds),
                         capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(("p50", "p99", "p999", "max"), (float(v) for v in out[1:])))


# ---- connections ----

class Idle:
    """Connections that were answered once and are then kept without a word."""

    def __init__(self, contender, count):
        self.contender, self.count, self.sockets = contender, count, []

    def __enter__(self):
        request = f"GET {self.contender.path} HTTP/1.1\r\nHost: b\r\n\r\n".encode()
        for _ in range(self.count):
            s = socket.create_connection(("127.0.0.1", self.contender.port), 10)
            self.sockets.append(s)
            s.sendall(request)
            if b" 200 " not in s.recv(4096):
                raise SystemExit(f"{self.contender.name} does not keep {self.count} connections")
        return self

    def alive(self):
        """How many are still there."""
        poller = select.poll()
        for s in self.sockets:
            poller.register(s, select.POLLIN | select.POLLRDHUP)
        return self.count - len(poller.poll(0))

    def __exit__(self, *_):
        for s in self.sockets:  # a reset leaves no port in TIME_WAIT
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()


class Every:
    """Calls something once a second in the background while the block lasts."""

    def __init__(self, call, seconds=1.0):
        self.call, self.seconds, self.done = call, seconds, threading.Event()

    def run(self):
        while not self.done.wait(self.seconds):
            self.call()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
