"""FastCGI servers: their queue, which one is asked, what is kept, and what is left of it all."""
import os
import threading
import time

from fastcgi_apps import app, descriptors, metric
from fcgi_server import OVERLOADED, PLAIN, STDOUT, FcgiServer, echo, keeping, record
from harness import wait_for


# ---- the queue ----

def test_one_at_a_time_makes_requests_wait(gale):
    """A server that serves one connection at a time makes requests queue, never fail."""
    lock = threading.Lock()
    most = [0, 0]

    def behave(c):
        c.read_request()
        with lock:
            most[0] += 1
            most[1] = max(most)
        time.sleep(0.02)
        with lock:
            most[0] -= 1
        c.answer(b"done")
    with FcgiServer(behave) as server:
        g = gale(app(server, connections=1), workers=2)
        results = []
        threads = [threading.Thread(target=lambda: results.append(g.get("/").body))
                   for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert results == [b"done"] * 20 and most[1] == 1


def test_beyond_the_queue_503(gale):
    release = threading.Event()

    def behave(c):
        c.read_request()
        release.wait(10)
        c.answer(b"done")
    with FcgiServer(behave) as server:
        g = gale(app(server, connections=1, queue=1, queue_timeout="10s"))
        first, second = g.connect(), g.connect()
        first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: server.requests, "the first")
        second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: metric(g, "gale_fastcgi_requests_waiting") == 1, "the second to wait")
        r = g.get("/")
        assert r.status == 503 and r.header("Retry-After")
        release.set()
        assert first.response().body == second.response().body == b"done"
        first.close()
        second.close()


# ---- several servers ----

def name_of(name):
    def answer(c, request):
        c.answer(name)
    return keeping(answer)


def test_fewest_requests_in_flight(gale):
    hold = threading.Event()

    def slow(c):
        c.read_request()
        hold.wait(10)
        c.answer(b"slow")
    with FcgiServer(slow) as a, FcgiServer(name_of(b"fast")) as b:
        g = gale(app(f"{a.address} {b.address}"))
        waiting = []
        while not a.requests:
            c = g.connect()
            c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            waiting.append(c)
            time.sleep(0.02)
        assert [g.get("/").body for _ in range(10)] == [b"fast"] * 10
        hold.set()
        for c in waiting:
            c.response()
            c.close()


def test_a_failing_server_is_set_aside_and_tried_again(gale, tmp_path):
    path = str(tmp_path / "sometimes")
    with FcgiServer(name_of(b"always")) as always:
        g = gale(app(f"unix:{path} {always.address}"))
        assert {g.get("/").body for _ in range(20)} == {b"always"}
        assert g.stderr().count("cannot be reached") == 1  # then it was not asked
        with FcgiServer(name_of(b"sometimes"), address=path):
            wait_for(lambda: g.get("/").body == b"sometimes", "it to be tried again")
        assert {g.get("/").body for _ in range(6)} == {b"always"}


def test_backups_come_last(gale, tmp_path):
    path = str(tmp_path / "first")
    with FcgiServer(name_of(b"backup")) as backup:
        with FcgiServer(name_of(b"first"), address=path) as first:
            g = gale(app(first, backup=backup.address))
            assert {g.get("/").body for _ in range(10)} == {b"first"}
        assert {g.get("/").body for _ in range(10)} == {b"backup"}


def test_the_next_server_only_when_that_is_safe(gale):
    def dies(c):
        c.read_request()
    with FcgiServer(dies) as bad, FcgiServer(name_of(b"good")) as good:
        g = gale(app(bad.address, backup=good.address))
        assert g.request("POST", "/", body=b"x").status == 502  # it may have acted on it
        wait_for(lambda: g.get("/").status == 200, "a GET to be asked elsewhere")
    def busy(c):
        c.read_request()
        c.end(OVERLOADED, eof=False)
    with FcgiServer(busy) as bad, FcgiServer(name_of(b"good")) as good:
        g = gale(app(bad.address, backup=good.address), name="busy")
        assert g.request("POST", "/", body=b"x").body == b"good"


# ---- kept connections ----

VALUES_OF = {"FCGI_MAX_CONNS": "100", "FCGI_MPXS_CONNS": "0"}


def count_after_asked(g, server):
    g.get("/")
    wait_for(lambda: server.values_asked == 1, "GET_VALUES")
    wait_for(lambda: g.get("/") and metric(g, "gale_fastcgi_connections") == 1, "one to be kept")
    return server.connections


def test_connections_are_kept(gale):
    with FcgiServer(keeping(echo), values=VALUES_OF) as server:
        g = gale(app(server, keep_alive=4))
        before = count_after_asked(g, server)
        for i in range(20):
            assert g.request("POST", f"/{i}", body=b"b" * i).status == 200
        assert server.connections == before
        assert server.requests[-1].flags == 1
        assert server.values_asked == 1


def test_a_server_with_few_connections_keeps_them(gale):
    with FcgiServer(keeping(echo), values={"FCGI_MAX_CONNS": "2"}) as server:
        g = gale(app(server, keep_alive=4), workers=2)
        g.get("/")
        wait_for(lambda: "fewer are kept" in g.stderr(), "the answer")
        for _ in range(10):
            assert g.get("/").status == 200
        assert metric(g, "gale_fastcgi_connections") == 0


def test_kept_connections_grow_old(gale):
    with FcgiServer(keeping(echo), values=VALUES_OF) as server:
        g = gale(app(server, keep_alive=4, keep_alive_age="300ms"))
        count_after_asked(g, server)
        wait_for(lambda: metric(g, "gale_fastcgi_connections") == 0, "it to be closed")


def test_a_stale_connection_is_tried_again_silently(gale):
    closing = []

    def behave(c):
        while True:
            request = c.read_head()
            if closing and request.params["REQUEST_URI"] == "/die":
                closing.pop()
                return
            while c.read_stdin():
                pass
            c.answer(b"ok")
    with FcgiServer(behave, values=VALUES_OF) as server:
        g = gale(app(server, keep_alive=4))
        count_after_asked(g, server)
        closing.append(1)
        assert g.get("/die").body == b"ok"
        assert "error" not in g.stderr()
        count = len(server.requests)
        wait_for(lambda: metric(g, "gale_fastcgi_connections") == 1, "one to be kept")
        closing.append(1)
        assert g.request("POST", "/die", body=b"x").status == 502  # never twice
        assert len(server.requests) == count + 1


def test_whatever_comes_between_requests_closes_it(gale):
    def behave(c):
        c.read_request()
        c.answer(b"ok")
        c.raw(record(STDOUT, c.id, b"late"))
        c.read_head()
    with FcgiServer(behave, values=VALUES_OF) as server:
        g = gale(app(server, keep_alive=4))
        for _ in range(10):
            assert g.get("/").body == b"ok"


def test_no_more_than_connections_are_open(gale):
    with FcgiServer(keeping(echo), values=VALUES_OF) as a, \
            FcgiServer(keeping(echo), values=VALUES_OF) as b:
        g = gale(app(f"{a.address} {b.address}", keep_alive=4, connections=1))
        for _ in range(20):
            assert g.get("/").status == 200
            assert metric(g, "gale_fastcgi_connections") <= 2  # one asks for values


# ---- instead of an answer ----

def test_sendfile_and_redirects(gale, tmp_path, hello):
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "a.txt").write_text("0123456789")
    (tmp_path / "secret").write_text("secret")
    os.symlink(tmp_path / "secret", tmp_path / "private" / "link")
    names = {"/s": f"X-Sendfile: {tmp_path}/private/a.txt", "/a": "X-Accel-Redirect: /p/a.txt",
             "/out": f"X-Sendfile: {tmp_path}/secret", "/link": "X-Accel-Redirect: /p/link",
             "/dots": f"X-Sendfile: {tmp_path}/private/../secret", "/none": "X-Accel-Redirect: /p/none",
             "/hello": "X-Accel-Redirect: /other/x"}

    def answer(c, request):
        head = names.get(request.params["PATH_INFO"], "Location: /other/local")
        more = "" if head.startswith("Location") else "\r\nContent-Type: text/x"
        c.answer(b"instead", f"{head}{more}\r\n\r\n".encode())
    with FcgiServer(keeping(answer)) as server:
        g = gale(app(server, sendfile=tmp_path / "private", accel=f"/p {tmp_path}/private",
                     connections=1) +
                 f"\n[app other]\nmount = /other\nplugin = {hello}\n")
        for path in ("/s", "/a"):
            r = g.get(path)
            assert r.status == 200 and r.body == b"0123456789"
            assert r.header("Content-Type") == "text/x"
            r = g.get(path, {"Range": "bytes=2-4"})
            assert r.status == 206 and r.body == b"234"
        for path in ("/out", "/link", "/dots", "/none"):
            assert g.get(path).status in (403, 404), path
        assert g.get("/hello").body == b"hello\n"
        assert g.request("POST", "/local", body=b"x").body == b"hello\n"
        without = gale(app(server), name="without")
        assert without.get("/s").status == 502


# ---- nothing is left ----

def test_nothing_is_left(gale):
    modes = ["ok", "die", "half", "garbage", "slow"]

    def behave(c):
        mode = c.read_head().params["REQUEST_URI"].strip("/")
        if mode == "ok":
            while c.read_stdin():
                pass
            c.answer(b"ok" * 100000)
        elif mode == "half":
            c.stdout(PLAIN + b"half")
        elif mode == "garbage":
            c.raw(b"garbage" * 100)
        elif mode == "slow":
            c.wait_for_abort()
    with FcgiServer(behave) as server:
        g = gale(app(server, read_timeout="100ms", buffer="100K", keep_alive=2))
        g.get("/ok")
        before = descriptors(g)
        for i in range(60):
            with g.connect() as c:
                mode = modes[i % len(modes)]
                c.send(f"POST /{mode} HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n")
                c.send("x" * (30000 if i % 3 else 17000))
                if i % 2 == 0 and i % 3:
                    try:
                        c.response()
                    except (EOFError, ConnectionResetError):
                        pass
        wait_for(lambda: metric(g, "gale_fastcgi_running") == 0, "all to end")
        wait_for(lambda: descriptors(g) <= before + 2, "descriptors to be closed")
        assert g.get("/ok").status == 200


def test_killed_under_load(gale, tmp_path):
    """Servers that die and come back: every request gets an answer, and at last good ones."""
    path = str(tmp_path / "server")
    stop = threading.Event()
    statuses = []

    with FcgiServer(name_of(b"other")) as other:
        g = gale(app(f"unix:{path} {other.address}"), workers=2)

        def load():
            while not stop.is_set():
                statuses.append(g.get("/").status)
        threads = [threading.Thread(target=load) for _ in range(4)]
        for t in threads:
            t.start()
        for _ in range(4):
            with FcgiServer(name_of(b"here"), address=path):
                time.sleep(0.2)
            time.sleep(0.1)
        stop.set()
        for t in threads:
            t.join()
        assert len(statuses) > 50 and set(statuses) == {200}
