"""Bodies as they come, answers as they are made, and files, in both directions at once."""
import os
import threading

import pytest

from probes import chunk, probe_app, request, share  # noqa: F401


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "data").write_bytes(bytes(range(256)) * 8192)
    apps = probe_app(set_file=folder / "data", max_body="1G")
    for g in share(tmp_path_factory, apps, body_timeout="20s", access_log="-"):
        g.data = (folder / "data").read_bytes()
        yield g


def test_an_echo_answers_while_it_is_asked(streams):
    """The first bytes come back before the last ones are sent: what is written leaves when the app
    waits for more."""
    with streams.connect() as c:
        c.send(request("/echo", "Transfer-Encoding: chunked", method="POST"))
        c.send(chunk(b"first"))
        assert c.until(b"first").endswith(b"\r\n\r\n5\r\nfirst")
        for i in range(20):
            c.send(chunk(b"piece%d!" % i))
            c.until(b"piece%d!" % i)
        c.send(b"0\r\n\r\n")
        c.until(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("fields", [[], ["Connection: close"]])
@pytest.mark.parametrize("size", [1, 3000, 16384, 1000003, 20000000])
def test_echo(streams, size, fields):
    data = (os.urandom(9973) * (size // 9973 + 1))[:size]
    with streams.connect() as c:
        sender = threading.Thread(target=lambda: c.send(
            request("/echo", *fields, method="POST", body=data)))
        sender.start()
        got = bytearray()
        head = c.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        if b"chunked" not in head:
            got = c.exactly(size)
        while len(got) < size:
            length = int(c.until(b"\r\n"), 16)
            got += c.exactly(length + 2)[:-2]
        sender.join()
        assert bytes(got) == data


def test_pieces_leave_when_the_app_waits(streams):
    with streams.connect() as c:
        c.send(request("/stream?n=3&ms=50&flush=0"))
        head = c.until(b"piece 0\n")
        assert b"piece 1" not in c.buffer and b"chunked" in head
        c.until(b"piece 2\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("query, want", [
    ("", lambda d: d), ("?from=0&len=0", lambda d: b""),
    ("?from=100&len=256", lambda d: d[100:356]),
    ("?from=2000000", lambda d: d[2000000:]), ("?from=5&len=2000000", lambda d: d[5:2000005]),
    ("?before=1&after=1&len=100000", lambda d: b"before;" + d[:100000] + b";after"),
    ("?from=9999999", lambda d: b"")])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_files(streams, query, want, version):
    with streams.connect() as c:
        c.send(request("/file" + query, version=version))
        assert c.response().body == want(streams.data)


def test_files_with_a_length(streams):
    size = len(streams.data)
    with streams.connect() as c:
        for _ in range(5):
            c.send(request(f"/file?length={size}") + request("/after"))
            answer = c.response()
            assert answer.header("Transfer-Encoding") is None and answer.body == streams.data
            assert c.response().body == b"/after"


@pytest.mark.parametrize("query", [
    "?length=10&len=11", "?length=10&len=9", "?from=2097000&len=1000",
    "?length=1000&from=2097000&len=1000"])
def test_files_that_are_not_what_was_said(streams, query):
    """Longer or shorter than the app says: an error or cut, not made up."""
    with streams.connect() as c:
        c.send(request("/file" + query))
        try:
            assert c.response().status == 500
        except (EOFError, ConnectionResetError):
            assert b"\r\n0\r\n" not in c.buffer


def test_files_to_clients_that_leave(streams):
    """sendfile to a socket that was reset: an error like others, and no signal."""
    pid = streams.workers()[0]["pid"]
    for i in range(20):
        c = streams.connect()
        c.send(request("/file") * 3)
        c.exactly(i * 10000)
        c.reset()
    assert streams.get("/hello").status == 200
    assert streams.workers()[0]["pid"] == pid


def test_head_for_files(streams):
    with streams.connect() as c:
        c.send(request("/file", method="HEAD") + request("/after"))
        c.response("HEAD")
        assert c.response().body == b"/after"


def test_both_directions_full(streams):
    """A client that sends without reading stops the app, and gale with it, not the others; once it
    reads, everything is there."""
    piece, count = b"x" * 65536, 400
    with streams.connect() as c:
        c.send(request("/echo", f"Content-Length: {count * len(piece)}", method="POST"))
        sender = threading.Thread(target=lambda: [c.send(piece) for _ in range(count)])
        sender.start()
        for _ in range(20):
            assert streams.get("/hello").status == 200
        c.until(b"\r\n\r\n")
        got = 0
        while got < count * len(piece):
            length = int(c.until(b"\r\n"), 16)
            got += len(c.exactly(length + 2)) - 2
        sender.join()


def test_many_streams_at_once(streams):
    connections = [streams.connect() for _ in range(100)]
    for i, c in enumerate(connections):
        c.send(request(f"/stream?n=20&ms={i % 4}"))
    want = b"".join(b"piece %d\n" % i for i in range(20))
    for c in connections:
        with c:
            assert c.response().body == want


def test_what_an_echo_cut_short_leaves(streams):
    """A client that leaves in the midst of its body; the log has a line, the others go on."""
    for i in range(10):
        c = streams.connect()
        c.send(request(f"/echo?cut={i}", "Content-Length: 100000", method="POST") + b"x" * 5000 * i)
        c.reset() if i % 2 else c.close()
    assert streams.get("/hello").status == 200
