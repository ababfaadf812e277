"""The workers of isolated apps: when they are replaced, and what is told of it."""
import re

import pytest

from harness import wait_for
from test_isolation import KeepAlive, app, probe, workers  # noqa: F401


# ---- what is cut ----

def test_what_is_cut_behind_the_front_is_logged(gale, probe):
    g = gale(app("own", probe, "env = N 1"), drain_timeout="300ms")
    with g.connect() as c:
        c.send("GET /own/slow?ms=20000 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.configure(app("own", probe, "env = N 2"), drain_timeout="300ms")
        assert g.reload().status == 200
        g.wait_for_log('msg="a request is cut" app=own request="GET /own/slow?ms=20000"')
        assert "worker=own/0" in g.stderr()


# ---- fresh ones now and then ----

@pytest.mark.parametrize("mode", ["task", "process"])
def test_isolated_workers_are_recycled_without_a_lost_request(gale, probe, mode):
    g = gale(app("own", probe, f"mode = {mode}", isolate=2), workers=1, max_requests=150)
    first = workers(g, "own")
    load = KeepAlive(g, clients=4, path="/own")
    wait_for(lambda: len(workers(g, "own")) == 2 and not set(workers(g, "own")) & set(first),
             "two others")
    load.stop()
    assert not load.failures
    assert re.search(r"worker \d of the app own has served 1[3-9]\d requests \(max_requests\)",
                     g.stderr())
