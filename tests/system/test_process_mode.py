"""Process mode: plugins that block, one request at a time in each of their own workers."""
import os
import signal
import threading
import time

import pytest

from harness import free_port, wait_for


class Clients:
    """Requests that run at the same time, and what came of them."""

    def __init__(self, g, paths):
        self.answers = {}
        self.threads = [threading.Thread(target=self._ask, args=(g, n, path))
                        for n, path in enumerate(paths)]
        for thread in self.threads:
            thread.start()

    def _ask(self, g, n, path):
        try:
            self.answers[n] = g.get(path)
        except (OSError, EOFError) as error:
            self.answers[n] = error

    def wait(self):
        for thread in self.threads:
            thread.join(60)
        return [self.answers[n] for n in sorted(self.answers)]


@pytest.fixture
def sleeper(gale, build, hello):
    def start(more="mode = process", **server):
        return gale(f"[app sleeper]\nmount = /sleeper\n{more}\n"
                    f"plugin = {(build / 'examples/sleeper.so').resolve()}\n\n"
                    f"[app hello]\nmount = /\nplugin = {hello}\n", **server)
    return start


def test_so_many_sleep_at_once_and_nobody_else_notices(sleeper):
    g = sleeper("mode = process\nisolate = 3")
    began = time.monotonic()
    clients = Clients(g, ["/sleeper?ms=1500"] * 3)
    time.sleep(0.3)
    for _ in range(20):
        asked = time.monotonic()
        assert g.get("/").text == "hello\n"
        assert time.monotonic() - asked < 1  # the sleepers have 1.2 s to go
    answers = clients.wait()
    took = time.monotonic() - began
    assert [a.status for a in answers] == [200] * 3
    assert len({a.text.split()[1] for a in answers}) == 3, "each in a process of its own"
    assert took < 3 * 1.5, "one after the other would take so long"


def test_those_who_wait_get_the_first_that_is_free(sleeper):
    g = sleeper("mode = process\nisolate = 2")
    long = Clients(g, ["/sleeper?ms=4000"])
    time.sleep(0.5)
    short = Clients(g, ["/sleeper?ms=50"] * 8).wait()
    if not long.answers:  # else this machine is too slow to say
        assert [a.status for a in short] == [200] * 8
        assert len({a.text.split()[1] for a in short}) == 1
    assert long.wait()[0].status == 200


def test_the_flag_is_enough_where_there_are_workers(sleeper):
    g = sleeper("isolate = 2")
    answers = Clients(g, ["/sleeper?ms=300"] * 4).wait()
    assert [a.status for a in answers] == [200] * 4
    assert len({a.text.split()[1] for a in answers}) == 2


def test_without_workers_of_its_own_it_is_told_what_to_write(gale, build):
    plugin = (build / "examples/sleeper.so").resolve()
    g = gale(f"[app sleeper]\nmount = /\nplugin = {plugin}\n", wait=False, name="alone")
    if g.wait() == 0:
        pytest.skip("every app has workers of its own in this run")
    assert "add mode = process to the app" in g.stderr()


@pytest.mark.parametrize("name", ["sleeper", "go/hello"])
def test_without_a_configuration_the_flag_is_enough(gale, build, name):
    g = gale(wait=False)
    g.stop()
    port = free_port()
    plugin = (build / "examples" / name).resolve().with_suffix(".so")
    g.start(args=["run", str(plugin), "--listen", f"127.0.0.1:{port}", "--control", g.control])
    g.wait_until_serving()
    assert g.request("GET", "/", address=("127.0.0.1", port)).status == 200


def test_gale_check_knows_it(sleeper):
    g = sleeper("mode = process")
    done = g.command("check", g.config)
    assert done.returncode == 0, done.stderr


def test_a_client_that_leaves_costs_one_worker_its_time(sleeper):
    g = sleeper("mode = process\nisolate = 1")
    with g.connect() as c:
        c.send("GET /sleeper?ms=700 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.2)
        c.reset()
    answer = g.get("/sleeper?ms=10")  # waits for the first to end
    assert answer.status == 200


def test_it_may_block_until_stuck_timeout_after_its_deadline(sleeper):
    g = sleeper("mode = process\nisolate = 1", stuck_timeout="1s")
    assert g.get("/sleeper?ms=3000").status == 200
    g = sleeper("mode = process\nisolate = 1\ndeadline = 1s", stuck_timeout="1s", name="strict")
    assert g.post("/sleeper?ms=25000").status == 502
    g.wait_for_log("what=stuck app=sleeper")
    assert 'request="POST /sleeper?ms=25000"' in g.stderr()
    assert g.get("/sleeper?ms=1").status == 200


def test_a_reload_lets_it_finish(sleeper):
    g = sleeper("mode = process\nisolate = 2")
    clients = Clients(g, ["/sleeper?ms=1500"] * 2)
    time.sleep(0.3)
    g.config.write_text(g.config.read_text().replace("isolate = 2", "isolate = 3"))
    assert g.reload().status == 200
    assert g.get("/sleeper?ms=1").status == 200
    assert [a.status for a in clients.wait()] == [200, 200]


def test_a_crash_is_for_its_own_request(sleeper):
    g = sleeper("mode = process\nisolate = 2")
    pid = int(g.get("/sleeper?ms=1").text.split()[1])
    clients = Clients(g, ["/sleeper?ms=1000"] * 2)
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    answers = clients.wait()
    assert 200 in [a.status for a in answers if hasattr(a, "status")]
    wait_for(lambda: len({g.get("/sleeper?ms=50").status}) == 1, "it to answer again")
    assert g.get("/").text == "hello\n"


def test_go(gale, build):
    go = (build / "examples/go/hello.so").resolve()
    g = gale(f"[app go]\nmount = /go\nmode = process\nisolate = 2\nplugin = {go}\n")
    assert g.get("/go?name=you").text == "hello, you, from Go\n"
    assert [a.text.split()[-1] for a in Clients(g, ["/go/slow"] * 6).wait()] == ["true"] * 6
    assert g.get("/go/wait").status == 200
    assert g.get("/go/panic").status == 500
    assert g.get("/go/none").status == 404
    g.wait_for_log("panic: as asked")


DEEP = r"""
#include <gale/gale.h>
#include <string.h>
static struct gale_app *mine;
static int ticks;
static void tick(void *data) { (void)data; while (gale_sleep(5) == 0) ticks++; }
static int open_it(struct gale_app *app, void **state)
{
    (void)state;
    mine = app;
    return gale_spawn(app, tick, 0);
}
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    char deep[4 * 1024 * 1024];
    struct gale_str body;
    (void)state;
    memset(deep, 'd', sizeof(deep));
    int before = ticks, r = gale_request_body(req, &body);
    if (r == 0)
        r = gale_sleep(100);
    if (r < 0)
        return r;
    return gale_reply(res, 200, "text/plain", "%c %zu %d", deep[77], body.len, ticks - before > 1);
}
GALE_PLUGIN(p) { p->name = "deep"; p->open = open_it; p->serve = serve; }
"""


def test_any_plugin_may_be_served_so(gale, plugin):
    """Waiting calls, bodies and background tasks go on; the stack is deep."""
    g = gale(f"[app deep]\nmount = /\nmode = process\nisolate = 2\nplugin = {plugin(DEEP)}\n")
    for size in (0, 10, 1_000_000):
        assert g.post("/", b"x" * size).text == f"d {size} 1"


def test_a_client_that_leaves_cancels_what_waits(gale, plugin):
    source = DEEP.replace("gale_sleep(100)", "gale_sleep(60000)").replace(
        "if (r < 0)", 'gale_log(mine, GALE_INFO, "slept: %d", r);\n    if (r < 0)')
    g = gale(f"[app deep]\nmount = /\nmode = process\nisolate = 1\nplugin = {plugin(source)}\n")
    with g.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.2)
        c.reset()
    g.wait_for_log("slept: -125")
