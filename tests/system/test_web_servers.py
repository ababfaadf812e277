"""gale behind nginx, Apache and lighttpd from Debian, by FastCGI: on a unix socket and on TCP, with
connections kept and not."""
import hashlib
import http.client
import ssl
import time

import pytest

from harness import free_port, wait_for
from test_cgi_git import BACKEND, Git, commit
from web_servers import WebServer

TOUR = r"""
#include <gale/gale.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sends ?n=BYTES of a pattern. */
static int send_many(struct gale_request *req, struct gale_response *res)
{
    static char block[64000];
    long left = strtol(gale_request_query(req, "n", "0"), NULL, 10);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (char)('a' + i % 26);
    while (left > 0) {
        size_t n = left < (long)sizeof(block) ? (size_t)left : sizeof(block);
        int r = gale_response_write(res, block, n);
        if (r < 0)
            return r;
        left -= (long)n;
    }
    return 0;
}

/* Counts the body as it comes. */
static int count(struct gale_request *req, struct gale_response *res)
{
    char block[32768];
    long total = 0;
    unsigned long sum = 5381;
    ssize_t n;
    while ((n = gale_request_read(req, block, sizeof(block))) > 0) {
        total += n;
        for (ssize_t i = 0; i < n; i++)
            sum = (sum * 33 + (unsigned char)block[i]) & 0xffffffff;
    }
    if (n < 0) {
        gale_log(gale_request_app(req), GALE_INFO, "counting ended with %d", (int)n);
        return (int)n;
    }
    return gale_reply(res, 200, "text/plain", "%ld %lu\n", total, sum);
}

/* A line every 20 ms until somebody is tired of it. */
static int drip(struct gale_request *req, struct gale_response *res)
{
    int r = 0;
    gale_log(gale_request_app(req), GALE_INFO, "dripping");
    while (r >= 0) {
        r = gale_response_puts(res, "drip\n");
        if (r >= 0)
            r = gale_response_flush(res);
        if (r >= 0)
            r = gale_sleep(20);
    }
    gale_log(gale_request_app(req), GALE_INFO, "dripping ended");
    return r;
}

static int break_off(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_puts(res, "half");
    gale_response_flush(res);
    return -EIO;
}

static int conditional(struct gale_request *req, struct gale_response *res)
{
    gale_response_header(res, "ETag", "\"one\"");
    if (strcmp(gale_request_header(req, "If-None-Match", ""), "\"one\"") == 0)
        return gale_response_status(res, 304);
    return gale_reply(res, 200, "text/plain", "whole\n");
}

static int show(struct gale_request *req, struct gale_response *res)
{
    return gale_reply(res, 200, "text/plain",
                      "method=%s\ntarget=%s\npath=%s\nmount=%s\nbelow=%s\nhost=%s\npeer=%s\n"
                      "scheme=%s\nlocal=%s:%u\nagent=%s\nauthorization=%s\nlong=%d\n",
                      gale_request_method(req).at, gale_request_target(req).at,
                      gale_request_path(req).at, gale_request_mount(req).at,
                      gale_request_below(req).at, gale_request_host(req).at,
                      gale_request_peer(req).at, gale_request_scheme(req).at,
                      gale_request_local(req).at, gale_request_local_port(req),
                      gale_request_header(req, "User-Agent", "-"),
                      gale_request_header(req, "Authorization", "-"),
                      (int)strlen(gale_request_header(req, "X-Long", "")));
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    static const struct {
        const char *below;
        int (*fn)(struct gale_request *req, struct gale_response *res);
    } rows[] = {{"/many", send_many}, {"/count", count}, {"/drip", drip}, {"/etag", conditional},
                {"/half", break_off}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(gale_request_below(req).at, rows[i].below) == 0)
            return rows[i].fn(req, res);
    return show(req, res);
}
GALE_PLUGIN(p) { p->name = "tour"; p->serve = serve; }
"""

KINDS = ["nginx", "apache", "lighttpd"]
# lighttpd never keeps a connection to a FastCGI server.
WAYS = [(kind, family, kept) for kind in KINDS for family in ("unix", "tcp")
        for kept in (False, True) if not (kept and kind == "lighttpd")]


@pytest.fixture
def behind(gale, plugin, tmp_path):
    """behind(kind, family, kept): a gale and the web server in front of it."""
    servers = []

    def begin(kind, family="unix", kept=False, more="", **keys):
        address = f"unix:{tmp_path}/fcgi" if family == "unix" else f"127.0.0.1:{free_port()}"
        g = gale(f"[app tour]\nmount = /tour\nplugin = {plugin(TOUR)}\n" + more,
                 listen=f"fastcgi://{address}", trusted_proxies="127.0.0.1", max_body="200M", **keys)
        if family == "unix":
            (tmp_path / "fcgi").chmod(0o666)
        server = WebServer(kind, tmp_path / kind, address, kept)
        servers.append(server)
        return g, server

    yield begin
    for server in servers:
        server.stop()


def lines(response):
    return dict(line.split("=", 1) for line in response.text.splitlines())


def running(g):
    return sum(value for key, value in g.metrics().items()
               if key.startswith("gale_requests_running{"))


@pytest.mark.parametrize("kind,family,kept", WAYS)
def test_requests(behind, kind, family, kept):
    g, server = behind(kind, family, kept, workers=2)
    said = lines(g.request("GET", "/tour/a%20b?x=1&y=%2F", {"User-Agent": "me"},
                           address=server.address))
    assert said["path"] == "/tour/a b" and said["target"] == "/tour/a%20b?x=1&y=%2F"
    assert said["mount"] == "/tour" and said["below"] == "/a b"
    assert said["peer"] == "127.0.0.1" and said["scheme"] == "http" and said["agent"] == "me"
    assert said["host"] == "test" and said["local"] == f"127.0.0.1:{server.port}"
    said = lines(g.request("GET", "/tour/x", {"Authorization": "Basic dTpw", "X-Long": "y" * 5000},
                           address=server.address))
    assert said["authorization"] == "Basic dTpw" and said["long"] == "5000"
    for _ in range(30):
        assert g.request("GET", "/tour/x", address=server.address).status == 200
    r = g.request("HEAD", "/tour/many?n=100000", address=server.address)
    assert r.status == 200 and not r.body
    r = g.request("GET", "/tour/etag", address=server.address)
    assert r.status == 200 and r.header("ETag") == '"one"' and r.body == b"whole\n"
    r = g.request("GET", "/tour/etag", {"If-None-Match": '"one"'}, address=server.address)
    assert r.status == 304 and not r.body
    r = g.request("GET", "/none", address=server.address)
    assert r.status == 404 and b"404" in r.body
    with g.connect(server.address) as c:  # its length is not known to anybody
        c.send("POST /tour/count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            c.send(b"2710\r\n" + b"z" * 10000 + b"\r\n")
        c.send("0\r\n\r\n")
        assert c.response().text.startswith("200000 ")


@pytest.mark.parametrize("kind", KINDS)
def test_mounted_below_a_path(behind, kind):
    g, server = behind(kind)
    said = lines(g.request("GET", "/outer/tour/x?q=1", address=server.address))
    assert said["mount"] == "/outer/tour" and said["below"] == "/x"
    assert said["path"] == "/outer/tour/x" and said["target"] == "/outer/tour/x?q=1"


@pytest.mark.parametrize("kind", ["nginx", "apache"])
def test_https(behind, kind):
    g, server = behind(kind)
    trust = ssl.create_default_context(cafile=str(server.folder / "cert.pem"))
    trust.check_hostname = False
    c = http.client.HTTPSConnection("127.0.0.1", server.tls_port, context=trust, timeout=30)
    c.request("GET", "/tour/x")
    said = dict(line.split("=", 1) for line in c.getresponse().read().decode().splitlines())
    c.close()
    assert said["scheme"] == "https" and said["local"] == f"127.0.0.1:{server.tls_port}"


SIZE = 100_000_000


@pytest.mark.parametrize("kind,family,kept", [w for w in WAYS if w[1] == "unix"])
def test_100_megabytes_each_way(behind, kind, family, kept):
    g, server = behind(kind, family, kept)
    c = http.client.HTTPConnection(*server.address, timeout=100)
    c.request("GET", f"/tour/many?n={SIZE}")
    r = c.getresponse()
    block = bytes(ord("a") + i % 26 for i in range(64000))
    wanted, got, count = hashlib.sha256(), hashlib.sha256(), 0
    while piece := r.read(1 << 20):
        got.update(piece)
        count += len(piece)
    for at in range(0, SIZE, len(block)):
        wanted.update(block[:SIZE - at])
    c.close()
    assert count == SIZE and got.digest() == wanted.digest()
    worker = g.workers()[0]["pid"]

    def pieces():
        for _ in range(SIZE // 1_000_000):
            yield b"u" * 1_000_000
    c = http.client.HTTPConnection(*server.address, timeout=100)
    c.request("POST", "/tour/count", pieces(), {"Content-Length": str(SIZE)})
    assert c.getresponse().read().startswith(f"{SIZE} ".encode())
    c.close()
    with open(f"/proc/{worker}/status") as f:  # neither was ever held in memory
        peak = int(next(line for line in f if line.startswith("VmHWM")).split()[1])
    assert peak < 64 * 1024 or "asan" in str(g.build)


@pytest.mark.parametrize("kind,family,kept", WAYS)
def test_a_client_that_leaves(behind, kind, family, kept):
    g, server = behind(kind, family, kept)
    for number in (1, 2):
        with g.connect(server.address) as c:
            c.send("GET /tour/drip HTTP/1.1\r\nHost: a\r\n\r\n")
            c.until(b"drip")
        wait_for(lambda: g.stderr().count("dripping ended") == number, "it to be cancelled")
    with g.connect(server.address) as c:
        c.send("POST /tour/count HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        c.send(b"x" * 100000)
        time.sleep(0.1)
    wait_for(lambda: running(g) == 0, "nothing to run")
    assert g.request("GET", "/tour/x", address=server.address).status == 200


# lighttpd takes an end without END_REQUEST for the end of an answer that it has sent nothing of.
@pytest.mark.parametrize("kind,family,kept", [w for w in WAYS if w[0] != "lighttpd"])
def test_half_an_answer_is_seen_to_be_none(behind, kind, family, kept):
    g, server = behind(kind, family, kept)
    for _ in range(3):
        c = http.client.HTTPConnection(*server.address, timeout=30)
        c.request("GET", "/tour/half")
        try:
            r = c.getresponse()
            said = r.status, r.read()
        except (http.client.HTTPException, ConnectionError):
            said = 502, b""
        assert said[0] in (502, 503), said  # cut, or an error page when its head was not sent yet
        c.close()
    assert g.request("GET", "/tour/x", address=server.address).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_git_all_the_way(behind, tmp_path, kind):
    git = Git(tmp_path)
    (tmp_path / "repos").mkdir()
    git("init", "-q", "--bare", "repos/one.git")
    git("config", "http.receivepack", "true", at="repos/one.git")
    g, server = behind(kind, more=f"[app git]\nmount = /git\ncgi = {BACKEND}\n"
                       f"env = GIT_PROJECT_ROOT {tmp_path}/repos\nenv = GIT_HTTP_EXPORT_ALL 1\n")
    url = f"http://127.0.0.1:{server.port}/git/one.git"
    git("clone", "-q", url, "work")
    commit(git, "work", "big", bytes(range(256)) * 10 + hashlib.sha512(b"x").digest() * 50000)
    with open(tmp_path / "work" / "noise", "wb") as f, open("/dev/urandom", "rb") as noise:
        f.write(noise.read(5_000_000))
    commit(git, "work", "small", b"s")
    git("push", "-q", "origin", "HEAD:main", at="work")
    git("clone", "-q", "-b", "main", url, "other")
    assert (tmp_path / "other/noise").read_bytes() == (tmp_path / "work/noise").read_bytes()
    git("fsck", "--full", at="repos/one.git")
