"""The control socket: what it tells of a running gale, and to whom."""
import os
import re
import socket
import threading

import pytest

from conftest import HELLO
from plugins import PROBE, probe_app
from test_process import pid_of


@pytest.fixture
def probe(plugin):
    return plugin(PROBE)


def test_status_tells_who_serves(gale, probe):
    g = gale(probe_app(probe), workers=2)
    status = g.status()
    assert status["pid"] == g.pid
    assert status["state"] == "serving"
    assert status["generation"] == 1
    assert status["listen"][0]["address"] == f"127.0.0.1:{g.port}"
    assert [w["place"] for w in g.workers()] == [0, 1]
    assert status["reload"] == {"running": False, "last_failure": None}
    assert {pid_of(g.get()) for _ in range(40)} == {w["pid"] for w in g.workers()}


def test_status_tells_what_apps_serve_with(gale, probe, plugin):
    path = plugin(HELLO.replace("p->serve", 'p->version = "1.2-beta"; p->serve'))
    g = gale(probe_app(probe) + f"\n[app hello]\nmount = /hello\nplugin = {path}\n", workers=2)
    probe_row = {"name": "probe", "mount": "/", "adapter": "plugin", "title": "probe",
                 "version": None}
    hello_row = {"name": "hello", "mount": "/hello", "adapter": "plugin", "title": "hello",
                 "version": "1.2-beta"}
    assert g.status()["apps"] == [probe_row, hello_row]
    page = g.command("status", g.config).stdout
    assert re.search(r"^  probe +/ +plugin +probe$", page, re.MULTILINE)
    assert re.search(r"^  hello +/hello +plugin +hello 1\.2-beta$", page, re.MULTILINE)
    tables = page[page.index("  app "):].splitlines()
    assert max(map(len, tables)) <= 80


def test_the_control_socket_is_the_owners(gale, probe):
    g = gale(probe_app(probe))
    assert os.stat(g.control).st_mode & 0o777 == 0o600
    assert g.ask("GET", "/nothing").status == 404
    assert g.ask("GET", "/reload").status == 405
    assert g.ask("HEAD", "/status").status == 200
    assert g.ask("POST", "/stop?mode=later").status == 400
    assert "gale_connections" in g.ask("GET", "/metrics").text
    g.stop()
    assert not os.path.exists(g.control)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_nobody_else_is_heard_at_the_control_socket(gale, probe):
    g = gale(probe_app(probe))
    os.chmod(g.control, 0o666)
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(g.control)
                s.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
                os._exit(0 if s.recv(100) == b"" else 1)
        except ConnectionError:
            os._exit(0)
        except OSError:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    g.wait_for_log("somebody else's process")


def test_status_is_json_while_workers_write_what_they_do(gale, hello):
    """Their texts change while the master reads them."""
    g = gale(f"[app hello]\nmount = /\nplugin = {hello}\n", workers=2)
    stop = threading.Event()

    def load(path):
        with g.connect() as c:
            while not stop.is_set():
                c.send(f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n" * 8)
                for _ in range(8):
                    c.response()
    threads = [threading.Thread(target=load, args=(letter * length,))
               for letter, length in (("a", 1), ("b", 120), ("c", 60))]
    for t in threads:
        t.start()
    try:
        for _ in range(300):
            assert g.status()["state"] == "serving"
    finally:
        stop.set()
        for t in threads:
            t.join()
