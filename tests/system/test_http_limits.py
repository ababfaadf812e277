"""What is too much: long heads, large bodies, many connections, no descriptors, no tasks."""
import fcntl
import os
import resource
import struct
import termios

import pytest

from harness import wait_for
from probes import (chunk, chunked, figures, probe_app, request, share, start_probe,  # noqa: F401
                    statuses)


def ends(c):
    """Whether the connection ends, whatever is still in it."""
    try:
        c.rest()
    except ConnectionResetError:
        pass
    return True


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A gale with small limits; the app /small has smaller ones of its own, /large larger ones."""
    apps = (probe_app() + probe_app("/small", "small", max_body="100") +
            probe_app("/large", "large", max_body="1M"))
    yield from share(tmp_path_factory, apps, max_target="100", max_head="1000", max_headers="10",
                     max_body="4K", body_timeout="5s", head_timeout="5s")


# ---- heads ----

def fields(n, size=1):
    return [f"X{i}: {'v' * size}" for i in range(n)]


HEADS = [
    (request("/" + "t" * 99), 200),
    (request("/" + "t" * 100), 414),
    (request("/" + "t" * 5000), 414),
    (b"GET /" + b"t" * 2000, 414),       # judged before its end
    (b"G" * 2000, 414),
    (request("/", *fields(9)), 200),
    (request("/", *fields(10)), 431),
    (request("/", *fields(200)), 431),
    (request("/", "X: " + "v" * (1000 - 31 - 7)), 200),
    (request("/", "X: " + "v" * 1000), 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"v" * 2000, 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: v\r\n" * 400, 431),
    (request("/" + "t" * 110, method="FOO"), 414),
    (request("/" + "t" * 110, version="2.0"), 505),
    (request("/x", "Content-Length: 4096", method="POST") + b"x" * 4096, 200),
    (request("/x", "Content-Length: 4097", method="POST"), 413),
]


def test_limits_of_heads(strict):
    for data, status in HEADS:
        for cut in (len(data), 1, len(data) // 2, len(data) - 1):
            with strict.connect() as c:
                c.send(data[:cut])
                try:
                    c.send(data[cut:])
                except (BrokenPipeError, ConnectionResetError):
                    pass
                answer = c.response()
                assert answer.status == status, (data[:60], cut)
                assert (answer.header("Connection") == "close") == (status != 200)
                assert status == 200 or ends(c)


def test_default_limits(gale):
    g = start_probe(gale)
    for data, status in [(request("/" + "t" * 8191), 200), (request("/" + "t" * 8192), 414),
                         (request("/", *fields(99)), 200), (request("/", *fields(100)), 431),
                         (request("/", *fields(30, 1000)), 200),
                         (request("/", *fields(40, 1000)), 431)]:
        with g.connect() as c:
            c.send(data)
            assert c.response().status == status


# ---- bodies ----

@pytest.mark.parametrize("mount, limit", [("", 4096), ("/small", 100), ("/large", 1 << 20)])
@pytest.mark.parametrize("path", ["/body", "/echo", "/count", "/hello"])
def test_limits_of_bodies(strict, mount, limit, path):
    """The app's own max_body counts. One that is announced too large is refused unseen; a chunked
    one as soon as it is too much."""
    at_limit, above = b"x" * limit, b"x" * (limit + 1)
    for data, status in [(request(mount + path, method="POST", body=at_limit), 200),
                         (request(mount + path, method="POST", body=above), 413),
                         (chunked(mount + path, at_limit[1:], b"x"), 200),
                         (chunked(mount + path, at_limit, b"x"), 413)]:
        if path == "/hello" and status == 413 and b"chunked" in data:
            continue  # nobody reads it
        with strict.connect() as c:
            c.send(data)
            if path == "/echo" and limit > 16384 and b"chunked" in data and status == 413:
                with pytest.raises((ConnectionResetError, EOFError)):
                    c.response()  # its head had left already
                continue
            answer = c.response()
            assert answer.status == status
            if status == 413:
                assert answer.header("Connection") == "close"
                assert ends(c)


def test_one_app_too_large_does_not_spoil_the_next_request(strict):
    with strict.connect() as c:
        for _ in range(3):
            c.send(request("/small/body", method="POST", body=b"x" * 100))
            assert c.response().status == 200
            c.send(request("/large/count", method="POST", body=b"x" * 100000))
            assert c.response().body == b"100000\n"
            c.send(request("/count", method="POST", body=b"x" * 4096))
            assert c.response().body == b"4096\n"


def test_an_app_that_ignores_the_limit_is_cut_off(strict):
    """It may answer what it likes, but it gets no more of the body."""
    with strict.connect() as c:
        c.send(chunked("/forgiving", b"x" * 5000))
        answer = c.response()
        assert (answer.status, answer.body) == (200, b"-90 -90\n")
        assert answer.header("Connection") == "close"


# ---- connections ----

def test_max_connections(gale):
    """Beyond it clients wait in the backlog, and are served as soon as one leaves."""
    g = start_probe(gale, max_connections=5)
    taken = [g.connect() for _ in range(5)]
    for c in taken:
        assert c.request().status == 200
    late = g.connect()
    late.send(request("/waiting"))
    g.wait_for_log("max_connections=5")
    for c in taken:
        assert c.request().status == 200
    assert late.buffer == b""
    taken.pop().close()
    assert late.response().body == b"/waiting"
    taken.pop().close()
    assert g.get("/").status == 200
    for c in taken + [late]:
        c.close()


def test_max_connections_holds_over_all_workers(gale):
    g = start_probe(gale, max_connections=4, workers=2)
    taken = []
    for _ in range(4):
        taken.append(g.connect())
        assert taken[-1].request().status == 200
    late = [g.connect() for _ in range(4)]
    for c in late:
        c.send(request("/waiting"))
    g.wait_for_log("max_connections=4")
    for c in taken:
        c.close()
    for c in late:
        assert c.response().status == 200
        c.close()


# ---- tasks ----

def test_no_task_left_is_a_503(gale):
    g = start_probe(gale, max_tasks=4)
    sleepers = [g.connect() for _ in range(4)]
    for c in sleepers:
        c.send(request("/nap"))
    with g.connect() as c:
        def refused():
            c2 = g.connect()
            c2.send(request("/hello"))
            answer = c2.response()
            c2.close()
            return answer if answer.status == 503 else None
        answer = wait_for(refused, "a 503")
        assert answer.header("Retry-After") == "1"
        assert answer.header("Connection") == "close"
    sleepers.pop().reset()
    wait_for(lambda: g.get("/hello").status == 200, "a task to be free again")
    for c in sleepers:
        c.reset()


def unread(c):
    """How many bytes wait in the client's socket."""
    return struct.unpack("i", fcntl.ioctl(c.socket, termios.FIONREAD, b"\0" * 4))[0]


def test_a_503_on_a_connection_that_still_sends(gale, tmp_path):
    """Idle, but gale keeps the rest of an answer that the kernel has no room for: nothing may wait
    for that room, since no task is left that could."""
    path = str(tmp_path / "web.sock")
    g = start_probe(gale, max_tasks=2, access_log="-", listen=f"unix:{path}")
    pid = g.workers()[0]["pid"]

    def start(target):
        c = g.connect(path)
        c.send(request(target))
        return c

    with start("/print?size=15000") as c:
        count, sent = 1, len(c.response().raw)
        while True:
            c.send(request("/print?size=15000"))
            count += 1
            wait_for(lambda: g.stdout().count("/print") == count, "the request's line")
            if unread(c) < (count - 1) * sent:
                break
        sleepers = [start("/nap") for _ in range(2)]
        wait_for(lambda: refused(start("/hello")), "no task to be left")
        c.send(request("/hello"))
        assert refused(start("/hello"))
        assert g.workers()[0]["pid"] == pid
        answers = c.rest()
        assert statuses(answers)[:count - 1] == [200] * (count - 1)
        for s in sleepers:
            s.reset()


def refused(c):
    with c:
        return c.response().status == 503


# ---- descriptors ----

def test_no_descriptor_left(gale):
    """Out of descriptors clients wait or are shed, the loop does not spin, the log is not flooded,
    and afterwards all is well."""
    g = start_probe(gale, descriptors=64)
    pid = g.workers()[0]["pid"]
    held = []
    try:
        for _ in range(120):
            held.append(g.connect())
        g.wait_for_log("EMFILE")
        before = cpu_ticks(pid)
        wait_for(lambda: any(is_shed(c) for c in held[-60:]), "a client to be turned away")
        some = cpu_ticks(pid) - before
        assert some < 50, f"{some} ticks of CPU while waiting for descriptors"
        assert g.stderr().count("EMFILE") < 5
        assert statuses_of(held[0]) == 200
    finally:
        for c in held:
            c.close()
    wait_for(lambda: try_get(g) == 200, "an answer after the shortage")
    assert g.workers()[0]["pid"] == pid


def statuses_of(c):
    c.send(request("/hello"))
    return c.response().status


def try_get(g):
    try:
        return g.get("/hello").status
    except (EOFError, ConnectionError):
        return None


def is_shed(c):
    c.socket.setblocking(False)
    try:
        return c.socket.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        c.socket.settimeout(30)


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        parts = stat.read().rsplit(")", 1)[1].split()
    return int(parts[11]) + int(parts[12])


# ---- idle connections ----

def heap_kilobytes(pid):
    """Private memory that the process has written to."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup") as table:
        for line in table:
            if line.startswith(("Private_Dirty", "Swap:")):
                total += int(line.split()[1])
    return total


def test_idle_connections_cost_little(gale, build):
    """2000 connections between two requests: no task each, and less than a kilobyte."""
    count = 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 3 * count), hard), hard))
    g = start_probe(gale, max_tasks=10)
    pid = g.workers()[0]["pid"]
    connections = []

    def open_some(n):
        for _ in range(n):
            c = g.connect()
            c.send(request("/hello"))
            assert c.response().status == 200
            connections.append(c)

    try:
        open_some(200)
        before = heap_kilobytes(pid)
        open_some(count)
        each = (heap_kilobytes(pid) - before) * 1024 / count
        limit = 4096 if "asan" in str(build) else 700
        assert each < limit, f"{each:.0f} bytes for an idle connection"
        for c in connections[::100]:
            assert statuses_of(c) == 200
    finally:
        for c in connections:
            c.close()


# ---- what is not there any more after all that ----

def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_nothing_leaks(gale):
    """Requests that end in every way: afterwards the worker holds what it held before."""
    g = start_probe(gale, body_timeout="200ms", write_timeout="200ms", head_timeout="200ms")
    pid = g.workers()[0]["pid"]
    g.get("/hello")
    wait_for(lambda: descriptors_of(pid), "descriptors")
    before = descriptors_of(pid)
    ways = [
        lambda c: c.send(b"GET / HT"),
        lambda c: c.send(request("/nap")),
        lambda c: c.send(request("/body", "Content-Length: 100", method="POST") + b"x"),
        lambda c: c.send(request("/large?size=9000000")),
        lambda c: c.send(request("/length?say=10&write=20")),
        lambda c: c.send(b"\x16"),
        lambda c: c.send(chunked("/echo", b"x" * 10000)[:-3]),
        lambda c: c.send(request("/hello") * 50),
    ]
    for i in range(10):
        for way in ways:
            c = g.connect()
            way(c)
            if i % 3 == 0:
                c.end()
            if i % 3 == 1:
                c.reset()
            else:
                c.close()
    wait_for(lambda: descriptors_of(pid) <= before, f"{before} descriptors again")
    assert figures(g)["pid"] == pid
