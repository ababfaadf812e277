"""A FastCGI server behind gale: requests out, answers in, and everything that can go wrong between."""
import os
import threading
import time

import pytest

from fastcgi_apps import END_OK, app, out, reply_with, variables
from fcgi_server import (CANT_MPX, END, OVERLOADED, PLAIN, STDERR, STDOUT, UNKNOWN_ROLE, VALUES,
                         FcgiServer, echo, keeping, record)
from harness import wait_for


# ---- what is asked ----

@pytest.mark.parametrize("family", ["unix", "tcp"])
def test_variables_and_body(gale, family):
    with FcgiServer(keeping(echo), family) as server:
        g = gale(app(server, "/app", param="STAGE test one"))
        r = g.request("POST", "/app/a%20b/x?y=1", {"Cookie": "a=b", "Proxy": "evil",
                                                  "X-Y": "1", "X_Y": "2"}, b"the body")
        said, body = variables(r)
        assert r.status == 200 and body == "the body"
        assert said["SCRIPT_NAME"] == "/app" and said["PATH_INFO"] == "/a b/x"
        assert said["QUERY_STRING"] == "y=1" and said["REQUEST_URI"] == "/app/a%20b/x?y=1"
        assert said["REQUEST_METHOD"] == "POST" and said["CONTENT_LENGTH"] == "8"
        assert said["REMOTE_ADDR"] == "127.0.0.1" and said["HTTP_COOKIE"] == "a=b"
        assert said["STAGE"] == "test one" and said["HTTP_X_Y"] == "1"
        assert "HTTP_PROXY" not in said
        assert server.requests[0].flags == 0


def test_the_empty_stdin_is_always_sent(gale):
    with FcgiServer(keeping(echo)) as server:
        g = gale(app(server))
        said, _ = variables(g.get("/"))
        assert "CONTENT_LENGTH" not in said
        said, _ = variables(g.request("POST", "/", body=b""))
        assert said["CONTENT_LENGTH"] == "0"


def test_large_variables_are_split_over_records(gale):
    with FcgiServer(keeping(echo)) as server:
        g = gale(app(server), max_head="1M", max_target="512K")
        long = "x" * 400000
        said, _ = variables(g.get("/" + long, {"X-Medium": "m" * 200}))
        assert said["PATH_INFO"] == "/" + long and said["HTTP_X_MEDIUM"] == "m" * 200
        assert server.requests[0].params_records > 10


def test_bodies_of_any_size_both_ways(gale):
    def reflect(c, request):
        c.stdout(PLAIN)
        c.stdout(request.stdin)
        c.end()
    with FcgiServer(keeping(reflect)) as server:
        g = gale(app(server), max_body="64M")
        for size in (1, 4095, 16383, 16384, 16385, 65535, 65536, 1000003, 8 << 20):
            body = os.urandom(size)
            assert g.request("POST", "/", body=body).body == body


def test_a_body_of_unknown_length_is_counted(gale):
    with FcgiServer(keeping(echo)) as server:
        g = gale(app(server))
        for size in (0, 5, 16384, 300000):
            body = b"c" * size
            with g.connect() as c:
                c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                for at in range(0, size, 7000):
                    piece = body[at:at + 7000]
                    c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                c.send("0\r\n\r\n")
                said, got = variables(c.response())
            assert said["CONTENT_LENGTH"] == str(size) and len(got) == size


def test_too_large_a_body_never_reaches_the_server(gale):
    with FcgiServer(keeping(echo)) as server:
        g = gale(app(server), max_body="10K")
        assert g.request("POST", "/", body=b"x" * 20000).status == 413
        with g.connect() as c:
            c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            c.send("5000\r\n" + "x" * 0x5000 + "\r\n0\r\n\r\n")
            assert c.response().status == 413
        assert server.connections == 0


def test_request_bodies_stream(gale):
    """The server sees the beginning before the client has sent the end."""
    seen = threading.Event()

    def behave(c):
        c.read_head()
        first = c.read_stdin()
        seen.set()
        while piece := c.read_stdin():
            first += piece
        c.answer(b"%d" % len(first))
    with FcgiServer(behave) as server:
        g = gale(app(server))
        with g.connect() as c:
            c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + "x" * 50000)
            assert seen.wait(10)
            c.send("x" * 50000)
            assert c.response().body == b"100000"


def test_replies_stream(gale):
    more = threading.Event()

    def behave(c):
        c.read_request()
        c.stdout(PLAIN)
        more.wait(10)
        c.stdout(b"first")
        more.clear()
        more.wait(10)
        c.stdout(b"second")
        c.end()
    with FcgiServer(behave) as server:
        g = gale(app(server))
        with g.connect() as c:
            c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            c.until(b"\r\n\r\n")
            more.set()
            assert b"first" in c.until(b"first")
            more.set()
            c.until(b"second")
            c.until(b"0\r\n\r\n")


def test_neither_side_waits_for_the_other(gale):
    """A server that answers a lot before it reads anything, to a client that sends a lot."""
    def behave(c):
        c.read_head()
        c.stdout(PLAIN + b"a" * (4 << 20))
        size = 0
        while piece := c.read_stdin():
            size += len(piece)
        c.stdout(b"%d" % size)
        c.end()
    with FcgiServer(behave) as server:
        g = gale(app(server), max_body="64M")
        with g.connect() as c:
            sender = threading.Thread(target=c.send, args=(
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n" + b"b" * (4 << 20),))
            sender.start()
            r = c.response()
            sender.join()
        assert r.body == b"a" * (4 << 20) + b"4194304"


def test_a_server_that_answers_without_reading(gale):
    def behave(c):
        c.read_head()
        c.answer(b"enough")
    with FcgiServer(behave) as server:
        g = gale(app(server), max_body="64M")
        for _ in range(5):
            with g.connect() as c:
                c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" +
                       b"b" * 100000)
                r = c.response()
                assert r.status == 200 and r.body == b"enough"


# ---- what is answered ----

@pytest.mark.parametrize("head,status,expected", [
    (b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\n", 404, {}),
    (b"Location: http://other/\r\n\r\n", 302, {"Location": "http://other/"}),
    (b"Content-Type: a/b\nX-One: 1\n\n", 200, {"Content-Type": "a/b", "X-One": "1"}),
    (b"Status: 204\r\n\r\n", 204, {}),
    (b"Content-Type: a/b\r\nConnection: close\r\nKeep-Alive: x\r\n\r\n", 200,
     {"Connection": None, "Keep-Alive": None}),
])
def test_headers(gale, head, status, expected):
    with FcgiServer(reply_with(out(head), END_OK)) as server:
        g = gale(app(server))
        with g.connect() as c:
            r = c.request("GET", "/")
        assert r.status == status
        for name, value in expected.items():
            assert r.header(name) == value


@pytest.mark.parametrize("head", [
    b"no colon here\r\n\r\n", b"\r\n", b"Status: 99\r\n\r\n", b"Status: abc\r\n\r\n",
    b"A B: c\r\n\r\n", b"X: \x01\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n",
    b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"Content-Length: -1\r\n\r\n",
    b"<html>no header at all</html>", b"X: " + b"y" * 70000 + b"\r\n\r\n", b"",
], ids=range(12))
def test_bad_headers_are_502(gale, head):
    records = [out(head[at:at + 60000]) for at in range(0, len(head), 60000)]
    with FcgiServer(reply_with(*records, END_OK)) as server:
        g = gale(app(server))
        assert g.get("/").status == 502
        g.wait_for_log("FastCGI")


def test_records_of_every_shape(gale):
    body = b"0123456789" * 100
    reply = PLAIN + body
    shapes = [
        [out(reply[i:i + 1]) for i in range(len(reply))],
        [record(STDOUT, 1, reply, padding=255)],
        [record(99, 1, b"unknown"), record(VALUES, 0, b""), record(250, 0, b"x"), out(reply)],
        [record(STDERR, 1), record(STDERR, 1, b"oops\n"), out(reply)],
        [record(STDOUT, 1, reply[:5], padding=0), record(STDOUT, 1, reply[5:], padding=3)],
    ]
    for shape in shapes:
        for ending in (END_OK, record(END, 1, b"\0" * 8), record(END, 1, b"\0\0\0\1" + b"\0" * 12)):
            with FcgiServer(reply_with(*shape, ending)) as server:
                g = gale(app(server), name=f"g{len(os.listdir('/tmp'))}")
                assert g.get("/").body == body
                g.stop()


@pytest.mark.parametrize("records", [
    [b"HTTP/1.1 200 OK\r\n\r\n"],
    [record(STDOUT, 1, PLAIN, version=2)],
    [record(STDOUT, 2, PLAIN)],
    [record(END, 1, b"\0" * 4)],
    [record(STDOUT, 1, PLAIN[:5])],
    [b"\1\6\0\1\xff\xff\0\0abc"],
    [record(STDERR, 1, b"only this\n")],
    [],
])
def test_what_is_no_reply_is_502(gale, records):
    with FcgiServer(reply_with(*records)) as server:
        g = gale(app(server))
        r = g.get("/")
        assert r.status == 502
        with g.connect() as c:  # the client's connection lives on
            assert c.request("GET", "/").status == 502
            assert c.request("GET", "/").status == 502


def test_cut_off_at_every_byte(gale):
    """Either an error page, or a truncation that the client sees; never a false end."""
    reply = out(PLAIN) + out(b"hello ") + out(b"world") + END_OK
    cut = [0]

    def behave(c):
        c.read_request()
        c.raw(reply[:cut[0]])
    with FcgiServer(behave) as server:
        g = gale(app(server))
        whole = len(reply) - len(END_OK) + 8  # the end of STDOUT was said
        for cut[0] in range(0, len(reply) + 1, 1):
            with g.connect() as c:
                c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                try:
                    r = c.response()
                except (EOFError, ConnectionResetError):
                    assert cut[0] < whole
                    continue
            assert (r.status == 200 and r.body == b"hello world") == (cut[0] >= whole)
            assert r.status in (200, 502)


def test_content_length_is_counted(gale):
    def reply(length, body):
        return reply_with(out(b"Content-Length: %d\r\n\r\n" % length + body), END_OK)
    for length, body in ((10, b"12345"), (3, b"12345")):
        with FcgiServer(reply(length, body)) as server:
            g = gale(app(server), name=f"g{length}")
            with g.connect() as c:
                c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                try:
                    assert c.response().status in (500, 502)
                except (EOFError, ConnectionResetError):
                    pass
    with FcgiServer(reply_with(out(b"Content-Length: 5\r\n\r\n12345"))) as server:
        g = gale(app(server), name="whole")
        assert g.get("/").body == b"12345"  # whole, though the server just went away


def test_head_and_not_modified_have_no_body(gale):
    with FcgiServer(reply_with(out(PLAIN + b"x" * 100), END_OK)) as server:
        g = gale(app(server))
        with g.connect() as c:
            for _ in range(3):
                r = c.request("HEAD", "/")
                assert r.status == 200 and r.body == b""


def test_stderr_goes_to_the_log_but_no_flood_of_it(gale):
    def behave(c):
        request = c.read_request()
        if "flood" in request.params["REQUEST_URI"]:
            for _ in range(200):
                c.stderr(b"flooded\n" * 100 + b"z" * 20000 + b"\n")
        c.stderr(b"PHP Warning: half ")
        c.stderr(b"a line\nand another")
        c.answer(b"ok")
    with FcgiServer(behave) as server:
        g = gale(app(server))
        assert g.get("/").body == b"ok"
        g.wait_for_log("PHP Warning: half a line")
        g.wait_for_log("and another")
        assert "app=f" in g.stderr()
        assert g.get("/flood").body == b"ok"
        g.wait_for_log("lines were left out")
        assert g.stderr().count("flooded") < 2000


# ---- END_REQUEST ----

@pytest.mark.parametrize("status,expected,log", [
    (OVERLOADED, 503, "overloaded"), (CANT_MPX, 502, "second request"),
    (UNKNOWN_ROLE, 500, "authorize"), (77, 502, "unknown way"), (0, 502, "before its header"),
])
def test_end_request_says_why(gale, status, expected, log):
    def behave(c):
        c.read_request()
        c.end(status, eof=False)
    with FcgiServer(behave) as server:
        g = gale(app(server))
        r = g.get("/")
        assert r.status == expected
        assert (r.header("Retry-After") is not None) == (expected == 503)
        g.wait_for_log(log)


# ---- servers that are not well ----

def test_nobody_there(gale, tmp_path):
    g = gale(app(f"unix:{tmp_path}/nobody"))
    assert g.get("/").status == 502
    g2 = gale(app("127.0.0.1:1"), name="tcp")
    assert g2.get("/").status == 502
    g.wait_for_log("cannot be reached")


def test_late_answers_are_504(gale):
    def behave(c):
        c.read_request()
        c.wait_for_abort()
    with FcgiServer(behave) as server:
        g = gale(app(server, read_timeout="200ms"))
        assert g.get("/").status == 504
        g.wait_for_log("read_timeout")
        wait_for(lambda: server.aborts == 1, "the abort")


def test_a_stall_within_the_body_is_seen(gale):
    def behave(c):
        c.read_request()
        c.stdout(PLAIN + b"half")
        c.wait_for_abort()
    with FcgiServer(behave) as server:
        g = gale(app(server, read_timeout="200ms"))
        with g.connect() as c:
            c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with pytest.raises((EOFError, ConnectionResetError)):
                c.response()


def test_a_slow_client_is_not_the_servers_fault(gale):
    with FcgiServer(keeping(echo)) as server:
        g = gale(app(server, read_timeout="300ms"))
        with g.connect() as c:
            c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na")
            for letter in "bcde":
                time.sleep(0.2)
                c.send(letter)
            assert variables(c.response())[1] == "abcde"


def test_a_client_that_leaves_frees_the_server(gale):
    def behave(c):
        c.read_head()
        c.wait_for_abort()
    with FcgiServer(behave) as server:
        g = gale(app(server))
        with g.connect() as c:
            c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: server.requests, "the request")
            c.reset()
            wait_for(lambda: server.aborts == 1, "the abort")
        with g.connect() as c:  # within its body
            c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + "x" * 100000)
            wait_for(lambda: len(server.requests) == 2, "the request")
            c.reset()
            wait_for(lambda: server.aborts + server.left == 2, "the end")
        assert "serve failed" not in g.stderr()


def test_a_slow_reader_holds_the_server_unless_buffered(gale):
    size = 20 << 20
    done = threading.Event()

    def behave(c):
        c.read_request()
        c.stdout(PLAIN + b"d" * size)
        c.end()
        done.set()
    with FcgiServer(behave) as server:
        for buffer, is_free in (("0", False), ("64M", True)):
            done.clear()
            g = gale(app(server, buffer=buffer, connections=1), name=f"b{buffer}")
            with g.connect() as c:
                c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert done.wait(3 if is_free else 0.5) == is_free
                assert len(c.response().body) == size
            assert done.wait(5)


def test_a_buffer_smaller_than_the_reply(gale):
    data = os.urandom(3 << 20)
    with FcgiServer(reply_with(*[out(PLAIN)], *[out(data[i:i + 60000])
                                                for i in range(0, len(data), 60000)],
                               END_OK)) as server:
        for buffer in ("1", "100K", "1M"):
            g = gale(app(server, buffer=buffer), name=f"b{buffer}")
            with g.connect() as c:
                c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                time.sleep(0.1)
                assert c.response().body == data
            g.stop()


def test_a_buffered_reply_that_is_cut_is_seen(gale):
    with FcgiServer(reply_with(out(PLAIN + b"half"))) as server:
        g = gale(app(server, buffer="1M"))
        with g.connect() as c:
            c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try:
                assert c.response().status == 502
            except (EOFError, ConnectionResetError):
                pass
