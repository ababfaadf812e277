"""Descriptors, disk, processes and memory run out: what is affected is refused with a 503, the log
says so once in a while, and when there is room again all goes on in the same workers."""
import os
import re
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from harness import is_alive, wait_for
from plugins import PROBE, probe_app
from shortages import (AS_USER, FORM, GREEDY, fill, form, limit_processes,
                       processes_of_user, small_disk)
from test_isolation import KeepAlive
from test_process import pid_of

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems, changes users")


@pytest.fixture
def greedy(plugin):
    return plugin(GREEDY)


def greedy_app(path, *lines):
    return "\n".join(["[app greedy]", "mount = /greedy", f"plugin = {path}", *lines, ""])


def program(folder, text):
    path = folder / "program"
    path.write_text("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n" + text)
    path.chmod(0o755)
    return f"[app tools]\nmount = /cgi\ncgi = {path}\n"


def pids(g):
    return [w["pid"] for w in g.workers()]


# ---- descriptors ----

PATHS = ["/site/page", "/cgi", "/fcgi", "/own", "/greedy/thread", "/greedy/form"]


class Clients:
    """A connection for each path, opened while there were descriptors."""

    def __init__(self, g):
        self.connections = {path: g.connect() for path in PATHS}

    def __enter__(self):
        assert set(self.ask().values()) == {200}
        return self

    def __exit__(self, *_):
        for c in self.connections.values():
            c.close()

    def _ask(self, path):
        c, is_form = self.connections[path], path.endswith("form")
        answer = (c.request("POST", path, FORM, form(100000)) if is_form
                  else c.request("GET", path))
        if answer.status == 503 and is_form:  # gale did not read it to its end
            assert answer.header("Connection") == "close"
            c.close()
        return answer.status

    def ask(self):
        return {path: self._ask(path) for path in PATHS}


def test_each_kind_of_app_without_descriptors(gale, build, greedy, hello, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page").write_text("a page\n" * 10000)
    g = gale(greedy_app(greedy, "form_memory = 1K") + program(tmp_path, "echo here\n")
             + f"[app site]\nmount = /site\nplugin = files\nset root = {tmp_path / 'site'}\n"
             + f"[app counter]\nmount = /fcgi\nfastcgi = spawn\n"
             + f"command = {build}/examples/fastcgi/counter\n"
             + f"[app own]\nmount = /own\nplugin = {hello}\nisolate = 1\n", workers=1,
             descriptors=200)
    before = pids(g)
    for left in range(7):
        with g.connect() as c, Clients(g) as clients:
            c.request("GET", f"/greedy/take?left={left}")
            asked = clients.ask()
            assert set(asked.values()) <= {200, 503}, asked
            assert left > 0 or 503 in asked.values()
            assert asked["/own"] == asked["/greedy/thread"] == 200  # they need none
            c.request("GET", "/greedy/give")
            with Clients(g):
                pass
    assert pids(g) == before


def test_a_flood_of_failures_is_not_one_of_lines(gale, greedy, tmp_path):
    g = gale(greedy_app(greedy) + program(tmp_path, "echo here\n"), workers=1, descriptors=200)
    with g.connect() as c:
        c.request("GET", "/greedy/take")
        for _ in range(300):
            assert c.request("GET", "/cgi").status == 503
        assert c.request("GET", "/greedy/give").status == 200
        assert c.request("GET", "/cgi").status == 200
    assert 1 <= g.stderr().count("EMFILE") <= 40  # ten in ten seconds, on a slow machine


@pytest.mark.parametrize("left", range(0, 50, 7))
def test_the_master_without_descriptors(gale, plugin, left):
    """Reloads are refused, workers serve on, and dead ones come back when there is room."""
    g = gale(probe_app(plugin(PROBE)), workers=2)
    limit = resource.prlimit(g.pid, resource.RLIMIT_NOFILE)
    with g.connect() as c:
        stays = pid_of(c.request())
        dies = next(pid for pid in pids(g) if pid != stays)
        held = len(os.listdir(f"/proc/{g.pid}/fd"))
        resource.prlimit(g.pid, resource.RLIMIT_NOFILE, (held + left, limit[1]))
        os.kill(dies, signal.SIGKILL)
        g.kill(signal.SIGHUP)
        wait_for(lambda: not is_alive(dies), "the end of a worker")
        for _ in range(50):
            assert c.request().status == 200
    resource.prlimit(g.pid, resource.RLIMIT_NOFILE, limit)
    g.wait_for_workers(2, without=[dies])
    wait_for(lambda: g.reload().status == 200, "a reload")
    assert g.get().status == 200


# ---- disk ----

@needs_root
def test_logs_on_a_full_disk(gale, plugin, tmp_path):
    """Requests are served, lines wait for room as far as there is memory for them, what was lost is
    counted; no line is torn."""
    with small_disk(tmp_path / "logs") as logs:
        access, errors = logs / "access.log", logs / "error.log"
        g = gale(probe_app(plugin(PROBE)), workers=1, access_log=access, error_log=errors)
        before = pids(g)
        filler = fill(logs)
        with g.connect() as c:
            for n in range(3000):
                assert c.request("GET", f"/?full={n}").status == 200
            filler.unlink()
            for n in range(100):
                assert c.request("GET", f"/?room={n}").status == 200
        wait_for(lambda: "room=99" in access.read_text(), "the log to go on")
        lines = access.read_text().splitlines()
        line = re.compile(r'127\.0\.0\.1 - - \[.*\] "GET /\?(full|room)=(\d+) HTTP/1\.1" 200 .*')
        found = [line.fullmatch(text) for text in lines]
        assert all(found), [text for text, m in zip(lines, found) if not m]
        assert sum(m[1] == "room" for m in found) == 100
        lost = g.metrics()["gale_access_log_dropped_total"]
        assert lost > 1000 and len(lines) + lost == 3100
        assert "lines of the access log were dropped" in errors.read_text()
        assert errors.read_text().count("ENOSPC") < 5
        assert pids(g) == before
        g.stop()


@needs_root
def test_uploads_on_a_full_disk(gale, greedy, tmp_path):
    with small_disk(tmp_path / "tmp") as folder:
        g = gale(greedy_app(greedy, "form_memory = 1K"), env={"TMPDIR": str(folder)})
        before = pids(g)
        filler = fill(folder)
        for _ in range(50):
            assert g.post("/greedy/form", form(100000), FORM).status == 503
            assert g.get("/greedy").status == 200
        filler.unlink()
        assert g.post("/greedy/form", form(100000), FORM).text == "100000\n"
        assert g.post("/greedy/form", form(1000000), FORM).status == 503
        assert g.post("/greedy/form", form(100000), FORM).text == "100000\n"
        assert pids(g) == before
        assert 1 <= g.stderr().count("ENOSPC") <= 40
        g.stop()


@needs_root
def test_answers_for_slow_readers_on_a_full_disk(gale, tmp_path):
    """What finds no room in the file waits in the program: no answer is cut."""
    with small_disk(tmp_path / "tmp") as folder:
        g = gale(program(tmp_path, "head -c 10000000 /dev/zero\n") + "buffer = 8M\n", workers=1,
                 env={"TMPDIR": str(folder)})
        for filler in (fill(folder), None):
            with g.connect() as c:
                c.send("GET /cgi HTTP/1.1\r\nHost: x\r\n\r\n")
                wait_for(lambda: g.stderr().count("no room to keep an answer") >= 1, "the warning")
                assert len(c.response().body) == 10000000
            if filler:
                filler.unlink()
        assert g.stderr().count("no room to keep an answer") <= 40
        g.stop()


@needs_root
def test_copies_on_a_full_disk(gale, plugin, tmp_path):
    """There is memory in its place; without that, too, a reload is refused and leaves nothing."""
    path = tmp_path / "probe.so"
    plugin(PROBE, to=path)
    with small_disk(tmp_path / "state", "64k") as state:
        g = gale(probe_app(path), workers=1, state=state)
        filler = fill(state)
        left = sorted(state.rglob("*"))
        plugin(PROBE + "int second;\n", to=path)
        assert g.reload().status == 200
        assert "copied to memory" in g.stderr()
        before = pids(g)
        plugin(PROBE + "int third;\n", to=path)
        subprocess.run(["prlimit", "--pid", str(g.pid), "--fsize=4096:"], check=True)
        answer = g.reload()
        assert answer.status == 409
        assert re.search(r"EFBIG|File too large|ENOSPC|No space", answer.json()["text"]), answer
        assert pids(g) == before and g.get().status == 200
        assert len(sorted(state.rglob("*"))) <= len(left)
        subprocess.run(["prlimit", "--pid", str(g.pid), "--fsize=unlimited:"], check=True)
        filler.unlink()
        assert g.reload().status == 200
        assert pids(g) != before
        g.stop()


def test_the_limit_of_a_files_size_is_like_a_full_disk(gale, plugin, tmp_path):
    access = tmp_path / "access.log"
    g = gale(probe_app(plugin(PROBE)), workers=1, access_log=access)
    before = pids(g)
    for pid in [g.pid, *before]:
        subprocess.run(["prlimit", "--pid", str(pid), "--fsize=2000:"], check=True)
    with g.connect() as c:
        for n in range(200):
            assert c.request("GET", f"/?n={n}").status == 200
    assert access.stat().st_size <= 2000
    assert pids(g) == before


# ---- processes ----

@pytest.fixture
def counted(gale, tmp_path):
    """A gale that runs as a user of its own, whose processes can be limited."""
    def start(apps, **server):
        g = gale(apps, wait=False, args=["version"], **server)
        g.wait()
        tmp_path.chmod(0o777)
        g.config.chmod(0o644)
        g.start(launcher=AS_USER)
        g.wait_until_serving()
        return g
    return start


@needs_root
def test_no_process_more(counted, plugin, hello, greedy, tmp_path):
    g = counted(greedy_app(greedy) + program(tmp_path, "echo here\n")
                + f"[app own]\nmount = /own\nplugin = {hello}\nisolate = 1\n", workers=2)
    before = pids(g)
    assert g.get("/cgi").status == 200
    limit_processes(1)
    with g.connect() as c:
        for _ in range(30):
            assert c.request("GET", "/cgi").status == 503
            assert c.request("GET", "/greedy").status == c.request("GET", "/own").status == 200
            # the threads of its pool cannot be started either
            assert c.request("GET", "/greedy/thread").status in (200, 503)
    assert g.stderr().count("EAGAIN") <= 60
    answer = g.reload()
    assert answer.status == 409
    assert "there may be no more processes" in answer.json()["text"]
    os.kill(g.workers()[0]["pid"], signal.SIGKILL)
    g.wait_for_log("a worker cannot start")
    assert g.get("/greedy").status == 200  # by the other one
    limit_processes(len(processes_of_user()) + 50)
    assert len(g.wait_for_workers(3)) == len(before)
    assert g.get("/cgi").status == 200
    assert g.reload().status == 200


# ---- memory ----

def limit_memory(pid, more):
    """The address space that the process may have beyond what it has."""
    size = int(re.search(r"VmSize:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024
    subprocess.run(["prlimit", "--pid", str(pid), f"--as={size + more}:"], check=True)


def has_asan(build):
    return "asan" in build.name


@pytest.mark.parametrize("lines", ["", "isolate = 2\nmemory = 512M"])
def test_no_memory_more(gale, build, greedy, hello, lines):
    """That worker is replaced and its report says why; others, and other apps, serve on."""
    if has_asan(build):
        return  # it needs terabytes of address space
    g = gale(greedy_app(greedy, *lines.splitlines())
             + f"[app hello]\nmount = /hello\nplugin = {hello}\nisolate = 0\n", workers=2)
    if not lines:
        for pid in pids(g):
            limit_memory(pid, 256 << 20)
    if lines:
        load = KeepAlive(g, path="/greedy")
        load.wait_for(50)
        assert g.post("/greedy/memory").status == 502
        load.wait_for(50)
        assert load.stop() == []  # what was with that worker was asked of the other one
    else:
        with pytest.raises((EOFError, OSError)):
            g.post("/greedy/memory")
    for _ in range(10):
        assert g.get("/hello").status == 200
    wait_for(lambda: "crash report" in g.stderr(), "the report")
    assert re.search(r"what +SIGABRT: out of memory: there are no \d+ bytes", g.stderr())
    wait_for(lambda: len(pids(g)) == (4 if lines else 2), "another worker")
    assert g.get("/greedy").status == 200
    assert g.stderr().count("crash report") == 1


@pytest.mark.parametrize("what", ["memory", "mappings"])
def test_stacks_run_out_before_memory_does(gale, build, greedy, what):
    """Requests for which there is no stack are refused; the worker stays."""
    if has_asan(build):
        return
    g = gale(greedy_app(greedy, "isolate = 0"), workers=1)
    before = pids(g)
    if what == "memory":
        limit_memory(before[0], 32 << 20)
    else:
        assert g.get("/greedy/mappings").status == 200
    clients = [g.connect() for _ in range(150)]
    for c in clients:
        c.send("GET /greedy/wait HTTP/1.1\r\nHost: x\r\n\r\n")
    statuses = [c.response().status for c in clients]
    assert set(statuses) == {200, 503}
    for c in clients:
        c.close()
    assert pids(g) == before
    assert g.get("/greedy").status == 200


@needs_root
def test_the_oom_killer_is_told_from_others(gale, plugin, tmp_path):
    """Its count is the kernel's, in a file of the cgroup, which the test holds in its place."""
    cgroups = tmp_path / "cgroup"
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        folder = cgroups / ("memory" if "memory" in controllers.split(",") else "") / path[1:]
        if not controllers or "memory" in controllers.split(","):
            folder.mkdir(parents=True, exist_ok=True)
            name = "memory.oom_control" if controllers else "memory.events"
            (folder / name).write_text("oom_kill 0\n")
    g = gale(probe_app(plugin(PROBE)), workers=2,
             launcher=["unshare", "-m", "sh", "-c",
                       f'mount --bind {cgroups} /sys/fs/cgroup && exec "$0" "$@"'])
    first, second = pids(g)
    os.kill(first, signal.SIGKILL)
    g.wait_for_log("killed from outside")
    g.wait_for_workers(2, without=[first])
    for path in cgroups.rglob("memory.*"):
        path.write_text("oom_kill 1\n")
    os.kill(second, signal.SIGKILL)
    g.wait_for_log("the kernel's OOM killer, for lack of memory")
    g.wait_for_workers(2, without=[first, second])
    assert g.get().status == 200
