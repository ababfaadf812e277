"""What is left of gateways when the meanest things have happened to them, all at once: nothing. No
descriptor, process, temporary file, place in a queue; and no memory that grows from round to round."""
import os
import random
import signal
import socket
import subprocess
import threading
import time

from cgi_site import descriptors, programs_of, resident
from fastcgi_apps import metric
from fcgi_server import AUTHORIZER, KEEP_CONN, PLAIN, FcgiServer
from harness import wait_for

SECONDS = 3  # of each round


class Program:
    """A libfcgi program of a few processes on one socket, each of which may be killed."""

    def __init__(self, path, folder, count=3):
        self.path, self.lock = path, threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(f"{folder}/counter")
        os.chmod(f"{folder}/counter", 0o777)
        self.socket.listen(64)
        self.address = f"unix:{folder}/counter"
        self.processes = [self._start() for _ in range(count)]

    def _start(self):
        return subprocess.Popen([str(self.path)], stdin=self.socket, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env={})

    def kill_one(self):
        with self.lock:
            old = self.processes.pop(0)
            old.send_signal(signal.SIGKILL)
            old.wait(10)
            self.processes.append(self._start())

    def stop(self):
        with self.lock:
            for process in self.processes:
                process.kill()
                process.wait(10)
        self.socket.close()


def mean(c):
    """A server that draws lots for each request."""
    chance = random.Random()
    while True:
        request = c.read_head()
        way = chance.randrange(10)
        if way == 0:
            return
        if way == 1:
            c.reset()
            return
        if way == 2:
            c.raw(os.urandom(100))
            return
        if way == 3:
            c.wait_for_abort()
            return
        if way == 4:
            c.stdout(PLAIN + b"h" * 100000)
            return
        if request.role != AUTHORIZER or way < 7:
            while c.read_stdin():
                pass
        if request.role == AUTHORIZER:
            c.stdout(b"Status: 200\r\nVariable-A: b\r\n\r\n")
            c.end()
        else:
            c.stderr(b"so it goes\n" * 3)
            c.stdout(PLAIN + b"d" * (3_000_000 if way > 7 else 1000))
            c.end()
        if not request.flags & KEEP_CONN:
            return


SCRIPTS = {"ok": "printf 'A: b\\n\\nhello'", "eats": "cat >/dev/null; printf 'A: b\\n\\nhello'",
           "big": "printf 'A: b\\n\\n'; exec head -c 3000000 /dev/zero", "hangs": "exec sleep 100",
           "dies": "printf 'A: b\\n\\nhalf'; kill -9 $$", "stubborn": "trap '' TERM; sleep 100 & wait",
           "errs": "yes | head -c 1000000 >&2; exit 3", "silent": "exit 0"}


def configuration(folder, server, program):
    def fcgi(name, address, *keys):
        return "\n".join([f"[app {name}]", f"mount = /{name}", f"fastcgi = {address}",
                          "read_timeout = 300ms", *keys, ""])
    cgi = "read_timeout = 300ms\ngrace = 50ms\nprocesses = 8\nqueue = 8\nqueue_timeout = 500ms\n"
    return "".join([
        fcgi("fresh", server), fcgi("kept", server, "keep_alive = 3"),
        fcgi("buffered", server, "buffer = 1M", "keep_alive = 2"),
        fcgi("few", server, "connections = 2", "queue = 3", "queue_timeout = 300ms"),
        fcgi("two", f"{server} unix:{folder}/nobody", f"backup = {server}"),
        fcgi("counter", program, "keep_alive = 2", "connections = 3"),
        f"[app cgi]\nmount = /cgi\ncgi = {folder}/bin\n{cgi}",
        f"[app slow]\nmount = /slow\ncgi = {folder}/bin\nbuffer = 1M\n{cgi}",
        f"[app asked]\nmount = /asked\ncgi = {folder}/bin\nauthorize = fresh\n{cgi}"])


PATHS = ["/fresh", "/kept", "/buffered", "/few", "/two", "/counter", "/counter"] + \
    [f"/{app}/{name}" for app in ("cgi", "slow", "asked") for name in SCRIPTS]


def visit(g, chance):
    """One client: sends some of a request, takes some of the answer, and goes."""
    path, size = chance.choice(PATHS), chance.choice([0, 0, 10, 20000, 300000])
    with g.connect() as c:
        c.socket.settimeout(5)
        c.send(f"{'POST' if size else 'GET'} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" +
               ("Transfer-Encoding: chunked\r\n\r\n" if size and size % 3 else
                f"Content-Length: {size}\r\n\r\n"))
        if size and size % 3:
            c.send(b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n")
        elif size:
            c.send(b"x" * chance.choice([size, size // 2]))
        if chance.random() < 0.5:
            c.fill()
        if chance.random() < 0.3:
            c.rest()
        if chance.random() < 0.5:
            c.reset()


def load(g, stop, seed):
    chance = random.Random(seed)
    while not stop.is_set():
        try:
            visit(g, chance)
        except (OSError, EOFError):
            pass


def one_round(g, program, seed):
    stop = threading.Event()
    threads = [threading.Thread(target=load, args=(g, stop, seed + n)) for n in range(4)]
    for t in threads:
        t.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        program.kill_one()
        time.sleep(0.1)
    stop.set()
    for t in threads:
        t.join()


def settle(g):
    """Everything ends by itself."""
    for name in ("gale_fastcgi_running", "gale_fastcgi_requests", "gale_fastcgi_requests_waiting",
                 "gale_cgi_processes", "gale_cgi_processes_waiting", "gale_requests_running"):
        wait_for(lambda: metric(g, name) == 0, f"{name} to become 0")
    wait_for(lambda: metric(g, "gale_fastcgi_connections") == 0, "kept connections to grow old")
    wait_for(lambda: not programs_of(g), "all programs to be gone")


def count(g):
    """(descriptors, deleted files, resident bytes) of all workers."""
    pids = [w["pid"] for w in g.workers()]
    names = [name for pid in pids for name in descriptors(pid)]
    return len(names), sum("(deleted)" in name and "memfd" not in name for name in names), \
        sum(map(resident, pids))


def test_nothing_is_left(gale, tmp_path, build):
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o777)
    temporary.chmod(0o777)
    (tmp_path / "bin").mkdir()
    for name, script in SCRIPTS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    program = Program(build / "examples/fastcgi/counter", tmp_path)
    try:
        with FcgiServer(mean, values={"FCGI_MAX_CONNS": "50"}) as server:
            g = gale(configuration(tmp_path, server.address, program.address)
                     .replace("read_timeout = 300ms\nkeep", "read_timeout = 300ms\nkeep_alive_age = 1s\nkeep"),
                     workers=2, env={"TMPDIR": str(temporary)}, max_body="10M")
            pids = [w["pid"] for w in g.workers()]
            for path in PATHS:  # so that everything has been opened once
                try:
                    g.get(path)
                except (EOFError, OSError):
                    pass
            settle(g)
            before = count(g)
            one_round(g, program, 1)
            settle(g)
            wait_for(lambda: count(g)[:2] <= before[:2], f"the counts of before, {before}")
            middle = count(g)
            one_round(g, program, 100)
            settle(g)
            wait_for(lambda: count(g)[:2] <= before[:2], f"the counts of before, {before}")
            assert count(g)[2] < middle[2] + 30_000_000
            assert [w["pid"] for w in g.workers()] == pids, g.stderr()[-3000:]
            assert not list(temporary.iterdir())
            assert g.get("/cgi/ok").body == b"hello" and g.get("/counter").status == 200
    finally:
        program.stop()
