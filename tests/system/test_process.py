"""The master and its workers: what dies, hangs or is stopped, and who is hurt by it."""
import os
import pty
import re
import signal
import socket
import threading

import pytest

from harness import is_alive, wait_for
from plugins import PROBE, probe_app


@pytest.fixture
def probe(plugin):
    return plugin(PROBE)


class Load:
    """Clients that connect, ask and close, each in a thread of its own, until stopped."""

    def __init__(self, g, clients=4, path="/"):
        self.g, self.path = g, path
        self.answers, self.failures = [], []
        self.stopping = False
        self.threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.stopping:
            try:
                answer = self.g.get(self.path)
                self.answers.append(answer.text)
                if answer.status != 200:
                    self.failures.append(repr(answer))
            except (OSError, EOFError) as error:
                self.failures.append(repr(error))

    def wait_for(self, more):
        """Until so many more answers have come."""
        until = len(self.answers) + more
        wait_for(lambda: len(self.answers) >= until or self.failures, f"{more} more answers")

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()
        return self.failures


def pid_of(answer):
    return int(answer.text.split()[0])


# ---- workers that die ----

def test_a_killed_worker_is_replaced_and_hurts_nobody_else(gale, probe):
    g = gale(probe_app(probe), workers=2)
    first = g.workers()
    load = Load(g, path="/slow?ms=1")
    load.wait_for(50)
    os.kill(first[0]["pid"], signal.SIGKILL)
    pids = g.wait_for_workers(2, without=[first[0]["pid"]])
    load.wait_for(50)
    # each of the four clients has one request in flight: no more than those can be lost
    assert len(load.stop()) <= 4
    assert first[1]["pid"] in pids
    assert "worker 0 was killed by SIGKILL" in g.stderr()
    assert [w["restarts"] for w in g.workers()] == [1, 0]


def test_a_crash_is_logged_with_what_was_served(gale, probe):
    g = gale(probe_app(probe), workers=1)
    before = g.workers()[0]["pid"]
    with pytest.raises((EOFError, ConnectionError)):
        g.get("/crash")
    assert g.wait_for_workers(1, without=[before])
    assert re.search(r"worker 0 was killed by SIGABRT.*app probe served \\\"GET /crash\\\"", g.stderr())
    assert g.get().status == 200


def test_deaths_that_follow_each_other_are_delayed_longer(gale, probe):
    g = gale(probe_app(probe), workers=1)
    for _ in range(4):
        pid = g.workers()[0]["pid"]
        os.kill(pid, signal.SIGKILL)
        g.wait_for_workers(1, without=[pid])
    delays = [int(d) for d in re.findall(r"delay_ms=(\d+)", g.stderr())]
    assert delays == [100, 200, 400, 800]


def test_stopping_and_reloading_while_a_worker_is_awaited(gale, probe):
    """Between a worker's death and its successor nobody is left whose end would be the last."""
    for number in (signal.SIGTERM, signal.SIGQUIT, None):
        g = gale(probe_app(probe), workers=1, name=f"stopped-by-{number}")
        for _ in range(3):
            pid = g.workers()[0]["pid"]
            os.kill(pid, signal.SIGKILL)
            g.wait_for_workers(1, without=[pid])
        os.kill(g.workers()[0]["pid"], signal.SIGKILL)  # the next one comes 800 ms later
        g.wait_for_log("delay_ms=800")
        if number:
            assert g.stop(number) == 0
        else:
            assert g.reload().status == 200
            wait_for(lambda: len(g.status()["generations"]) == 1, "the old generation to be gone")
            assert g.get().status == 200


def test_sigterm_to_a_worker_replaces_it_in_order(gale, probe):
    g = gale(probe_app(probe), workers=1)
    pid = g.workers()[0]["pid"]
    with g.connect() as c:
        c.send("GET /slow?ms=300 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        os.kill(pid, signal.SIGTERM)
        assert c.response().status == 200
    g.wait_for_workers(1, without=[pid])


def test_a_worker_leaves_when_its_successor_serves(gale, probe):
    g = gale(probe_app(probe), workers=1)
    pid = g.workers()[0]["pid"]
    load = Load(g)
    load.wait_for(20)
    with g.connect() as c:
        c.send("GET /slow?ms=3000 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: pid_of(g.get()) != pid, "the successor to serve")
        assert {w["pid"]: w["state"] for w in g.workers(None)}[pid] == "draining"
        assert pid_of(c.response()) == pid
    load.wait_for(20)
    assert load.stop() == []
    wait_for(lambda: not is_alive(pid), "the end of the old worker")
    assert [w["restarts"] for w in g.workers()] == [1]


def test_a_stop_ends_workers_that_were_leaving(gale, probe):
    g = gale(probe_app(probe), workers=1)
    pid = g.workers()[0]["pid"]
    with g.connect() as c:
        c.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        os.kill(pid, signal.SIGTERM)
        g.wait_for_workers(1, without=[pid])
        assert g.stop() == 0
        assert not is_alive(pid)


# ---- workers that hang ----

def test_a_stopped_worker_hurts_only_its_own(gale, probe):
    g = gale(probe_app(probe), workers=2)
    stopped, other = [w["pid"] for w in g.workers()]
    os.kill(stopped, signal.SIGSTOP)
    try:
        # queued with the stopped one or not: the other answers them all
        assert {pid_of(g.get()) for _ in range(40)} == {other}
        assert g.is_running()
    finally:
        os.kill(stopped, signal.SIGCONT)
    wait_for(lambda: pid_of(g.get()) == stopped, "the stopped worker to serve again")


def test_a_stopped_worker_keeps_no_client_of_a_shared_socket(gale, probe, tmp_path):
    path = str(tmp_path / "app.sock")
    g = gale(probe_app(probe), listen=f"unix:{path}", workers=3)
    stopped = [w["pid"] for w in g.workers()][:2]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        answers = {pid_of(g.request(address=path)) for _ in range(40)}
        assert len(answers) == 1 and not answers & set(stopped)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: pid_of(g.request(address=path)) in stopped, "a stopped worker to serve again")


def test_a_worker_that_holds_its_loop_is_covered(gale, probe):
    g = gale(probe_app(probe), workers=2, loop_warn="0s")
    with g.connect() as c:
        c.send("GET /block HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: max(w["heartbeat_ms"] for w in g.workers()) > 300, "one worker to hang")
        assert len({pid_of(g.get()) for _ in range(20)}) == 1
        hung = max(g.workers(), key=lambda w: w["heartbeat_ms"])
        os.kill(hung["pid"], signal.SIGKILL)
    g.wait_for_workers(2, without=[hung["pid"]])


def test_load_survives_stops_and_kills(gale, probe):
    g = gale(probe_app(probe), workers=3)
    load = Load(g, clients=6)
    victims = [w["pid"] for w in g.workers()]
    os.kill(victims[0], signal.SIGSTOP)
    load.wait_for(100)
    os.kill(victims[1], signal.SIGKILL)
    load.wait_for(100)
    os.kill(victims[0], signal.SIGKILL)
    g.wait_for_workers(3, without=victims[:2])
    load.wait_for(100)
    assert len(load.stop()) <= 6


# ---- the end ----

def test_a_quick_stop_cuts(gale, probe):
    g = gale(probe_app(probe), workers=2, drain_timeout="30s")
    with g.connect() as c:
        c.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        assert g.stop(signal.SIGINT) == 0


def test_a_graceful_stop_lets_requests_end(gale, probe):
    g = gale(probe_app(probe), workers=2, drain_timeout="30s")
    pids = [w["pid"] for w in g.workers()]
    with g.connect() as c, g.connect() as idle:
        idle.request()
        c.send("GET /slow?ms=700 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.kill(signal.SIGQUIT)
        assert idle.is_closed()
        answer = c.response()
        assert answer.status == 200
        assert answer.header("Connection", "").lower() == "close"
    assert g.wait() == 0
    assert not any(is_alive(pid) for pid in pids)
    with pytest.raises(ConnectionRefusedError):
        g.connect()


def test_drain_timeout_ends_a_graceful_stop(gale, probe):
    g = gale(probe_app(probe), drain_timeout="300ms")
    with g.connect() as c:
        c.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.kill(signal.SIGQUIT)
        assert g.wait() == 0
    assert "requests that still ran were cut" in g.stderr()
    assert "requests=1" in g.stderr()


def test_a_worker_that_cannot_end_is_killed(gale, probe):
    g = gale(probe_app(probe), workers=1, loop_warn="0s")
    with g.connect() as c:
        c.send("GET /block HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: g.workers()[0]["heartbeat_ms"] > 300, "the worker to hang")
        g.kill(signal.SIGTERM)
        g.wait_for_log("stopping")
        g.kill(signal.SIGTERM)
        assert g.wait() == 0


def test_the_end_of_its_terminal_stops_it(gale, probe, build):
    g = gale(probe_app(probe), wait=False, args=["none"])
    g.wait()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(build / "gale", ["gale", "run", str(g.config)])
    wait_for(lambda: (g.try_status() or {}).get("state") == "serving", "gale to serve")
    os.kill(pid, signal.SIGHUP)  # with a terminal: a reload
    wait_for(lambda: g.status()["generation"] == 2, "the reload")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_signals_for_the_master_do_no_harm_to_workers(gale, probe):
    g = gale(probe_app(probe), workers=1)
    pid = g.workers()[0]["pid"]
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGPIPE):
        os.kill(pid, number)
    assert pid_of(g.get()) == pid


def test_stop_over_the_control_socket(gale, probe):
    g = gale(probe_app(probe))
    answer = g.ask("POST", "/stop?mode=graceful")
    assert (answer.status, answer.json()["pid"]) == (202, g.pid)
    assert g.wait() == 0


def test_connections_that_wait_are_served_before_the_end(gale, probe):
    g = gale(probe_app(probe), workers=1, drain_timeout="20s", loop_warn="0s")
    waiting = []
    with g.connect() as busy:
        busy.send("GET /spin?ms=800 HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: g.workers()[0]["heartbeat_ms"] > 300, "the worker to be busy")
        for _ in range(20):
            c = g.connect()
            c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            waiting.append(c)
        g.kill(signal.SIGQUIT)
        assert busy.response().status == 200
        for c in waiting:
            assert c.response().status == 200
            c.close()
    assert g.wait() == 0


# ---- starting ----

@pytest.mark.parametrize("how, says", [
    ("fail", "the database is not there"),
    ("crash", "worker 0 was killed by SIGABRT"),
    ("exit", "worker 0 exited with code 9"),
    ("hang", "did not open its apps within start_timeout"),
])
def test_apps_that_do_not_open_keep_gale_from_starting(gale, probe, how, says):
    g = gale(probe_app(probe, open=how), wait=False, start_timeout="500ms", workers=2)
    assert g.wait() == 1
    assert "gale: cannot start: " in g.stderr()
    assert says in g.stderr()
    assert how == "fail" or "while it opened the app probe" in g.stderr()


def test_a_wrong_configuration_is_told_with_its_line(gale):
    g = gale("[app a]\nmount = /\nplugni = x.so", wait=False)
    assert g.wait() == 2
    assert re.search(r"gale\.ini:\d+: .*plugni", g.stderr())


def test_a_missing_configuration_is_told(gale, tmp_path):
    g = gale(wait=False, args=["run", str(tmp_path / "none.ini")])
    assert g.wait() == 2
    assert "none.ini" in g.stderr()


def test_a_second_instance_is_told(gale, probe, tmp_path):
    g = gale(probe_app(probe), workers=2)
    other = gale(probe_app(probe), wait=False, name="other", listen=f"127.0.0.1:{g.port}")
    assert other.wait() == 3
    assert f"127.0.0.1:{g.port} is in use by another process (gale, pid {g.pid})" in other.stderr()
    assert g.get().status == 200
    same = gale(probe_app(probe), wait=False, name="same", control=g.control)
    assert same.wait() == 3
    assert f"served already, by pid {g.pid}" in same.stderr()


def test_the_same_port_elsewhere_and_an_address_nobody_has(gale, probe):
    g = gale(probe_app(probe), wait=False, listen="203.0.113.9:8080")
    assert g.wait() == 3
    assert "no such address" in g.stderr()


def test_pid_file(gale, probe, tmp_path):
    pid_file = tmp_path / "gale.pid"
    pid_file.write_text("999999\n")
    g = gale(probe_app(probe), pid_file=pid_file)
    assert pid_file.read_text() == f"{g.pid}\n"
    other = gale(probe_app(probe), wait=False, name="other", pid_file=pid_file)
    assert other.wait() == 3
    assert f"pid {g.pid}" in other.stderr()
    assert pid_file.read_text() == f"{g.pid}\n"
    g.stop()
    assert not pid_file.exists()


def test_readiness_is_told_to_the_service_manager(gale, probe, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(30)
        g = gale(probe_app(probe), env={"NOTIFY_SOCKET": path})
        assert manager.recv(100) == b"READY=1"
        g.reload()
        assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(100) == b"READY=1"
        g.stop()
        assert manager.recv(100) == b"STOPPING=1"


def test_inherited_sockets_are_taken(gale, probe, build, tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(64)
        port = s.getsockname()[1]
        g = gale(probe_app(probe), wait=False, listen=f"127.0.0.1:{port}", workers=2,
                 launcher=["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'], fd3=s.fileno())
        g.port = port
        g.wait_until_serving()
        assert g.status()["listen"][0]["shared"]
        assert g.get().status == 200
        assert g.reload().status == 200
        assert g.get().status == 200
        g.stop()
        # it is not gale's: it lives on
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


# ---- users ----

@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_workers_run_as_the_configured_user(gale, probe):
    g = gale(probe_app(probe), user="nobody")
    uid, gid, _ = g.get("/uid").text.split()
    assert (uid, gid) == ("65534", "65534")
    assert os.stat(f"/proc/{g.pid}").st_uid == 0
    g.reload()
    assert g.get("/uid").text.split()[0] == "65534"


def test_an_unknown_user_is_told(gale, probe):
    g = gale(probe_app(probe), wait=False, user="no-such-user")
    assert g.wait() == 2
    assert "there is no user 'no-such-user'" in g.stderr()


# ---- logs ----

def test_logs_are_reopened(gale, probe, tmp_path):
    error, access = tmp_path / "error.log", tmp_path / "access.log"
    g = gale(probe_app(probe), error_log=error, access_log=access, workers=2)
    g.get("/one")
    wait_for(lambda: "/one" in access.read_text(), "the line of /one")
    assert error.stat().st_mode & 0o777 == 0o640
    error.rename(tmp_path / "error.old")
    access.rename(tmp_path / "access.old")
    g.get("/two")
    wait_for(lambda: "/two" in (tmp_path / "access.old").read_text(), "the line of /two")
    g.kill(signal.SIGUSR1)
    wait_for(lambda: error.exists() and "logs are reopened" in error.read_text(), "the new log")
    wait_for(lambda: g.get("/three") and "/three" in access.read_text(), "the line of /three")
    access.rename(tmp_path / "access.older")
    assert g.ask("POST", "/reopen").status == 200
    wait_for(lambda: g.get("/four") and access.exists() and "/four" in access.read_text(), "/four")
    g.stop()
    assert "stopped" in error.read_text()


def test_a_log_that_cannot_be_opened_is_told(gale, probe, tmp_path):
    g = gale(probe_app(probe), wait=False, error_log=tmp_path / "none" / "error.log")
    assert g.wait() == 2
    assert re.search(r"gale\.ini:\d+: error_log: there is no folder .*/none for ", g.stderr())


# ---- memory that outlives workers ----

def test_shared_memory_outlives_workers_and_generations(gale, probe):
    g = gale(probe_app(probe, shared="64"), workers=2)
    assert sorted(int(g.get("/count").text) for _ in range(10)) == list(range(1, 11))
    for worker in g.workers():
        os.kill(worker["pid"], signal.SIGKILL)
    g.wait_for_workers(2, without=[w["pid"] for w in g.workers()] or [0])
    assert g.reload().status == 200
    assert int(g.get("/count").text) == 11
    g.configure(probe_app(probe, shared="128"), workers=2)
    assert g.reload().status == 200
    assert int(g.get("/count").text) == 1


# ---- who is to blame ----

SLOW = r"""
#include <gale/gale.h>
#include <time.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct timespec pause = {0, 300000000};
    (void)state, (void)req;
    nanosleep(&pause, NULL);
    return gale_reply(res, 200, "text/plain", "at last\n");
}
GALE_PLUGIN(p) { p->name = "slow"; p->serve = serve; }
"""


def test_who_holds_a_worker_up_is_named(gale, plugin, hello):
    g = gale(f"[app slow]\nmount = /slow\nplugin = {plugin(SLOW)}\nisolate = 0\n"
             f"[app hello]\nmount = /hello\nplugin = {hello}\n", loop_warn="100ms")
    g.get("/hello")
    answer = g.get("/slow/x?y")
    line = wait_for(lambda: next((line for line in g.stderr().splitlines()
                                  if "was held up" in line and "app=slow" in line), None), "a warning")
    assert re.search(r"level=warn .* ms=\d{3,} app=slow request=\"GET /slow/x\?y\" id=[0-9a-f]{16}$", line)
    assert answer.text == "at last\n"
