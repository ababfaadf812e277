"""gale upgrade: another program takes the running one's place, and nobody notices."""
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from crash_plugins import CRASH, crash_app
from harness import Gale, is_alive, wait_for
from plugins import PROBE, probe_app
from test_crash import FLAGS
from test_fastcgi_spawn import (count_of, counter, metric, servers, spawn,  # noqa: F401: fixture
                                wait_for_servers, wrapped)
from test_handover import Kept


@pytest.fixture
def probe(plugin):
    return plugin(PROBE)


def put(source, to):
    """Installs a program as make install does: another file of that name."""
    fresh = to.with_name("fresh")
    shutil.copyfile(source, fresh)
    fresh.chmod(0o755)
    fresh.rename(to)


@pytest.fixture
def installed(build, tmp_path):
    """A running gale whose program is a file of the test's."""
    running = []

    def start(apps, env=None, **server):
        (tmp_path / "bin").mkdir(exist_ok=True)
        put(build / "gale", tmp_path / "bin" / "gale")
        g = Gale(tmp_path / "bin", tmp_path)
        g.configure(apps, **{"state": tmp_path / "state"} | server)
        g.program = tmp_path / "bin" / "gale"
        g.original = build / "gale"
        running.append(g)
        g.start(env=env)
        g.wait_until_serving()
        return g

    yield start
    problems = [problem for g in running for problem in g.finish()]
    assert not problems, "\n".join(problems)


def gale_version(program):
    return subprocess.run([program, "version"], capture_output=True, text=True,
                          check=True).stdout.split()[1]


def another(g):
    """A gale that differs in its version; sanitized ones cannot be changed so."""
    data = g.original.read_bytes()
    put(g.original, g.program)
    if "asan" not in str(g.original):
        fresh = g.program.with_name("other")
        version = gale_version(g.original).encode()
        fresh.write_bytes(data.replace(version, version[:-1] + b"9"))
        fresh.chmod(0o755)
        fresh.rename(g.program)


def script(g, text):
    fresh = g.program.with_name("script")
    fresh.write_text(f"#!{sys.executable}\n{text}")
    fresh.chmod(0o755)
    fresh.rename(g.program)


def wanted_crashes(folder):
    """An environment where a sanitizer writes elsewhere what it says of them."""
    said = folder / "asan"
    said.mkdir()
    return {"ASAN_OPTIONS": f"abort_on_error=1:log_path={said}/log"}


def upgrade(g):
    return subprocess.run([str(g.original), "upgrade", "--control", g.control],
                          capture_output=True, text=True, timeout=60)


def test_the_process_stays_and_clients_notice_nothing(installed, probe):
    g = installed(probe_app(probe, shared="64"), workers=2, pid_file="gale.pid")
    pid, before = g.pid, g.workers()
    kept = Kept(g, 50)
    wrk = subprocess.Popen(["wrk", "-t1", "-c16", "-d4s", f"http://127.0.0.1:{g.port}/"],
                           stdout=subprocess.PIPE, text=True)
    count = int(g.get("/count").text)
    requests = sum(v for k, v in g.metrics().items() if k.startswith("gale_requests_total"))
    for n in range(2, 5):
        another(g)
        said = upgrade(g)
        assert said.returncode == 0, said.stderr
        assert f"has taken over" in said.stdout and f"generation {n} serves" in said.stdout
    assert wrk.poll() is None, "the load ended too early"
    said = wrk.communicate()[0]
    assert kept.stop() == []
    assert "Socket errors" not in said and "Non-2xx" not in said, said
    assert g.pid == pid and g.is_running()
    assert (g.folder / "gale.pid").read_text() == f"{pid}\n"
    assert not {w["pid"] for w in before} & {w["pid"] for w in g.workers()}
    assert int(g.get("/count").text) == count + 1  # memory of apps
    after = sum(v for k, v in g.metrics().items() if k.startswith("gale_requests_total"))
    assert after > requests
    wait_for(lambda: len(g.members()) == 2, "the old workers to end")
    assert g.status()["upgrades"] == 3
    assert g.stop() == 0
    assert not (g.folder / "gale.pid").exists()
    assert list((g.folder / "state").iterdir()) == []


def test_new_workers_are_of_the_new_program(installed, probe):
    g = installed(probe_app(probe))
    another(g)
    assert upgrade(g).returncode == 0
    if "asan" not in str(g.original):
        assert g.status()["gale"] == gale_version(g.original)[:-1] + "9"
    worker = g.workers()[0]["pid"]
    assert os.readlink(f"/proc/{worker}/exe") == str(g.program)
    # reloads, crashes and stopping go on as before
    assert g.reload().status == 200
    worker = g.workers()[0]["pid"]
    os.kill(worker, signal.SIGKILL)
    g.wait_for_workers(1, without=[worker])
    assert g.get().status == 200


THRICE = r"""
#include <gale/gale.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
static int open_it(struct gale_app *app, void **out_state)
{
    struct stat file;
    int fd = open(gale_setting_path(app, "count", "count"), O_WRONLY | O_APPEND);
    (void)out_state;
    if (fd < 0 || fstat(fd, &file) < 0 || file.st_size >= 2)
        return -5;
    return write(fd, "x", 1) == 1 ? close(fd) : -5;
}
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state, (void)req;
    return gale_reply(res, 200, "text/plain", "hello\n");
}
static const char *const keys[] = {"count", 0};
GALE_PLUGIN(p) { p->name = "thrice"; p->serve = serve; p->open = open_it; p->keys = keys; }
"""


def test_workers_that_are_refused_after_the_trial(installed, plugin, tmp_path):
    """The trial opens the app, the worker after it cannot: gale is new, and its workers are not."""
    (tmp_path / "count").write_bytes(b"")
    g = installed(f"[app a]\nmount = /\nplugin = {plugin(THRICE)}\nset count = {tmp_path}/count\n"
                  "isolate = 0\n")
    another(g)
    said = upgrade(g)
    assert said.returncode == 1
    assert "has taken over, but its workers are refused; those of generation 1 serve on" in said.stderr
    assert "the plugin did not open" in said.stderr
    assert g.get().text == "hello\n"
    assert g.stop() == 0


def test_running_requests_end_in_the_old_workers(installed, probe):
    g = installed(probe_app(probe))
    old = g.workers()[0]["pid"]
    with g.connect() as c:
        c.send("GET /slow?ms=1500 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        assert upgrade(g).returncode == 0
        assert [x["state"] for x in g.status()["generations"]] == ["draining", "serving"]
        assert c.response().text.split()[0] == str(old)
        wait_for(lambda: len(g.status()["generations"]) == 1, "the old generation to end")
        answer = c.request()
        assert answer.status == 200 and answer.text.split()[0] != str(old)


@pytest.mark.parametrize("text, says", [
    ("import sys; sys.exit('not today')", "not today"),
    ("import os; os.abort()", "would not take over"),
])
def test_a_program_that_fails_its_trial_is_refused(installed, probe, text, says):
    g = installed(probe_app(probe))
    before = g.workers()[0]["pid"]
    script(g, text)
    said = upgrade(g)
    assert said.returncode == 1
    assert says in said.stderr and "everything stays as it was" in said.stderr
    assert g.workers()[0]["pid"] == before and g.get().status == 200
    assert g.reload().status == 200  # by the program that runs, not by its file


def test_no_program_at_all_is_refused(installed, probe):
    g = installed(probe_app(probe))
    g.program.unlink()
    said = upgrade(g)
    assert said.returncode == 1 and "put the new gale there first" in said.stderr
    g.program.write_text("nonsense")
    g.program.chmod(0o755)
    said = upgrade(g)
    assert said.returncode == 1 and "everything stays as it was" in said.stderr
    assert g.get().status == 200


def test_a_configuration_that_it_cannot_read_is_refused(installed, probe):
    g = installed(probe_app(probe))
    g.configure("nonsense = 1\n")
    said = upgrade(g)
    assert said.returncode == 1 and "nonsense" in said.stderr
    g.configure(probe_app(probe, open="fail"))
    said = upgrade(g)
    assert said.returncode == 1 and "the database is not there" in said.stderr
    g.configure(probe_app(probe))
    assert upgrade(g).returncode == 0


def test_a_reload_that_begins_meanwhile_comes_first(installed, probe, tmp_path):
    g = installed(probe_app(probe))
    script(g, f"""import os, time, sys
open({str(tmp_path / "tried")!r}, "w")
while not os.path.exists({str(tmp_path / "go")!r}): time.sleep(0.05)
""")
    running = subprocess.Popen([str(g.original), "upgrade", "--control", g.control],
                               stderr=subprocess.PIPE, text=True)
    wait_for((tmp_path / "tried").exists, "the trial")
    g.configure(probe_app(probe, open="hang"), state=tmp_path / "state", start_timeout="4s")
    os.kill(g.pid, signal.SIGHUP)
    wait_for(lambda: g.status()["reload"]["running"], "the reload")
    (tmp_path / "go").touch()
    assert "meanwhile" in running.communicate(timeout=60)[1] and running.returncode == 1
    wait_for(lambda: not g.status()["reload"]["running"], "the reload to be refused")
    g.configure(probe_app(probe), state=tmp_path / "state")
    put(g.original, g.program)
    assert upgrade(g).returncode == 0


# Passes the trial, and then is a gale that gets no event loop.
TRAITOR = """import os, sys
if os.environ["GALE_UPGRADE"] == "trial":
    sys.exit(0)
os.environ["LD_PRELOAD"] = {library!r}
os.execv({original!r}, ["gale", "run", {config!r}])
"""
NO_LOOP = r"""
#include <errno.h>
#include <stdlib.h>
__attribute__((constructor)) static void once(void) { unsetenv("LD_PRELOAD"); }
int epoll_create1(int flags) { (void)flags; errno = EMFILE; return -1; }
"""


def test_one_that_cannot_take_over_gives_back(installed, probe, plugin, counter):
    g = installed(probe_app(probe) + "\n" + spawn(counter, mount="/f", processes=2), workers=2)
    if "asan" in str(g.original):
        return  # its runtime must be the first library
    before = [w["pid"] for w in g.workers()]
    pids = servers(g)
    library = plugin(NO_LOOP, flags=["-Wno-missing-prototypes"])
    script(g, TRAITOR.format(original=str(g.original.resolve()), config=str(g.config),
                             library=str(library)))
    kept = Kept(g, 20)
    assert g.ask("POST", "/upgrade").status == 202
    g.wait_for_log("this one goes on")
    assert kept.stop() == []
    assert [w["pid"] for w in g.workers()] == before
    assert servers(g) == pids and count_of(g.get("/f")) == 1
    assert g.is_running() and g.status()["upgrades"] == 0
    assert g.reload().status == 200
    put(g.original, g.program)
    assert upgrade(g).returncode == 0
    assert servers(g) == pids


def test_sockets_of_a_service_manager_stay(build, tmp_path, probe, gale):
    listener = socket.socket(socket.AF_UNIX)
    path = str(tmp_path / "passed.sock")
    listener.bind(path)
    listener.listen(16)
    launcher = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"]
    g = gale(probe_app(probe), listen=f"unix:{path}", launcher=launcher, fd3=listener.fileno())
    assert g.request(address=path).status == 200
    g.original = build / "gale"
    assert upgrade(g).returncode == 0
    assert g.request(address=path).status == 200
    assert g.stop() == 0
    assert os.path.exists(path)  # its owner's
    listener.close()


def test_isolated_apps_go_on(installed, probe):
    g = installed(probe_app(probe) + "\nisolate = 2\n", workers=2)
    kept = Kept(g, 20)
    with g.connect() as c:
        c.send("GET /slow?ms=1500 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        for _ in range(2):
            another(g)
            said = upgrade(g)
            assert said.returncode == 0, said.stderr
        assert c.response().status == 200
    assert g.reload().status == 200
    assert kept.stop() == []
    assert g.get().status == 200


def test_reports_of_crashes_stay(installed, plugin, tmp_path):
    app = crash_app(plugin(CRASH, flags=FLAGS)) + "\nisolate = 1\n"
    g = installed(app, env=wanted_crashes(tmp_path))
    for _ in range(2):
        assert g.post("/abort").status == 502
    wait_for(lambda: [c["count"] for c in g.status()["crashes"]] == [2], "both reports")
    before = g.status()["crashes"][0]
    assert upgrade(g).returncode == 0
    after = g.status()["crashes"][0]
    assert before.pop("age_ms") <= after.pop("age_ms")
    assert before == after and "SIGABRT" in after["report"]
    assert g.post("/abort").status == 502
    wait_for(lambda: [c["count"] for c in g.status()["crashes"]] == [3], "the third report")


# ---- servers of apps ----

def test_servers_stay(installed, counter):
    """The same processes with what they hold, under load; later they are looked after as before."""
    g = installed(spawn(counter, processes=2), workers=2)
    pids = servers(g)
    wrk = subprocess.Popen(["wrk", "-t1", "-c8", "-d5s", f"http://127.0.0.1:{g.port}/"],
                           stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        another(g)
        said = upgrade(g)
        assert said.returncode == 0, said.stderr
        assert servers(g) == pids
    assert wrk.poll() is None, "the load ended too early"
    said = wrk.communicate()[0]
    assert "Socket errors" not in said and "Non-2xx" not in said, said
    assert count_of(g.get("/")) > 100
    assert metric(g, "gale_servers_running") == 2 and metric(g, "gale_servers_down") == 0
    assert g.reload().status == 200 and servers(g) == pids
    os.kill(pids[0], signal.SIGKILL)
    now = wait_for_servers(g, 2, without=pids[:1])
    assert pids[1] in now and metric(g, "gale_servers_running") == 2
    assert metric(g, "gale_servers_restarts_total") == 1
    assert g.stop() == 0
    assert not [pid for pid in pids + now if is_alive(pid)]


def test_servers_that_changed_meanwhile_are_replaced(installed, counter):
    g = installed(spawn(counter) + spawn(counter, mount="/other", name="other"))
    pid, = servers(g)
    other = servers(g, app="other")
    g.configure(spawn(counter, env="NEW 1") + spawn(counter, mount="/other", name="other"))
    assert upgrade(g).returncode == 0
    wait_for(lambda: not is_alive(pid), "the earlier server to end")
    assert servers(g, app="other") == other
    wait_for_servers(g, 1, without=[pid])
    assert count_of(g.get("/")) >= 1
    g.configure(spawn(counter, mount="/other", name="other"))
    assert upgrade(g).returncode == 0
    wait_for(lambda: not servers(g), "the app's servers to end")
    assert servers(g, app="other") == other


def test_servers_that_are_waiting_or_ending_go_on_so(installed, counter, tmp_path):
    """One that is told to end is not told twice; one that fails is tried again, and then serves."""
    told = tmp_path / "told"
    slow = wrapped(tmp_path, "slow", f"""trap 'echo TERM >>{told}; while [ ! -e {tmp_path}/end ]; \
        do sleep 0.1; done; exit 0' TERM
while :; do sleep 0.1; done
""")
    fails = wrapped(tmp_path, "fails", f"[ -e {tmp_path}/mended ] || exit 3\nexec {counter}\n")
    (tmp_path / "mended").touch()
    g = installed(spawn(slow, grace="60s") + spawn(fails, mount="/fails", name="fails"))
    pid, = servers(g)
    (tmp_path / "mended").unlink()
    failing, = servers(g, app="fails")
    os.kill(failing, signal.SIGKILL)
    wait_for(lambda: metric(g, "gale_servers_down"), "the set to be down")
    g.configure(spawn(fails, mount="/fails", name="fails"))
    assert g.reload().status == 200
    wait_for(told.exists, "the first to be told to end")
    assert upgrade(g).returncode == 0
    assert servers(g, "ending") == [pid]
    assert metric(g, "gale_servers_down") == 1 and g.get("/fails").status in (502, 503)
    (tmp_path / "mended").touch()
    wait_for(lambda: servers(g, app="fails"), "the failing one to be mended")
    assert count_of(g.get("/fails")) >= 1
    assert told.read_text() == "TERM\n"
    (tmp_path / "end").touch()
    wait_for(lambda: not servers(g, "ending"), "the other to end")
    assert not is_alive(pid)


def test_what_servers_say_is_logged_on(installed, counter, tmp_path):
    talker = wrapped(tmp_path, "talker", f"""printf 'begun '
while [ ! -e {tmp_path}/go ]; do sleep 0.1; done
echo 'and ended'
exec {counter}
""")
    g = installed(spawn(talker))
    assert upgrade(g).returncode == 0
    (tmp_path / "go").touch()
    g.wait_for_log("begun and ended")


# ---- going back ----

BAD = CRASH.replace("die(way);", "null();")


def rollback(g):
    return g.command("rollback", "--control", g.control)


@pytest.mark.parametrize("where", ["files", "memory", "isolated"])
def test_what_served_before_can_be_gone_back_to(installed, plugin, tmp_path, where):
    """Its text and its plugins are kept, whatever became of their files."""
    path = tmp_path / "shop.so"
    plugin(CRASH, to=path, flags=FLAGS)
    state = "/proc/none" if where == "memory" else tmp_path / "state"
    alone = "\nisolate = 1\n" if where == "isolated" else ""
    g = installed(crash_app(path) + alone, workers=2, state=state)
    plugin(BAD, to=path, flags=FLAGS)
    g.configure(crash_app(path, mount="/shop") + alone, workers=2, state=state)
    assert g.reload().status == 200
    for _ in range(2):
        another(g)
        said = upgrade(g)
        assert said.returncode == 0, said.stderr
    assert g.status()["rollback"]["previous"] == 1
    path.unlink()
    back = rollback(g)
    assert back.returncode == 0, back.stderr
    assert "it is generation 1 again" in back.stdout
    assert g.get("/here").status == 200
    # what was gone back to serves on under yet another gale
    plugin(BAD, to=path, flags=FLAGS)
    said = upgrade(g)
    assert said.returncode == 0, said.stderr
    assert g.get("/here").status == 200
    assert g.status()["rollback"]["why"] == "somebody asked for it"
    g.wait_for_log("serves on, not the files")
    # until somebody asks for the files
    assert "which was rolled back" in g.reload().json()["text"]
    assert g.get("/here").status == 404


def test_a_release_is_on_probation_under_the_next_gale_too(installed, plugin, tmp_path):
    path = tmp_path / "shop.so"
    plugin(CRASH, to=path, flags=FLAGS)
    g = installed(crash_app(path), wanted_crashes(tmp_path), workers=1)
    plugin(BAD, to=path, flags=FLAGS)
    assert g.reload().status == 200
    with pytest.raises((EOFError, OSError)):
        g.get("/here")
    wait_for(lambda: g.status()["rollback"]["crashes"] == 1, "the crash to be counted")
    g.wait_for_workers(1)
    assert upgrade(g).returncode == 0
    assert g.status()["rollback"]["crashes"] == 1

    def died():
        try:
            g.get("/here")
        except (EOFError, OSError):
            pass
        return g.status()["rollback"]["from"]
    wait_for(died, "the rollback")
    assert g.status()["rollback"]["to"] == 1
    wait_for(lambda: g.get("/here").status == 200, "the release before")
