"""`authorize = APP`: a FastCGI authorizer is asked before another app, and never fails open."""
import threading

import pytest

from fastcgi_apps import END_OK, metric, out, variables
from fcgi_server import (AUTHORIZER, CANT_MPX, END, KEEP_CONN, OVERLOADED, STDOUT,
                         UNKNOWN_ROLE, FcgiClient, FcgiServer, echo, keeping, record)
from harness import wait_for

SHOW = r"""
#include <gale/gale.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body;
    (void)state;
    int r = gale_request_body(req, &body);
    if (r < 0)
        return r;
    return gale_reply(res, 200, "text/plain", "user=%s visitor=%s body=%s\n",
                      gale_request_variable(req, "REMOTE_USER", "-"),
                      gale_request_variable(req, "VISITOR", "-"), body.at);
}
GALE_PLUGIN(p) { p->name = "show"; p->serve = serve; }
"""

GRANT = b"Status: 200 OK\r\nVariable-VISITOR: ann\r\nVariable-REMOTE_USER: bob b\r\n" \
        b"Set-Cookie: not-for-the-client\r\n\r\nnor this"
DENY = b"Status: 401 Who\r\nWWW-Authenticate: Basic\r\nVariable-VISITOR: no\r\n\r\nwho are you?"


def judge(c, request):
    """Grants what has ?ok, denies the rest."""
    c.raw(record(STDOUT, c.id, GRANT if "ok" in request.params["QUERY_STRING"] else DENY))
    c.end()


def behind(door, *apps, **keys):
    lines = ["[app door]", f"fastcgi = {door if isinstance(door, str) else door.address}"]
    lines += [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n" + "".join(app + "\nauthorize = door\n" for app in apps)


def plugin_app(path, mount="/", name="show"):
    return f"[app {name}]\nmount = {mount}\nplugin = {path}"


@pytest.fixture
def show(plugin):
    return plugin(SHOW)


# ---- what it is asked, and what it says ----

def test_asked_before_any_kind_of_app(gale, show, tmp_path):
    """A plugin, the files plugin, a CGI program and a FastCGI server, all behind one door."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.txt").write_text("the file")
    env = tmp_path / "env.cgi"
    env.write_text("#!/bin/sh\nprintf 'A: b\\n\\n'; echo $REMOTE_USER/$VISITOR/$HTTP_VISITOR; cat\n")
    env.chmod(0o755)
    with FcgiServer(keeping(judge)) as door, FcgiServer(keeping(echo)) as server:
        g = gale(behind(door, plugin_app(show, "/plugin"),
                        "[app files]\nmount = /files\nplugin = files\nset root = site",
                        f"[app cgi]\nmount = /cgi\ncgi = {env}",
                        f"[app fcgi]\nmount = /fcgi\nfastcgi = {server.address}"),
                 access_log=f"{tmp_path}/access.log")
        for path in ("/plugin", "/files/a.txt", "/cgi", "/fcgi"):
            for method in ("GET", "POST"):
                r = g.request(method, path, body=b"B" if method == "POST" else None)
                assert r.status == 401 and r.body == b"who are you?", path
                assert r.header("WWW-Authenticate") == "Basic"
        assert not server.requests
        more = {"Visitor": "evil", "Remote-User": "evil"}
        assert g.request("POST", "/plugin?ok", more, b"B").body == \
            b"user=bob b visitor=ann body=B\n"
        r = g.get("/files/a.txt?ok", more)
        assert r.body == b"the file" and r.header("Set-Cookie") is None
        assert g.request("POST", "/cgi?ok", more, b"B").body == b"bob b/ann/evil\nB"
        said, body = variables(g.request("POST", "/fcgi?ok", more, b"B"))
        assert said["REMOTE_USER"] == "bob b" and said["VISITOR"] == "ann" and body == "B"
        assert said["HTTP_REMOTE_USER"] == "evil"
        assert metric(g, "gale_authorizations_total") == 12
        assert g.metrics()['gale_authorizations_total{app="cgi",result="refused"}'] == 2
        assert g.metrics()['gale_authorizations_total{app="cgi",result="granted"}'] == 1
        wait_for(lambda: " - bob\\x20b [" in (tmp_path / "access.log").read_text(), "the user")


def test_what_the_authorizer_is_told(gale, show):
    with FcgiServer(keeping(judge)) as door:
        g = gale(behind(door, plugin_app(show, "/app"), param="STAGE one"))
        assert g.request("POST", "/app/x%20y?ok", {"Content-Type": "a/b", "Authorization": "me"},
                         b"body").status == 200
        request = door.requests[0]
        assert request.role == AUTHORIZER and request.stdin == b""
        said = request.params
        assert said["REQUEST_URI"] == "/app/x%20y?ok" and said["REQUEST_METHOD"] == "POST"
        assert said["REMOTE_ADDR"] == "127.0.0.1" and said["STAGE"] == "one"
        assert said["HTTP_AUTHORIZATION"] == "me" and said["QUERY_STRING"] == "ok"
        assert not {"SCRIPT_NAME", "PATH_INFO", "PATH_TRANSLATED", "CONTENT_LENGTH"} & set(said)


def test_no_body_is_taken_in_vain(gale, show):
    """The client that is refused was never told to go on."""
    with FcgiServer(keeping(judge)) as door:
        g = gale(behind(door, plugin_app(show)))
        for query, first in (("", b"HTTP/1.1 401"), ("?ok", b"HTTP/1.1 100")):
            with g.connect() as c:
                c.send(f"POST /{query} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\n")
                assert c.until(b"\r\n\r\n").startswith(first)
        with g.connect() as c:  # a body of unknown length, granted, then again on this connection
            for _ in range(3):
                c.send("POST /?ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                c.send("5\r\nhello\r\n0\r\n\r\n")
                assert c.response().body.endswith(b"body=hello\n")
            assert c.request("HEAD", "/?ok").status == 200
            r = c.request("HEAD", "/")
            assert r.status == 401 and r.header("WWW-Authenticate") == "Basic"
            assert c.request("GET", "/").body == b"who are you?"


def test_subrequests_are_asked_about_as_well(gale, show, tmp_path):
    """A redirect within gale is a request of its own; a shared mount is asked about once."""
    def lead(c, request):
        c.raw(record(STDOUT, c.id, b"Location: /secret/x\r\n\r\n"))
        c.end()
    with FcgiServer(keeping(judge)) as door, FcgiServer(keeping(lead)) as leader:
        g = gale(behind(door, plugin_app(show, "/secret"),
                        f"[app cgi]\nmount = /both\ncgi = {tmp_path}",
                        plugin_app(show, "/both", "both")) +
                 f"[app lead]\nmount = /lead\nfastcgi = {leader.address}\n")
        assert g.get("/lead").status == 401
        assert door.requests[-1].params["REQUEST_URI"] == "/secret/x"
        count = len(door.requests)
        assert g.get("/both/no-such-file?ok").status == 200
        assert len(door.requests) == count + 1


def test_a_denial_can_be_anything(gale, show, tmp_path):
    (tmp_path / "page").write_text("a page")
    answers = {"/file": b"Status: 403\r\nX-Sendfile: page\r\n\r\n",
               "/local": b"Location: /login\r\n\r\n",
               "/away": b"Location: http://login/\r\n\r\n",
               "/large": b"Status: 403\r\n\r\n" + b"n" * 60000,
               "/grant": b"Status: 200\r\nX-Sendfile: page\r\nX-Accel-Redirect: /login\r\n\r\n"}

    def answer(c, request):
        c.raw(record(STDOUT, c.id, answers[request.params["REQUEST_URI"]]))
        c.end()
    with FcgiServer(keeping(answer)) as door:
        g = gale(behind(door, plugin_app(show), sendfile=tmp_path, buffer="1M") +
                 plugin_app(show, "/login", "login"))
        r = g.get("/file")
        assert r.status == 403 and r.body == b"a page"
        assert g.get("/local").body.startswith(b"user=-")
        assert g.get("/away").status == 302
        assert g.get("/large").body == b"n" * 60000
        assert g.get("/grant").body.startswith(b"user=-")


# ---- it never fails open ----

FAILURES = {
    "refuses": ([], 502), "half a header": ([out(b"Status: 200\r\nVari")], 502),
    "nothing": ([END_OK], 502), "no header": ([out(b"fine with me"), END_OK], 502),
    "no end": ([out(GRANT)], 502), "half a record": ([b"\1\6\0\1\xff\xff\0\0" + GRANT], 502),
    "wrong id": ([record(STDOUT, 9, GRANT), record(END, 9, b"\0" * 8)], 502),
    "wrong version": ([record(STDOUT, 1, GRANT, version=2)], 502),
    "overloaded": ([out(GRANT), record(END, 1, bytes([0, 0, 0, 0, OVERLOADED, 0, 0, 0]))], 503),
    "no authorizer": ([record(END, 1, bytes([0, 0, 0, 0, UNKNOWN_ROLE, 0, 0, 0]))], 500),
    "cannot": ([out(GRANT), record(END, 1, bytes([0, 0, 0, 0, CANT_MPX, 0, 0, 0]))], 502),
    "unknown end": ([out(GRANT), record(END, 1, bytes([0, 0, 0, 0, 99, 0, 0, 0]))], 502),
    "two statuses": ([out(b"Status: 200\r\nStatus: 403\r\n\r\n"), END_OK], 502),
    "a byte": ([out(b"Status: 200\r\nVariable-A: \0\r\n\r\n"), END_OK], 502),
    "http": ([b"HTTP/1.1 200 OK\r\n\r\n"], 502),
}


@pytest.mark.parametrize("keep_alive", [0, 2])
def test_no_failure_lets_anybody_through(gale, show, keep_alive):
    way = [None]

    def fail(c):
        while True:
            c.read_request()
            c.raw(b"".join(FAILURES[way[0]][0]))
            if END not in [r[1] for r in FAILURES[way[0]][0] if r]:
                return
    with FcgiServer(fail, values={"FCGI_MAX_CONNS": "50"}) as door:
        g = gale(behind(door, plugin_app(show), keep_alive=keep_alive))
        for way[0], (_, status) in FAILURES.items():
            for method in ("GET", "POST"):
                r = g.request(method, "/", body=b"x" if method == "POST" else None)
                assert r.status == status and b"user=" not in r.body, way[0]
        g.wait_for_log("is no authorizer")


def test_nobody_there_and_late_ones(gale, show, tmp_path):
    def late(c):
        c.read_request()
        c.wait_for_abort()
    g = gale(behind(f"unix:{tmp_path}/nobody", plugin_app(show)))
    assert g.get("/").status == 502
    g.wait_for_log("cannot be reached")
    with FcgiServer(late) as door:
        g2 = gale(behind(door, plugin_app(show), read_timeout="200ms"), name="late")
        assert g2.get("/").status == 504
        wait_for(lambda: door.aborts == 1, "the abort")
        assert g2.metrics()['gale_authorizations_total{app="show",result="failed"}'] == 1


def test_the_apps_deadline_counts_for_its_authorizer(gale, show):
    def late(c):
        c.read_request()
        c.wait_for_abort()
    with FcgiServer(late) as door:
        g = gale(behind(door, plugin_app(show) + "\ndeadline = 300ms"))
        r = g.get("/?ok")
        assert r.status == 504 and b"user=" not in r.body
        wait_for(lambda: door.aborts + door.left == 1, "the abort")


def test_a_full_queue_and_the_next_server(gale, show, tmp_path):
    hold = threading.Event()

    def wait(c):
        c.read_request()
        hold.wait(20)
        judge(c, c.server.requests[-1])
    with FcgiServer(wait) as door:
        g = gale(behind(door, plugin_app(show), connections=1, queue=0))
        with g.connect() as c:
            c.send("GET /?ok HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: door.requests, "the first")
            r = g.get("/?ok")
            assert r.status == 503 and r.header("Retry-After")
            hold.set()
            assert c.response().status == 200
    def dies(c):
        c.read_request()
    with FcgiServer(dies) as bad, FcgiServer(keeping(judge)) as good:
        g = gale(behind(bad, plugin_app(show), backup=good.address), name="two")
        assert g.request("POST", "/?ok", body=b"x").status == 200  # an authorizer may be asked twice


# ---- both sides are gale ----

def test_gale_is_asked_as_an_authorizer(gale, plugin, show, tmp_path):
    guard = plugin(r"""
#include <gale/gale.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    if (!gale_request_query(req, "name", NULL))
        return 403;
    gale_response_header(res, "Variable-VISITOR", gale_request_query(req, "name", ""));
    return gale_reply(res, 200, "text/plain", "let in\n");
}
GALE_PLUGIN(p) { p->name = "guard"; p->serve = serve; }
""")
    inner = gale(f"[app guard]\nmount = /\nplugin = {guard}\n", name="inner",
                 listen=f"fastcgi://unix:{tmp_path}/inner")
    outer = gale(behind(f"unix:{tmp_path}/inner", plugin_app(show), keep_alive=2))
    for _ in range(5):
        assert outer.request("POST", "/x?name=ann", body=b"B").body == \
            b"user=- visitor=ann body=B\n"
        assert outer.request("POST", "/x", body=b"B").status == 403
    inner.stop()
    assert outer.get("/x?name=ann").status == 502


def test_the_web_server_in_front_knows_the_user(gale, show, tmp_path):
    path = f"{tmp_path}/front"
    with FcgiServer(keeping(judge)) as door:
        gale(plugin_app(show) + "\n" + behind(door, plugin_app(show, "/door", "behind")),
             listen=f"fastcgi://unix:{path}")
        with FcgiClient(path) as c:
            out = c.request("/x", REMOTE_USER="ann", flags=KEEP_CONN)[1]
            assert out.endswith(b"user=ann visitor=- body=\n")
            out = c.request("/x", HTTP_REMOTE_USER="evil", flags=KEEP_CONN)[1]
            assert out.endswith(b"user=- visitor=- body=\n")
            out = c.request("/door?ok", REMOTE_USER="ann", QUERY_STRING="ok", flags=KEEP_CONN)[1]
            assert out.endswith(b"user=bob b visitor=ann body=\n")  # the authorizer knows best
            assert door.requests[-1].params["REMOTE_USER"] == "ann"
            status, out = c.request("/door", role=AUTHORIZER, flags=KEEP_CONN)
            assert status == 0 and out.startswith(b"Status: 401")


# ---- the configuration ----

def test_check_finds_mistakes(gale, show, tmp_path):
    g = gale(plugin_app(show) + f"\nauthorize = dor\n[app door]\nmount = /d\nplugin = {show}\n"
             f"[app other]\nmount = /o\nplugin = {show}\nauthorize = door\n", wait=False)
    g.wait()
    assert "there is no [app dor]; did you mean 'door'?" in g.stderr()
    assert "[app door] is no FastCGI app" in g.stderr()
    done = g.command("check", str(g.config))
    assert done.returncode != 0 and "there is no [app dor]" in done.stdout + done.stderr


def test_status_shows_an_app_without_a_mount(gale, show, tmp_path):
    with FcgiServer(keeping(judge)) as door:
        g = gale(behind(door, plugin_app(show)))
        apps = {app["name"]: app for app in g.status()["apps"]}
        assert apps["door"]["mount"] == "-" and apps["show"]["mount"] == "/"
        assert apps["door"]["title"] == door.address
        for command in ("status", "check"):
            shown = [line.split() for line in g.command(command, g.config).stdout.splitlines()]
            assert ["door", "-", "fastcgi", door.address] in shown, command
        g.configure(plugin_app(show))  # a reload takes the door away
        assert g.reload().status == 200
        assert g.get("/").status == 200
