"""Web servers in front of gale that speak bad FastCGI: nothing of it reaches an app as something
else, every request that is one gets an answer, and nothing is left behind."""
import os
import socket
import struct
import threading
import time

import pytest

from cgi_site import resident
from fastcgi_apps import descriptors, metric
from fcgi_server import (ABORT, BEGIN, CANT_MPX, DATA, END, GET_VALUES, KEEP_CONN, PARAMS, RESPONDER,
                         STDIN, STDOUT, UNKNOWN, VALUES, Closed, FcgiClient, pair, record)
from harness import wait_for

TELL = r"""
#include <gale/gale.h>
#include <string.h>
static int count(struct gale_request *req, struct gale_response *res)
{
    static char block[65536];
    long long size = 0;
    ssize_t n;
    while ((n = gale_request_read(req, block, sizeof(block))) > 0)
        size += n;
    return n < 0 ? (int)n : gale_reply(res, 200, "text/plain", "counted %lld\n", size);
}
static int flood(struct gale_response *res)
{
    static char block[65536];
    for (;;)
        if (gale_response_write(res, block, sizeof(block)) < 0)
            return -1;
}
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct gale_str name, value, body;
    const char *path = gale_request_path(req).at;
    (void)state;
    if (strstr(path, "/count"))
        return count(req, res);
    if (strstr(path, "/flood"))
        return flood(res);
    if (strstr(path, "/wait"))
        return gale_sleep(60000);
    int r = gale_request_body(req, &body);
    if (r < 0)
        return r;
    gale_response_header(res, "Content-Type", "text/plain");
    gale_response_printf(res, "%s %s\n", gale_request_method(req).at, path);
    for (size_t i = 0; gale_request_header_at(req, i, &name, &value) == 0; i++)
        gale_response_printf(res, "%s=%s\n", name.at, value.at);
    return gale_response_printf(res, "body=%s\n", body.at);
}
GALE_PLUGIN(p) { p->name = "tell"; p->serve = serve; }
"""
ENV = "#!/bin/sh\nprintf 'A: b\\n\\n'\nenv\n"
SAID = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/tell", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "test"}


@pytest.fixture
def front(gale, plugin, tmp_path):
    """gale(FastCGI listener) with /tell, /env (a CGI program): (g, path of its socket)."""
    (tmp_path / "env").write_text(ENV)
    (tmp_path / "env").chmod(0o755)

    def begin(**server):
        path = f"{tmp_path}/fcgi"
        g = gale(f"[app tell]\nmount = /tell\nplugin = {plugin(TELL)}\n"
                 f"[app env]\nmount = /env\ncgi = {tmp_path}/env\n",
                 listen=f"fastcgi://unix:{path}", **server)
        return g, path
    return begin


def encoded(params):
    return b"".join(pair(n.encode("latin-1"), v.encode("latin-1")) for n, v in params.items())


def begin(id=1, role=RESPONDER, flags=KEEP_CONN):
    return record(BEGIN, id, struct.pack(">HB5x", role, flags))


def whole(id=1, flags=KEEP_CONN, body=b"", **more):
    return begin(id, flags=flags) + record(PARAMS, id, encoded({**SAID, **more})) + \
        record(PARAMS, id) + (record(STDIN, id, body) if body else b"") + record(STDIN, id)


def serves(path):
    """A well-behaved web server is served as ever."""
    with FcgiClient(path) as c:
        status, out = c.request("/tell/fine")
        return status == 0 and b"GET /tell/fine" in out


def status_of(out):
    return int(out.split(b"Status: ")[1][:3]) if out.startswith(b"Status: ") else None


# ---- bytes that are no conversation ----

def test_cut_off_at_every_byte(front):
    """CVE-2022-41556: whoever leaves at any point leaves nothing."""
    g, path = front()
    assert serves(path)
    before, pid = descriptors(g), g.workers()[0]["pid"]
    data = whole(body=b"body", CONTENT_LENGTH="4") + whole(2, REQUEST_URI="/tell/wait")
    for at in range(len(data) + 1):
        c = FcgiClient(path)
        c.raw(data[:at])
        if at % 3 == 0:
            c.socket.shutdown(socket.SHUT_WR)
        elif at % 3 == 1:
            c.reset()
        c.close()
    wait_for(lambda: metric(g, "gale_requests_running") == 0, "all to end")
    wait_for(lambda: descriptors(g) <= before, "descriptors to be closed")
    assert serves(path) and g.workers()[0]["pid"] == pid


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 100, b"\x16\x03\1\2\0\1\0\1", b"\2" + whole()[1:],
    begin() + record(PARAMS, 1, b"x", version=7), begin() + record(STDIN, 1, b"early"),
    begin() + begin(), begin() + record(END, 1, b"\0" * 8) + b"\xff" * 8,
    record(BEGIN, 1, b"\0\1"), record(BEGIN, 1)])
def test_what_is_no_fastcgi_ends_the_connection(front, data):
    g, path = front(head_timeout="500ms")
    with FcgiClient(path) as c:
        try:
            c.raw(data)
            while c.read_record():
                pass
        except Closed:
            pass
    assert serves(path)


def test_silence_ends_the_connection(front):
    g, path = front(head_timeout="300ms", body_timeout="300ms", idle_timeout="300ms")
    for data in (b"", b"\1", begin(), begin() + record(PARAMS, 1, encoded(SAID)), whole()[:-8]):
        with FcgiClient(path) as c:
            c.raw(data)
            try:
                while c.read_record():
                    pass
            except Closed:
                pass
    wait_for(lambda: metric(g, "gale_requests_running") == 0, "all to end")


def test_records_that_nobody_asked_for(front):
    g, path = front()
    with FcgiClient(path) as c:
        for id in range(1, 30):
            c.raw(record(ABORT, id) + record(STDIN, id + 7, b"x") + record(PARAMS, 99, b"y") +
                  record(DATA, id, b"z") + record(STDOUT, id, b"z") + record(77, id, b"?"))
            c.raw(begin(id) + record(DATA, id, b"z") + record(77, id + 1, b"?") +
                  record(PARAMS, id, encoded(SAID), padding=255) + record(ABORT, id + 1) +
                  record(PARAMS, id) + record(PARAMS, id, b"late") + record(STDIN, id))
            status, out = c.response()
            assert status == 0 and status_of(out) == 200, id
        c.raw(record(BEGIN, 0, b"\0\1\0\0\0\0\0\0"))
        assert c.read_record()[0] == UNKNOWN


# ---- variables ----

@pytest.mark.parametrize("params, status", [
    ({}, 400), ({"REQUEST_METHOD": "GET"}, 400), ({"REQUEST_URI": "/tell"}, 400),
    ({**SAID, "REQUEST_METHOD": ""}, 400), ({**SAID, "REQUEST_METHOD": "G T"}, 400),
    ({**SAID, "REQUEST_METHOD": "GET /evil HTTP/1.1\r\nX: y"}, 400),
    ({**SAID, "REQUEST_URI": "/tell x"}, 400), ({**SAID, "REQUEST_URI": "/tell\r\nX: y"}, 400),
    ({**SAID, "REQUEST_URI": "/tell\0"}, 400), ({**SAID, "REQUEST_URI": "tell"}, 400),
    ({**SAID, "REQUEST_URI": "/tell%00"}, 400), ({**SAID, "REQUEST_URI": "/../../etc/passwd"}, 404),
    ({**SAID, "HTTP_X": "a\r\nEvil: 1"}, 400), ({**SAID, "HTTP_X": "a\nb"}, 400),
    ({**SAID, "HTTP_X": "a\rb"}, 400), ({**SAID, "HTTP_X": "a\0b"}, 400),
    ({**SAID, "HTTP_": "x"}, 400), ({**SAID, "HTTP_X Y": "x"}, 400), ({**SAID, "HTTP_X:": "x"}, 400),
    ({**SAID, "HTTP_X\nY": "x"}, 400), ({**SAID, "HTTP_\xff": "x"}, 400),
    ({**SAID, "HTTP_HOST": "a\r\nX: y"}, 400), ({**SAID, "HTTP_HOST": "a b"}, 400),
    ({**SAID, "CONTENT_TYPE": "a\r\nX: y"}, 400), ({**SAID, "CONTENT_LENGTH": "x"}, 400),
    ({**SAID, "CONTENT_LENGTH": "-1"}, 400), ({**SAID, "CONTENT_LENGTH": "1 1"}, 400),
    ({**SAID, "CONTENT_LENGTH": "+1"}, 400), ({**SAID, "CONTENT_LENGTH": "1\r\nX: y"}, 400),
    ({**SAID, "CONTENT_LENGTH": "99999999999999999999999"}, 400),
    ({**SAID, "CONTENT_LENGTH": "99999999999"}, 413),
    ({**SAID, "HTTP_HOST": "x", "HTTP_Host": "y"}, 400),
    ({**SAID, "SERVER_PROTOCOL": "HTTP/1.1\r\nX: y"}, 200),
    ({**SAID, "SERVER_PROTOCOL": "HTTP/9.9"}, 200), ({**SAID, "REMOTE_ADDR": "x\r\ny"}, 200),
    ({**SAID, "REMOTE_PORT": "999999", "SERVER_PORT": "-1", "HTTPS": "\0"}, 200),
    ({**SAID, "REMOTE_USER": "a\r\nb"}, 200), ({**SAID, "SCRIPT_NAME": "/tell\r\n"}, 200),
    ({**SAID, "HTTP_X_LONG": "v" * 20000}, 200), ({**SAID, "HTTP_X_LONG": "v" * 200000}, 431),
    ({**SAID, **{f"HTTP_X_{i}": "v" for i in range(2000)}}, 431),
    ({**SAID, "REQUEST_URI": "/tell/" + "x" * 20000}, 414)])
def test_odd_variables(front, params, status):
    g, path = front()
    with FcgiClient(path) as c:
        for id in (1, 2):
            c.begin(id, flags=KEEP_CONN)
            c.params(params, id)
            c.stdin(b"", id)
            ended, out = c.response()
            assert ended == 0 and status_of(out) == status, out[:300]
            assert b"Evil" not in out and b"\nX=" not in out and b"\nX: y" not in out
        assert status_of(c.request("/tell", id=3)[1]) == 200


@pytest.mark.parametrize("params", [
    b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\xff\xff\xff\xf0\xff\xff\xff\xf0" + b"x" * 100, b"\x0e",
    b"\x80\0\0\x04", b"\x05\x80", b"\0\0" * 5, b"\x7f\x7fHTTP_X", encoded(SAID)[:-1],
    encoded(SAID) + b"\x01", encoded(SAID) + b"\x80"])
def test_lengths_that_lie(front, params):
    """CVE-2025-23016."""
    g, path = front()
    with FcgiClient(path) as c:
        c.raw(begin() + record(PARAMS, 1, params) + record(PARAMS, 1) + record(STDIN, 1))
        status, out = c.response()
        assert status == 0 and status_of(out) == 400
        assert status_of(c.request("/tell", id=2)[1]) == 200


def test_split_in_any_way_it_is_the_same(front):
    g, path = front()
    data = encoded({**SAID, "HTTP_X_LONG": "l" * 300, "HTTP_" + "N" * 130: "v"})
    with FcgiClient(path) as c:
        for size in (1, 2, 3, 7, 64, len(data)):
            c.raw(begin() + b"".join(record(PARAMS, 1, data[at:at + size], padding=size % 256)
                                     for at in range(0, len(data), size)) +
                  record(PARAMS, 1) + record(STDIN, 1))
            out = c.response()[1]
            assert b"X-Long=" + b"l" * 300 in out and b"=v\n" in out


def test_floods_of_variables_take_no_memory(front):
    g, path = front()
    with FcgiClient(path) as c:
        c.begin(flags=KEEP_CONN)
        block = record(PARAMS, 1, b"x" * 65000, padding=0) * 16
        for _ in range(100):
            c.raw(block)
        assert resident(g.workers()[0]["pid"]) < 100_000_000
        c.params({})
        c.stdin(b"")
        status, out = c.response()
        assert status == 0 and status_of(out) == 431
        assert status_of(c.request("/tell", id=2)[1]) == 200


def test_fields_of_the_connection_go_no_further(front):
    g, path = front()
    hostile = {"HTTP_PROXY": "http://evil/", "HTTP_CONTENT_LENGTH": "77", "HTTP_CONTENT_TYPE": "evil",
               "HTTP_CONNECTION": "close", "HTTP_TRANSFER_ENCODING": "chunked", "HTTP_TE": "x",
               "HTTP_UPGRADE": "h2c", "HTTP_EXPECT": "100-continue", "HTTP_KEEP_ALIVE": "5",
               "HTTP_CONTENT-LENGTH": "66", "HTTP_Transfer-Encoding": "chunked",
               "HTTP_connection": "close", "PATH": "/evil", "LD_PRELOAD": "/evil.so",
               "GALE": "evil", "HTTP_X_GOOD": "1"}
    with FcgiClient(path) as c:
        status, out = c.request("/tell", "POST", b"body", flags=KEEP_CONN, CONTENT_TYPE="good",
                                CONTENT_LENGTH="4", **hostile)
        assert status == 0 and out.endswith(b"body=body\n")
        fields = dict(line.split(b"=", 1) for line in out.split(b"\r\n\r\n", 1)[1].split(b"\n")
                      if b"=" in line)
        assert set(fields) == {b"Host", b"Content-Type", b"Content-Length", b"Proxy", b"X-Good", b"body"}
        assert fields[b"Content-Length"] == b"4" and fields[b"Content-Type"] == b"good"
        status, out = c.request("/env", "POST", b"body", id=2, **hostile)
        env = dict(line.split(b"=", 1) for line in out.split(b"\r\n\r\n", 1)[1].split(b"\n") if line)
        assert b"evil" not in b"".join(env.values()) and env[b"HTTP_X_GOOD"] == b"1"
        assert not {b"HTTP_PROXY", b"LD_PRELOAD", b"GALE", b"HTTP_TE", b"HTTP_CONTENT_LENGTH"} & set(env)


# ---- bodies ----

def test_lengths_of_bodies(front):
    g, path = front()
    with FcgiClient(path) as c:  # more than announced is not the app's
        status, out = c.request("/tell", "POST", b"bodyGET /evil", CONTENT_LENGTH="4", flags=KEEP_CONN)
        assert status == 0 and out.endswith(b"body=body\n")
        status, out = c.request("/tell", "POST", b"x" * 300000, CONTENT_LENGTH="0", id=2, flags=KEEP_CONN)
        assert status == 0 and out.endswith(b"body=\n")
        assert c.request("/tell/next", id=3)[1].count(b"GET /tell/next") == 1
    with FcgiClient(path) as c:  # less is no whole body
        status, out = c.request("/tell", "POST", b"bo", CONTENT_LENGTH="4")
        assert status == 0 and status_of(out) == 400
    assert serves(path)


def test_a_huge_body_takes_no_memory(front):
    g, path = front(max_body="2G")
    size, data = 1_000_000_000, record(STDIN, 1, b"b" * 62500, padding=0) * 16
    with FcgiClient(path) as c:
        c.begin()
        c.params({**SAID, "REQUEST_METHOD": "POST", "REQUEST_URI": "/tell/count",
                  "CONTENT_LENGTH": str(size)})
        for _ in range(size // 1_000_000):
            c.raw(data)
        assert resident(g.workers()[0]["pid"]) < 100_000_000
        c.stdin(b"")
        assert c.response()[1].endswith(b"counted 1000000000\n")


def test_a_web_server_that_does_not_read(front):
    g, path = front(write_timeout="500ms")
    pid = g.workers()[0]["pid"]
    with FcgiClient(path) as c:
        c.raw(whole(REQUEST_URI="/tell/flood"))
        wait_for(lambda: metric(g, "gale_requests_running") == 1, "it to run")
        wait_for(lambda: metric(g, "gale_requests_running") == 0, "it to be given up")
        assert resident(pid) < 100_000_000
    assert serves(path)


@pytest.mark.parametrize("data", [record(GET_VALUES, 0, pair(b"FCGI_MPXS_CONNS", b"")),
                                  record(99, 0, b"x"), begin(2) + record(ABORT, 2)])
@pytest.mark.parametrize("meanwhile", ["idle", "params", "served"])
def test_questions_without_end(front, data, meanwhile):
    """Answers that nobody reads do not pile up."""
    g, path = front(write_timeout="1s", head_timeout="1s")
    pid = g.workers()[0]["pid"]
    with FcgiClient(path) as c:
        c.socket.settimeout(3)
        c.raw(begin() if meanwhile == "params" else
              whole(REQUEST_URI="/tell/wait") if meanwhile == "served" else b"")
        try:
            for _ in range(300):
                c.raw(data * 4000)
        except (Closed, TimeoutError):
            pass
        assert resident(pid) < 100_000_000
        assert serves(path)


# ---- ids and aborts ----

def test_ids(front):
    g, path = front()
    with FcgiClient(path) as c:
        for id in (1, 1, 65535, 1, 256, 255):
            c.raw(whole(id, REQUEST_URI=f"/tell/{id}"))
            kind, said, _ = c.read_record()
            assert (kind, said) == (STDOUT, id)
            assert c.response()[0] == 0
        c.raw(begin(7) + record(PARAMS, 7, encoded(SAID)[:10]) + whole(8) +
              record(PARAMS, 7, encoded(SAID)[10:]) + record(PARAMS, 7) + record(STDIN, 7))
        assert c.read_record() == (END, 8, bytes([0, 0, 0, 0, CANT_MPX, 0, 0, 0]))
        status, out = c.response()
        assert status == 0 and out.count(b"GET /tell") == 1
        c.raw(b"".join(whole(id, REQUEST_URI=f"/tell/{id}") for id in (1, 2, 3)))  # pipelined
        ends = [c.response() for _ in range(3)]
        assert [e for e, _ in ends] in ([0, 0, 0], [CANT_MPX, CANT_MPX, 0], [0, CANT_MPX, CANT_MPX],
                                        [CANT_MPX, 0, 0], [0, CANT_MPX, 0])


def test_aborts_in_every_state(front):
    g, path = front()
    states = {
        "begun": begin(), "params": begin() + record(PARAMS, 1, encoded(SAID)[:20]),
        "served": whole(REQUEST_URI="/tell/wait"), "reading": whole(
            REQUEST_URI="/tell/count", REQUEST_METHOD="POST", CONTENT_LENGTH="1000")[:-8] +
        record(STDIN, 1, b"half"), "flooding": whole(REQUEST_URI="/tell/flood")}
    for name, data in states.items():
        with FcgiClient(path) as c:
            c.raw(data)
            if name in ("served", "reading", "flooding"):
                wait_for(lambda: metric(g, "gale_requests_running") == 1, name)
            c.raw(record(ABORT, 1))
            wait_for(lambda: metric(g, "gale_requests_running") == 0, f"the end, {name}")
            status, out = c.response()
            if name == "flooding":  # what was begun cannot be ended well
                assert status is None
                continue
            assert status == 0 and not out, name
            if name != "reading":
                c.raw(record(ABORT, 1) + record(ABORT, 5))
                assert status_of(c.request("/tell", id=9)[1]) == 200, name
    assert serves(path)


def test_many_hostile_ones_at_once(front):
    g, path = front(workers=2, write_timeout="1s", head_timeout="1s", body_timeout="1s")
    assert serves(path)
    stop, bad = threading.Event(), []
    ways = [b"\0" * 100, begin(), whole(REQUEST_URI="/tell/wait"), whole(REQUEST_URI="/tell/flood"),
            whole()[:-30], whole() * 50, record(GET_VALUES, 0) * 100, begin() + record(PARAMS, 1, b"x" * 60000)]

    def attack(number):
        i = number
        while not stop.is_set():
            i += 1
            try:
                with FcgiClient(path) as c:
                    c.raw(ways[i % len(ways)])
                    if i % 2:
                        c.reset()
            except (Closed, OSError):
                pass
    threads = [threading.Thread(target=attack, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        if not serves(path):
            bad.append(1)
    stop.set()
    for t in threads:
        t.join()
    assert not bad
    wait_for(lambda: metric(g, "gale_requests_running") == 0, "all to end")
    for worker in g.workers():
        sockets = [os.readlink(f"/proc/{worker['pid']}/fd/{fd}")
                   for fd in os.listdir(f"/proc/{worker['pid']}/fd")]
        assert len(sockets) < 60
