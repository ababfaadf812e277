"""gale behind a web server that speaks FastCGI: records by hand, and nginx from Debian."""
import os
import shutil
import subprocess
import threading
import time

import pytest

from fcgi_server import (ABORT, AUTHORIZER, CANT_MPX, END, FILTER, GET_VALUES, KEEP_CONN,
                         UNKNOWN_ROLE, VALUES, Closed, FcgiClient, pair, pairs_of, record)
from harness import free_port, wait_for

SHOW = r"""
#include <gale/gale.h>
#include <string.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body, path = gale_request_path(req);
    (void)state;
    if (strstr(path.at, "/wait")) {
        int r = gale_sleep(60000);
        gale_log(gale_request_app(req), GALE_INFO, "waiting ended with %d", r);
        return r;
    }
    if (strstr(path.at, "/large")) {
        static char block[10000];
        memset(block, 'L', sizeof(block));
        for (int i = 0; i < 1000; i++)
            if (gale_response_write(res, block, sizeof(block)) < 0)
                return -1;
        return 0;
    }
    if (strstr(path.at, "/cut")) {
        gale_response_puts(res, "half");
        gale_response_flush(res);
        return 500;
    }
    int r = gale_request_body(req, &body);
    if (r < 0)
        return r;
    gale_response_header(res, "X-Length", gale_request_printf(req, "%d", (int)body.len));
    return gale_reply(res, 200, "text/plain",
                      "method=%s\ntarget=%s\npath=%s\nmount=%s\nbelow=%s\nhost=%s\npeer=%s\n"
                      "scheme=%s\nlocal=%s:%u\nagent=%s\nbody=%.20s\n",
                      gale_request_method(req).at, gale_request_target(req).at, path.at,
                      gale_request_mount(req).at, gale_request_below(req).at,
                      gale_request_host(req).at, gale_request_peer(req).at,
                      gale_request_scheme(req).at, gale_request_local(req).at,
                      gale_request_local_port(req), gale_request_header(req, "User-Agent", "-"),
                      body.at);
}
GALE_PLUGIN(p) { p->name = "show"; p->serve = serve; }
"""


@pytest.fixture
def show(plugin):
    return plugin(SHOW)


def running(g):
    return sum(value for key, value in g.metrics().items()
               if key.startswith("gale_requests_running{"))


@pytest.fixture
def front(gale, show, tmp_path):
    def begin(**server):
        path = f"{tmp_path}/fcgi"
        g = gale(f"[app show]\nmount = /show\nplugin = {show}\n",
                 listen=f"fastcgi://unix:{path}", **server)
        return g, path
    return begin


def lines(out):
    head, _, body = out.partition(b"\r\n\r\n")
    return head.decode(), dict(l.split("=", 1) for l in body.decode().splitlines() if "=" in l)


def test_a_request_and_what_the_app_sees(front):
    g, path = front(workers=2)
    with FcgiClient(path) as c:
        status, out = c.request("/show/a%20b?x=1", HTTP_USER_AGENT="me", REMOTE_ADDR="192.0.2.7",
                                HTTPS="on", SERVER_ADDR="192.0.2.1", SERVER_PORT="443")
    head, said = lines(out)
    assert status == 0 and "Status: 200 OK" in head
    assert said == {"method": "GET", "target": "/show/a%20b?x=1", "path": "/show/a b",
                    "mount": "/show", "below": "/a b", "host": "test", "peer": "192.0.2.7",
                    "scheme": "https", "local": "192.0.2.1:443", "agent": "me", "body": ""}
    with FcgiClient(path) as c:
        status, out = c.request("/outer/show/x", SCRIPT_NAME="/outer", PATH_INFO="/show/x")
    _, said = lines(out)
    assert said["mount"] == "/outer/show" and said["below"] == "/x"
    assert said["path"] == "/outer/show/x"


def test_many_requests_on_one_connection(front):
    g, path = front()
    with FcgiClient(path) as c:
        for i in range(1, 50):
            status, out = c.request("/show", "POST", b"b" * i * 1000, id=i, flags=KEEP_CONN)
            assert status == 0 and f"X-Length: {i * 1000}" in out.decode()
        status, out = c.request("/nothing", flags=KEEP_CONN)
        assert status == 0 and out.startswith(b"Status: 404 ")


def test_the_protocol_by_the_book(front):
    g, path = front()
    with FcgiClient(path) as c:
        c.raw(record(GET_VALUES, 0, pair(b"FCGI_MPXS_CONNS", b"") + pair(b"FCGI_MAX_CONNS", b"")))
        kind, id, content = c.read_record()
        assert (kind, id) == (VALUES, 0)
        assert pairs_of(content) == {"FCGI_MPXS_CONNS": "0", "FCGI_MAX_CONNS": "10000"}
        c.begin(1, role=FILTER, flags=KEEP_CONN)
        assert c.read_record()[0::2] == (END, bytes([0, 0, 0, 0, UNKNOWN_ROLE, 0, 0, 0]))
        assert c.request("/show", role=AUTHORIZER, flags=KEEP_CONN)[0] == 0
        c.begin(1, flags=KEEP_CONN)
        c.begin(2, flags=KEEP_CONN)
        assert c.read_record() == (END, 2, bytes([0, 0, 0, 0, CANT_MPX, 0, 0, 0]))


def test_an_abort_and_a_leaving_web_server_cancel(front):
    g, path = front()
    for how in ("abort", "close"):
        with FcgiClient(path) as c:
            c.begin(flags=KEEP_CONN)
            c.params({"REQUEST_METHOD": "GET", "REQUEST_URI": "/show/wait", "HTTP_HOST": "a"})
            c.stdin(b"")
            wait_for(lambda: running(g) == 1, "it to run")
            if how == "abort":
                c.raw(record(ABORT, 1))
                assert c.response() == (0, b"")
                assert c.request("/show", flags=KEEP_CONN)[0] == 0
        wait_for(lambda: g.stderr().count("waiting ended") == (1 if how == "abort" else 2), how)


def test_bodies_stream_with_back_pressure(front):
    g, path = front(max_body="64M")
    with FcgiClient(path) as c:
        status, out = c.request("/show", "POST", os.urandom(5 << 20))
        assert status == 0 and b"X-Length: 5242880" in out
    with FcgiClient(path) as c:
        c.begin()
        c.params({"REQUEST_METHOD": "GET", "REQUEST_URI": "/show/large", "HTTP_HOST": "a"})
        c.stdin(b"")
        time.sleep(0.2)  # the app is held meanwhile
        assert running(g) == 1
        status, out = c.response()
        assert status == 0 and out.count(b"L") == 10000000 + out.split(b"\r\n\r\n")[0].count(b"L")


def test_a_cut_answer_is_seen_as_such(front):
    g, path = front()
    with FcgiClient(path) as c:
        status, out = c.request("/show/cut")
        assert status is None and out.endswith(b"half")


def test_strangers_are_not_heard(gale, show):
    port = free_port()
    g = gale(f"[app show]\nmount = /show\nplugin = {show}\n",
             listen=f"fastcgi://127.0.0.1:{port}")
    with FcgiClient(("127.0.0.1", port)) as c:
        try:
            assert c.request("/show") == (None, b"")
        except Closed:
            pass
    g.wait_for_log("trusted_proxies")
    g.configure(f"[app show]\nmount = /show\nplugin = {show}\n",
                listen=f"fastcgi://127.0.0.1:{port}", trusted_proxies="127.0.0.1")
    assert g.reload().status == 200
    with FcgiClient(("127.0.0.1", port)) as c:
        assert c.request("/show")[0] == 0


def test_reload_under_load_loses_nobody(front):
    g, path = front(workers=2)
    stop, failures, count = threading.Event(), [], [0]

    def load():
        while not stop.is_set():
            with FcgiClient(path) as c:
                status, out = c.request("/show")
                count[0] += 1
                if status != 0 or b"200 OK" not in out:
                    failures.append((status, out[:100]))
    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    for _ in range(3):
        assert g.reload().status == 200
    stop.set()
    for t in threads:
        t.join()
    assert count[0] > 20 and not failures, failures[:3]


def test_a_wrong_address_is_told(gale):
    g = gale("[app a]\nmount = /\nplugin = x\n", listen="fastcgi://nowhere", wait=False)
    g.wait()
    assert "fastcgi://ADDRESS:PORT" in g.stderr()


# ---- nginx ----

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/nginx.error warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; fastcgi_temp_path {folder}/t2; proxy_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    client_max_body_size 64m;
    upstream gale {{ server unix:{socket}; {keepalive} }}
    server {{
        listen 127.0.0.1:{port};
        include /etc/nginx/fastcgi_params;
        fastcgi_pass_request_headers on;
        {extra}
        location / {{ fastcgi_pass gale; }}
        location /outer/ {{
            fastcgi_split_path_info ^(/outer)(/.*)$;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            fastcgi_pass gale;
        }}
        location /show/stream {{
            fastcgi_request_buffering off; fastcgi_buffering off;
            fastcgi_pass gale;
        }}
    }}
}}
"""


@pytest.fixture
def nginx(tmp_path):
    running = []

    def begin(path, keepalive="", extra=""):
        port = free_port()
        folder = tmp_path / f"nginx{len(running)}"
        folder.mkdir()
        conf = folder / "nginx.conf"
        conf.write_text("user root;" + NGINX.format(folder=folder, socket=path, port=port,
                                                     keepalive=keepalive, extra=extra))
        process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(conf),
                                    "-p", str(folder)], stderr=subprocess.PIPE)
        running.append(process)

        def serves():
            assert process.poll() is None, process.stderr.read()
            return (folder / "nginx.pid").exists()
        wait_for(serves, "nginx")
        return ("127.0.0.1", port)

    yield begin
    for process in running:
        process.terminate()
        process.wait(10)
        process.stderr.close()


@pytest.mark.parametrize("keepalive,extra", [("", ""), ("keepalive 8;", "fastcgi_keep_conn on;")])
def test_behind_nginx(front, nginx, keepalive, extra):
    g, path = front(max_body="64M", workers=2)
    address = nginx(path, keepalive, extra)
    said = lines(g.request("GET", "/show/a%20b?x=1", {"User-Agent": "me"}, address=address).raw)[1]
    assert said["path"] == "/show/a b" and said["target"] == "/show/a%20b?x=1"
    assert said["peer"] == "127.0.0.1" and said["agent"] == "me" and said["host"] == "test"
    assert said["local"] == f"127.0.0.1:{address[1]}" and said["scheme"] == "http"
    said = lines(g.request("GET", "/outer/show/x", address=address).raw)[1]
    assert said["mount"] == "/outer/show" and said["below"] == "/x"
    for _ in range(20):
        r = g.request("POST", "/show", body=b"p" * 300000, address=address)
        assert r.status == 200 and r.header("X-Length") == "300000"
    assert len(g.request("GET", "/show/large", address=address).body) == 10000000
    assert g.request("HEAD", "/show", address=address).status == 200
    assert g.request("GET", "/none", address=address).status == 404
    with g.connect(address) as c:  # chunked, unbuffered: its length is not known to anybody
        c.send("POST /show/stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        c.send("5\r\nhello\r\n")
        time.sleep(0.05)
        c.send("6\r\n world\r\n0\r\n\r\n")
        r = c.response()
        assert r.status == 200 and r.header("X-Length") == "11"
    with g.connect(address) as c, pytest.raises((EOFError, ConnectionResetError)):
        c.send("GET /show/cut HTTP/1.1\r\nHost: a\r\n\r\n")
        c.response()
