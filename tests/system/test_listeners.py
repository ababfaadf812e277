"""Where clients come from: IPv4, IPv6, sockets with a path."""
import os
import socket
import stat

import pytest

from harness import Connection, free_port
from probes import probe_app, request, start_probe  # noqa: F401


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


class Ipv6(Connection):
    def __init__(self, port):
        self.socket, self.buffer = socket.create_connection(("::1", port), timeout=30), b""


def shown(c):
    c.send(request("/show"))
    return dict(line.split("=", 1) for line in c.response().text.splitlines() if "=" in line)


def test_several_listeners(gale, tmp_path):
    port, path = free_port(), tmp_path / "web.sock"
    listen = f"127.0.0.1:{port} unix:{path}" + (f" [::1]:{port}" if has_ipv6() else "")
    g = start_probe(gale, listen=listen, workers=2)
    with g.connect(("127.0.0.1", port)) as c:
        one = shown(c)
        assert (one["peer"], one["local"]) == ("127.0.0.1", f"127.0.0.1:{port}")
        assert int(one["port"]) == c.socket.getsockname()[1]
    with g.connect(str(path)) as c:
        one = shown(c)
        assert (one["peer"], one["port"]) == ("unix", "0")
    if has_ipv6():
        with Ipv6(port) as c:
            one = shown(c)
            assert (one["peer"], one["local"]) == ("::1", f"::1:{port}")
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    assert g.stop() == 0
    assert not path.exists()


@pytest.mark.parametrize("data, status", [
    (request("/hello"), 200), (b"\x16\x03\x01", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
    (request("/large?size=3000000"), 200)])
def test_what_unix_clients_get(gale, tmp_path, data, status):
    path = str(tmp_path / "web.sock")
    g = start_probe(gale, listen=f"unix:{path}", trusted_proxies="unix")
    with g.connect(path) as c:
        c.send(data)
        assert c.response().status == status
        if status == 400:
            assert c.is_closed()
    with g.connect(path) as c:
        c.send(request("/show", "X-Forwarded-For: 203.0.113.7"))
        assert "peer=203.0.113.7\n" in c.response().text


def test_a_socket_left_behind_is_replaced(gale, tmp_path):
    path = str(tmp_path / "web.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    g = start_probe(gale, listen=f"unix:{path}")
    with g.connect(path) as c:
        assert c.request("GET", "/hello").status == 200


def test_a_file_is_not_replaced(gale, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    g = gale(probe_app(), wait=False, listen=f"unix:{path}")
    assert g.wait() != 0 and "precious" in g.stderr()
    assert path.read_text() == "data"


def mode_of(path):
    info = os.stat(path)
    return stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid


@pytest.mark.parametrize("mask", ["022", "077", "000"])
def test_who_may_connect_to_a_unix_socket(gale, tmp_path, hello, mask):
    """Whatever the umask; a reload changes it for a socket that is there."""
    path = tmp_path / "web.sock"
    app = f"[app a]\nmount = /\nplugin = {hello}\n"
    g = gale(app, listen=f"unix:{path}", launcher=["sh", "-c", f'umask {mask}; exec "$@"', "sh"])
    assert mode_of(path) == (0o660, os.geteuid(), os.getegid())
    g.configure(app, listen=f"unix:{path}", socket_mode="0666")
    assert g.reload().status == 200
    assert mode_of(path)[0] == 0o666
    assert g.request(address=str(path)).status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")
def test_a_unix_socket_belongs_to_the_workers(gale, tmp_path, hello):
    path = tmp_path / "web.sock"
    g = gale(f"[app a]\nmount = /\nplugin = {hello}\n", listen=f"unix:{path}", user="nobody",
             group="daemon")
    assert mode_of(path) == (0o660, 65534, 1)
    assert g.request(address=str(path)).status == 200
