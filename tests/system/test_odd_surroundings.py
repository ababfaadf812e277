"""What gale starts with and finds around it is not as it should be, or not any more."""
import os
import shutil
import signal

import pytest

from harness import wait_for
from plugins import PROBE, probe_app
from test_crash import gale  # noqa: F401: fixture


@pytest.fixture
def probe(plugin):
    return plugin(PROBE)


@pytest.fixture
def closed(gale, probe, tmp_path):
    """A gale whose standard descriptors were closed before it was started."""
    def start(how):
        return gale(probe_app(probe), workers=2, access_log="-", error_log=tmp_path / "errors",
                    launcher=["sh", "-c", f'exec "$0" "$@" {how}'])
    return start


@pytest.mark.parametrize("how", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_descriptors_are_closed(closed, how):
    """What is opened first must not be what is printed to."""
    g = closed(how)
    for pid in [g.pid] + [w["pid"] for w in g.workers()]:
        for fd in range(3):
            assert os.readlink(f"/proc/{pid}/fd/{fd}").startswith("/")
    victim = g.workers()[0]["pid"]
    os.kill(victim, signal.SIGKILL)
    g.wait_for_workers(2, without=[victim])
    assert g.reload().status == 200 and g.get().status == 200


def test_the_folder_of_copies_is_gone(gale, plugin, tmp_path):
    """Somebody has tidied up: a reload makes it anew, though the plugin's file is as it was."""
    path, state = tmp_path / "probe.so", tmp_path / "state"
    plugin(PROBE, to=path)
    os.utime(path, (1, 1))
    g = gale(probe_app(path), workers=2, state=state)
    before = [w["pid"] for w in g.workers()]
    shutil.rmtree(state)
    assert g.reload().status == 200
    assert g.wait_for_workers(2, without=before)
    assert list(state.glob("copies-*/*"))
    victim = g.workers()[0]["pid"]
    os.kill(victim, signal.SIGKILL)
    g.wait_for_workers(2, without=[victim])
    assert g.stop() == 0 and not list(state.iterdir())


def test_the_configuration_is_something_else(gale, probe):
    g = gale(probe_app(probe), workers=1)
    before, good = [w["pid"] for w in g.workers()], g.config.read_text()

    def write_nothing():
        with open(g.config, "w") as f:
            f.truncate(1 << 33)

    kinds = [(lambda: os.mkfifo(g.config), "there is nothing to serve"),
             (g.config.mkdir, "Is a directory"),
             (lambda: None, "No such file"),
             (lambda: g.config.symlink_to(g.config), "Too many levels"),
             (lambda: g.config.symlink_to("/dev/zero"), "larger than 16 MiB"),
             (write_nothing, "larger than 16 MiB")]
    for make, says in kinds:
        if g.config.is_dir():
            g.config.rmdir()
        else:
            g.config.unlink(missing_ok=True)
        make()
        answer = g.reload()
        assert answer.status == 409 and says in answer.json()["text"], answer
    g.config.unlink()
    g.config.write_text(good)
    assert [w["pid"] for w in g.workers()] == before
    assert g.reload().status == 200


def test_a_log_is_a_pipe_that_nobody_reads(gale, probe, tmp_path):
    """Nobody waits for a reader, and it may come, go, and come again."""
    pipe = tmp_path / "access"
    os.mkfifo(pipe)
    g = gale(probe_app(probe), workers=1, access_log=pipe)
    for n in range(3):
        assert g.get(f"/?n={n}").status == 200
        reader = os.open(pipe, os.O_RDONLY)
        got = b""
        while f"GET /?n={n} ".encode() not in got:
            got += os.read(reader, 4096)
        os.close(reader)
        g.kill(signal.SIGUSR1)
        assert g.reload().status == 200
    for _ in range(1000):  # more than a pipe holds
        assert g.get().status == 200


SCRIBBLE = r"""
#include <gale/gale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Over the memory that gale's processes share. */
static void scribble(int with)
{
    char line[512];
    unsigned long from, to;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), maps))
        if (strstr(line, "gale-board") && sscanf(line, "%lx-%lx rw", &from, &to) == 2)
            memset((void *)from, with, to - from);
    _exit(1);
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    const char *with = gale_request_query(req, "scribble", NULL);
    if (with)
        scribble(atoi(with));
    return gale_reply(res, 200, "text/plain", "here\n");
}
GALE_PLUGIN(p) { p->name = "scribble"; p->serve = serve; }
"""


@pytest.mark.parametrize("byte", [0, 1, 65, 128, 255])
def test_a_plugin_writes_over_what_all_share(gale, plugin, byte):
    """Figures are lost; the master is not, and the next generation serves as ever."""
    g = gale(f"[app it]\nmount = /\nplugin = {plugin(SCRIBBLE)}\n", workers=2, rollback="no")
    with g.connect() as c:
        c.send(f"GET /?scribble={byte} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.is_closed()
    g.wait_for_log("exited with code 1")
    assert g.ask("GET", "/status").status == g.ask("GET", "/metrics").status == 200
    wait_for(lambda: g.reload().status == 200, "a reload")
    wait_for(lambda: [w["state"] for w in g.workers()] == ["serving"] * 2, "workers")
    assert g.get().status == 200
    assert g.is_running()
