"""The system calls that requests cost a worker, as strace sees them (docs/performance.md says why
each is made)."""
import contextlib
import re
import subprocess
from collections import Counter

import pytest

from harness import wait_for
from probes import request

HELLO = r"""
#include <gale/gale.h>

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    return gale_reply(res, 200, "text/plain", "hello, %s\n", gale_request_query(req, "name", "you"));
}

GALE_PLUGIN(p) { p->name = "hello"; p->serve = serve; }
"""
REQUESTS = 200
MISSED = 2  # what may pass before strace looks at each call
OTHERS = 20  # what the worker does meanwhile by itself: looks at its memory, its heartbeat's turns


@pytest.fixture
def hello(gale, plugin, tmp_path):
    apps = f"[app hello]\nisolate = 0\nmount = /\nplugin = {plugin(HELLO)}"
    return gale(apps, access_log=tmp_path / "access.log")


@contextlib.contextmanager
def traced(pid, folder):
    """Counts the calls of the process into the Counter that is handed out."""
    calls, path = Counter(), folder / "calls"
    strace = subprocess.Popen(["strace", "-qq", "-o", str(path), "-p", str(pid)],
                              stderr=subprocess.PIPE)
    try:
        wait_for(lambda: tracer_of(pid) == strace.pid, "strace to be attached")
        yield calls
    finally:
        strace.terminate()
        strace.communicate()
    calls.update(re.findall(r"^(\w+)\(", path.read_text(), re.M))


def tracer_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^TracerPid:\s*(\d+)", f.read(), re.M).group(1))


def others(calls, *names):
    return {name: n for name, n in calls.items() if name not in names and n > OTHERS}


def test_a_kept_request(hello, tmp_path):
    """One to learn of it, one to read, one to answer, one to log; nothing to watch anew."""
    with hello.connect() as c:
        c.send(request("/"))
        assert c.response().body == b"hello, you\n"
        with traced(hello.workers()[0]["pid"], tmp_path) as calls:
            for _ in range(REQUESTS):
                c.send(request("/"))
                assert c.response().status == 200
    for name in ("recvfrom", "sendto"):
        assert REQUESTS - MISSED <= calls[name] <= REQUESTS
    assert REQUESTS - MISSED <= calls["epoll_wait"] <= REQUESTS + OTHERS
    assert calls["write"] <= REQUESTS + OTHERS
    assert not others(calls, "recvfrom", "sendto", "epoll_wait", "write")


def test_pipelined_requests(hello, tmp_path):
    """Ten that came together are read once, answered once and logged once."""
    with hello.connect() as c:
        c.send(request("/"))
        assert c.response().status == 200
        with traced(hello.workers()[0]["pid"], tmp_path) as calls:
            for _ in range(REQUESTS // 10):
                c.send(request("/") * 10)
                for _ in range(10):
                    assert c.response().status == 200
    assert REQUESTS // 10 - MISSED <= calls["sendto"] <= REQUESTS // 10
    assert calls["recvfrom"] <= REQUESTS // 10 + OTHERS
    assert not others(calls, "epoll_wait")
