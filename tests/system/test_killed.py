"""kill -9 of every kind of process that gale has, under load: what was in it is lost, and no more;
another takes its place; nothing is left behind."""
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from developing import Project, compiler, source
from harness import is_alive, wait_for
from plugins import PROBE, probe_app
from test_upgrade import installed, script  # noqa: F401: fixture

CLIENTS = 8


@pytest.fixture
def probe(plugin):
    return plugin(PROBE)


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def line_of(pid):
    """The command line of a process; "" when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def running(g, what):
    """Members of the instance whose command line has that."""
    return [pid for pid in g.members() if what in line_of(pid) and is_alive(pid)]


def everything(build, probe, folder):
    """An app of each kind at a path of its own."""
    program = folder / "cgi-program"
    program.write_text("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec sleep 0.05\n")
    program.chmod(0o755)
    return (f"[app in]\nmount = /in\nplugin = {probe}\nisolate = 0\n"
            f"[app own]\nmount = /own\nplugin = {probe}\nisolate = 2\n"
            f"[app tools]\nmount = /tools\ncgi = {program}\n"
            f"[app counter]\nmount = /counter\nfastcgi = spawn\nprocesses = 2\n"
            f"command = {build}/examples/fastcgi/counter\n")


# ---- under load ----

class Wrk:
    """wrk with keep-alive on one path; failures() ends it."""

    def __init__(self, g, path):
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{CLIENTS}", "-d60s", "--timeout", "20s",
             f"http://127.0.0.1:{g.port}{path}"], stdout=subprocess.PIPE, text=True)

    def failures(self):
        """(requests, broken connections, answers that are no 2xx)."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate()[0]
        broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
        wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        total = int(re.search(r"(\d+) requests in", said)[1])
        return total, sum(map(int, broken.groups())) if broken else 0, int(wrong[1] if wrong else 0)


PATHS = {"/in": "in", "/own": "own", "/tools": "tools", "/counter": "counter"}


@pytest.fixture
def load():
    """load(g): wrk at each path, once all of them have been answered some."""
    started = {}

    def start(g):
        started.update({path: Wrk(g, path) for path in PATHS})
        for app in PATHS.values():
            wait_for(lambda: g.metrics().get(f'gale_requests_total{{app="{app}",code="2xx"}}', 0)
                     > 20, f"answers of {app}")
        return started
    yield start
    for wrk in started.values():
        wrk.process.kill()
        wrk.process.wait()


# role -> (how its processes are found, how many there are; None: they come and go)
ROLES = {
    "front": (lambda g: [w["pid"] for x in g.status()["generations"] if not x["group"]
                         for w in x["workers"] if w["state"] == "serving"], 2),
    "isolated": (lambda g: [w["pid"] for x in g.status()["generations"] if x["group"]
                            for w in x["workers"] if w["state"] == "serving"], 2),
    "server": (lambda g: running(g, "fastcgi/counter"), 2),
    "program": (lambda g: running(g, "sleep 0.05"), None),
}


def test_each_role_under_load(gale, build, probe, load, tmp_path):
    g = gale(everything(build, probe, tmp_path), workers=2)
    times = 3
    loads = load(g)
    for _ in range(times):
        for find, count in ROLES.values():
            victim = wait_for(lambda: find(g), "a process to kill")[0]
            try:
                kill(victim)
            except ProcessLookupError:
                continue  # a program that was faster
            wait_for(lambda: victim not in find(g) and (not count or len(find(g)) == count),
                     "another one")
    failed = {path: wrk.failures() for path, wrk in loads.items()}
    for path, (total, broken, wrong) in failed.items():
        assert total > 0, failed
        # a front's worker takes the connections that it has with it
        assert broken <= times * CLIENTS, failed
        # /own is asked again of another worker; programs and servers have one request each
        assert wrong <= (0 if path == "/in" else times), failed
    for path in PATHS:
        assert g.get(path).status == 200
    assert len(g.wait_for_workers(4)) == 4
    wait_for(lambda: len(g.members()) == 4 + 2, "programs to end")


def test_the_master_under_load(gale, build, probe, load, tmp_path):
    """Requests that run end, nothing is left, and the next gale finds its address free."""
    g = gale(everything(build, probe, tmp_path), workers=2, drain_timeout="10s")
    loads = load(g)
    with g.connect() as c, g.connect() as d:
        c.send("GET /in/slow?ms=700 HTTP/1.1\r\nHost: x\r\n\r\n")
        d.send("GET /own/slow?ms=700 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(2)
        g.kill(signal.SIGKILL)
        assert c.response().status == d.response().status == 200
    g.wait()
    wait_for(lambda: not g.members(), "all processes to end")
    for wrk in loads.values():
        wrk.process.kill()
    g.start()
    g.wait_until_serving()
    for path in PATHS:
        assert g.get(path).status == 200


# ---- while something is going on ----

def test_workers_end_when_the_master_is_killed(gale, probe):
    g = gale(probe_app(probe), workers=2, drain_timeout="20s")
    pids = [w["pid"] for w in g.workers()]
    with g.connect() as c:
        c.send("GET /slow?ms=800 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.kill(signal.SIGKILL)
        assert c.response().status == 200
    wait_for(lambda: not any(is_alive(pid) for pid in pids), "the workers to end")
    g.wait()
    assert "the master is gone" in g.stderr()
    g.start()
    g.wait_until_serving()
    assert g.get().status == 200


def test_a_stuck_worker_ends_with_a_master_that_is_killed(gale, probe):
    """It sees nothing, and nobody watches over it: it must not keep the address for ever."""
    g = gale(probe_app(probe), workers=2, drain_timeout="200ms", loop_warn="0s")
    pids = [w["pid"] for w in g.workers()]
    with g.connect() as c:
        c.send("GET /block HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: max(w["heartbeat_ms"] for w in g.workers()) > 300, "one worker to hang")
        g.kill(signal.SIGKILL)
        wait_for(lambda: not any(is_alive(pid) for pid in pids), "the workers to end")
    g.wait()
    g.start()
    g.wait_until_serving()
    assert g.get().status == 200


def test_a_worker_in_open_ends_with_the_master(gale, probe):
    g = gale(probe_app(probe, open="hang"), wait=False)
    wait_for(lambda: g.members() and g.try_status(), "a worker")
    g.kill(signal.SIGKILL)
    g.wait()
    wait_for(lambda: not g.members(), "the worker to end")
    os.unlink(g.control)


@pytest.mark.parametrize("place", [0, 1])
def test_a_worker_that_is_not_ready(gale, plugin, probe, tmp_path, place):
    """The canary, or one of those that follow it."""
    hangs = plugin("#include <stdio.h>\n" + PROBE.replace(
        "const char *mode =", f'if (access("{tmp_path}/first", F_OK) == {-1 if place == 0 else 0})\n'
        "        for (;;) pause();\n"
        f'    fclose(fopen("{tmp_path}/first", "w"));\n    const char *mode ='))
    g = gale(probe_app(probe), workers=2)
    before = [w["pid"] for w in g.workers()]
    g.configure(probe_app(hangs), workers=2)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(g.reload()))
    thread.start()
    victim = wait_for(lambda: [w["pid"] for w in g.workers(None)
                               if w["state"] == "starting" and w["place"] == place], "it")[0]
    kill(victim)
    thread.join()
    assert answers[0].status == 409 and "was killed by SIGKILL" in answers[0].json()["text"]
    assert [w["pid"] for w in g.workers()] == before and g.get().status == 200
    wait_for(lambda: len(g.members()) == 2, "the others of that generation to end")


def test_the_master_while_it_reloads(gale, probe):
    g = gale(probe_app(probe), workers=2)
    g.configure(probe_app(probe, open="hang"), workers=2)
    g.kill(signal.SIGHUP)
    wait_for(lambda: g.status()["reload"]["running"] and len(g.members()) == 3, "the reload")
    g.kill(signal.SIGKILL)
    g.wait()
    wait_for(lambda: not g.members(), "all processes to end")
    g.configure(probe_app(probe))
    g.start()
    g.wait_until_serving()
    assert g.get().status == 200


def test_a_program_on_trial(installed, probe):
    g = installed(probe_app(probe))
    before = g.workers()[0]["pid"]
    script(g, "import time; time.sleep(1000)")
    said = subprocess.Popen([g.original, "upgrade", "--control", g.control], text=True,
                            stderr=subprocess.PIPE)
    kill(wait_for(lambda: running(g, "script") or running(g, str(g.program)), "the trial")[0])
    assert "everything stays as it was" in said.communicate()[1]
    assert said.returncode == 1
    assert g.workers()[0]["pid"] == before and g.get().status == 200


# ---- gale dev ----

@pytest.fixture
def project(gale, tmp_path):
    return Project(gale, tmp_path)


def test_what_gale_dev_runs(project):
    """The compiler, the plugin's worker, the front's worker."""
    cc = compiler(project.folder, 'grep -q HANG hello.c && exec sleep 1000\nexec cc "$@"\n')
    project.save(source("one"))
    g = project.start(env={"CC": cc})
    project.wait_for("<h1>one</h1>")
    for pid in [w["pid"] for w in g.workers()]:
        kill(pid)
        g.wait_for_workers(2, without=[pid])
        project.wait_for("<h1>one</h1>")
    project.save(source("HANG"))
    kill(wait_for(lambda: running(g, "sleep 1000"), "the compiler")[0])
    project.wait_for("does not build")
    project.save(source("two"))
    project.wait_for("<h1>two</h1>")


def test_gale_dev_itself(project):
    cc = compiler(project.folder, 'grep -q HANG hello.c && exec sleep 1000\nexec cc "$@"\n')
    project.save(source("one"))
    g = project.start(env={"CC": cc})
    project.wait_for("<h1>one</h1>")
    project.save(source("HANG"))
    wait_for(lambda: running(g, "sleep 1000"), "the compiler")
    g.kill(signal.SIGKILL)
    g.wait()
    wait_for(lambda: not g.members(), "all processes to end")
    project.save(source("two"))
    project.start()
    project.wait_for("<h1>two</h1>")
