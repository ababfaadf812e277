"""A master that is root, and what everybody else may: from start to stop, over reloads, crashes and
an upgrade. These tests are root's; they fail for anybody else."""
import os
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from crash_plugins import CRASH
from harness import wait_for

NOBODY, NOGROUP, OTHER = 65534, 65534, 33  # OTHER is Debian's www-data
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOGROUP}", "--clear-groups"]
WHO = "#!/bin/sh\nprintf 'A: b\\n\\n'; cat /proc/self/status; ls -l /proc/self/fd\n"


@pytest.fixture(autouse=True)
def as_root():
    assert os.geteuid() == 0, "the tests run as root"


def facts_of(text):
    """What /proc/PID/status says, by name."""
    return {name: value.split() for name, _, value in
            (line.partition(":") for line in text.splitlines())}


def facts(pid):
    try:
        return facts_of(Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_only(found, uid, gid):
    """Whether a process is that user in every way, and has no right beyond it."""
    no_rights = all(int(found[name][0], 16) == 0 for name in ("CapPrm", "CapEff", "CapAmb"))
    return (found["Uid"] == [str(uid)] * 4 and found["Gid"] == [str(gid)] * 4 and no_rights and
            set(found["Groups"]) <= {str(gid)})


def descriptors(pid):
    """What a process has open, as the kernel names it."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except FileNotFoundError:
            pass
    return found


@pytest.fixture
def programs(tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "who").write_text(WHO)
    (folder / "who").chmod(0o755)
    return folder


@pytest.fixture
def site(gale, plugin, build, programs):
    """One of everything that runs something: a plugin, an isolated one, CGI, a spawned server."""
    def start(user="nobody", **options):
        crash = plugin(CRASH)
        counter = (build / "examples" / "fastcgi" / "counter").resolve()
        apps = (f"[app plain]\nmount = /\nplugin = {crash}\n"
                f"[app own]\nmount = /own\nplugin = {crash}\nisolate = 1\n" +
                (f"user = {OTHER}\n" if user else "") +
                f"[app cgi]\nmount = /cgi\ncgi = {programs}\n"
                f"[app counter]\nmount = /counter\nfastcgi = spawn\ncommand = {counter}\n")
        return gale(apps, workers=2, user=user, **options)
    return start


def pids(g, group):
    return {w["pid"] for generation in g.status()["generations"] if generation["group"] == group
            for w in generation["workers"] if w["pid"]}


def privileged(g):
    """Who but the master has more rights than it should: its workers, or whom it or they started."""
    own, found = pids(g, "own"), {}
    for pid in g.members():
        what = facts(pid)
        if not what or what["State"][0] in "ZX":
            continue
        uid, gid = (OTHER, OTHER) if pid in own else (NOBODY, NOGROUP)
        if not is_only(what, uid, gid) or pid in own and what["NoNewPrivs"] != ["1"]:
            found[pid] = what
    return found


def assert_unprivileged(g):
    """A process that has just been started is still about to become somebody."""
    assert facts(g.pid)["Uid"] == ["0"] * 4
    wait_for(lambda: pids(g, "own") and pids(g, ""), "workers of both kinds")
    try:
        wait_for(lambda: not privileged(g), "nobody but the master to have rights")
    except AssertionError as error:
        raise AssertionError(privileged(g)) from error
    answer = facts_of(g.get("/cgi/who").text)
    assert is_only(answer, NOBODY, NOGROUP), answer


def test_from_start_to_stop(site):
    g = site(launcher=["setpriv", "--groups", "0,4,27"])
    assert_unprivileged(g)
    g.config.write_text(g.config.read_text() + "; changed\n")
    before = pids(g, "")
    assert g.reload().status == 200
    wait_for(lambda: not pids(g, "") & before, "the old workers' end")
    assert_unprivileged(g)
    for path, group in (("/abort", ""), ("/own/abort", "own")):
        before = pids(g, group)
        with g.connect() as c:
            c.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
            if group:  # it is run again once, and the next worker dies, too
                assert c.response().status == 502
            wait_for(lambda: pids(g, group) - before, "another worker")
        wait_for(lambda: len(g.workers()) == 3 and pids(g, "own"), "all of them")
        assert_unprivileged(g)
    before = pids(g, "")
    assert g.command("upgrade", g.config).returncode == 0
    wait_for(lambda: not pids(g, "") & before and len(g.workers()) == 3, "the new gale's workers")
    assert_unprivileged(g)
    assert g.stop() == 0


def test_root_alone_has_what_the_master_may(gale, hello, programs, tmp_path):
    """Who is not root but may bind low ports keeps that to the master."""
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    os.chown(run, NOBODY, NOGROUP)
    g = gale(f"[app a]\nmount = /\nplugin = {hello}\n[app cgi]\nmount = /cgi\ncgi = {programs}\n",
             state=run / "state", control=run / "control", wait=False,
             launcher=[*AS_NOBODY, "--inh-caps=+net_bind_service",
                       "--ambient-caps=+net_bind_service"])
    g.control = str(run / "control")
    g.wait_until_serving()
    assert int(facts(g.pid)["CapEff"][0], 16) != 0
    for worker in g.workers():
        assert is_only(facts(worker["pid"]), NOBODY, NOGROUP)
    assert is_only(facts_of(g.get("/cgi/who").text), NOBODY, NOGROUP)


def test_nobody_inherits_what_the_master_was_started_with(site, tmp_path):
    """A shell may have left anything open."""
    with open("/etc/shadow", encoding="ascii") as secret:
        g = site(fd3=secret.fileno())
    assert "/etc/shadow" in descriptors(g.pid)
    known = re.compile(r"(socket|pipe|anon_inode):|/memfd:gale|/dev/null$|/proc/\d+/statm$|"
                       r"/tmp/gale-\w+/socket \(deleted\)$|" + re.escape(str(tmp_path)))
    for worker in g.workers():
        strange = [name for name in descriptors(worker["pid"]) if not known.match(name)]
        assert not strange
    listed = re.findall(r"(\d+) -> (\S+)", g.get("/cgi/who").text)
    assert {number for number, _ in listed} <= {"0", "1", "2", "3"}, listed  # 3 is ls's own
    assert not any("shadow" in name for _, name in listed)


# ---- what is written where ----

CALLS = ["openat", "open", "creat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir",
         "mkdirat", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "chmod",
         "fchmodat", "chown", "lchown", "fchownat", "truncate"]
HARMLESS = re.compile(r"/dev/(null|tty|zero|full)$|/proc/")


def paths_written(trace, folder):
    """The absolute paths that calls of a trace made, changed or opened for writing."""
    for line in trace.splitlines():
        call = re.match(r"\d+ +(\w+)\((.*)\) += (\d+)", line)
        if not call or call.group(1).startswith("open") and not re.search(
                r"O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)", call.group(2)):
            continue
        for path in re.findall(r'"([^"]*)"', call.group(2)):
            base = re.search(r"<([^>]*)>, \"" + re.escape(path), call.group(2))
            yield os.path.normpath(os.path.join(base.group(1) if base else folder, path))


def test_nothing_is_written_but_where_gale_was_told_to(site, tmp_path):
    """State, logs, control socket, pid file and TMPDIR are; everything else stays untouched."""
    trace = tmp_path / "trace"
    for name in ("state", "log", "run", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    os.chown(tmp_path / "log", NOBODY, NOGROUP)
    g = site(state=tmp_path / "state", error_log=tmp_path / "log" / "error",
             access_log=tmp_path / "log" / "access", pid_file=tmp_path / "run" / "pid",
             env={"TMPDIR": str(tmp_path / "tmp"), "ASAN_OPTIONS": "detect_leaks=0"},
             launcher=["strace", "-D", "-f", "-y", "-qq", "-o", str(trace), "-e",
                       "trace=" + ",".join(f"?{call}" for call in CALLS)])
    for path in ("/", "/own", "/counter", "/cgi/who"):
        assert g.get(path).status == 200
    assert g.post("/cgi/who", b"x" * 300_000).status == 200
    before = pids(g, "")
    g.config.write_text(g.config.read_text() + "; changed\n")
    assert g.reload().status == 200
    wait_for(lambda: not pids(g, "") & before, "the old workers' end")
    before = pids(g, "")
    os.kill(min(before), signal.SIGKILL)
    wait_for(lambda: pids(g, "") - before, "another worker")
    assert g.stop() == 0
    allowed = [str(tmp_path / name) for name in ("state", "log", "run", "tmp")]
    written = set(paths_written(trace.read_text(), str(tmp_path)))
    assert any(path.startswith(allowed[0]) for path in written), "the trace is a trace"
    strange = {path for path in written if not HARMLESS.match(path) and path != g.control and
               not any(path == folder or path.startswith(folder + "/") for folder in allowed)}
    assert not strange
    left = {str(p.relative_to(tmp_path)) for name in ("run", "tmp") for p in
            (tmp_path / name).rglob("*")}
    assert not left


# ---- who is heard ----

def test_the_control_socket_is_for_its_owner(site, build):
    g = site()
    assert stat.S_IMODE(os.stat(g.control).st_mode) == 0o600
    for command in ("status", "reload", "stop"):
        asked = subprocess.run(
            [*AS_NOBODY, str((build / "gale").resolve()), command, str(g.config)],
            capture_output=True, text=True, cwd=g.folder, check=False)
        assert asked.returncode != 0
        assert "only its owner and root may ask" in asked.stderr
    assert g.is_running() and g.status()["generation"] == 1


def test_the_folder_of_control_sockets_is_its_users(gale, hello, tmp_path):
    run = tmp_path.parent / "r"  # names of sockets are short
    run.mkdir(mode=0o700)
    os.chown(run, NOBODY, NOGROUP)
    g = gale(f"[app a]\nmount = /\nplugin = {hello}\n", control=None, wait=False,
             env={"XDG_RUNTIME_DIR": str(run)}, launcher=AS_NOBODY)
    socket = wait_for(lambda: [p for p in run.rglob("*") if p.is_socket()], "the control socket")[0]
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    wait_for(lambda: "serving" in g.stderr(), "gale to serve")
