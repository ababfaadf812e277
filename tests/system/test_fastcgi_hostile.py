"""FastCGI servers that misbehave, each in its own way: what the client sees, what the log says, and
that nobody else notices. Each is met over fresh and over kept connections."""
import hashlib
import os
import struct
import time

import pytest

from cgi_site import resident
from fastcgi_apps import app, descriptors, metric
from fcgi_server import (ABORT, BEGIN, CANT_MPX, END, GET_VALUES, KEEP_CONN, OVERLOADED, PARAMS,
                         PLAIN, STDERR, STDIN, STDOUT, UNKNOWN, UNKNOWN_ROLE, VALUES, Closed,
                         FcgiServer, keeping, record)
from harness import wait_for

HALF = b"Content-Type: text/plain\r\n\r\nhalf" + b"." * 40000  # more than is kept back
LATE, MALFORMED, BEFORE, WITHIN = ("read_timeout", "malformed", "before it had answered",
                                   "within an answer")


def end(status=0, id=1, app_status=0):
    return record(END, id, struct.pack(">IB3x", app_status, status))


# Each says records of one request (r(kind, content) has its id) and returns whether it goes on.
def says(*parts, more=False):
    def say(c, r):
        c.raw(b"".join(r(*part) if isinstance(part, tuple) else part for part in parts))
        return more
    return say


def closes(c, r):
    return False


def resets(c, r):
    c.reset()
    return False


def is_late(c, r):
    c.wait_for_abort()
    return False


def then(first, last):
    def both(c, r):
        first(c, r)
        return last(c, r)
    return both


def for_ever(*part):
    def say(c, r):
        block = r(*part) * 200
        while True:
            c.raw(block)
    return say


def drips(*part):
    def say(c, r):
        while True:
            c.raw(r(*part))
            time.sleep(0.02)
    return say


def many(count, *part):
    def say(c, r):
        c.raw(r(*part) * count)
        return True
    return say


def ok(c, r):
    c.raw(r(STDOUT, PLAIN + b"fine") + r(STDOUT) + r(END, b"\0" * 8))
    return True


def bytewise(c, r):
    c.raw(b"".join(r(STDOUT, bytes([b])) for b in PLAIN + b"fine") + r(STDOUT) + r(END, b"\0" * 8))
    return True


HEADER_ONLY = (STDOUT, PLAIN + b"fine")
DONE = ((STDOUT,), (END, b"\0" * 8))
CUT = "cut"
CASES = {  # name: (what it does, what the client gets, what the log says)
    "closes": (closes, 502, BEFORE),
    "resets": (resets, 502, BEFORE),
    "late": (is_late, 504, LATE),
    "half_header": (says(b"\1\6\0"), 502, BEFORE),
    "half_record": (says(b"\1\6\0\1\xff\xff\0\0abc"), 502, ""),
    "late_in_record": (then(says(b"\1\6"), is_late), 504, LATE),
    "late_in_header": (then(says((STDOUT, b"A: b\r\n")), is_late), 504, LATE),
    "wrong_version": (says(record(STDOUT, 1, PLAIN, version=2)), 502, MALFORMED),
    "version_0": (says(b"\0" * 64), 502, MALFORMED),
    "http": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 502, MALFORMED),
    "wrong_id": (says(record(STDOUT, 40000, PLAIN + b"x"), end(id=40000)), 502, MALFORMED),
    "short_end": (says((STDOUT, PLAIN + b"x"), (STDOUT,), (END, b"\0" * 4)), 502, MALFORMED),
    "empty_end": (says((END,)), 502, MALFORMED),
    "no_header": (says((STDOUT, b"hello"), *DONE, more=True), 502, "before its header was whole"),
    "nothing": (says(*DONE, more=True), 502, "before its header was whole"),
    "only_end": (says((END, b"\0" * 8), more=True), 502, "before its header was whole"),
    "only_eof": (says((STDOUT,)), 502, BEFORE),
    "header_late_end": (then(says(HEADER_ONLY, (STDOUT,)), is_late), b"fine", ""),
    "header_no_end": (says(HEADER_ONLY, (STDOUT,)), b"fine", ""),
    "endless_header": (for_ever(STDOUT, b"X-A: b\r\n" * 100), 502, "header block is too large"),
    "endless_line": (for_ever(STDOUT, b"x" * 1000), 502, "header block is too large"),
    "after_end_of_output": (says((STDOUT, PLAIN + b"a"), (STDOUT,), (STDOUT, b"b")), 502, MALFORMED),
    "unknown_for_ever": (for_ever(77, b"x" * 100), 504, LATE),
    "managing_for_ever": (for_ever(VALUES, b""), 504, LATE),
    "empty_errors_for_ever": (for_ever(STDERR,), 504, LATE),
    "drips_nothing": (drips(99, b"x"), 504, LATE),
    "many_empty_errors": (then(many(20000, STDERR), ok), b"fine", ""),
    "unknown_between": (says((99, b"x" * 999), record(200, 0, b"x"), HEADER_ONLY, (12,), *DONE,
                             more=True), b"fine", ""),
    "ours_back": (says((BEGIN, b"\0\1\0\0\0\0\0\0"), (PARAMS, b"x"), (STDIN, b"x"), (ABORT,),
                       record(GET_VALUES, 0), record(UNKNOWN, 0, b"\0" * 8), HEADER_ONLY, *DONE,
                       more=True), b"fine", ""),
    "bytewise": (bytewise, b"fine", ""),
    "padded": (lambda c, r: c.raw(b"".join(record(kind, c.id, content, padding=255) for
                                           kind, content in ((STDOUT, PLAIN), (STDERR, b""),
                                                             (STDOUT, b"fine"), (STDOUT, b""),
                                                             (END, b"\0" * 8)))) or True, b"fine", ""),
    "long_end": (says(HEADER_ONLY, (STDOUT,), (END, b"\0" * 64), more=True), b"fine", ""),
    "app_status": (says(HEADER_ONLY, (STDOUT,), (END, b"\0\0\0\7" + b"\0" * 4), more=True), b"fine", ""),
    "no_eof": (says(HEADER_ONLY, (END, b"\0" * 8), more=True), b"fine", ""),
    "twice": (says(HEADER_ONLY, *DONE, HEADER_ONLY, *DONE, more=True), b"fine", ""),
    "garbage_behind": (says(HEADER_ONLY, *DONE, b"garbage" * 100, more=True), b"fine", ""),
    "overloaded": (says((END, bytes([0, 0, 0, 0, OVERLOADED, 0, 0, 0])), more=True), 503, "overloaded"),
    "no_responder": (says((END, bytes([0, 0, 0, 0, UNKNOWN_ROLE, 0, 0, 0])), more=True), 500, "no responder"),
    "cannot_mpx": (says((END, bytes([0, 0, 0, 0, CANT_MPX, 0, 0, 0])), more=True), 502, "second request"),
    "two_types": (says((STDOUT, b"Status: 200\r\nStatus: 200\r\n\r\n"), *DONE, more=True), 502, MALFORMED),
    "interim": (says((STDOUT, b"Status: 100\r\n\r\n"), *DONE, more=True), 502, MALFORMED),
    "switching": (says((STDOUT, b"Status: 101\r\nUpgrade: x\r\n\r\n"), *DONE, more=True), 502, MALFORMED),
    "nul": (says((STDOUT, b"X: a\0b\r\n\r\n"), *DONE, more=True), 502, MALFORMED),
    "bare_cr": (says((STDOUT, b"X: a\rSet-Cookie: b\r\n\r\n"), *DONE, more=True), 502, MALFORMED),
    "folded": (says((STDOUT, b"X: a\r\n b\r\n\r\n"), *DONE, more=True), 502, MALFORMED),
    "coding": (says((STDOUT, b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), *DONE, more=True), 502, MALFORMED),
    "too_long": (says((STDOUT, b"Content-Length: 2\r\n\r\nfour"), *DONE, more=True), 502, MALFORMED),
    "too_short": (says((STDOUT, b"Content-Length: 9\r\n\r\nfour"), *DONE, more=True), 502, "shorter than"),
    "half_closes": (says((STDOUT, HALF)), CUT, WITHIN),
    "half_resets": (then(says((STDOUT, HALF)), resets), CUT, WITHIN),
    "half_late": (then(says((STDOUT, HALF)), is_late), CUT, LATE),
    "half_wrong_version": (says((STDOUT, HALF), b"\0" * 64), CUT, MALFORMED),
    "half_wrong_id": (says((STDOUT, HALF), record(STDOUT, 40000, b"x")), CUT, MALFORMED),
    "half_overloaded": (says((STDOUT, HALF), (END, bytes([0, 0, 0, 0, OVERLOADED, 0, 0, 0])), more=True),
                        CUT, "overloaded"),
    "half_after_end": (says((STDOUT, HALF), (STDOUT,), (STDOUT, b"x")), CUT, MALFORMED),
    "half_length": (says((STDOUT, b"Content-Length: 90000\r\n" + HALF), *DONE, more=True), CUT, "shorter"),
    "half_unknown_for_ever": (then(says((STDOUT, HALF)), for_ever(77, b"x")), CUT, LATE),
}


def misbehave(c):
    """Serves /ok, does what CASES say for the rest."""
    while True:
        request = c.read_request()
        name = request.params["REQUEST_URI"].strip("/")

        def r(kind, content=b""):
            return record(kind, c.id, content)
        does = ok if name == "ok" else CASES[name][0]
        if not does(c, r) or not request.flags & KEEP_CONN:
            return


def check(g, name, method, version):
    _, expected, _ = CASES[name]
    with g.connect() as c:
        c.send(f"{method} /{name} HTTP/{version}\r\nHost: a\r\nConnection: keep-alive\r\n"
               f"Content-Length: {4 if method == 'POST' else 0}\r\n\r\n" +
               ("body" if method == "POST" else ""))
        if expected == CUT:
            with pytest.raises((EOFError, ConnectionResetError)):
                r = c.response()
                if version == "1.0" and "content-length" not in dict(r.headers):
                    raise AssertionError(f"{name} looks whole in HTTP/1.0")
            return
        r = c.response()
        if isinstance(expected, bytes):
            assert (r.status, r.body) == (200, expected), name
        else:
            assert r.status == expected, name
            assert (r.header("Retry-After") is not None) == (expected == 503), name
            assert r.header("Set-Cookie") is None
        if version == "1.1":  # the connection to the client has not suffered
            assert c.request("GET", "/ok").body == b"fine", name


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("keep_alive", [0, 4])
def test_every_misbehaviour(gale, keep_alive, version):
    with FcgiServer(misbehave, values={"FCGI_MAX_CONNS": "100"}) as server:
        g = gale(app(server, read_timeout="300ms", keep_alive=keep_alive))
        assert g.get("/ok").body == b"fine"
        if keep_alive:
            wait_for(lambda: g.get("/ok") and metric(g, "gale_fastcgi_connections") > 0, "one kept")
        before = descriptors(g)
        for name, (_, _, log) in CASES.items():
            for method in ("GET", "POST"):
                said = len(g.stderr())
                check(g, name, method, version)
                assert g.get("/ok").body == b"fine", f"after {name}"
                # A kept connection of no use is stale, and a POST is not sent twice.
                stale = "is no reply to this" if log == MALFORMED else "ended a kept connection"
                wait_for(lambda: log in g.stderr()[said:] or
                         (keep_alive and stale in g.stderr()[said:]),
                         f"{log!r} in the log after {name}")
        wait_for(lambda: metric(g, "gale_fastcgi_running") == 0, "all to end")
        wait_for(lambda: metric(g, "gale_fastcgi_requests") == 0, "all places to be given back")
        wait_for(lambda: descriptors(g) <= before + keep_alive, "descriptors to be closed")
        assert "serve failed" not in g.stderr() and not server.errors
        # What had begun is no 502 to its client, and the log does not say so.
        assert 'status="200, then cut"' in g.stderr()


def test_values_that_make_no_sense(gale):
    """GET_VALUES answered by silence, floods, lies: the app serves on."""
    def flood(c):
        while True:
            c.raw(record(STDOUT, 0, b"x" * 100) * 100)
    answers = {
        "closes": lambda c: None, "flood": flood, "garbage": lambda c: c.raw(b"\0" * 1000),
        "empty": lambda c: c.raw(record(VALUES, 0)),
        "cut": lambda c: c.raw(record(VALUES, 0, b"\x0e")),
        "long": lambda c: c.raw(record(VALUES, 0, b"\xff\xff\xff\xff\xff\xff\xff\xffx")),
        "huge": lambda c: c.raw(record(VALUES, 0, b"\x0e\x14FCGI_MAX_CONNS" + b"9" * 20)),
        "zero": lambda c: c.raw(record(VALUES, 0, b"\x0e\1FCGI_MAX_CONNS0")),
        "negative": lambda c: c.raw(record(VALUES, 0, b"\x0e\2FCGI_MAX_CONNS-1")),
        "large": lambda c: c.raw(record(VALUES, 0, b"\0\0" * 30000 + b"\x0e\1FCGI_MAX_CONNS1")),
    }
    for name, answer in answers.items():
        def behave(c):
            kind, id, content = c.read_record()
            if kind == GET_VALUES:
                c.server.values_asked += 1
                return answer(c)
            c.id = id
            while True:
                while c.read_stdin():
                    pass
                ok(c, lambda kind, content=b"": record(kind, c.id, content))
                c.id = c.read_record()[1]
        with FcgiServer(behave) as server:
            g = gale(app(server, keep_alive=2), name=name)
            assert g.get("/ok").body == b"fine"
            wait_for(lambda: server.values_asked == 1, f"GET_VALUES, {name}")
            for _ in range(5):
                assert g.get("/ok").body == b"fine", name
            g.stop()


def test_whoever_speaks_before_being_asked(gale):
    """An answer that is there already when the connection is made, and more of it behind."""
    def early(c):
        c.raw(record(STDOUT, 1, PLAIN + b"early") + record(STDOUT) + end())
        try:
            while True:
                c.read_request()
                c.raw(record(STDOUT, c.id, PLAIN + b"asked") + record(STDOUT, c.id) + end(id=c.id))
                c.raw(record(STDOUT, c.id + 1, PLAIN + b"early") + record(STDOUT, c.id + 1) +
                      end(id=c.id + 1))
        except Closed:
            pass
    with FcgiServer(early, values={"FCGI_MAX_CONNS": "100"}) as server:
        g = gale(app(server, keep_alive=4))
        for i in range(30):
            r = g.get(f"/{i}")
            assert r.status == 200 and r.body in (b"early", b"asked")


def test_lines_in_the_log_cannot_be_forged(gale):
    def behave(c):
        c.read_request()
        c.stderr(b"one\ntime=2026 level=error msg=\"forged\"\r\n\x1b[31mred\0nul \xff\n" + b"l" * 5000)
        c.answer(b"ok")
    with FcgiServer(behave) as server:
        g = gale(app(server))
        assert g.get("/").body == b"ok"
        g.wait_for_log("nul")
        lines = [line for line in g.stderr().splitlines() if "msg=stderr" in line]
        assert all(line.startswith("time=") and "app=f" in line for line in lines)
        assert not [line for line in g.stderr().splitlines() if line.startswith("time=2026 ")]
        assert not set(g.stderr()) & {"\x1b", "\0", "\r"}


# ---- a lot of it ----

def test_huge_answers_take_no_memory(gale):
    block = os.urandom(60000)
    count = 1_000_000_000 // len(block)

    def huge(c):
        c.read_request()
        c.raw(record(STDOUT, c.id, PLAIN))
        data = record(STDOUT, c.id, block, padding=0) * 16
        for _ in range(count // 16):
            c.raw(data)
        c.end()
    with FcgiServer(huge) as server:
        for buffer in ("0", "8M"):
            g = gale(app(server, buffer=buffer), name=f"b{buffer}")
            with g.connect() as c:
                c.send("GET / HTTP/1.0\r\n\r\n")
                c.until(b"\r\n\r\n")
                got, memory, piece = len(c.buffer), 0, bytearray(1 << 20)
                while n := c.socket.recv_into(piece):
                    got += n
                    if got % 50 == 0:
                        memory = max(memory, resident(g.workers()[0]["pid"]))
            assert got == count // 16 * 16 * len(block)
            assert max(memory, resident(g.workers()[0]["pid"])) < 100_000_000
            g.stop()


def test_huge_bodies_take_no_memory(gale):
    def count(c):
        c.read_head()
        seen = 0
        while piece := c.read_stdin():
            seen += len(piece)
        c.answer(b"%d" % seen)
    size, block = 1_000_000_000, b"b" * 1_000_000
    with FcgiServer(count) as server:
        g = gale(app(server), max_body="2G")
        pid = g.workers()[0]["pid"]
        with g.connect() as c:
            c.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
            for _ in range(size // len(block)):
                c.send(block)
            assert resident(pid) < 100_000_000
            assert c.response().body == b"%d" % size


def test_a_server_that_stops_reading(gale):
    def deaf(c):
        c.read_head()
        time.sleep(2)
    with FcgiServer(deaf) as server:
        g = gale(app(server, read_timeout="300ms"), max_body="1G")
        with g.connect() as c:
            c.socket.settimeout(10)
            c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
            try:
                for _ in range(100):
                    c.send(b"x" * 1_000_000)
            except (ConnectionError, TimeoutError):
                pass
            assert c.response().status == 504
        wait_for(lambda: metric(g, "gale_fastcgi_running") == 0, "it to be given up")


def test_digests_of_odd_sizes(gale):
    """Records of every length around the limits, content checked."""
    sizes = [1, 7, 8, 9, 4095, 4096, 16383, 16384, 16385, 65527, 65528, 65535]
    data = {n: os.urandom(n) for n in sizes}

    def odd(c):
        c.read_request()
        c.raw(record(STDOUT, c.id, PLAIN))
        for n in sizes:
            for padding in (0, 1, 255):
                c.raw(record(STDOUT, c.id, data[n], padding=padding))
        c.end()
    expected = hashlib.sha256(b"".join(data[n] * 3 for n in sizes)).digest()
    with FcgiServer(odd) as server:
        for buffer in ("0", "1M"):
            g = gale(app(server, buffer=buffer), name=f"b{buffer}")
            assert hashlib.sha256(g.get("/").body).digest() == expected


def test_variables_of_every_length_around_a_record(gale):
    """CVE-2020-11984: a record holds 65535 bytes, whatever is to be said."""
    def size_of(request):
        return sum(len(n) + len(v) + (1 if len(n) < 128 else 4) + (1 if len(v) < 128 else 4)
                   for n, v in request.params.items())

    def answer(c, request):
        c.answer(b"%d %d" % (size_of(request), request.params_records))
    with FcgiServer(keeping(answer), values={"FCGI_MAX_CONNS": "50"}) as server:
        g = gale(app(server, keep_alive=2), max_head="512K", max_headers=300)

        def ask(n):
            parts = {f"X-{i}": "v" * min(30000, n - i * 30000) for i in range((n + 29999) // 30000)}
            with g.connect() as c:
                return map(int, c.request("GET", "/", parts).body.split())
        for around in (65535, 131070):
            size, _ = ask(around - 2000)
            for pad in range(around - 6, around + 7):
                size_now, records = ask(around - 2000 + pad - size)
                assert records == (size_now + 65534) // 65535, (size_now, records)
        for n in (126, 127, 128, 129, 255, 256):  # lengths of one byte and of four
            name = "N" * (n - 5)
            with g.connect() as c:
                assert c.request("GET", "/", {name: "v" * n}).status == 200
            assert server.requests[-1].params["HTTP_" + name] == "v" * n
