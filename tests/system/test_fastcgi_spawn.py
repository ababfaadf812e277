"""fastcgi = spawn: servers that gale starts, keeps, replaces and ends."""
import os
import re
import signal
import sys
import threading

import pytest

from fastcgi_apps import metric
from harness import is_alive, wait_for


@pytest.fixture
def counter(build):
    return str(build.resolve() / "examples" / "fastcgi" / "counter")


@pytest.fixture
def threaded(build):
    return str(build.resolve() / "examples" / "fastcgi" / "threaded")


def spawn(command, mount="/", name="f", **keys):
    lines = [f"[app {name}]", f"mount = {mount}", "fastcgi = spawn", f"command = {command}"]
    return "\n".join(lines + [f"{key} = {value}" for key, value in keys.items()]) + "\n\n"


def servers(g, state="running", app="f"):
    """The pids of an app's servers in that state."""
    return [s["pid"] for s in g.status()["servers"] if s["state"] == state and s["app"] == app]


def wait_for_servers(g, count, without=()):
    def there():
        pids = servers(g)
        return len(pids) == count and not set(pids) & set(without) and pids
    return wait_for(there, f"{count} servers")


def pids_of_front(g):
    return [w["pid"] for generation in g.status()["generations"] for w in generation["workers"]
            if not generation.get("group") and generation["state"] == "serving"]


def count_of(response):
    assert response.status == 200, response
    return int(response.text.split("<h1>")[1].split("<")[0])


def process_of(response):
    return int(re.search(r"process (\d+)", response.text).group(1))


def wrapped(tmp_path, name, text):
    """A shell program of that text."""
    path = tmp_path / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


# ---- starting ----

def test_servers_are_shared_by_all_workers(gale, counter):
    g = gale(spawn(counter, processes=2), workers=2)
    pids = set(servers(g))
    assert len(pids) == 2
    seen = {process_of(g.get(f"/{i}")) for i in range(30)}
    assert seen <= pids
    assert metric(g, "gale_servers_running") == 2 and metric(g, "gale_servers_down") == 0
    said = g.command("status", g.config).stdout
    assert re.search(r"server of +pid +state +up +restarts", said)
    assert all(re.search(rf"f +{pid} +running ", said) for pid in pids)
    assert g.stop() == 0
    assert not [pid for pid in pids if is_alive(pid)]


def test_what_a_server_starts_with(gale, threaded, tmp_path):
    folder = tmp_path / "where"
    folder.mkdir()
    g = gale(spawn(f"'{threaded}' \"a b\" c\\ d ''", folder="where", env="ONE two  words"),
             env={"SECRET": "x"})
    pid, = servers(g)
    proc = f"/proc/{pid}"
    with open(f"{proc}/cmdline", "rb") as f:
        assert f.read().split(b"\0") == [threaded.encode(), b"a b", b"c d", b"", b""]
    if "asan" not in str(g.build):  # a sanitizer's runtime opens some, and sets variables
        assert sorted(os.listdir(f"{proc}/fd")) == ["0", "1", "2"] or g.get("/").status == 200
    with open(f"{proc}/environ", "rb") as f:
        assert f.read() == b"ONE=two  words\0"
    assert os.readlink(f"{proc}/cwd") == str(folder)
    assert os.getpgid(pid) == pid
    assert os.readlink(f"{proc}/fd/0").startswith("socket:")
    assert "PATH_INFO=/x" in g.get("/x").text


def test_nothing_of_the_socket_is_in_the_file_system(gale, counter, tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    g = gale(spawn(counter), env={"TMPDIR": str(folder)})
    assert count_of(g.get("/")) == 1 and not list(folder.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")
@pytest.mark.parametrize("keys, server_keys, uid", [
    ({}, {"user": "nobody"}, 65534), ({"user": "daemon"}, {"user": "nobody"}, 1),
    ({"user": "daemon"}, {}, 1)], ids=["workers", "other", "alone"])
def test_the_user(gale, counter, tmp_path, keys, server_keys, uid):
    tmp_path.chmod(0o755)
    g = gale(spawn(counter, **keys), workers=2, **server_keys)
    pid, = servers(g)
    assert os.stat(f"/proc/{pid}").st_uid == uid
    assert [count_of(g.get("/")) for _ in range(6)] == [1, 2, 3, 4, 5, 6]


def test_a_command_that_cannot_be_started(gale, counter, tmp_path):
    path = tmp_path / "odd"
    path.write_text("no program")
    path.chmod(0o755)
    g = gale(spawn(path), wait=False)
    assert g.wait() == 1
    assert f"gale.ini:7: [app f] command: {path} cannot be started: Exec format error" in g.stderr()
    g = gale(spawn(counter), name="other")
    g.configure(spawn(path))
    r = g.reload()
    assert r.status == 409 and "Exec format error" in r.text
    assert count_of(g.get("/")) == 1


# ---- dying ----

def test_killed_under_load(gale, counter):
    """The others serve on, and no request but those that a killed one had is lost."""
    g = gale(spawn(counter, processes=3), workers=2)
    first = servers(g)
    results, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            results.append(g.get("/").status)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    killed = []
    for i in range(3):
        killed.append(next(p for p in servers(g) if p not in killed))
        os.kill(killed[-1], signal.SIGKILL)
        wait_for(lambda: metric(g, "gale_servers_restarts_total") == i + 1, "another server")
    stop.set()
    for t in threads:
        t.join()
    assert results.count(200) > 20 and set(results) <= {200, 502}
    assert results.count(502) <= 3, results
    assert len(servers(g)) == 3 and set(servers(g)) - set(first)
    g.wait_for_log('msg="a process of an app\'s `command` has ended unexpectedly" app=f')


def test_all_killed_at_once(gale, counter):
    g = gale(spawn(counter, processes=3))
    first = servers(g)
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not [pid for pid in first if is_alive(pid)], "their ends")
    # Who asks meanwhile waits for the next one.
    assert count_of(g.get("/")) == 1
    wait_for_servers(g, 3, first)


def test_a_program_that_ends_at_once(gale, tmp_path):
    g = gale(spawn(wrapped(tmp_path, "bad", "echo first >&2\necho 'out of luck' >&2\nexit 7\n")) +
             spawn(wrapped(tmp_path, "back", "exit 0\n"), "/back", "back"))
    g.wait_for_log("msg=\"a process of an app's `command` has ended unexpectedly\" app=f")
    g.wait_for_log('ended="exit status 7" said="out of luck"')
    g.wait_for_log("it has to stay in the foreground")
    wait_for(lambda: metric(g, "gale_servers_down") == 2, "both to be down")

    def refused():  # it is started now and then
        r = g.get("/")
        assert r.status in (502, 503), r
        return r.status == 503 and r
    assert wait_for(refused, "a 503").header("Retry-After") == "1"
    g.wait_for_log("no process of the app's `command` runs")
    assert not servers(g)
    assert len(g.stderr().splitlines()) < 200


def test_who_waits_is_refused_when_nobody_will_come(gale, tmp_path):
    """It takes no request, and then ends: the client must not wait for read_timeout."""
    marker = tmp_path / "go"
    g = gale(spawn(wrapped(tmp_path, "idle", f"[ -e {marker} ] && exit 1\nexec sleep 1000\n")),
             env={})
    pid, = servers(g)
    result = []
    t = threading.Thread(target=lambda: result.append(g.get("/").status))
    t.start()
    wait_for(lambda: metric(g, "gale_fastcgi_running") == 1, "the request")
    marker.touch()
    os.kill(pid, signal.SIGKILL)
    t.join(60)
    assert result and result[0] in (502, 503)


def test_a_program_that_has_done_its_share(gale, counter, tmp_path):
    """Ends in order now and then, as some do on purpose: no failure."""
    go = tmp_path / "go"
    os.mkfifo(go)
    program = wrapped(tmp_path, "share", f"read line < {go}\nexit 0\n")
    g = gale(spawn(program))
    first, = servers(g)
    wait_for(lambda: g.status()["servers"][0]["age_ms"] > 1100, "a second")
    go.write_text("now\n")
    wait_for_servers(g, 1, [first])
    assert "another follows" in g.stderr() and "unexpectedly" not in g.stderr()


# ---- output ----

def test_what_servers_print(gale, counter, tmp_path):
    g = gale(spawn(wrapped(tmp_path, "talk", f"echo to stdout\necho to stderr >&2\nexec {counter}\n")))
    for text in ("to stdout", "to stderr"):
        g.wait_for_log(f'msg=stderr app=f text="{text}" program={tmp_path}/talk[{servers(g)[0]}]')


def test_a_flood(gale, counter, tmp_path):
    g = gale(spawn(wrapped(tmp_path, "flood", "exec 0<&-\nwhile :; do echo " + "x" * 500 +
                           "; done\n"), "/flood", "flood") + spawn(counter))
    g.wait_for_log("programs wrote too much to stderr")
    assert [count_of(g.get("/")) for _ in range(50)] == list(range(1, 51))
    assert g.status()["state"] == "serving"
    assert g.reload().status == 200
    assert g.stop() == 0
    assert len(g.stderr()) < 10_000_000


# ---- reload ----

def test_a_reload_keeps_what_is_not_changed(gale, counter, threaded):
    apps = spawn(counter, processes=2)
    g = gale(apps + spawn(threaded, "/t", "t"))
    first, second = set(servers(g)), servers(g, app="t")
    for i in range(3):
        g.configure(apps.replace("processes", f"read_timeout = {i + 5}s\nprocesses") +
                    spawn(threaded, f"/t{i}", "t"))
        assert g.reload().status == 200
        assert set(servers(g)) == first and servers(g, app="t") == second
        assert process_of(g.get("/")) in first
        assert g.get(f"/t{i}").status == 200
    assert metric(g, "gale_servers_restarts_total") == 0


def test_a_changed_section_replaces_its_servers(gale, threaded):
    g = gale(spawn(threaded, env="N 1"))
    old, = servers(g)
    slow = []
    t = threading.Thread(target=lambda: slow.append(g.get("/?sleep=1500")))
    t.start()
    wait_for(lambda: metric(g, "gale_fastcgi_running") == 1, "the slow request")
    g.configure(spawn(threaded, env="N 2"))
    assert g.reload().status == 200
    new = [pid for pid in servers(g) if pid != old]
    assert len(new) == 1 and is_alive(old)  # the slow request is with it still
    with open(f"/proc/{new[0]}/environ") as f:
        assert f.read() == "N=2\0"
    assert g.get("/").status == 200
    t.join()
    assert slow[0].status == 200
    wait_for(lambda: not is_alive(old), "the old server to end")
    assert servers(g) == new


def test_a_program_that_was_built_again(gale, counter, tmp_path):
    program = wrapped(tmp_path, "p", f"exec {counter}\n")
    g = gale(spawn(program))
    old, = servers(g)
    assert g.reload().status == 200 and servers(g) == [old]
    (tmp_path / "new").write_text(f"#!/bin/sh\nexec {counter} x\n")
    (tmp_path / "new").chmod(0o755)
    (tmp_path / "new").rename(program)
    assert g.reload().status == 200
    wait_for_servers(g, 1, [old])


def test_a_refused_reload_changes_nothing(gale, counter, plugin):
    bad = plugin("#include <gale/gale.h>\nstatic int open_(struct gale_app *a, void **s)"
                 "{(void)a;(void)s;return -5;}\nstatic int serve(void *s, struct gale_request *q,"
                 "struct gale_response *r){(void)s;(void)q;(void)r;return 404;}\n"
                 "GALE_PLUGIN(p) { p->name = \"bad\"; p->open = open_; p->serve = serve; }\n")
    g = gale(spawn(counter))
    old, = servers(g)
    g.configure(spawn(counter, processes=2) + f"[app bad]\nmount = /bad\nplugin = {bad}\n")
    assert g.reload().status == 409
    wait_for(lambda: servers(g) == [old] and not servers(g, "ending"), "the new servers' end")
    assert count_of(g.get("/")) == 1


def test_an_isolated_app_has_servers_too(gale, tmp_path, counter):
    """They belong to its workers: what its reload changes leaves the front and others alone."""
    program = wrapped(tmp_path, "p", f"exec {counter}\n")

    def apps(**keys):
        return spawn(program, "/i", isolate=2, **keys) + spawn(counter, "/o", "o")
    g = gale(apps())
    old, = servers(g)
    others = servers(g, app="o")
    assert g.reload().status == 200 and servers(g) == [old]
    front = pids_of_front(g)
    with g.connect() as c:
        assert process_of(c.request(path="/i")) == old
        g.configure(apps(env="N 1"))
        assert g.reload().status == 200
        new, = wait_for_servers(g, 1, [old])
        assert process_of(c.request(path="/i")) == new
        (tmp_path / "new").write_text(f"#!/bin/sh\nexec {counter} x\n")
        (tmp_path / "new").chmod(0o755)
        (tmp_path / "new").rename(program)
        assert g.reload().status == 200
        built, = wait_for_servers(g, 1, [new])
        assert process_of(c.request(path="/i")) == built
    assert g.get("/o").status == 200 and servers(g, app="o") == others
    assert pids_of_front(g) == front
    g.configure(spawn(counter, "/o", "o"))
    assert g.reload().status == 200
    wait_for(lambda: not is_alive(built), "the end of an app's servers")


def test_a_program_built_again_beside_an_isolated_app(gale, tmp_path, counter):
    """Both have changed, so not only the isolated app is replaced."""
    program = wrapped(tmp_path, "p", f"exec {counter}\n")

    def apps(name):
        return spawn(program) + spawn(counter, "/i", "i", isolate=1, env=f"N {name}")
    g = gale(apps(1))
    old, = servers(g)
    g.configure(apps(2))
    (tmp_path / "new").write_text(f"#!/bin/sh\nexec {counter} x\n")
    (tmp_path / "new").chmod(0o755)
    (tmp_path / "new").rename(program)
    assert g.reload().status == 200
    wait_for_servers(g, 1, [old])
    assert g.get("/").status == 200 and g.get("/i").status == 200


def test_an_app_that_goes_and_comes(gale, counter, hello):
    g = gale(spawn(counter))
    old, = servers(g)
    g.configure(f"[app h]\nmount = /\nplugin = {hello}\n")
    assert g.reload().status == 200
    wait_for(lambda: not is_alive(old) and not g.status()["servers"], "its end")
    g.configure(spawn(counter))
    assert g.reload().status == 200
    assert count_of(g.get("/")) == 1


# ---- the end ----

def test_a_program_that_ignores_term(gale, counter, tmp_path):
    g = gale(spawn(wrapped(tmp_path, "deaf", "trap '' TERM\nwhile :; do sleep 1; done\n"),
                   grace="200ms", processes=2))
    pids = servers(g)
    assert g.stop() == 0
    assert not [pid for pid in pids if is_alive(pid)]


def test_a_second_signal_does_not_wait(gale, tmp_path):
    g = gale(spawn(wrapped(tmp_path, "deaf", "trap '' TERM\nwhile :; do sleep 1; done\n"),
                   grace="1h"))
    pid, = servers(g)
    g.kill(signal.SIGTERM)
    wait_for(lambda: servers(g, "ending") == [pid], "its end to begin")
    g.kill(signal.SIGTERM)
    g.kill(signal.SIGTERM)
    assert g.wait() == 0 and not is_alive(pid)


def test_children_of_a_server_go_with_it(gale, counter, tmp_path):
    note = tmp_path / "child"
    program = wrapped(tmp_path, "forks", f"sleep 1000 &\necho $! > {note}.new\nmv {note}.new {note}\n"
                      f"exec {counter}\n")
    g = gale(spawn(program))
    wait_for(note.exists, "the child")
    child = int(note.read_text())
    old, = servers(g)
    note.unlink()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: not is_alive(child), "the child's end")
    wait_for(note.exists, "the next child")
    child = int(note.read_text())
    assert g.stop() == 0
    wait_for(lambda: not is_alive(child), "the next child's end")


def test_a_program_that_closes_its_socket(gale, tmp_path):
    g = gale(spawn(wrapped(tmp_path, "shut", "exec 0<&-\nexec sleep 1000\n"), read_timeout="300ms"))
    assert g.get("/").status == 504
    assert g.stop() == 0


def test_the_master_is_killed(gale, counter):
    g = gale(spawn(counter, processes=2), workers=2)
    pids = servers(g)
    g.kill(signal.SIGKILL)
    g.wait()
    wait_for(lambda: not [pid for pid in pids if is_alive(pid)], "the servers' end")
    wait_for(lambda: not g.members(), "the workers' end")


def test_descriptors_do_not_add_up(gale, tmp_path, counter):
    g = gale(spawn(counter))

    def descriptors():
        return len(os.listdir(f"/proc/{g.pid}/fd"))
    for i in range(2):
        g.configure(spawn(counter, env=f"N {i}"))
        assert g.reload().status == 200
    wait_for(lambda: len(g.status()["servers"]) == 1, "the others' end")
    wait_for(lambda: len(g.status()["generations"]) == 1, "the others' end")
    before = descriptors()
    for i in range(10):
        os.kill(wait_for_servers(g, 1)[0], signal.SIGKILL)
        wait_for(lambda: metric(g, "gale_servers_restarts_total") == i + 1, "another")
        if i % 3 == 0:
            g.configure(spawn(counter, env=f"M {i}"))
            assert g.reload().status == 200
            wait_for(lambda: len(g.status()["generations"]) == 1 and
                     len(g.status()["servers"]) == 1, "the old ones' end")
    wait_for_servers(g, 1)
    # `before` may have counted the connection of the last status.
    wait_for(lambda: descriptors() <= before, f"no more than {before} descriptors")


# ---- other programs ----

PYTHON = f"""#!{sys.executable}
import socket, struct
listener = socket.socket(fileno=0)
while True:
    c, _ = listener.accept()
    data = b""
    while b"\\1\\5\\0\\1\\0\\0" not in data:
        data += c.recv(65536)
    body = b"Content-Type: text/plain\\r\\n\\r\\nfrom python\\n"
    body += b"\\0" * (-len(body) % 8)
    c.sendall(struct.pack(">BBHHBB", 1, 6, 1, len(body), 0, 0) + body +
              struct.pack(">BBHHBB", 1, 6, 1, 0, 0, 0) + struct.pack(">BBHHBB", 1, 3, 1, 8, 0, 0) +
              b"\\0" * 8)
    c.close()
"""


def test_an_interpreter_and_its_script(gale, tmp_path):
    """The script is a file among the arguments: another one is another server."""
    script = tmp_path / "app.py"
    script.write_text(PYTHON)
    g = gale(spawn(f"{sys.executable} app.py"))
    old, = servers(g)
    assert g.get("/").text.startswith("from python")
    script.write_text(PYTHON.replace("from python", "from snakes"))
    assert g.reload().status == 200
    wait_for_servers(g, 1, [old])
    assert g.get("/").text.startswith("from snakes")
