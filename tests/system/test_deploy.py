"""Deploying a plugin: its file is overwritten, broken, deleted, and nobody is hurt."""
import ctypes
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import ROOT
from harness import children_of_session, wait_for
from plugins import PROBE
from test_handover import Kept

VERSION = r"""
#include <gale/gale.h>
#include <stdlib.h>
#include <unistd.h>
%(before)s
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    if (gale_request_query(req, "die", NULL))
        abort();
    return gale_reply(res, 200, "text/plain", "version %(version)s\n");
}
GALE_PLUGIN(p) { p->name = "deployed"; p->serve = serve; %(more)s }
"""

OPEN = """static int open_it(struct gale_app *app, void **out_state)
{ (void)out_state; gale_log(app, GALE_ERROR, "no database"); %s; return -5; }"""

# what -> (before, more of the descriptor, what is said)
BROKEN = {
    "constructor": ("__attribute__((constructor)) static void c(void) { abort(); }", "",
                    "was killed by SIGABRT"),
    "symbol": ("int no_such(void); int (*volatile keep)(void) = no_such;", "",
               "needs the symbol no_such"),
    "abi": ("", "p->abi = 77;", "was built for version 77"),
    "fails": (OPEN % "", "p->open = open_it;", "no database"),
    "hangs": (OPEN % "for (;;) pause()", "p->open = open_it;",
              "did not open its apps within start_timeout"),
}


@pytest.fixture
def version(plugin):
    """version(n) or version(what is broken): the bytes of such a plugin."""
    def make(what):
        before, more, _ = BROKEN.get(what, ("", "", ""))
        path = plugin(VERSION % {"version": what, "before": before, "more": more},
                      flags=["-Wno-unused"])
        return path.read_bytes()
    return make


def in_place(path, data):
    with open(path, "r+b") as f:
        f.write(data)
        f.truncate()


def truncate_first(path, data):
    with open(path, "wb") as f:
        f.write(data[:5000])
        f.flush()
        f.write(data[5000:])


def rename(path, data):
    fresh = Path(f"{path}.new")
    fresh.write_bytes(data)
    fresh.rename(path)


def delete_first(path, data):
    os.unlink(path)
    Path(path).write_bytes(data)


def copy(path, data):
    source = Path(f"{path}.source")
    source.write_bytes(data)
    subprocess.run(["cp", source, path], check=True)


WAYS = [in_place, truncate_first, rename, delete_first, copy]


@pytest.fixture
def deployed(gale, version, tmp_path):
    """A gale that serves FOLDER/app.so, version 0."""
    path = tmp_path / "app.so"
    path.write_bytes(version(0))

    def start(more="", **server):
        server = {"workers": 2, "start_timeout": "5s", "state": tmp_path / "state", **server}
        g = gale(f"[app it]\nmount = /\nplugin = {path}\n{more}", **server)
        g.plugin = path
        return g
    return start


def test_a_hundred_deploys_under_load(deployed, version):
    g = deployed(start_timeout="1s")
    kept = Kept(g, 200)
    wrk = subprocess.Popen(["wrk", "-t1", "-c16", "-d20s", f"http://127.0.0.1:{g.port}/"],
                           stdout=subprocess.PIPE, text=True)
    good, serving = [version(n) for n in range(4)], 0
    bad = [(what, version(what), says) for what, (_, _, says) in BROKEN.items()]
    bad += [("cut", good[0][:9000], "is incomplete"), ("empty", b"", "is not a shared object"),
            ("text", b"int main(void);\n" * 99, "is not a shared object")]
    for n in range(100):
        way = WAYS[n % len(WAYS)]
        if n % 10 == 9:
            what, data, says = bad[n // 10 % len(bad)]
            way(g.plugin, data)
            answer = g.reload()
            assert answer.status == 409, what
            assert says in answer.json()["text"] and "/state/" not in answer.json()["text"]
        else:
            serving = n % len(good)
            way(g.plugin, good[serving])
            assert g.reload().status == 200, (way, g.stderr())
        assert g.get().text == f"version {serving}\n"
    wrk.send_signal(signal.SIGINT)
    said = wrk.communicate()[0]
    assert kept.stop() == []
    assert "Socket errors" not in said and "Non-2xx" not in said, said
    assert "/state/" not in g.stderr()


@pytest.mark.parametrize("harm", [in_place, truncate_first])
def test_what_runs_does_not_care_for_its_file(deployed, harm):
    g = deployed()
    before = [w["pid"] for w in g.workers()]
    harm(g.plugin, b"\0" * 100000)
    for _ in range(20):
        assert g.get().text == "version 0\n"
    g.plugin.unlink()
    for _ in range(20):
        assert g.get().text == "version 0\n"
    assert [w["pid"] for w in g.workers()] == before
    # and a worker that is replaced runs the same
    os.kill(before[0], signal.SIGKILL)
    g.wait_for_workers(2, without=before[:1])
    for _ in range(20):
        assert g.get().text == "version 0\n"
    answer = g.reload()
    assert answer.status == 409 and f"{g.plugin} does not exist" in answer.json()["text"]


def test_a_file_that_is_being_written_is_waited_for(deployed, version):
    g = deployed()
    with open(g.plugin, "r+b") as linker:
        linker.write(version(1)[:3000])
        linker.flush()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(g.reload()))
        thread.start()
        wait_for(lambda: g.status()["reload"]["running"], "the reload")
        assert g.get().text == "version 0\n"
        linker.write(version(1)[3000:])
        linker.truncate()
    thread.join()
    assert answers[0].status == 200
    assert g.get().text == "version 1\n"


def test_a_file_that_stays_open_for_writing_is_refused_in_the_end(deployed):
    g = deployed()
    with open(g.plugin, "r+b"):
        answer = g.reload()
    assert answer.status == 409
    assert f"{g.plugin} is being written" in answer.json()["text"]
    assert g.reload().status == 200


def copies(g, tmp_path):
    return sorted(p.name for p in (tmp_path / "state").glob(f"copies-{g.pid}/*"))


def test_copies_come_and_go(deployed, version, tmp_path):
    g = deployed()
    first = copies(g, tmp_path)
    assert len(first) == 1
    g.reload()  # nothing has changed
    assert copies(g, tmp_path) == first
    rename(g.plugin, version(1))
    g.reload()
    assert first[0] in copies(g, tmp_path)  # gale may have to go back to it
    rename(g.plugin, version(2))
    g.reload()
    wait_for(lambda: len(copies(g, tmp_path)) == 2 and first[0] not in copies(g, tmp_path),
             "the first copy to be removed")
    # an instance that is killed cannot tidy up: the next one does
    left = copies(g, tmp_path)
    pid = g.pid
    g.kill(signal.SIGKILL)
    g.wait()
    assert (tmp_path / "state" / f"copies-{pid}" / left[0]).exists()
    wait_for(lambda: not g.members(), "the workers to end")
    g.start()
    g.wait_until_serving()
    assert not (tmp_path / "state" / f"copies-{pid}").exists()
    assert g.stop() == 0
    assert list((tmp_path / "state").iterdir()) == []


def test_apps_of_one_file_share_its_copy(gale, version, tmp_path):
    path = tmp_path / "app.so"
    path.write_bytes(version(0))
    g = gale(f"[app a]\nmount = /a\nplugin = {path}\n[app b]\nmount = /b\nplugin = {path}\n",
             state=tmp_path / "state")
    assert len(copies(g, tmp_path)) == 1
    assert g.get("/a").text == g.get("/b").text == "version 0\n"


# ---- libraries beside the plugin ----

LIBRARY = 'const char *library_says(void);\nconst char *library_says(void) { return "%s"; }\n'
USER = r"""
#include <gale/gale.h>
const char *library_says(void);
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    (void)req;
    return gale_reply(res, 200, "text/plain", "%%s\n", library_says());
}
GALE_PLUGIN(p) { p->name = "user%s"; p->serve = serve; }
"""


def make_library(folder, says):
    source = folder / "library.c"
    source.write_text(LIBRARY % says)
    subprocess.run(["cc", "-shared", "-fPIC", "-Wl,-soname,libsays.so", "-o",
                    folder / "lib" / "libsays.so", source], check=True)


def make_user(folder):
    source = folder / "user.c"
    source.write_text(USER % "")
    subprocess.run(["cc", "-shared", "-fPIC", f"-I{ROOT}/include", "-o",
                    folder / "plugins" / "user.so", source, f"-L{folder}/lib", "-lsays",
                    "-Wl,-rpath,$ORIGIN/../lib"], check=True)


@pytest.fixture
def user(gale, tmp_path):
    def start(**server):
        for name in ("lib", "plugins"):
            (tmp_path / name).mkdir()
        make_library(tmp_path, "one")
        make_user(tmp_path)
        server.setdefault("state", tmp_path / "state")
        return gale(f"[app user]\nmount = /\nplugin = {tmp_path}/plugins/user.so\nwatch = yes\n",
                    **server)
    return start


def test_libraries_found_through_origin_are_copied_too(user, tmp_path):
    g = user()
    assert g.get().text == "one\n"
    shutil.rmtree(tmp_path / "lib")
    old = g.workers()[0]["pid"]
    os.kill(old, signal.SIGKILL)
    g.wait_for_workers(1, without=[old])
    assert g.get().text == "one\n"
    maps = Path(f"/proc/{g.workers()[0]['pid']}/maps").read_text()
    assert "/lib/libsays.so" in maps and f" {tmp_path}/lib/libsays.so" not in maps


def test_a_watched_library_reloads(user, tmp_path):
    g = user()
    assert g.get().text == "one\n"
    make_library(tmp_path, "two")
    wait_for(lambda: g.get().text == "two\n", "the new library")
    (tmp_path / "lib" / "libsays.so").write_bytes(b"nonsense")
    wait_for(lambda: g.status()["reload"]["last_failure"], "the refusal")
    assert "/plugins/../lib/libsays.so: file too short" in g.status()["reload"]["last_failure"]
    assert "/state/" not in g.status()["reload"]["last_failure"]
    assert g.get().text == "two\n"
    make_library(tmp_path, "three")
    wait_for(lambda: g.get().text == "three\n", "the mended library")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems")
@pytest.mark.parametrize("options", ["size=4k", "noexec", "ro"])
def test_without_room_copies_are_kept_in_memory(user, tmp_path, options):
    libc = ctypes.CDLL(None, use_errno=True)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},mode=0700", "none", state],
                   check=True)
    try:
        g = user(workers=2)
        assert g.get().text == "one\n"
        shutil.rmtree(tmp_path / "lib")
        shutil.rmtree(tmp_path / "plugins")
        old = g.workers()[0]["pid"]
        os.kill(old, signal.SIGKILL)
        g.wait_for_workers(2, without=[old])
        for _ in range(10):
            assert g.get().text == "one\n"
        assert "copied to memory" in g.stderr()
        answer = g.reload()
        assert answer.status == 409 and "/proc/" not in answer.json()["text"]
        g.stop()
    finally:
        libc.umount2(str(state).encode(), 2)


@pytest.mark.skipif(os.geteuid() != 0, reason="changes users")
def test_workers_of_another_user_read_the_copies(deployed, tmp_path):
    g = deployed(user="nobody")
    assert g.get().text == "version 0\n"
    g.plugin.chmod(0o600)
    answer = g.reload()
    assert answer.status == 409
    assert f"{g.plugin} cannot be opened (EACCES)" in answer.json()["text"]


# ---- watching ----

@pytest.mark.parametrize("way", WAYS)
def test_a_watched_plugin_reloads_by_itself(deployed, version, way):
    g = deployed("watch = yes")
    for n in (1, 2):
        way(g.plugin, version(n))
        wait_for(lambda: g.get().text == f"version {n}\n", f"version {n}")
    assert g.status()["generation"] <= 5
    way(g.plugin, b"nonsense")
    wait_for(lambda: g.status()["reload"]["last_failure"], "the refusal")
    assert g.get().text == "version 2\n"
    way(g.plugin, version(3))
    wait_for(lambda: g.get().text == "version 3\n", "the mended plugin")


def test_a_watched_plugin_that_was_reloaded_by_hand_is_not_again(deployed, version):
    g = deployed("watch = yes")
    rename(g.plugin, version(1))
    assert g.reload().status == 200
    rename(g.plugin, version(2))
    wait_for(lambda: g.get().text == "version 2\n", "the watch")
    assert g.status()["generation"] <= 4  # the watch may have been faster than the hand


def test_only_plugins_are_watched(gale, tmp_path):
    (tmp_path / "cgi").mkdir()
    g = gale("[app c]\nmount = /\ncgi = cgi\nwatch = yes\n", wait=False)
    assert g.wait() == 2
    assert "watch: only plugins are watched" in g.stderr()


def test_a_debugger_finds_the_symbols(deployed):
    g = deployed()
    maps = Path(f"/proc/{g.workers()[0]['pid']}/maps").read_text()
    copy = next(line.split()[-1] for line in maps.splitlines() if line.endswith("/app.so"))
    assert copy.endswith(str(g.plugin)) and copy != str(g.plugin)
    symbols = subprocess.run(["nm", copy], capture_output=True, text=True).stdout
    assert " t serve" in symbols


# ---- what cannot be unloaded ----

HOSTILE = r"""
#include <gale/gale.h>
#include <pthread.h>
#include <string>
#include <unistd.h>
#include <vector>

struct noisy {
    std::string text{"a string that is too long for its own small buffer"};
    ~noisy() { text.clear(); }
};
static noisy at_exit;
static thread_local noisy at_thread_exit;

static void *run(void *)
{
    std::vector<noisy> many(3);
    for (;;) {
        at_thread_exit.text += 'x';
        usleep(1000);
    }
    return nullptr;
}

static int open_it(struct gale_app *, void **)
{
    pthread_t thread;
    pthread_create(&thread, nullptr, run, nullptr);
    pthread_detach(thread);
    return 0;
}

static int serve(void *, struct gale_request *, struct gale_response *res)
{
    at_thread_exit.text += 'y';
    return gale_reply(res, 200, "text/plain", "still here\n");
}

GALE_PLUGIN(p) { p->name = "hostile"; p->open = open_it; p->serve = serve; }
"""


def test_statics_threads_and_their_destructors_hurt_nobody(gale, tmp_path, monkeypatch):
    # The search for leaks stops a process whose threads run on, and stumbles over them.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    source, path = tmp_path / "hostile.cc", tmp_path / "hostile.so"
    source.write_text(HOSTILE)
    subprocess.run(["c++", "-shared", "-fPIC", "-pthread", f"-I{ROOT}/include", "-o", path, source],
                   check=True)
    g = gale(f"[app it]\nmount = /\nplugin = {path}\n", workers=2)
    kept = Kept(g, 8, threads=2)
    for n in range(5):
        rename(path, path.read_bytes() + b"\0")  # another file each time
        assert g.reload().status == 200
        # A machine at its limit ends them slowly, and a fifth one would cut the oldest.
        wait_for(lambda: len(g.status()["generations"]) <= 2, "older generations to end")
    wait_for(lambda: len(g.status()["generations"]) == 1, "the old generations to end")
    assert kept.stop() == []
    assert "by itself" not in g.stderr() and "was killed" not in g.stderr()


# ---- memory that stays ----

def test_shared_memory_outlives_reloads_crashes_and_any_number_of_workers(gale, plugin):
    app = f"[app p]\nmount = /\nplugin = {plugin(PROBE)}\nset shared = 64\n"
    g = gale(app, workers=2)
    count = 0

    def count_on(times):
        nonlocal count
        for _ in range(times):
            count += 1
            assert int(g.get("/count").text) == count

    count_on(10)
    for workers in (1, 4, 2):
        g.configure(app, workers=workers)
        assert g.reload().status == 200
        g.wait_for_workers(workers)
        count_on(10)
        victim = g.workers()[0]["pid"]
        os.kill(victim, signal.SIGKILL)
        g.wait_for_workers(workers, without=[victim])
        count_on(10)


# ---- isolated apps ----

def test_an_isolated_plugin_is_deployed_behind_an_untouched_front(gale, version, tmp_path):
    path = tmp_path / "app.so"
    path.write_bytes(version(0))
    g = gale(f"[app it]\nmount = /\nplugin = {path}\nisolate = 2\nwatch = yes\n", workers=2,
             state=tmp_path / "state")
    front = {w["pid"] for x in g.status()["generations"] for w in x["workers"] if not x["group"]}
    kept = Kept(g, 20)
    for n in (1, 2, 3):
        in_place(path, version(n))
        wait_for(lambda: g.get().text == f"version {n}\n", f"version {n}")
    in_place(path, b"nonsense")
    wait_for(lambda: g.status()["reload"]["last_failure"], "the refusal")
    assert kept.stop() == []
    assert g.get().text == "version 3\n"
    after = {w["pid"] for x in g.status()["generations"] for w in x["workers"] if not x["group"]}
    assert after == front
    assert g.status()["generation"] < 10
