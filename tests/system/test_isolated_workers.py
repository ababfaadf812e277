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


# ---- crash after crash ----

def test_requests_wait_for_the_only_worker_and_not_for_long(gale, probe):
    """Only the request that crashes it fails, however often that happens."""
    g = gale(app("own", probe), rollback="no")
    with g.connect() as c:
        for _ in range(5):
            assert c.request("POST", "/own/crash").status == 502
            assert c.request("POST", "/own").status == 200
    assert re.findall(r"delay_ms=(\d+)", g.stderr()) == ["100", "200", "400", "800", "1000"]


# ---- what is run again ----

def crashes_and_retries(g):
    metrics = g.metrics()
    return [metrics.get(f'{name}{{app="own"}}', 0)
            for name in ("gale_worker_crashes_total", "gale_isolated_retries_total")]


def test_what_the_watchdog_ended_is_not_run_again(gale, probe):
    """The request that spins costs one worker; one that happened to be there is run again."""
    g = gale(app("own", probe), stuck_timeout="1s")
    with g.connect() as other, g.connect() as c:
        other.send("GET /own/slow?ms=1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        assert c.request("GET", "/own/spin?ms=100000").status == 502
        assert other.response().status == 200
    assert "a request ran an isolated app's worker out of time or memory" in g.stderr()
    wait_for(lambda: crashes_and_retries(g)[0] == 1, "its report")
    assert g.get("/own").status == 200
    assert crashes_and_retries(g)[0] == 1


NO_MEMORY = {
    "c": (["-x", "c"], "gale_request_alloc(req, (size_t)1 << 60);"),
    "c++": (["-x", "c++", "-Wl,--no-as-needed", "-lstdc++"], "throw std::bad_alloc();"),
}


@pytest.mark.parametrize("language", NO_MEMORY)
def test_what_lacked_memory_is_not_run_again(gale, plugin, tmp_path, language):
    flags, die = NO_MEMORY[language]
    source = f"""
    #include <gale/gale.h>
    {"#include <new>" if language == "c++" else ""}
    static int serve(void *, struct gale_request *req, struct gale_response *res)
    {{
        if (gale_request_query(req, "die", "")[0])
            {die}
        return gale_reply(res, 200, "text/plain", "alive");
    }}
    GALE_PLUGIN(p) {{ p->name = "hungry"; p->serve = serve; }}
    """
    env = {"ASAN_OPTIONS": f"abort_on_error=1:allocator_may_return_null=1:log_path={tmp_path}/said"}
    g = gale(app("own", plugin(source, flags=flags)), env=env)
    assert g.get("/own?die=1").status == 502
    assert g.get("/own").status == 200
    wait_for(lambda: crashes_and_retries(g)[0], "its report")
    assert crashes_and_retries(g) == [1, 0]


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
