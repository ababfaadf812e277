"""Reaching FastCGI servers: names, IPv6, full backlogs, one connection at a time, time-outs."""
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from fastcgi_apps import app, metric
from fcgi_server import PLAIN, FcgiServer, ServerConnection, echo, keeping
from harness import free_port, wait_for


# ---- names and addresses ----

def test_names_are_looked_up(gale):
    with FcgiServer(keeping(echo), family="tcp") as server:
        port = server.address.rsplit(":", 1)[1]
        g = gale(app(f"localhost:{port}"))  # ::1 comes first, where nobody listens
        for _ in range(5):
            assert g.get("/").status == 200


def test_ipv6(gale):
    with FcgiServer(keeping(echo), family="tcp6") as server:
        assert server.address.startswith("[::1]:")
        g = gale(app(server, keep_alive=2))
        for _ in range(5):
            assert g.get("/").status == 200
        name = f'gale_fastcgi_requests_total{{app="f",server="{server.address}"}}'
        assert g.metrics()[name] == 5


def test_a_name_that_means_nothing(gale):
    g = gale(app("no-such-host.invalid:9000", connect_timeout="3s"))
    r = g.get("/")
    assert r.status in (502, 504)  # as fast as the resolver is
    g.wait_for_log("FastCGI server")
    with FcgiServer(keeping(echo)) as server:  # nobody waits for it, others serve
        g = gale(app(f"no-such-host.invalid:9000 {server.address}", connect_timeout="3s"), name="two")
        assert all(g.get("/").status == 200 for _ in range(10))


def test_a_name_that_moves(gale, tmp_path):
    """Looked up for each connection: a reload is not needed."""
    hosts = tmp_path / "hosts"
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    assert probe.returncode == 0, "the tests run as root, with namespaces"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.1 mover\n")
    port = free_port()

    def named(name):
        return keeping(lambda c, request: c.answer(name))
    with FcgiServer(named(b"first"), family="tcp", address=("127.0.0.1", port)), \
            FcgiServer(named(b"second"), family="tcp", address=("127.0.0.2", port)):
        g = gale(app(f"mover:{port}"), launcher=[
            "unshare", "-m", "--", "sh", "-c", f"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh"])
        assert g.get("/").body == b"first"
        hosts.write_text("127.0.0.1 localhost\n127.0.0.2 mover\n")
        wait_for(lambda: g.get("/").body == b"second", "the name to have moved")


# ---- servers that take one at a time ----

class OneByOne:
    """Accepts, serves one request, closes, accepts the next; hardly any backlog."""

    def __init__(self, family, backlog=0, address=None):
        self.served = 0
        self.server = FcgiServer.__new__(FcgiServer)
        self.server.requests, self.server.aborts, self.server.left = [], 0, 0
        self.socket = socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET)
        if family == "unix":
            self.socket.bind(address)
            os.chmod(address, 0o777)
            self.address = f"unix:{address}"
        else:
            self.socket.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.socket.listen(backlog)
        self.is_over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            sock, _ = self.socket.accept()
            if self.is_over:
                return
            c = ServerConnection(self.server, sock)
            c.read_request()
            time.sleep(0.01)
            c.answer(b"done")
            c.close()
            self.served += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        with socket.socket(self.socket.family) as last:
            last.settimeout(5)
            try:
                last.connect(self.socket.getsockname())
            except OSError:
                pass
        self.thread.join(5)
        self.socket.close()


@pytest.mark.parametrize("family", ["unix", "tcp"])
@pytest.mark.parametrize("keys", [{}, {"connections": 1}])
def test_one_connection_at_a_time_queues_and_never_fails(gale, tmp_path, family, keys):
    # A full backlog of TCP drops those who connect, for a second at first: only `connections` helps.
    backlog = 64 if family == "tcp" and not keys else 0
    with OneByOne(family, backlog=backlog, address=str(tmp_path / "one")) as server:
        g = gale(app(server, **keys), workers=2)
        results = []
        threads = [threading.Thread(target=lambda: results.append(g.get("/").status))
                   for _ in range(30)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert results == [200] * 30
        wait_for(lambda: server.served == 30, "all of them to be counted")


def test_the_queue_is_the_instances(gale):
    """`connections` and `queue` hold for all workers together."""
    release, lock, most = threading.Event(), threading.Lock(), [0, 0]

    def behave(c):
        c.read_request()
        with lock:
            most[0] += 1
            most[1] = max(most)
        release.wait(20)
        with lock:
            most[0] -= 1
        c.answer(b"done")
    with FcgiServer(behave) as server:
        g = gale(app(server, connections=3, queue=4, queue_timeout="20s"), workers=4)
        clients = [g.connect() for _ in range(16)]
        for c in clients:
            c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        wait_for(lambda: metric(g, "gale_fastcgi_requests") == 3 and
                 metric(g, "gale_fastcgi_requests_waiting") == 4, "three at work, four waiting")
        wait_for(lambda: len(server.requests) == most[0] == 3, "three to be with the server")
        wait_for(lambda: g.metrics()['gale_requests_total{app="f",code="5xx"}'] == 9, "the others")
        release.set()
        answers = [c.response() for c in clients]
        for c in clients:
            c.close()
        assert sorted(r.status for r in answers) == [200] * 7 + [503] * 9 and most[1] == 3
        assert all(r.header("Retry-After") for r in answers if r.status == 503)
        assert metric(g, "gale_fastcgi_requests") == metric(g, "gale_fastcgi_requests_waiting") == 0


def test_a_client_that_leaves_the_queue(gale):
    release = threading.Event()

    def behave(c):
        c.read_request()
        release.wait(20)
        c.answer(b"done")
    with FcgiServer(behave) as server:
        g = gale(app(server, connections=1, queue=2))
        with g.connect() as first:
            first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: server.requests, "the first")
            for _ in range(5):
                with g.connect() as c:
                    c.send("GET /leaves HTTP/1.1\r\nHost: a\r\n\r\n")
                    wait_for(lambda: metric(g, "gale_fastcgi_requests_waiting") == 1, "it to wait")
                    c.reset()
                wait_for(lambda: metric(g, "gale_fastcgi_requests_waiting") == 0, "it to be gone")
            release.set()
            assert first.response().body == b"done"
        assert len(server.requests) == 1


def test_waiting_too_long_for_a_place(gale):
    release = threading.Event()

    def behave(c):
        c.read_request()
        release.wait(20)
        c.answer(b"done")
    with FcgiServer(behave) as server:
        g = gale(app(server, connections=1, queue=2, queue_timeout="200ms"))
        with g.connect() as first:
            first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: server.requests, "the first")
            r = g.get("/")
            assert r.status == 503 and r.header("Retry-After")
            g.wait_for_log("queue_timeout")
            release.set()
            assert first.response().body == b"done"


@pytest.mark.parametrize("family", ["unix", "tcp"])
def test_a_server_that_accepts_nobody(gale, tmp_path, family):
    with socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET) as s:
        s.bind(str(tmp_path / "full") if family == "unix" else ("127.0.0.1", 0))
        s.listen(0)
        address = f"unix:{tmp_path}/full" if family == "unix" else f"127.0.0.1:{s.getsockname()[1]}"
        if family == "unix":
            os.chmod(tmp_path / "full", 0o777)
        filling = []
        for _ in range(4):
            c = socket.socket(s.family)
            c.setblocking(False)
            try:
                c.connect(s.getsockname())
            except OSError:
                pass
            filling.append(c)
        g = gale(app(address, connect_timeout="300ms", read_timeout="300ms"))
        assert g.get("/").status == 504
        g.wait_for_log("connect_timeout")
        for c in filling:
            c.close()


# ---- which one ----

def test_all_of_them_fail_in_their_own_way(gale, tmp_path):
    def busy(c):
        c.read_request()
        c.end(2, eof=False)

    def closes(c):
        c.read_request()
    with FcgiServer(busy) as a, FcgiServer(busy) as b:
        g = gale(app(f"{a.address} {b.address}"), name="busy")
        r = g.get("/")
        assert r.status == 503 and r.header("Retry-After")
        assert len(a.requests) == len(b.requests) == 1
    with FcgiServer(closes) as a, FcgiServer(closes) as b:
        g = gale(app(f"{a.address} {b.address} unix:{tmp_path}/nobody"), name="closes")
        assert g.get("/").status == 502
        assert len(a.requests) + len(b.requests) == 2
        assert g.request("POST", "/", body=b"x").status == 502
        assert len(a.requests) + len(b.requests) == 3  # it may have been acted upon
        metrics = g.metrics()
        for server in (a, b):
            assert metrics['gale_fastcgi_failures_total{app="f",server="%s",why="closed"}' %
                           server.address] >= 1
        assert metric(g, "gale_fastcgi_retries_total") >= 1


def test_a_body_that_was_streamed_is_never_sent_again(gale):
    """The first server takes some of it and dies: nobody has the rest."""
    def dies(c):
        c.read_head()
        for _ in range(10):
            c.read_stdin()
    with FcgiServer(dies) as bad, FcgiServer(keeping(echo)) as good:
        g = gale(app(bad.address, backup=good.address), max_body="64M")
        r = g.request("PUT", "/", body=b"x" * 10_000_000)
        assert r.status == 502 and not good.requests
        r = g.request("PUT", "/", body=b"small")  # this one is whole in memory, and idempotent
        assert r.status == 200 and good.requests[-1].stdin == b"small"


def test_nothing_is_asked_twice_after_an_answer_began(gale):
    def half(c):
        c.read_request()
        c.stdout(PLAIN + b"." * 100000)
    with FcgiServer(half) as bad, FcgiServer(keeping(echo)) as good:
        g = gale(app(bad.address, backup=good.address))
        with g.connect() as c, pytest.raises((EOFError, ConnectionResetError)):
            c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            c.response()
        assert not good.requests


def test_a_worker_that_dies_gives_its_places_back(gale):
    hold = threading.Event()

    def behave(c):
        request = c.read_request()
        if request.params["REQUEST_URI"] == "/hold":
            hold.wait(20)
        c.answer(b"done")
    with FcgiServer(behave) as server:
        g = gale(app(server, connections=1, queue=5, queue_timeout="20s"), workers=2)
        with g.connect() as holder:
            holder.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: server.requests, "the first")
            pids = [w["pid"] for w in g.workers()]
            waiting = [g.connect() for _ in range(4)]
            for c in waiting:
                c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            wait_for(lambda: metric(g, "gale_fastcgi_requests_waiting") == 4, "them to wait")
            for pid in pids:  # whichever holds the place
                os.kill(pid, signal.SIGKILL)
            g.wait_for_workers(2, without=pids)
            for c in waiting:
                c.close()
            assert g.get("/").body == b"done"
        hold.set()
        wait_for(lambda: metric(g, "gale_fastcgi_requests") == 0, "all places to be free")
        assert metric(g, "gale_fastcgi_requests_waiting") == 0
