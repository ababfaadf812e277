"""Clients that are slow, leave half-way, or take all they can get: what each costs, and whom."""
import select
import socket
import threading

import pytest

from harness import wait_for
from probes import figures, probe_app, request, share, start_probe, statuses  # noqa: F401


APPS = (probe_app() + probe_app("/patient", "patient", body_timeout="60s") +
        probe_app("/urgent", "urgent", deadline="500ms"))


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A gale that is out of patience soon."""
    yield from share(tmp_path_factory, APPS, head_timeout="300ms", body_timeout="300ms",
                     write_timeout="1s", idle_timeout="500ms", access_log="-")


@pytest.fixture(scope="module")
def lenient(tmp_path_factory):
    """One that lets readers be slow, but nobody idle."""
    yield from share(tmp_path_factory, APPS, write_timeout="60s", idle_timeout="500ms")


def small_window(g):
    """A client that takes little at a time."""
    c = g.connect()
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return c


def drip(c, data, stop):
    """Sends a byte at a time, as long as nothing comes back and `stop` says nothing else."""
    for i in range(len(data)):
        if select.select([c.socket], [], [], 0.03)[0]:
            return
        try:
            c.send(data[i:i + 1])
        except (BrokenPipeError, ConnectionResetError):
            return
    assert stop, "all of it was taken"


# ---- slow heads, bodies and clients that say nothing ----

@pytest.mark.parametrize("first", [b"G", b"\r\n", b"GET / HTTP/1.1\r\n",
                                   b"GET / HTTP/1.1\r\nHost: a\r\nX"])
def test_slow_head(hasty, first):
    """A head has to come within head_timeout, however steadily it drips."""
    with hasty.connect() as c:
        c.send(first)
        answer = c.response()
        assert (answer.status, answer.header("Connection")) == (408, "close")
    with hasty.connect() as c:
        drip(c, request("/" + "x" * 1000), stop=False)
        assert c.response().status == 408


def test_slow_second_head(hasty):
    with hasty.connect() as c:
        c.send(request("/one") + b"GET /two")
        assert c.response().body == b"/one"
        assert c.response().status == 408


def test_a_client_that_says_nothing(hasty):
    """Closed without a word after idle_timeout, before and between requests."""
    with hasty.connect() as c:
        assert c.is_closed()
    with hasty.connect() as c:
        c.send(request("/x"))
        assert c.response().status == 200
        assert c.is_closed()


@pytest.mark.parametrize("fields, sent", [(["Content-Length: 10"], b"12345"),
                                          (["Content-Length: 10"], b""),
                                          (["Transfer-Encoding: chunked"], b"5\r\n123"),
                                          (["Transfer-Encoding: chunked"], b"")])
@pytest.mark.parametrize("path", ["/body", "/count"])
def test_slow_body(hasty, path, fields, sent):
    with hasty.connect() as c:
        c.send(request(path, *fields, method="POST") + sent)
        answer = c.response()
        assert (answer.status, answer.header("Connection")) == (408, "close")


def test_a_body_that_goes_on_is_not_slow(hasty):
    """body_timeout is for progress: a byte now and then is enough."""
    with hasty.connect() as c:
        c.send(request("/body", "Content-Length: 40", method="POST"))
        drip(c, b"x" * 40, stop=True)
        assert c.response().body == b"x" * 40


def test_an_app_has_its_own_patience(hasty):
    with hasty.connect() as c:
        c.send(request("/patient/body", "Content-Length: 2", method="POST") + b"1")
        with hasty.connect() as other:
            other.send(request("/body", "Content-Length: 2", method="POST") + b"1")
            assert other.response().status == 408
        c.send(b"2")
        assert c.response().body == b"12"


def test_an_unread_body_that_does_not_come(hasty):
    """The answer leaves at once; only the connection waits for the rest of the body."""
    with hasty.connect() as c:
        c.send(request("/hello", "Content-Length: 10", method="POST"))
        assert c.response().body == b"hello\n"
        assert c.is_closed()


# ---- slow readers ----

def test_a_reader_that_takes_nothing_is_cut(hasty):
    before = figures(hasty)["cancelled"]
    with small_window(hasty) as c:
        c.send(request("/large?size=50000000"))
        wait_for(lambda: figures(hasty)["cancelled"] == before + 1, "the app to be told")
        with pytest.raises((ConnectionResetError, EOFError)):
            c.response()


def test_a_reader_that_takes_some_now_and_then_is_not(hasty):
    """Also when that is so little that the kernel calls the socket full for longer than that."""
    with hasty.connect(hasty.unix) as c:
        c.send(request("/large?size=3000000", version="1.0"))
        c.until(b"\r\n\r\n")
        for _ in range(20):
            quiet(0.1)
            c.exactly(10000)
        assert len(c.rest()) == 3000000 - 20 * 10000


def test_a_slow_reader_gets_all_of_it(lenient):
    """Neither idle_timeout nor a deadline of the app's that passes while the client still takes
    the end of its answer may cut that short; for sizes round what the kernel holds for it."""
    sizes = [*range(150000, 330000, 6000), 1000000]
    begun = []
    for path in ("/large", "/print", "/urgent/print"):
        for fields, version in (([], "1.1"), (["Connection: close"], "1.1"), ([], "1.0")):
            for size in sizes if "print" in path or version == "1.0" else []:
                if path.startswith("/urgent") and size > 225000:
                    continue  # there the app itself waits for the client
                c = lenient.connect(lenient.unix)
                c.send(request(f"{path}?size={size}", *fields, version=version))
                begun.append((c, size, path, fields, version))
    quiet(0.7)
    cut = []
    for c, size, *what in begun:
        with c:
            try:
                got = len(c.response().body)
            except (EOFError, ConnectionResetError) as error:
                got = error
            if got != size:
                cut.append((got, size, *what))
    assert not cut, f"{len(cut)} of {len(begun)}: {cut[:5]}"


def quiet(seconds):
    select.select([], [], [], seconds)


# ---- lingering ----

@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01",
                                  request("/body", "Content-Length: 99999999", method="POST"),
                                  request("/hello", "Connection: close"),
                                  request("/hello", "Transfer-Encoding: chunked", method="POST")])
def test_a_client_that_goes_on_sending_can_read_its_answer(hasty, data):
    with hasty.connect() as c:
        c.send(data)
        try:
            for _ in range(60):
                c.send(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert len(statuses(read_all(c))) == 1


def read_all(c):
    try:
        while c.fill():
            pass
    except ConnectionResetError:
        pass
    return c.buffer


def test_lingering_ends(hasty):
    """Who sends for ever is not listened to for ever."""
    with hasty.connect() as c:
        c.send(b"\x16")
        assert c.response().status == 400
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                c.send(b"x")
                quiet(0.01)


# ---- clients that end their side, and clients that are gone ----

@pytest.mark.parametrize("size", [10, 300000, 3000000])
@pytest.mark.parametrize("field", ["Connection: close", "X: keep"])
def test_half_closed(hasty, size, field):
    """printf | nc: the client ends its side at once and still gets all of its answer."""
    with hasty.connect() as c:
        c.send(request(f"/large?size={size}", field))
        c.end()
        assert len(c.response().body) == size
        assert c.rest() == b""


def test_half_closed_with_many_requests(hasty):
    got = hasty.raw(b"".join(request(f"/n{i}") for i in range(200)))
    assert statuses(got) == [200] * 200


def test_half_closed_and_slow(hasty):
    with hasty.connect(hasty.unix) as c:
        c.send(request("/large?size=3000000", version="1.0"))
        c.end()
        c.until(b"\r\n\r\n")
        for _ in range(25):
            quiet(0.05)
            c.exactly(7000)
        assert len(c.rest()) == 3000000 - 25 * 7000


def test_half_closed_within_a_request(hasty):
    """Half a request gets no answer, or 400, and no app is left waiting for the rest."""
    for data in (b"GET / HT", request("/x")[:-2]):
        assert hasty.raw(data) == b""
    for data in (request("/body", "Content-Length: 9", method="POST") + b"x",
                 request("/body", "Transfer-Encoding: chunked", method="POST") + b"5\r\nx"):
        with hasty.connect() as c:
            c.send(data)
            c.end()
            assert statuses(read_all(c)) in ([], [400])


def test_half_closed_while_the_app_sleeps(hasty):
    """It is waited for, but not long."""
    with hasty.connect() as c:
        c.send(request("/nap?ms=300"))
        c.end()
        assert c.response().body == b"awake\n"
    before = figures(hasty)["cancelled"]
    with hasty.connect() as c:
        c.send(request("/nap"))
        c.end()
        wait_for(lambda: figures(hasty)["cancelled"] == before + 1, "the app to be told")


@pytest.mark.parametrize("path", ["/nap", "/nap?cleanup=1", "/stream?n=100000&ms=5",
                                  "/spin?ms=60000"])
def test_a_reset_cancels_at_once(hasty, path):
    before = figures(hasty)
    c = hasty.connect()
    c.send(request(path))
    if "stream" in path:
        c.until(b"piece 3")
    else:
        wait_for(lambda: figures(hasty)["turns"] > before["turns"] or "nap" not in path
                 or figures(hasty)["asleep"] == before["asleep"] + 1, "the app to be under way")
    c.reset()
    wait_for(lambda: figures(hasty)["cancelled"] == before["cancelled"] + 1, "the app to be told")
    if "cleanup" in path:
        wait_for(lambda: figures(hasty)["cleaned"] == before["cleaned"] + 1, "the one clean-up")


def test_who_left_is_499_in_the_log(hasty):
    with hasty.connect() as c:
        c.send(request("/nap?who=left"))
        wait_for(lambda: figures(hasty)["asleep"], "the app to sleep")
        c.reset()
    wait_for(lambda: "who=left HTTP/1.1\" 499 0 " in hasty.stdout(), "the line")


def test_what_is_pipelined_behind_one_that_left(hasty):
    """They may be served or not; the worker lives, and nothing hangs."""
    pid = figures(hasty)["pid"]
    for _ in range(20):
        c = hasty.connect()
        c.send(request("/nap?ms=5") * 20 + request("/large?size=1000000") * 3)
        c.reset()
    assert figures(hasty)["pid"] == pid


# ---- deadlines ----

def test_deadline(hasty):
    with hasty.connect() as c:
        c.send(request("/urgent/nap") + request("/after"))
        answer = c.response()
        assert answer.status == 504
        assert c.response().body == b"/after"
        c.send(request("/nap?ms=600"))
        assert c.response().body == b"awake\n"  # it was the other app's deadline


def test_deadline_with_an_answer_begun(hasty):
    """What has left can't be taken back: the connection is cut."""
    with hasty.connect() as c:
        c.send(request("/urgent/stream?n=1000&ms=10"))
        with pytest.raises((ConnectionResetError, EOFError)):
            c.response()


def test_deadline_while_the_body_does_not_come(hasty):
    with hasty.connect() as c:
        c.send(request("/urgent/body", "Content-Length: 9", method="POST"))
        assert c.response().status in (408, 504)


def test_deadline_may_be_answered_by_the_app(hasty):
    with hasty.connect() as c:
        c.send(request("/urgent/nap?value=503"))
        assert c.response().status == 503
        c.send(request("/urgent/nap?value=503&cleanup=1"))
        assert c.response().status == 503


# ---- fairness ----

class Uploader(threading.Thread):
    """Sends one body as fast as it goes until it is told to stop."""

    def __init__(self, g, path):
        super().__init__()
        self.connection, self.sent, self.is_over = g.connect(), 0, False
        self.connection.send(request(path, "Transfer-Encoding: chunked", method="POST"))
        self.start()

    def run(self):
        piece = b"%x\r\n%s\r\n" % (1 << 18, b"x" * (1 << 18))
        while not self.is_over:
            self.connection.send(piece)
            self.sent += 1 << 18
        self.connection.send(b"0\r\n\r\n")
        assert self.connection.response().status == 200
        self.connection.close()

    def stop(self):
        self.is_over = True
        self.join()


def test_one_uploader_does_not_hold_the_others_up(gale):
    """While one sends at full speed another gets answer after answer; in both directions there is
    progress, counted, not timed."""
    g = start_probe(gale, app={"max_body": "1T"})
    uploader = Uploader(g, "/count")
    try:
        wait_for(lambda: uploader.sent > 4 << 20, "the upload to run")
        most = 0
        with g.connect() as c:
            for _ in range(300):
                before = uploader.sent
                c.send(request("/hello"))
                assert c.response().status == 200
                most = max(most, uploader.sent - before)
        before = uploader.sent
        wait_for(lambda: uploader.sent > before + (4 << 20), "the upload to go on")
    finally:
        uploader.stop()
    assert most < 64 << 20, f"{most >> 20} MiB passed while one answer was waited for"


def test_one_who_pipelines_does_not_hold_the_others_up(gale):
    g = start_probe(gale)
    stop = threading.Event()

    def flood():
        with g.connect() as c:
            while not stop.is_set():
                c.send(request("/hello") * 200)
                for _ in range(200):
                    assert c.response().status == 200

    floods = [threading.Thread(target=flood) for _ in range(2)]
    for thread in floods:
        thread.start()
    try:
        with g.connect() as c:
            for _ in range(200):
                c.send(request("/hello"))
                assert c.response().status == 200
    finally:
        stop.set()
        for thread in floods:
            thread.join()


def test_one_who_computes_lets_others_run(gale):
    g = start_probe(gale)
    with g.connect() as busy, g.connect() as c:
        busy.send(request("/spin?ms=60000"))
        wait_for(lambda: figures(g)["turns"] > 3, "the computing")
        for _ in range(50):
            c.send(request("/hello"))
            assert c.response().status == 200
        busy.reset()
        wait_for(lambda: figures(g)["cancelled"] == 1, "the computing to end")
