"""The access log and the error log, whatever clients write into them, and whose address it is."""
import json
import re

import pytest

from harness import wait_for
from probes import probe_app, request, share, start_probe

COMBINED = re.compile(
    r'^(?P<peer>\S+) - - \[(?P<time>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000)\] '
    r'"(?P<request>[^"]*)" (?P<status>\d{3}) (?P<bytes>\d+) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)" (?P<id>[0-9a-f]{16}) (?P<seconds>\d+\.\d{6})$')


def lines(g, count):
    """The access log's lines, once there are so many; never more."""
    found = wait_for(lambda: len(g.stdout().splitlines()) >= count and g.stdout().splitlines(),
                     f"{count} lines")
    assert len(found) == count
    return found


def escaped(data):
    """Bytes as the combined log writes them."""
    return "".join(chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\x{b:02x}" for b in data)


# What is asked, in bytes, and what the line says of it: request, status, bytes, referer, agent.
ASKED = [
    (request("/hello"), "GET /hello HTTP/1.1", 200, 6, "-", "-"),
    (request("/hello", version="1.0"), "GET /hello HTTP/1.0", 200, 6, "-", "-"),
    (request("/hello", method="HEAD"), "HEAD /hello HTTP/1.1", 200, 0, "-", "-"),
    (request("/status?code=204"), "GET /status?code=204 HTTP/1.1", 204, 0, "-", "-"),
    (request("/large?size=100000"), "GET /large?size=100000 HTTP/1.1", 200, 100000, "-", "-"),
    (request("/hello", "Referer: http://r/", "User-Agent: Agent/1 (x)"), "GET /hello HTTP/1.1",
     200, 6, "http://r/", "Agent/1 (x)"),
    (b'GET /hello?"\\\xff\xc3\xa9 HTTP/1.1\r\nHost: a\r\nUser-Agent: "\t\\\x80\' OR 1\r\n'
     b'Referer: \x1b[31m"\r\n\r\n', None, 400, None, None, None),
    (b'GET /hello?"\\\xff\xc3\xa9 HTTP/1.1\r\nHost: a\r\nUser-Agent: "\t\\\x80\' OR 1\r\n'
     b'Referer: "><script>\r\n\r\n', escaped(b'GET /hello?"\\\xff\xc3\xa9 HTTP/1.1'), 200, 6,
     '\\x22><script>', escaped(b'"\t\\\x80\' OR 1')),
    (b"GET /hello HTTP/1.1\r\nHost: a\r\nUser-Agent: " + b"\xff" * 5000 + b"\r\n\r\n",
     "GET /hello HTTP/1.1", 200, 6, "-", "\\xff" * 1024),
    (b"\x16\x03\x01", None, 400, None, "-", "-"),
    (b"GET / HTTP/1.1\r\nX: \"\r\n\r\n", None, 400, None, "-", "-"),
    (request("/x" * 9000), None, 414, None, "-", "-"),
    (request("/return?value=503"), "GET /return?value=503 HTTP/1.1", 503, None, "-", "-"),
]


def ask(g):
    """Says all of them; returns the id on each error page, or None."""
    ids = []
    for data, *_ in ASKED:
        with g.connect() as c:
            c.send(data)
            answer = c.response(data[:4].decode("latin-1").strip())
            said = re.search(r"request ([0-9a-f]{16})", answer.text)
            ids.append(said and said[1])
    return ids


def test_combined(gale):
    g = start_probe(gale, access_log="-")
    ids = ask(g)
    found = [COMBINED.match(line) for line in lines(g, len(ASKED))]
    assert all(found), g.stdout()
    for match, said, (_, asked, status, size, referer, agent) in zip(found, ids, ASKED):
        assert match["peer"] == "127.0.0.1" and int(match["status"]) == status
        assert asked in (None, match["request"])
        assert size is None or int(match["bytes"]) == size
        assert referer in (None, match["referer"]) and agent in (None, match["agent"])
        assert said in (None, match["id"]) and float(match["seconds"]) < 30
    assert len({match["id"] for match in found}) == len(found)


def test_json(gale):
    g = start_probe(gale, access_log="-", access_log_format="json")
    ids = ask(g)
    found = [json.loads(line) for line in lines(g, len(ASKED))]
    for entry, said, (data, asked, status, size, _, _) in zip(found, ids, ASKED):
        assert entry["peer"] == "127.0.0.1" and entry["status"] == status
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["time"])
        assert size is None or entry["bytes"] == size
        assert said in (None, entry["id"]) and 0 <= entry["seconds"] < 30
        if asked:
            assert entry["method"] == data.split(b" ")[0].decode()
            assert entry["target"].encode("latin-1") == data.split(b" ")[1]
            assert entry["host"] == "a"
    assert found[7]["agent"] == "\"\t\\\x80' OR 1" and found[7]["referer"] == '"><script>'


def test_off(gale):
    g = start_probe(gale, access_log="off")
    g.get("/hello")
    assert g.stop() == 0 and g.stdout() == ""


def test_a_file_of_its_own(gale, tmp_path):
    g = start_probe(gale, access_log="access.log", error_log="error.log")
    g.get("/hello")
    g.get("/say?text=hear%20me")
    wait_for(lambda: (tmp_path / "access.log").read_text().count("\n") == 2, "two lines")
    wait_for(lambda: "hear me" in (tmp_path / "error.log").read_text(), "the app's line")


def test_apps_can_forge_no_line(gale):
    """What an app logs is one line, with its app and the request's id, whatever is in it."""
    g = start_probe(gale)
    answer = g.get("/say?text=a%0Atime%3D2000%20level%3Derror%20msg%3Dforged%1B%5B31m%22%00x")
    identity = answer.text.strip()
    g.wait_for_log(identity)
    said = [line for line in g.stderr().splitlines() if "forged" in line]
    assert len(said) == 1 and said[0].startswith("time=20") and not said[0].startswith("time=2000")
    assert "\x1b" not in said[0] and "app=probe" in said[0] and f"id={identity}" in said[0]


def test_targets_in_the_error_log_forge_no_line(gale):
    g = start_probe(gale)
    with g.connect() as c:
        c.send(b'GET /return?value=-5&"x\\\xe2\x80\xae\xc2\x85=y HTTP/1.1\r\nHost: a\r\n\r\n')
        identity = c.response().text.split()[-1]
    g.wait_for_log(identity)
    line = next(line for line in g.stderr().splitlines() if identity in line)
    assert "\u202e" not in line and "\x85" not in line and '\\"x' in line


@pytest.mark.parametrize("path, says", [
    ("/return?value=-5", "serve failed"),
    ("/return?value=3", "serve returned a value that means nothing"),
    ("/length?say=10&write=5", "another length than its Content-Length"),
    ("/length?say=5&write=10", "another length than its Content-Length"),
    ("/file?len=100", "a file ended before what was to be sent of it"),
    ("/file?len=100&length=100", "a file ended before what was to be sent of it"),
])
def test_faults_are_logged_with_their_app(gale, tmp_path, path, says):
    (tmp_path / "short").write_text("too short")
    g = start_probe(gale, app={"set_file": tmp_path / "short"})
    g.raw(request(path, "Connection: close"))
    g.wait_for_log(says)
    found = [line for line in g.stderr().splitlines() if says in line]
    assert len(found) == 1 and "level=error" in found[0] and "app=probe" in found[0]
    assert re.search(r' request="/[^"]*" id=[0-9a-f]{16}', found[0])


def test_many_lines_are_all_there(gale):
    """Gathered and written whole, each request once."""
    g = start_probe(gale, access_log="-", workers=2)
    for _ in range(10):
        with g.connect() as c:
            c.send(request("/hello") * 100)
            for _ in range(100):
                c.response()
    found = lines(g, 1000)
    assert all(COMBINED.match(line) for line in found)
    assert len({COMBINED.match(line)["id"] for line in found}) == 1000


# ---- whose address it is ----

def peer(g, *fields, address=None):
    with g.connect(address) as c:
        c.send(request("/show", *fields))
        shown = c.response().text
    return (re.search(r"^peer=(.*)$", shown, re.M)[1], re.search(r"^scheme=(.*)$", shown, re.M)[1])


@pytest.mark.parametrize("fields, want", [
    ([], ("127.0.0.1", "http")),
    (["X-Forwarded-For: 203.0.113.7"], ("203.0.113.7", "http")),
    (["X-Forwarded-For: 6.6.6.6, 203.0.113.7"], ("203.0.113.7", "http")),
    (["X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3"], ("203.0.113.7", "http")),
    (["X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 10.1.2.3"], ("203.0.113.7", "http")),
    (["X-Forwarded-For: 10.1.2.3"], ("10.1.2.3", "http")),
    (["X-Forwarded-For: 2001:db8::1"], ("2001:db8::1", "http")),
    (["X-Forwarded-For: [2001:DB8::1]:443"], ("2001:db8::1", "http")),
    (["X-Forwarded-For: 203.0.113.7:1234"], ("203.0.113.7", "http")),
    (["X-Forwarded-For: unknown"], ("127.0.0.1", "http")),
    (["X-Forwarded-For: junk, 10.1.2.3"], ("10.1.2.3", "http")),
    (["X-Forwarded-For: 203.0.113.7, junk"], ("127.0.0.1", "http")),
    (["X-Forwarded-For: 4.4.4.4<script>"], ("127.0.0.1", "http")),
    (["X-Forwarded-For: ,"], ("127.0.0.1", "http")),
    (["X-Forwarded-For: 999.1.1.1"], ("127.0.0.1", "http")),
    (["X-Real-IP: 203.0.113.7"], ("127.0.0.1", "http")),
    (["X-Forwarded-Proto: https"], ("127.0.0.1", "https")),
    (["X-Forwarded-Proto: HTTPS"], ("127.0.0.1", "https")),
    (["X-Forwarded-Proto: https, http"], ("127.0.0.1", "http")),
    (["X-Forwarded-Proto: http,https"], ("127.0.0.1", "https")),
    (["X-Forwarded-Proto: gopher"], ("127.0.0.1", "http")),
    (["X-Scheme: https"], ("127.0.0.1", "http"))])
def test_trusted_proxies(proxied, fields, want):
    assert peer(proxied, *fields) == want
    assert peer(proxied) == ("127.0.0.1", "http")


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    yield from share(tmp_path_factory, probe_app(), access_log="-",
                     trusted_proxies="127.0.0.1 10.0.0.0/8")


def test_overrides_do_not_leak_to_the_next_request(proxied):
    with proxied.connect() as c:
        c.send(request("/show", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https") +
               request("/show"))
        assert "peer=203.0.113.7\nport=0\n" in c.response().text
        shown = c.response().text
        assert "peer=127.0.0.1\n" in shown and "scheme=http\n" in shown and "port=0\n" not in shown


def test_the_log_has_the_client_not_the_proxy(proxied):
    with proxied.connect() as c:
        c.send(request("/hello?marked", "X-Forwarded-For: 203.0.113.9"))
        c.response()
    wait_for(lambda: re.search(r'^203\.0\.113\.9 .*"GET /hello\?marked', proxied.stdout(), re.M),
             "the line")


def test_nobody_is_trusted_unasked(gale):
    g = start_probe(gale)
    fields = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"]
    assert peer(g, *fields) == ("127.0.0.1", "http")


def test_long_lists_cost_no_more(proxied):
    """Ninety fields of it, each long: answered like any other."""
    fields = ["X-Forwarded-For: " + "10.1.2.3, " * 25 + "10.1.2.3"] * 90
    assert peer(proxied, *fields) == ("10.1.2.3", "http")


STALLS = r"""
#include <gale/gale.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    if (gale_request_path(req).at[3] == 'l')
        return gale_sleep(60000);
    gale_response_write(res, "begun", 5);
    gale_response_flush(res);
    if (gale_request_path(req).at[3] == 'f')
        return -5;
    return gale_sleep(60000);
}
GALE_PLUGIN(p) { p->name = "stalls"; p->serve = serve; }
"""


def test_who_cut_an_answer(gale, plugin):
    """499 is for clients that left: the app's deadline and its failures are not theirs."""
    g = gale(f"[app a]\nmount = /a\nplugin = {plugin(STALLS)}\ndeadline = 300ms\n"
             f"[app b]\nmount = /b\nplugin = {plugin(STALLS)}\n", access_log="-")
    assert g.get("/a/late").status == 504
    for path in ("/a/slow", "/a/fails"):
        assert b"begun" in g.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    with g.connect() as c:
        c.send("GET /b/slow HTTP/1.1\r\nHost: a\r\n\r\n")
        c.until(b"begun")
    for path, status in (("/a/late", 504), ("/a/slow", 504), ("/a/fails", 500), ("/b/slow", 499)):
        wait_for(lambda: f"GET {path} HTTP/1.1\" {status} " in g.stdout(),
                 f"{path} {status}: {g.stdout()}")
