"""The rows of http_cases.h, said to a running gale: whole, in pieces, before and after others.

A row is refused with its status and the connection ends, or it is served and the connection stays
or goes as the row says. Nothing may change that, neither how the bytes were cut nor what came
before them.
"""
import re
import socket
import zlib

import pytest

from probes import http_cases, request, site, statuses  # noqa: F401

GOOD = request("/good")


def body_of(flags):
    """The bytes that have to follow a head for its request to be whole."""
    if "chunked" in flags:
        return b"3\r\nabc\r\n0\r\n\r\n"
    length = int(next((f[7:] for f in flags if f.startswith("length=")), 0))
    return b"b" * length if length < 1000 else b""


class Row:
    def __init__(self, data, status, meaning):
        self.data, self.status, self.stays, self.method = data, status, False, "GET"
        if status:
            return
        self.method, target, _, _, *flags = meaning.split(" ", 4)
        flags = flags[0].split("|")[0].split() if flags else []
        self.status, self.stays = 200, "keep" in flags
        self.data = data + body_of(flags)
        if (self.method, target) == ("OPTIONS", "*"):
            self.status = 204
        if "length=1000000000000" in flags:
            self.status, self.stays = 413, False


ROWS = [Row(*case) for case in http_cases()]


def say(g, *pieces):
    """Everything that comes back when the client sends these and only then ends its side."""
    with g.connect() as c:
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                c.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before its end
        return c.rest()


def check(rows, talk):
    """talk(row) returns (what was expected, what came); all differences in one message."""
    wrong = [(row.data, *talk(row)) for row in rows]
    wrong = [f"{data!r}: expected {want}, got {got}" for data, want, got in wrong if want != got]
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong[:20])


def answers(g, row, before=0, pieces=None):
    """The statuses of `before` good requests and the row, sent as these pieces: a connection that
    stays is asked once more, one that does not must end by itself."""
    with g.connect() as c:
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces or [GOOD * before + row.data]:
                c.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        if not row.stays:
            return statuses(c.rest())
        got = [c.response().status for _ in range(before)]
        got.append(c.response(row.method).status)
        c.send(GOOD)
        return got + [c.response().status]


def want(row, before=0):
    return [200] * before + [row.status] + [200] * row.stays


def test_every_row(site):  # noqa: F811
    check(ROWS, lambda row: (want(row), answers(site, row)))


def test_every_row_behind_a_good_request(site):  # noqa: F811
    check(ROWS, lambda row: (want(row, 2), answers(site, row, 2)))


def test_every_row_before_a_good_request(site):  # noqa: F811
    """What follows a row that is refused or says close is never taken for a request."""
    whole = [row for row in ROWS if row.status < 400 or row.data.endswith(b"\r\n\r\n")]
    close = request("/last", "Connection: close")
    check(whole, lambda row: (want(row), statuses(say(site, row.data + close))))


def cuts(row, count):
    """Some places to cut the row, other ones for each row but the same in each run."""
    seed = zlib.crc32(row.data)
    return sorted({1 + (seed >> 4 * i) % max(len(row.data) - 1, 1) for i in range(count)})


def test_every_row_cut_in_two(site):  # noqa: F811
    def talk(row):
        for at in cuts(row, 8):
            got = answers(site, row, pieces=[row.data[:at], row.data[at:]])
            if got != want(row):
                return want(row), (at, got)
        return 0, 0
    check(ROWS, talk)


def test_rows_byte_by_byte(site):  # noqa: F811
    rows = [row for i, row in enumerate(ROWS) if i % 6 == 0 and len(row.data) < 300]
    check(rows, lambda row: (want(row), answers(
        site, row, pieces=[bytes([byte]) for byte in row.data])))


def test_one_request_cut_at_every_byte(site):  # noqa: F811
    data = (request("/body", "Transfer-Encoding: chunked", method="POST") +
            b"3;x=\"y\"\r\nabc\r\n00a\r\n0123456789\r\n0\r\nHost: evil\r\nX:\r\n\r\n" + GOOD)
    with site.connect() as c:
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(1, len(data)):
            c.send(data[:at])
            c.send(data[at:])
            assert c.response().body == b"abc0123456789", at
            assert c.response().body == b"/good", at


@pytest.mark.parametrize("count", [1, 10, 100])
def test_a_row_in_the_midst_of_many(site, count):  # noqa: F811
    """All before it are answered, in order; none behind it."""
    paths = [f"/n{i}" for i in range(count)]
    data = b"".join(map(request, paths)) + b"GET / HTTP/1.1\r\nHost : a\r\n\r\n" + GOOD * count
    got = say(site, data)
    assert statuses(got) == [200] * count + [400]
    assert re.findall(rb"\r\n\r\n(/n\d+)", got) == [path.encode() for path in paths]
