"""Reloads that nobody notices: connections that are kept go on with the next generation."""
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import Connection, is_alive, wait_for
from plugins import PROBE, probe_app


@pytest.fixture
def probe(plugin):
    return plugin(PROBE)


def ask(connection, path="/"):
    answer = connection.request("GET", path)
    assert answer.status == 200, answer
    return answer


def stays(answer):
    return answer.header("Connection", "") != "close"


class Kept:
    """Clients that keep their connections and use each now and then, until stopped."""

    def __init__(self, g, count, threads=4, address=None):
        self.connections = [g.connect(address) for _ in range(count)]
        self.failures, self.answers, self.stopping = [], 0, False
        self.threads = [threading.Thread(target=self._run, args=(self.connections[i::threads],))
                        for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, connections):
        at = 0
        while not self.stopping:
            try:
                answer = connections[at % len(connections)].request()
                self.answers += 1
                if answer.status != 200 or not stays(answer):
                    self.failures.append(repr(answer.raw))
            except (OSError, EOFError) as error:
                self.failures.append(repr(error))
                return
            at += 1
            time.sleep(0.001)

    def stop(self):
        """Asks once more on each; returns what went wrong."""
        self.stopping = True
        for thread in self.threads:
            thread.join()
        for connection in self.connections:
            try:
                connection.request()
            except (OSError, EOFError) as error:
                self.failures.append(f"at the end: {error!r}")
            connection.close()
        return self.failures


def test_an_idle_connection_goes_on_with_the_new_code(gale, probe, tmp_path):
    path = tmp_path / "web.sock"
    keys = {"listen": None, "workers": 2}
    g = gale(probe_app(probe, version="1"), **keys, **{"listen ": f"127.0.0.1:0 unix:{path}"})
    port = int(g.status()["listen"][0]["bound"].rsplit(":", 1)[1])
    kept = [g.connect(("127.0.0.1", port)) for _ in range(6)]
    kept += [g.connect(str(path)) for _ in range(6)]
    for c in kept[::2]:  # the others have asked for nothing yet
        assert "version 1" in ask(c).text
    for version in "234":
        g.configure(probe_app(probe, version=version), **keys,
                    **{"listen ": f"127.0.0.1:0 unix:{path}"})
        assert g.reload().status == 200
        for c in kept:
            answer = ask(c)
            assert f"version {version}" in answer.text and stays(answer)
    wait_for(lambda: len(g.status()["generations"]) == 1, "the old generations to end")
    assert g.metrics()["gale_connections"] == len(kept)
    for c in kept:
        c.close()


def test_a_connection_is_handed_over_when_its_request_is_done(gale, probe):
    g = gale(probe_app(probe, version="1"))
    with g.connect() as c:
        c.send("GET /slow?ms=500 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.configure(probe_app(probe, version="2"))
        assert g.reload().status == 200
        answer = c.response()
        assert "version 1" in answer.text and stays(answer)
        wait_for(lambda: len(g.status()["generations"]) == 1, "the old generation to end")
        assert "version 2" in ask(c).text


def test_pipelined_requests_are_answered_by_whom_they_came_to(gale, probe):
    g = gale(probe_app(probe, version="1"))
    with g.connect() as c:
        c.send("GET /slow?ms=400 HTTP/1.1\r\nHost: x\r\n\r\n" + "GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        g.wait_for_running(1)
        g.configure(probe_app(probe, version="2"))
        assert g.reload().status == 200
        for _ in range(4):
            assert "version 1" in c.response().text
        wait_for(lambda: len(g.status()["generations"]) == 1, "the old generation to end")
        assert "version 2" in ask(c).text


def test_half_a_head_is_finished_in_the_old_generation(gale, probe):
    g = gale(probe_app(probe, version="1"))
    with g.connect() as c:
        ask(c)
        c.send("GET / HTTP/1.1\r\nHo")
        time.sleep(0.2)  # for the bytes to be read; without that they go along
        g.configure(probe_app(probe, version="2"))
        assert g.reload().status == 200
        c.send("st: x\r\n\r\n")
        answer = c.response()
        assert stays(answer)
        wait_for(lambda: len(g.status()["generations"]) == 1, "the old generation to end")
        assert "version 2" in ask(c).text


@pytest.mark.parametrize("before, after", [(1, 3), (4, 1)])
def test_another_number_of_workers(gale, probe, before, after):
    g = gale(probe_app(probe, version="1"), workers=before)
    kept = [g.connect() for _ in range(20)]
    for c in kept:
        ask(c)
    g.configure(probe_app(probe, version="2"), workers=after)
    assert g.reload().status == 200
    for c in kept:
        answer = ask(c)
        assert "version 2" in answer.text and stays(answer)
        c.close()


def test_a_worker_that_leaves_hands_over_to_its_successor(gale, probe):
    g = gale(probe_app(probe))
    old = g.workers()[0]["pid"]
    with g.connect() as c:
        ask(c)
        os.kill(old, signal.SIGTERM)
        wait_for(lambda: not is_alive(old), "the worker to end")
        answer = ask(c)
        assert stays(answer) and int(answer.text.split()[0]) != old


def test_an_address_that_is_gone_closes_after_a_last_answer(gale, probe, tmp_path):
    path = tmp_path / "web.sock"
    g = gale(probe_app(probe, version="1"), **{"listen ": f"unix:{path}"})
    with g.connect(str(path)) as c, g.connect(str(path)) as other:
        ask(c), ask(other)
        g.configure(probe_app(probe, version="2"), drain_timeout="2s")
        assert g.reload().status == 200
        answer = ask(c)
        assert "version 1" in answer.text and not stays(answer)
        assert c.is_closed()
        assert other.is_closed()  # at the end of the drain
    wait_for(lambda: len(g.status()["generations"]) == 1, "the old generation to end")


def test_a_full_successor_leaves_them_where_they_are(gale, probe):
    g = gale(probe_app(probe, version="1"), drain_timeout="20s")
    kept = [g.connect() for _ in range(12)]
    for c in kept:
        ask(c)
    g.configure(probe_app(probe, version="2"), drain_timeout="20s", max_connections=6)
    assert g.reload().status == 200
    answers = [ask(c) for c in kept]
    assert {"version 1"} == {a.text.split(" ", 1)[1].strip() for a in answers}
    for c in kept[:7]:
        c.close()
    wait_for(lambda: len(g.status()["generations"]) == 1, "the others to move")
    for c in kept[7:]:
        assert "version 2" in ask(c).text
        c.close()


def test_a_successor_that_dies_gets_another(gale, probe):
    g = gale(probe_app(probe, version="1"), drain_timeout="20s")
    with g.connect() as busy, g.connect() as idle:
        ask(busy), ask(idle)
        busy.send("GET /slow?ms=1500 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.configure(probe_app(probe, version="2"), drain_timeout="20s")
        assert g.reload().status == 200
        first = g.workers()[0]["pid"]
        os.kill(first, signal.SIGKILL)
        g.wait_for_workers(1, without=[first])
        assert "version 1" in busy.response().text
        wait_for(lambda: len(g.status()["generations"]) == 1, "the old generation to end")
        assert "version 2" in ask(busy).text


def test_stopping_waits_for_no_idle_connection(gale, probe):
    g = gale(probe_app(probe), drain_timeout="60s")
    with g.connect() as c:
        ask(c)
        g.reload()
        ask(c)
        before = time.monotonic()
        assert g.stop(signal.SIGQUIT) == 0
        assert time.monotonic() - before < 20


def test_idle_clients_and_wrk_notice_nothing(gale, probe):
    """The scene of a deploy, in small: a load of kept connections, reload after reload."""
    g = gale(probe_app(probe), workers=2)
    kept = Kept(g, 200)
    wrk = subprocess.Popen(["wrk", "-t1", "-c16", "-d6s", f"http://127.0.0.1:{g.port}/"],
                           stdout=subprocess.PIPE, text=True)
    reloads = 0
    while wrk.poll() is None:
        assert g.reload().status == 200
        reloads += 1
    said = wrk.communicate()[0]
    assert kept.stop() == []
    assert "Socket errors" not in said and "Non-2xx" not in said, said
    assert reloads > 5 and kept.answers > 100
    assert "too many generations" not in g.stderr()


def test_a_storm_of_reloads_is_merged(gale, probe):
    g = gale(probe_app(probe), workers=2)
    kept = Kept(g, 20, threads=2)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(g.reload())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status for a in answers] == [200] * 20
    assert g.status()["generation"] < 15
    assert kept.stop() == []


def test_fifty_reloads_leave_memory_and_descriptors_level(gale, probe):
    def descriptors():
        return len(os.listdir(f"/proc/{g.pid}/fd"))

    def memory():
        rollup = open(f"/proc/{g.pid}/smaps_rollup").read()
        anonymous = next(line for line in rollup.splitlines() if line.startswith("Anonymous:"))
        return int(anonymous.split()[1])

    def settle():
        wait_for(lambda: len(g.status()["generations"]) == 1, "the old generations to end")

    g = gale(probe_app(probe), workers=2)
    with g.connect() as c:
        for _ in range(10):
            g.reload(), ask(c)
        settle()
        before, held = memory(), descriptors()
        for _ in range(50):
            g.reload(), ask(c)
        settle()
        wait_for(lambda: descriptors() <= held, "descriptors to be closed")
        assert memory() - before < (4096 if g.build.name != "asan" else 1 << 20)  # KiB


def test_no_more_than_four_generations(gale, probe):
    g = gale(probe_app(probe), drain_timeout="60s")
    held = []

    def hold():
        c = g.connect()
        c.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n")
        held.append(c)
        g.wait_for_running(min(len(held), 4))

    for _ in range(3):
        hold()
        assert g.reload().status == 200
    hold()
    # one that is refused, before its workers start or after that, takes nobody's time
    g.configure(probe_app(probe), listen=f"127.0.0.1:{g.port} unix:/nowhere/socket")
    assert g.reload().status == 409
    g.configure(probe_app(probe, open="fail"))
    assert g.reload().status == 409
    g.configure(probe_app(probe), drain_timeout="60s")
    assert [x["state"] for x in g.status()["generations"]][:4] == ["draining"] * 3 + ["serving"]
    assert "are still ending" not in g.stderr() and "a request is cut" not in g.stderr()
    for _ in range(2):
        assert g.reload().status == 200
        hold()
    wait_for(lambda: len(g.status()["generations"]) <= 4, "the oldest to end")
    assert "too many generations are still ending" in g.stderr()
    assert 'msg="a request is cut" app=probe request="GET /slow?ms=60000"' in g.stderr()
    for c in held:
        c.close()


def test_what_is_cut_at_the_end_is_logged(gale, probe):
    g = gale(probe_app(probe), drain_timeout="300ms")
    with g.connect() as c:
        c.send("GET /slow?ms=60000&x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        assert g.reload().status == 200
        g.wait_for_log('request="GET /slow?ms=60000&x=1"')
        g.wait_for_log("requests that still ran were cut")


# ---- what people are told ----

def test_reload_says_what_drains_and_waits(gale, probe):
    g = gale(probe_app(probe), drain_timeout="60s")
    with g.connect() as c:
        c.send("GET /slow?ms=2500 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        said = g.command("reload", g.config)
        assert said.returncode == 0
        lines = said.stdout.splitlines()
        assert lines[0].startswith("generation 2 serves, after ")
        assert lines[1] == "generation 1 is draining: 1 request, 1 connection; cut in 60 s"
        status = g.status()["generations"][0]["workers"][0]["draining"]
        assert status["requests"] == 1 and 0 < status["cut_in_ms"] <= 60000
        assert "1 request, 1 connection, cut in 5" in g.command("status", g.config).stdout
        said = g.command("reload", g.config, "--wait")
        assert "what was replaced has ended, after" in said.stdout
        assert c.response().status == 200
        assert [x["state"] for x in g.status()["generations"]] == ["serving"]


def test_reload_says_of_each_generation_what_drains(gale, probe):
    """A request to an isolated app is one of the front's and one of the app's own workers, not two."""
    g = gale(probe_app(probe, version="1") + "\nisolate = 1\n", drain_timeout="60s")
    with g.connect() as first, g.connect() as second:
        for version, c in ("2", first), ("3", second):
            c.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n")
            g.wait_for_running(int(version) - 1)
            g.configure(probe_app(probe, version=version) + "\nisolate = 1\n", drain_timeout="60s",
                        head_timeout=f"{version}s")
            said = g.command("reload", g.config)
            assert said.returncode == 0, said.stderr
        assert [re.sub(r"cut in \d+ s", "cut", line) for line in said.stdout.splitlines()[1:]] == [
            "generation 1 is draining: 1 request, 1 connection; cut",
            "generation 2 is draining: 1 request, 1 connection; cut",
            "generation 1 of the app probe is draining: 1 request; cut",
            "generation 2 of the app probe is draining: 1 request; cut"]
