"""limit_connections and limit_rate: what one client may have, over all workers and what befalls
them. Rates here are by the hour, so that no test depends on how long it takes."""
import os
import signal
import socket

import pytest

from harness import Connection, wait_for

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


@pytest.fixture
def site(gale, hello):
    """Starts a gale whose apps are (name, more keys)."""
    def start(*apps, **server):
        apps = apps or [("a", "")]
        text = "".join(f"[app {name}]\nmount = /{name if len(apps) > 1 else ''}\nplugin = {hello}\n"
                       f"{keys}\n" for name, keys in apps)
        return gale(text, **{"workers": 2, **server})
    return start


def connect_from(g, address):
    """A connection whose client is that address of this machine."""
    c = Connection.__new__(Connection)
    c.socket = socket.create_connection(("127.0.0.1", g.port), 30, (address, 0))
    c.buffer = b""
    return c


def statuses(g, count, path="/", headers=()):
    return [g.get(path, headers).status for _ in range(count)]


def limited(g, limit):
    return g.metrics().get(f'gale_limited_total{{limit="{limit}"}}', 0)


# ---- requests ----

def test_a_rate_holds_over_workers_reloads_and_deaths(site):
    g = site(limit_rate="1/h burst 6")
    first = statuses(g, 3)
    pid = g.workers()[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    g.wait_for_workers(2, without=[pid])
    assert g.reload().status == 200
    assert first + statuses(g, 5) == [200] * 6 + [429] * 2
    with g.connect() as c:  # it may go on on the same connection
        refused = [c.request() for _ in range(3)]
    assert [r.status for r in refused] == [429] * 3
    assert all(1 <= int(r.header("Retry-After")) <= 3600 for r in refused)
    assert b"429 Too Many Requests" in refused[0].body
    assert limited(g, "limit_rate") == 5
    assert g.status()["limited"] == {"connections": 0, "requests": 5}
    assert "refused  5 requests" in g.command("status", g.config).stdout
    assert 1 <= g.stderr().count("limit_rate") < 5, "once in a while, not for each"
    with connect_from(g, "127.0.0.2") as other:
        assert other.request().status == 200


def test_apps_may_have_a_rate_of_their_own(site):
    g = site(("a", ""), ("b", ""), ("own", "limit_rate = 1/h burst 1"),
             ("free", "limit_rate = off"), ("isolated", "isolate = 1"),
             limit_rate="1/h burst 4")
    assert statuses(g, 3, "/own") == [200, 429, 429]
    assert statuses(g, 9, "/free") == [200] * 9
    # The server's: of the others together, isolated ones and pages that are not there.
    found = [g.get(path).status for path in ("/a", "/b", "/isolated", "/nothing", "/isolated", "/b")]
    assert found == [200, 200, 200, 404, 429, 429]
    assert g.get("/nothing").status == 429
    figures = g.metrics()
    assert figures['gale_requests_total{app="own",code="4xx"}'] == 2
    assert figures['gale_requests_total{app="isolated",code="4xx"}'] == 1


def test_a_changed_rate_counts_from_the_reload(site):
    g = site(limit_rate="1/h")
    assert statuses(g, 2) == [200, 429]
    g.config.write_text(g.config.read_text().replace("1/h", "100/h burst 1000"))
    assert g.reload().status == 200
    assert g.get("/").status == 200
    g.config.write_text(g.config.read_text().replace("limit_rate", ";"))
    assert g.reload().status == 200
    assert statuses(g, 3) == [200] * 3


def test_behind_a_proxy_the_client_counts(site):
    g = site(limit_rate="1/h burst 1", limit_connections=2, trusted_proxies="127.0.0.1 unix",
             listen=["127.0.0.1:0"])
    g.port = int(g.status()["listen"][0]["bound"].rsplit(":")[-1])
    asked = [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.1", 429), ("2001:db8::1", 200),
             ("2001:db8::2", 429), ("2001:db8:0:1::1", 200), ("6.6.6.6, 192.0.2.2", 429)]
    for client, status in asked:
        assert g.get("/", {"X-Forwarded-For": client}).status == status, client
    assert statuses(g, 5) == [200] * 5, "the proxy's own requests"
    many = [g.connect() for _ in range(8)]
    assert all(c.request(headers={"X-Forwarded-For": f"192.0.2.{i + 10}"}).status == 200
               for i, c in enumerate(many))
    for c in many:
        c.close()
    with connect_from(g, "127.0.0.2") as c:  # nobody believes this one
        assert c.request(headers={"X-Forwarded-For": "192.0.2.77"}).status == 200
        assert c.request(headers={"X-Forwarded-For": "192.0.2.78"}).status == 429


def test_who_is_not_limited(site, tmp_path):
    path = str(tmp_path / "web.sock")
    g = site(limit_rate="1/h", limit_connections=1, listen=["127.0.0.1:0", f"unix:{path}"],
             limit_except="127.0.0.2 2001:db8::/32")
    g.port = int(g.status()["listen"][0]["bound"].rsplit(":")[-1])
    clients = [connect_from(g, "127.0.0.2") for _ in range(4)] + [g.connect(path) for _ in range(4)]
    assert [c.request().status for c in clients for _ in range(2)] == [200] * 16
    for c in clients:
        c.close()
    assert statuses(g, 2) == [200, 429]


# ---- connections ----

def serves(c):
    """Whether the connection is served; else it has been told that its client has enough."""
    c.send(REQUEST)
    answer = c.response()
    assert answer.status in (200, 429), answer
    return answer.status == 200


def is_refused(g):
    with g.connect() as c:
        return not serves(c)


def kept(g, count):
    """So many connections, as soon as those that were closed before are given back."""
    def another():
        c = g.connect()
        if serves(c):
            return c
        c.close()
        return None
    return [wait_for(another, "a place for another connection") for _ in range(count)]


def test_connections_hold_over_workers_and_are_given_back(site):
    g = site(limit_connections=4)
    clients = kept(g, 4)
    assert is_refused(g)
    with g.connect() as c:  # who says nothing is told as well
        assert c.rest().startswith(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n")
    with connect_from(g, "127.0.0.2") as other:
        assert serves(other)
    clients.pop().close()
    clients += kept(g, 1)
    assert is_refused(g)
    assert limited(g, "limit_connections") >= 3
    assert 1 <= g.stderr().count("limit_connections") < 3
    for c in clients:
        c.close()
    wait_for(lambda: g.metrics()["gale_connections"] == 0, "an end of them all")
    assert len(kept(g, 4)) == 4


def test_connections_of_a_killed_worker_are_given_back(site):
    g = site(limit_connections=6)
    clients = kept(g, 6)
    assert is_refused(g)
    pid = g.workers()[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    g.wait_for_workers(2, without=[pid])
    alive = []
    for c in clients:
        try:
            alive += [c] if serves(c) else []
        except (ConnectionError, EOFError):
            c.close()
    more = kept(g, 6 - len(alive))
    assert is_refused(g)
    for c in alive + more:
        c.close()


@pytest.mark.parametrize("way", ["reload", "upgrade"])
def test_connections_that_are_handed_over_count_once(site, way):
    g = site(limit_connections=8)
    clients = kept(g, 7)
    before = [w["pid"] for w in g.workers()]
    assert g.command(way, g.config).returncode == 0
    g.wait_for_workers(2, without=before)
    wait_for(lambda: not g.workers("ending"), "the old workers' end")
    clients += kept(g, 1)
    assert is_refused(g)
    assert all(serves(c) for c in clients)
    clients.pop().close()
    clients += kept(g, 1)
    assert is_refused(g)
    for c in clients:
        c.close()


def test_a_flood_leaves_room_for_others(site):
    """More than may linger come from one address, and none of them holds a place."""
    g = site(limit_connections=3, max_connections=200)
    clients = kept(g, 3)
    flood = [g.connect() for _ in range(300)]
    with connect_from(g, "127.0.0.2") as other:
        assert all(serves(other) for _ in range(5))
    for c in flood:
        c.close()
    assert all(serves(c) for c in clients)
    for c in clients:
        c.close()
    wait_for(lambda: g.metrics()["gale_connections"] == 0, "an end of them all")
    wait_for(lambda: limited(g, "limit_connections") >= 300, "all to be refused")
