"""Apps with workers of their own: what their crashes, reloads and limits are to others."""
import os
import re
import signal
import socket
import threading
import time

import pytest

from harness import wait_for
from plugins import PROBE
from test_process import Load, pid_of


@pytest.fixture
def probe(plugin):
    return plugin(PROBE)


def app(name, path, *lines, isolate=1):
    """An [app] section at /NAME with workers of its own."""
    own = [f"isolate = {isolate}"] if isolate else []
    return "\n".join([f"[app {name}]", f"mount = /{name}", f"plugin = {path}", *own, *lines]) + "\n"


def workers(g, group=""):
    """The live workers of a group."""
    live = [x for x in g.status()["generations"]
            if x["group"] == group and x["state"] == "serving"]
    return [w["pid"] for x in live for w in x["workers"] if w["state"] == "serving"]


class KeepAlive(Load):
    """Load whose clients keep their connections; a broken one is a failure."""

    def _run(self):
        try:
            with self.g.connect() as c:
                while not self.stopping:
                    answer = c.request("GET", self.path)
                    self.answers.append(answer.text)
                    if answer.status != 200:
                        self.failures.append(repr(answer))
        except (OSError, EOFError) as error:
            self.failures.append(repr(error))


# ---- what it is ----

def test_it_runs_in_workers_of_its_own(gale, probe):
    g = gale(app("in", probe, isolate=0) + app("own", probe, isolate=2), workers=1)
    front, own = workers(g), workers(g, "own")
    assert len(front) == 1 and len(own) == 2
    assert pid_of(g.get("/in")) == front[0]
    assert pid_of(g.get("/own")) in own
    titles = {a["name"]: (a["adapter"], a["title"]) for a in g.status()["apps"]}
    assert titles == {"in": ("plugin", "probe"), "own": ("plugin", "probe")}
    page = g.command("status", g.config).stdout
    assert "own 1 serving" in page


def test_nobody_else_can_speak_to_its_workers(gale, probe):
    g = gale(app("own", probe))
    pid = workers(g, "own")[0]
    inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    with open("/proc/net/unix") as f:
        paths = [line.split()[7] for line in f
                 if len(line.split()) > 7 and f"socket:[{line.split()[6]}]" in inodes]
    # a listening socket whose path is gone: there is nothing left to connect to
    assert paths and not any(os.path.exists(path) for path in paths)


def test_the_access_log_and_the_metrics_count_once(gale, probe, tmp_path):
    log = tmp_path / "access"
    g = gale(app("own", probe), access_log=log)
    for _ in range(5):
        assert g.get("/own").status == 200
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) == 5, "five lines")
    assert g.metrics()['gale_requests_total{app="own",code="2xx"}'] == 5


# ---- crashes ----

def test_a_crash_is_a_502_for_its_own_request_only(gale, probe):
    g = gale(app("in", probe, isolate=0) + app("own", probe, isolate=2), workers=2)
    other, own = KeepAlive(g, path="/in"), KeepAlive(g, path="/own")
    own.wait_for(50)
    with g.connect() as c:
        for _ in range(3):
            assert c.request("POST", "/own/crash").status == 502
            assert c.request("GET", "/in").status == 200  # the same connection goes on
        # a safe request may be run again, and this one kills again
        assert c.request("GET", "/own/crash").status == 502
    other.wait_for(100)
    own.wait_for(50)
    assert other.stop() == []
    # what was in a worker that died was run again, unless that one died, too
    assert all("502" in failure for failure in own.stop())
    assert "of the app own was killed by SIGABRT" in g.stderr()


def test_kill_9_of_isolated_workers_under_load(gale, probe):
    g = gale(app("own", probe, isolate=2), workers=2)
    load = KeepAlive(g, clients=6, path="/own")
    for _ in range(5):
        load.wait_for(100)
        before = workers(g, "own")
        os.kill(before[0], signal.SIGKILL)
        wait_for(lambda: before[0] not in workers(g, "own") and len(workers(g, "own")) == 2,
                 "another one")
    load.wait_for(100)
    assert load.stop() == []  # all of them safe, so all of them were run again
    os.kill(workers(g, "own")[0], signal.SIGKILL)  # idle, and still that app's
    wait_for(lambda: g.metrics()['gale_worker_crashes_total{app="own"}'] == 6, "its crash")
    assert "app=-" not in g.stderr()
    assert re.search(r"what=SIGKILL app=own at=- request=- id=- ", g.stderr())


def test_a_worker_that_dies_within_an_answer_cuts_it(gale, plugin):
    source = r"""
    #include <gale/gale.h>
    #include <stdlib.h>
    static int serve(void *state, struct gale_request *req, struct gale_response *res)
    {
        (void)state; (void)req;
        gale_response_puts(res, "the beginning");
        gale_response_flush(res);
        gale_sleep(100);
        abort();
    }
    GALE_PLUGIN(p) { p->name = "half"; p->serve = serve; }
    """
    g = gale(app("own", plugin(source)))
    with g.connect() as c:
        c.send("GET /own HTTP/1.1\r\nHost: x\r\n\r\n")
        c.until(b"the beginning")
        assert not c.rest().endswith(b"0\r\n\r\n")


def test_without_any_worker_requests_are_told_to_come_again(gale, probe):
    g = gale(app("own", probe, "queue_timeout = 1s"))
    pid = workers(g, "own")[0]
    os.kill(pid, signal.SIGSTOP)  # nothing answers, nothing accepts
    try:
        with g.connect() as c:
            c.send("GET /own HTTP/1.1\r\nHost: x\r\n\r\n")
            os.kill(pid, signal.SIGKILL)
            assert c.response().status == 200  # by the next one
    finally:
        pass
    wait_for(lambda: len(workers(g, "own")) == 1, "another worker")


# ---- reloads ----

def test_a_reload_restarts_only_what_changed(gale, plugin, probe, tmp_path):
    own = plugin(PROBE, to=tmp_path / "own.so")
    apps = app("in", probe, isolate=0) + app("own", own) + app("other", probe)
    g = gale(apps)
    before = {name: workers(g, name) for name in ("", "own", "other")}
    # nothing has changed: a reload is one of the front
    assert g.reload().status == 200
    assert workers(g, "own") == before["own"] and workers(g, "other") == before["other"]
    assert workers(g) != before[""]
    # its file has: the front and the other one go on
    front = workers(g)
    with g.connect() as c:
        assert c.request("GET", "/in").status == 200
        plugin(PROBE + "int changed;\n", to=own)
        answer = g.reload()
        assert answer.status == 200 and answer.json()["generation"] == 3
        assert c.request("GET", "/in").status == 200
        assert c.request("GET", "/own").status == 200
    assert workers(g) == front and workers(g, "other") == before["other"]
    assert workers(g, "own") != before["own"]
    # its section has
    now = workers(g, "own")
    g.configure(apps.replace("[app own]", "[app own]\nset version = 2"))
    assert g.reload().status == 200
    assert "version 2" in g.get("/own").text
    assert workers(g, "own") != now and workers(g) == front
    # it is gone, and so is its group once nobody needs it
    g.configure(app("in", probe, isolate=0) + app("other", probe))
    assert g.reload().status == 200
    assert g.get("/own").status == 404
    wait_for(lambda: not [x for x in g.status()["generations"] if x["group"] == "own"], "its end")
    assert workers(g, "other") == before["other"]


def test_reloads_under_load_fail_no_request(gale, plugin, tmp_path):
    own = plugin(PROBE, to=tmp_path / "own.so")
    g = gale(app("own", own, isolate=2), workers=2)
    front = workers(g)
    load, posts = KeepAlive(g, clients=6, path="/own"), []
    stop = threading.Event()

    def post():
        with g.connect() as c:
            while not stop.is_set():
                posts.append(c.request("POST", "/own", body="x").status)

    thread = threading.Thread(target=post)
    thread.start()
    for n in range(15):
        load.wait_for(30)
        plugin(PROBE + f"int changed_{n};\n", to=own)
        assert g.reload().status == 200
    load.wait_for(100)
    stop.set()
    thread.join()
    assert load.stop() == []
    assert set(posts) == {200}
    assert workers(g) == front


def test_one_that_does_not_open_refuses_the_reload(gale, plugin, probe, tmp_path):
    apps = app("in", probe, isolate=0) + app("own", probe)
    g = gale(apps)
    before = workers(g), workers(g, "own")
    g.configure(apps.replace("[app own]", "[app own]\nset open = fail")
                + app("more", probe))
    answer = g.reload()
    assert answer.status == 409 and "the database is not there" in answer.json()["text"]
    assert (workers(g), workers(g, "own")) == before
    wait_for(lambda: len(g.members()) == 2, "what was started to end")
    assert g.reload().status == 409
    g.configure(apps)
    assert g.reload().status == 200


def test_a_stop_lets_requests_to_isolated_apps_end(gale, probe):
    g = gale(app("own", probe), drain_timeout="20s")
    with g.connect() as c:
        c.send("GET /own/slow?ms=800 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.kill(signal.SIGQUIT)
        assert c.response().status == 200
    assert g.wait() == 0


# ---- bodies ----

STREAM = r"""
#include <gale/gale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static char block[65536];

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    const char *path = gale_request_below(req).at;
    long long total = 0, want = atoll(gale_request_query(req, "bytes", "0"));
    ssize_t n = 0;
    if (strcmp(path, "/down") == 0) {
        while (total < want && gale_response_write(res, block, sizeof(block)) == 0)
            total += sizeof(block);
        return 0;
    }
    while ((n = gale_request_read(req, block, sizeof(block))) > 0)
        total += n;
    return n < 0 ? (int)n : gale_reply(res, 200, "text/plain", "%lld\n", total);
}
GALE_PLUGIN(p) { p->name = "stream"; p->serve = serve; }
"""


def memory_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def test_a_gigabyte_each_way_in_little_memory(gale, plugin):
    size = 1 << 30
    g = gale(app("own", plugin(STREAM), "max_body = 2G"))
    pids = workers(g) + workers(g, "own")
    before = [memory_of(pid) for pid in pids]
    with g.connect() as c:
        c.send(f"GET /own/down?bytes={size} HTTP/1.1\r\nHost: x\r\n\r\n")
        c.until(b"\r\n\r\n")
        c.buffer, got, buffer = b"", 0, bytearray(1 << 20)
        while got < size:
            n = c.socket.recv_into(buffer)
            assert n
            got += n
    with g.connect() as c:
        c.send(f"POST /own/up HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n")
        block = bytes(1 << 20)
        for _ in range(size >> 20):
            c.send(block)
        assert c.response().text == f"{size}\n"
    after = [memory_of(pid) for pid in pids]
    limit = 64 * 1024 if "asan" in str(g.build) else 8 * 1024
    assert all(b - a < limit for a, b in zip(before, after)), (before, after)


def test_a_slow_reader_holds_nobody_up(gale, plugin):
    g = gale(app("own", plugin(STREAM)), write_timeout="30s")
    with g.connect() as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.send("GET /own/down?bytes=100000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        slow.until(b"\r\n\r\n")
        for _ in range(20):
            assert g.get("/own/up").status == 200


def test_a_client_that_leaves_ends_its_request(gale, probe):
    g = gale(app("own", probe))
    with g.connect() as c:
        c.send("GET /own/slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        c.reset()
    g.wait_for_running(0)


def test_upgrades_are_refused_alike(gale, probe):
    g = gale(app("in", probe, isolate=0) + app("own", probe))
    fields = {"Connection": "Upgrade", "Upgrade": "websocket",
              "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==", "Sec-WebSocket-Version": "13"}
    with g.connect() as a, g.connect() as b:
        here, there = a.request("GET", "/in", fields), b.request("GET", "/own", fields)
        assert here.status == there.status
        names = [[n for n, _ in x.headers if n != "Date"] for x in (here, there)]
        assert names[0] == names[1]
        assert a.request("GET", "/in").status == b.request("GET", "/own").status == 200


def test_a_decline_goes_to_the_next_app(gale, plugin, hello, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page").write_text("a page\n")
    g = gale("[app first]\nmount = /\nplugin = files\nisolate = 1\nset missing = decline\n"
             f"set root = {tmp_path / 'site'}\n"
             f"[app second]\nmount = /\nplugin = {hello}\nisolate = 1\n")
    assert g.get("/page").text == "a page\n"
    assert g.get("/none").text == "hello\n"


# ---- who it is and what it may do ----

@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_of_its_own(gale, probe):
    g = gale(app("in", probe, isolate=0) + app("own", probe, "user = nobody", isolate=0))
    uid = [int(n) for n in g.get("/own/uid").text.split()]
    assert uid[0] == 65534 and uid[1] == 65534
    assert g.get("/in/uid").text.split()[0] == "0"
    assert len(workers(g, "own")) == 1


CONFINED = r"""
#include <gale/gale.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    const char *path = gale_request_query(req, "path", "/");
    int flags = gale_request_query(req, "write", NULL) ? O_WRONLY | O_CREAT : O_RDONLY;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    int fd = open(path, flags | O_CLOEXEC, 0600), error = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return gale_reply(res, 200, "text/plain", "%s %d %ld %s\n", error ? strerror(error) : "fine",
                      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), (long)files.rlim_cur,
                      getenv("APP_ENV") ? getenv("APP_ENV") : "-");
}
GALE_PLUGIN(p) { p->name = "confined"; p->serve = serve; }
"""


def test_limits_environment_and_folders(gale, plugin, tmp_path):
    for name in ("data", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    g = gale(app("own", plugin(CONFINED), "env = APP_ENV production", "files = 200",
                 f"read = {tmp_path / 'other'}", f"write = {tmp_path / 'data'}"))

    def says(path, write=False):
        return g.get(f"/own?path={path}" + ("&write=1" if write else "")).text

    assert says("/etc/passwd") == "fine 1 200 production\n"
    if "no Landlock" in g.stderr():
        pytest.skip("this kernel has no Landlock")
    assert says(tmp_path / "data" / "new", write=True).startswith("fine")
    assert says(tmp_path / "other" / "file").startswith("fine")
    assert says(tmp_path / "other" / "new", write=True).startswith("Permission denied")
    assert says("/root").startswith("Permission denied")
    assert says(tmp_path).startswith("Permission denied")


def test_a_queue_that_is_full_is_told(gale, probe):
    g = gale(app("own", probe, "connections = 1", "queue = 1"))
    held = [g.connect() for _ in range(2)]
    held[0].send("GET /own/slow?ms=1500 HTTP/1.1\r\nHost: x\r\n\r\n")
    g.wait_for_running(1)
    held[1].send("GET /own HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for(lambda: g.metrics()['gale_isolated_requests_waiting{app="own"}'] == 1, "one to wait")
    refused = g.get("/own")
    assert refused.status == 503 and refused.header("Retry-After") == "1"
    assert [c.response().status for c in held] == [200, 200]
    for c in held:
        c.close()


def test_programs_of_an_isolated_cgi_app_send_clients_to_others(gale, probe, tmp_path):
    program = tmp_path / "elsewhere"
    program.write_text("#!/bin/sh\nprintf 'X-Accel-Redirect: /in?from=%s\\nX-Kept: yes\\n\\n' "
                       "\"$REQUEST_METHOD\"\n")
    program.chmod(0o755)
    g = gale(app("in", probe, isolate=0)
             + f"[app tools]\nmount = /tools\ncgi = {program}\nisolate = 1\n")
    assert pid_of(g.get("/tools")) == workers(g)[0]
    assert pid_of(g.post("/tools", b"x")) == workers(g)[0]


# ---- process mode ----

def ask_at_once(g, path, count):
    """(status, text, seconds) of so many requests at the same time."""
    answers = []

    def ask():
        began = time.monotonic()
        answer = g.get(path)
        answers.append((answer.status, answer.text, time.monotonic() - began))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("how", ["mode = process", ""])
def test_code_that_blocks_serves_as_many_as_it_has_workers(gale, build, hello, how):
    # the plugin itself says that it blocks, so `mode` may be left out
    g = gale(app("own", build / "examples" / "sleeper.so", how, isolate=3)
             + app("in", hello, isolate=0), workers=2)
    answers = ask_at_once(g, "/own?ms=700", 3)
    assert [status for status, _, _ in answers] == [200] * 3
    assert len({text.split()[1] for _, text, _ in answers}) == 3  # a process each
    assert max(seconds for _, _, seconds in answers) < 30
    held = threading.Thread(target=lambda: [g.get("/own?ms=300") for _ in range(3)])
    held.start()
    while held.is_alive():
        assert g.get("/in").status == 200
    held.join()
    # more than there are workers wait their turn
    assert [s for s, _, _ in ask_at_once(g, "/own?ms=50", 12)] == [200] * 12


def test_a_full_queue_in_process_mode(gale, build):
    g = gale(app("own", build / "examples" / "sleeper.so", "mode = process", "queue = 1",
                 isolate=1))
    statuses = sorted(s for s, _, _ in ask_at_once(g, "/own?ms=1000", 4))
    assert statuses == [200, 200, 503, 503]


def test_process_mode_under_load_reload_and_kill(gale, plugin, tmp_path):
    own = plugin(PROBE, to=tmp_path / "own.so")
    g = gale(app("own", own, "mode = process", isolate=2), workers=2)
    load = KeepAlive(g, clients=6, path="/own")
    for n in range(8):
        load.wait_for(50)
        if n % 2:
            plugin(PROBE, to=own)
            assert g.reload().status == 200
        else:
            os.kill(workers(g, "own")[0], signal.SIGKILL)
            wait_for(lambda: len(workers(g, "own")) == 2, "another one")
    load.wait_for(50)
    assert load.stop() == []


def test_a_plugin_that_blocks_needs_workers_of_its_own(gale, build):
    g = gale(app("own", build / "examples" / "sleeper.so", isolate=0), wait=False)
    assert g.wait() == 1
    assert "add mode = process" in g.stderr()
