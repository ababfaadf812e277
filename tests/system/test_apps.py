"""What apps may do to a request, and what gale makes of apps that do it badly."""
import os
import signal

import pytest

from probes import probe_app, request, share, site, start_probe  # noqa: F401


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Several apps, of which some decline; the order in the file is not that of their mounts."""
    apps = "".join(probe_app(mount, name) for mount, name in [
        ("/", "root"), ("/a", "a-first"), ("/a", "a-second"), ("/a/b", "deep"),
        ("example.com/", "host"), ("example.com/a", "host-a"), ("/hello.", "dotted")])
    yield from share(tmp_path_factory, apps, access_log="-")


def shown(answer):
    return dict(line.split("=", 1) for line in answer.text.splitlines() if "=" in line)


# ---- who serves ----

@pytest.mark.parametrize("path, host, app, mount, below", [
    ("/show", "x", "root", "", "/show"),
    ("/a/show", "x", "a-first", "/a", "/show"),
    ("/a/b/show", "x", "deep", "/a/b", "/show"),
    ("/A/show", "x", "root", "", "/A/show"),
    ("/ab/show", "x", "root", "", "/ab/show"),
    ("/a%2Fb/show", "x", "root", "", "/a%2Fb/show"),
    ("/%61/show", "x", "a-first", "/a", "/show"),
    ("//a/show", "x", "root", "", "//a/show"),
    ("/x/../a/show", "x", "a-first", "/a", "/show"),
    ("/a/../show", "x", "root", "", "/show"),
    ("/a/b/../show", "x", "a-first", "/a", "/show"),
    ("/a/%2e%2e/show", "x", "root", "", "/show"),
    ("/show", "example.com", "host", "", "/show"),
    ("/show", "EXAMPLE.com:99", "host", "", "/show"),
    ("/show", "example.com.", "host", "", "/show"),
    ("/show", "www.example.com", "root", "", "/show"),
    ("/show", "example.comx", "root", "", "/show"),
    ("/a/show", "example.com", "host-a", "/a", "/show"),
    ("/a/b/show", "example.com", "host-a", "/a", "/b/show")])
def test_who_serves(many, path, host, app, mount, below):
    with many.connect() as c:
        c.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
        answer = c.response()
    if not below.endswith(("/show", "/hello")) or below.count("/") > 1:
        assert answer.status == 200
        return
    assert {"app": app, "mount": mount, "below": below}.items() <= shown(answer).items()


def test_one_declines_and_the_next_is_asked(many):
    """All of a mount in the file's order, then the shorter ones, then nobody."""
    assert many.get("/a/b/decline").body == b"/a/b/decline"  # a-first sees /b/decline
    assert many.get("/a/decline").body == b"/a/decline"  # root does
    assert many.get("/decline").status == 404
    assert " id=" not in many.stderr()  # nobody's fault


@pytest.mark.parametrize("how", ["write=1", "read=1", "flush=1"])
def test_a_decline_that_comes_too_late(many, how):
    """Nobody else may see a request that was begun; it is the app's fault, and in the log."""
    with many.connect() as c:
        c.send(request(f"/a/return?value=1&{how}", method="POST", body=b"abc"))
        if how == "flush=1":
            with pytest.raises((EOFError, ConnectionResetError)):
                c.response()
        else:
            assert c.response().status == 500
    many.wait_for_log("app=a-first")


def test_headers_of_one_that_declines_are_gone(many):
    answer = many.get("/a/b/return?value=1&header=1")
    assert answer.status == 200 and answer.header("X-Left") is None


# ---- what serve returns ----

@pytest.mark.parametrize("value, status", [
    (0, 200), (400, 400), (404, 404), (418, 418), (451, 451), (500, 500), (503, 503), (599, 599),
    (2, 500), (3, 500), (200, 500), (204, 500), (302, 500), (399, 500), (600, 500), (99999, 500),
    (-1, 500), (-2, 500), (-5, 500), (-11, 503), (-24, 503), (-28, 503), (-90, 500), (-110, 504),
    (-9999, 500), (-2147483648, 500), (2147483647, 500)])
def test_what_serve_returns(site, value, status):  # noqa: F811
    with site.connect() as c:
        for extra in ("", "&write=1", "&header=1"):
            c.send(request(f"/return?value={value}{extra}"))
            answer = c.response()
            assert answer.status == status
            if status >= 400:
                assert b"part of it" not in answer.body
                assert (answer.header("X-Left") is None) == (extra != "&header=1")
        c.send(request("/after"))
        assert c.response().body == b"/after"


@pytest.mark.parametrize("value", [404, 500, -5, 1, 2, 77])
def test_errors_once_the_head_has_left(site, value):  # noqa: F811
    """Only a connection that is cut can tell the client that the answer is not whole."""
    with site.connect() as c:
        c.send(request(f"/return?value={value}&write=1&flush=1"))
        with pytest.raises((EOFError, ConnectionResetError)):
            c.response()
    assert site.get("/after").body == b"/after"


@pytest.mark.parametrize("value, word", [(-5, "EIO"), (-13, "EACCES"), (77, "value=77")])
def test_failures_are_logged_by_name(gale, value, word):
    g = start_probe(gale)
    answer = g.get(f"/return?value={value}&%22%0A=x")
    identity = answer.text.split()[-1]
    g.wait_for_log(f"id={identity}")
    line = next(line for line in g.stderr().splitlines() if identity in line)
    assert word in line and "level=error" in line
    assert g.stderr().count(identity) == 1


# ---- Content-Length of the app's own ----

@pytest.mark.parametrize("extra", ["", "&flush=1", "&piece=1"])
def test_as_long_as_it_said(site, extra):  # noqa: F811
    for size in (0, 1, 100, 16384, 16385, 70000):
        if size > 20000 and extra == "&piece=1":
            continue
        with site.connect() as c:
            c.send(request(f"/length?say={size}&write={size}{extra}") + request("/after"))
            answer = c.response()
            assert len(answer.body) == size and answer.header("Transfer-Encoding") is None
            assert c.response().body == b"/after"


@pytest.mark.parametrize("say, write", [(10, 0), (10, 9), (10, 11), (0, 1), (10, 100000),
                                        (100000, 99999), (100000, 0)])
@pytest.mark.parametrize("extra", ["", "&flush=1"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_longer_or_shorter_is_cut(site, say, write, extra, version):  # noqa: F811
    """Never more than it said, never an end that looks like one, never the next answer."""
    with site.connect() as c:
        c.send(request(f"/length?say={say}&write={write}{extra}", version=version) +
               request("/after"))
        try:
            data = c.rest()
        except ConnectionResetError:
            data = c.buffer
        assert b"/after" not in data
        body = data.partition(b"\r\n\r\n")[2]
        assert len(body) <= say
        assert len(body) < say or write > say


@pytest.mark.parametrize("say", ["", "x", "-1", "%2B5", "5,5", "5%205", "0x5", "1_0", "5%0D%0AX:1",
                                 "9223372036854775808", "99999999999999999999"])
def test_lengths_that_are_none(site, say):  # noqa: F811
    assert site.get(f"/length?say={say}&write=5").body == b"-22\n"


# ---- headers of the app's own ----

@pytest.mark.parametrize("value", ["a%0D%0AX-Evil:1", "a%0AX-Evil:1", "a%0DX-Evil:1", "%0D", "%0A",
                                   "a%00b", "%7F", "%01", "a%0B", "%1F", "%0D%0A%0D%0A<html>"])
def test_values_that_could_smuggle(site, value):  # noqa: F811
    for add in ("", "&add=1"):
        answer = site.get(f"/header?value={value}{add}")
        assert answer.body == (b"-22 -22\n" if add else b"-22 0\n")
        assert "x-evil" not in [name.lower() for name, _ in answer.headers]
        assert answer.header("X-Probe") is None


@pytest.mark.parametrize("name", ["", "%20", "a%20b", "a:", "a%0D%0Ab", "%C3%A9", "a%00", "(a)"])
def test_names_that_are_none(site, name):  # noqa: F811
    assert site.get(f"/header?name={name}&value=x").body == b"-22 0\n"


@pytest.mark.parametrize("name", ["Connection", "transfer-encoding", "UPGRADE", "Trailer",
                                  "Keep-Alive"])
def test_names_that_are_gales(site, name):  # noqa: F811
    answer = site.get(f"/header?name={name}&value=x&add=1")
    assert answer.body == b"-1 -1\n"
    assert [value for _, value in answer.headers].count("x") == 0


@pytest.mark.parametrize("value", ["", "a", "%09a", "a%20%20b", "%C3%A9", "%FF", "a%2Cb"])
def test_values_that_are_fine(site, value):  # noqa: F811
    answer = site.get(f"/header?value={value}&add=1")
    assert answer.body == b"0 0\n"
    assert len([n for n, _ in answer.headers if n == "X-Probe"]) == 2


@pytest.mark.parametrize("size, count", [(10, 1), (4000, 3), (10, 500), (8000, 10), (100000, 1),
                                         (16000, 20)])
def test_large_heads(site, size, count):  # noqa: F811
    """More than fits any block, whole and in order."""
    with site.connect() as c:
        c.send(request(f"/headers?size={size}&count={count}") + request("/after"))
        answer = c.response()
        mine = [(n, len(v)) for n, v in answer.headers if n.startswith("X-")]
        assert mine == [(f"X-{i}", size) for i in range(count)]
        assert answer.body == b"many\n"
        assert c.response().body == b"/after"


def test_what_comes_too_late(site):  # noqa: F811
    """Status and headers are settled once the head has left: -EALREADY, and nothing changes."""
    answer = site.get("/late")
    assert answer.status == 200 and answer.header("X-Late") is None
    assert answer.body == b"early\n1 -114 -114 -114\n"


# ---- cookies ----

@pytest.mark.parametrize("field, value", [
    ("c=1", "1"), ("a=0; c=1", "1"), ("c=1; c=2", "2"), ("c=a=b", "a=b"), ("c=", ""),
    ("C=1", "none"), ("xc=1", "none"), ("c", "none"), ("; ;;c=1;", "1"), ('c="q r"', "q r"),
    ("c=\xe9", "\xe9"), ("x; c=1", "1")])
def test_cookies(site, field, value):  # noqa: F811
    answer = site.get("/cookie", {"Cookie": field})
    assert answer.body.decode("latin-1") == value + "\n"


def test_set_cookie(site):  # noqa: F811
    answer = site.get("/set-cookie?name=n&value=v&path=/p&domain=d.org&same=Lax&age=60&safe=1")
    cookie = answer.header("Set-Cookie")
    parts = cookie.split("; ")
    assert parts[0] == "n=v"
    assert set(parts[1:]) >= {"Path=/p", "Domain=d.org", "SameSite=Lax", "Secure", "HttpOnly",
                              "Max-Age=60"}
    assert site.get("/set-cookie?value=a%3Bb").header("Set-Cookie").startswith('c="a\\073b"; ')
    assert "Max-Age" not in site.get("/set-cookie?value=v").header("Set-Cookie")


@pytest.mark.parametrize("query", ["name=a%3Bb", "name=a%20b", "name=", "name=a%3D",
                                   "value=a%0D%0AX:1", "value=a%00b", "path=/%3Bx", "domain=a%3Bb",
                                   "path=a%0Ab", "same=Odd", "name=%C3%A9"])
def test_cookies_that_are_none(site, query):  # noqa: F811
    answer = site.get(f"/set-cookie?{query}")
    if query == "value=a%00b":  # a C string: it ends at the zero
        assert answer.body == b"0\n"
        return
    assert answer.body == b"-22\n" and answer.header("Set-Cookie") is None


# ---- error pages ----

def test_pages_of_ones_own(gale, tmp_path):
    (tmp_path / "gone.html").write_text("<h1>all gone</h1>")
    g = start_probe(gale, error_page=["404 gone.html", f"503 {tmp_path}/gone.html"])
    for path in ("/decline", "/return?value=404", "/return?value=503"):
        answer = g.get(path)
        assert answer.body == b"<h1>all gone</h1>" and answer.header("Content-Type") == "text/html"
    assert g.get("/return?value=500").body != b"<h1>all gone</h1>"
    with g.connect() as c:
        c.send(request("/return?value=404", method="HEAD") + request("/after"))
        assert c.response("HEAD").header("Content-Length") == "17"
        assert c.response().body == b"/after"


@pytest.mark.parametrize("accept, kind", [
    (None, "text/plain"), ("*/*", "text/plain"), ("text/html", "text/html"),
    ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
    ("application/json", "application/json"), ("image/png", "text/plain"),
    ("text/html;q=0, application/json", "application/json"), ("x" * 5000, "text/plain")])
def test_pages_of_gales(site, accept, kind):  # noqa: F811
    answer = site.get("/return?value=418&<script>", {"Accept": accept} if accept else {})
    assert answer.status == 418 and answer.header("Content-Type").split(";")[0] == kind
    assert "<script>" not in answer.text
    if kind == "application/json":
        assert answer.json()["status"] == 418


THREADS = r"""
#include <gale/gale.h>
#include <pthread.h>
#include <unistd.h>
static void *run(void *data)
{
    for (;;)
        pause();
    return data;
}
static int open_it(struct gale_app *app, void **state)
{
    pthread_t thread;
    (void)app;
    (void)state;
    return -pthread_create(&thread, 0, run, 0);
}
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    (void)req;
    return gale_reply(res, 200, "text/plain", "hi");
}
GALE_PLUGIN(p) { p->name = "threads"; p->open = open_it; p->serve = serve; }
"""


def test_a_plugins_threads_take_no_signals(gale, plugin):
    """A worker with threads of a plugin is replaced as orderly as any other."""
    g = gale(f"[app t]\nmount = /\nplugin = {plugin(THREADS, flags=['-pthread'])}\n")
    old = {w["pid"] for w in g.workers()}
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):
        os.kill(next(iter(old)), number)
    g.wait_for_workers(1, without=old)
    assert g.get("/").text == "hi"
    assert "was killed by" not in g.stderr()
