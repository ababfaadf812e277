"""Reloads: a new generation takes over, or nothing changes and whoever asked knows why."""
import os
import signal
import threading

import pytest

from harness import Connection, is_alive, wait_for
from plugins import PROBE, probe_app
from test_process import Load, pid_of


@pytest.fixture
def probe(plugin):
    return plugin(PROBE)


def test_a_reload_replaces_workers_and_loses_no_request(gale, probe):
    g = gale(probe_app(probe, version="1"), workers=2)
    old = [w["pid"] for w in g.workers()]
    load = Load(g)
    load.wait_for(50)
    g.configure(probe_app(probe, version="2"), workers=2)
    answer = g.reload()
    assert answer.status == 200
    assert answer.json()["ok"] and answer.json()["generation"] == 2
    load.wait_for(100)
    assert load.stop() == []
    assert "version 2" in g.get().text
    wait_for(lambda: not any(is_alive(pid) for pid in old), "the old generation to end")


def test_sighup_reloads(gale, probe):
    g = gale(probe_app(probe, version="1"))
    g.configure(probe_app(probe, version="2"))
    g.kill(signal.SIGHUP)
    wait_for(lambda: "version 2" in g.get().text, "the new version")


@pytest.mark.parametrize("change, says", [
    ({"open": "fail"}, "the database is not there"),
    ({"open": "crash"}, "worker 0 was killed by SIGABRT"),
    ({"open": "hang"}, "did not open its apps within start_timeout"),
    ({"nokey": "1"}, "nokey"),
])
def test_a_bad_plugin_leaves_the_old_generation(gale, probe, change, says):
    g = gale(probe_app(probe), workers=2, start_timeout="500ms")
    before = g.workers()
    load = Load(g)
    g.configure(probe_app(probe, **change), workers=2, start_timeout="500ms")
    answer = g.reload()
    assert answer.status == 409
    assert says in answer.json()["text"]
    load.wait_for(20)
    assert load.stop() == []
    assert [w["pid"] for w in g.workers()] == [w["pid"] for w in before]
    status = g.status()
    assert says in status["reload"]["last_failure"]
    assert status["generation"] == 1
    assert "the reload is refused" in g.stderr()
    wait_for(lambda: len(g.members()) == 2, "the failed worker to end")
    # and the next one, corrected, succeeds and clears the record
    g.configure(probe_app(probe), workers=2)
    assert g.reload().status == 200
    assert g.status()["reload"]["last_failure"] is None


@pytest.mark.parametrize("text, says", [
    ("[server]\nworkers = lots\n", "workers"),
    ("[server\n", ":1:"),
    ("", "nothing to serve"),
])
def test_a_bad_configuration_leaves_the_old_generation(gale, probe, text, says):
    g = gale(probe_app(probe))
    before = g.workers()
    g.config.write_text(text)
    answer = g.reload()
    assert answer.status == 409
    assert says in answer.json()["text"]
    assert g.workers()[0]["pid"] == before[0]["pid"]
    assert g.get().status == 200


def test_a_file_that_is_no_plugin(gale, probe, tmp_path):
    g = gale(probe_app(probe))
    broken = tmp_path / "broken.so"
    broken.write_text("nothing\n")
    g.configure(probe_app(broken))
    answer = g.reload()
    assert answer.status == 409
    assert "broken.so" in answer.json()["text"]
    assert g.get().status == 200


def test_requests_meanwhile_are_answered_by_one_reload_more(gale, plugin):
    slow = plugin(PROBE.replace("struct probe *probe = calloc", "usleep(300000);\n"
                                "    struct probe *probe = calloc"))
    g = gale(probe_app(slow))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(g.reload())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status for a in answers] == [200] * 6
    assert g.status()["generation"] <= 4
    assert max(a.json()["generation"] for a in answers) == g.status()["generation"]


def test_reloads_leave_nothing_open(gale, probe):
    def descriptors():
        return len(os.listdir(f"/proc/{g.pid}/fd"))

    g = gale(probe_app(probe), workers=2)
    g.reload()
    wait_for(lambda: len(g.status()["generations"]) == 1, "the first generation to end")
    before = descriptors()
    for n in range(10):
        g.configure(probe_app(probe, **({"open": "fail"} if n % 3 == 2 else {})), workers=2)
        assert g.reload().status == (409 if n % 3 == 2 else 200)
    wait_for(lambda: len(g.status()["generations"]) == 1, "the others to end")
    wait_for(lambda: descriptors() <= before, "descriptors to be closed")
    assert len(g.members()) == 2


def test_running_requests_end_in_the_old_generation(gale, probe):
    g = gale(probe_app(probe, version="1"), drain_timeout="30s")
    with g.connect() as c, g.connect() as idle:
        idle.request()
        c.send("GET /slow?ms=700 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.configure(probe_app(probe, version="2"), drain_timeout="30s")
        assert g.reload().status == 200
        assert "version 2" in g.get().text
        assert [x["state"] for x in g.status()["generations"]] == ["draining", "serving"]
        assert "version 1" in c.response().text
        assert "version 2" in idle.request().text
    wait_for(lambda: len(g.status()["generations"]) == 1, "the old generation to end")


def test_many_reloads_leave_no_more_than_four_generations(gale, probe):
    g = gale(probe_app(probe), drain_timeout="60s")
    held = []
    for _ in range(6):
        c = g.connect()
        c.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n")
        held.append(c)
        g.wait_for_running(min(len(held), 4))
        assert g.reload().status == 200
    wait_for(lambda: len(g.status()["generations"]) <= 4, "the oldest to end")
    for c in held:
        c.close()
    wait_for(lambda: len(g.status()["generations"]) == 1, "the others to end")


@pytest.mark.parametrize("before, after", [(1, 4), (4, 1), (3, 2)])
def test_workers_up_and_down_under_load(gale, probe, before, after):
    g = gale(probe_app(probe), workers=before)
    load = Load(g, clients=6)
    load.wait_for(50)
    g.configure(probe_app(probe), workers=after)
    assert g.reload().status == 200
    g.wait_for_workers(after)
    # sockets that are too many leave only after two seconds
    wait_for(lambda: g.status()["listen"][0]["sockets"] == after, "the sockets to settle")
    load.wait_for(100)
    assert load.stop() == []
    g.configure(probe_app(probe), workers=before)
    assert g.reload().status == 200
    wait_for(lambda: {pid_of(g.get()) for _ in range(100)} == {w["pid"] for w in g.workers()},
             "all workers to serve")


def test_addresses_come_and_go(gale, probe, tmp_path):
    path = tmp_path / "app.sock"
    g = gale(probe_app(probe), listen=[f"127.0.0.1:0", f"unix:{path}"])
    bound = {a["address"]: a["bound"] for a in g.status()["listen"]}
    port = int(bound["127.0.0.1:0"].rsplit(":", 1)[1])
    assert g.request(address=("127.0.0.1", port)).status == 200
    assert g.request(address=str(path)).status == 200
    g.configure(probe_app(probe))
    assert g.reload().status == 200
    assert g.get().status == 200
    assert not path.exists()
    def refused():
        try:
            Connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return True
        return False
    wait_for(refused, "the address that was taken away to refuse")


def test_an_address_that_is_taken_refuses_the_reload(gale, probe):
    other = gale(probe_app(probe), name="other")
    g = gale(probe_app(probe))
    g.configure(probe_app(probe), listen=[f"127.0.0.1:{g.port}", f"127.0.0.1:{other.port}"])
    answer = g.reload()
    assert answer.status == 409
    assert f"in use by another process (gale, pid {other.pid})" in answer.json()["text"]
    assert len(g.status()["listen"]) == 1
    assert g.get().status == 200


def test_a_stale_unix_socket_is_replaced_and_a_file_is_not(gale, probe, tmp_path):
    path = tmp_path / "app.sock"
    g = gale(probe_app(probe), listen=f"unix:{path}", workers=2)
    os.kill(g.pid, signal.SIGKILL)
    g.wait()
    wait_for(lambda: not g.members(), "the workers to end")
    assert path.exists()
    g.start()
    g.wait_until_serving()
    assert g.request(address=str(path)).status == 200
    g.stop()
    assert not path.exists()
    path.write_text("mine\n")
    g.start()
    assert g.wait() == 2 and "is there already and is no socket" in g.stderr()
    assert path.read_text() == "mine\n"


def test_a_reload_during_a_stop_is_refused(gale, probe):
    g = gale(probe_app(probe), drain_timeout="20s")
    with g.connect() as c:
        c.send("GET /slow?ms=800 HTTP/1.1\r\nHost: x\r\n\r\n")
        g.wait_for_running(1)
        g.kill(signal.SIGQUIT)
        wait_for(lambda: g.status()["state"] == "stopping", "the stop")
        answer = g.reload()
        assert answer.status == 409
        assert "stopping" in answer.json()["text"]
        assert c.response().status == 200
    assert g.wait() == 0


def test_a_stop_during_a_reload(gale, probe):
    g = gale(probe_app(probe))
    g.configure(probe_app(probe, open="hang"))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(g.reload()))
    thread.start()
    wait_for(lambda: g.status()["reload"]["running"], "the reload")
    g.kill(signal.SIGTERM)
    g.wait_for_log("stopping")
    g.kill(signal.SIGTERM)
    assert g.wait() == 0
    thread.join()
    assert answers[0].status == 409


def test_a_worker_that_dies_before_go_refuses_the_reload(gale, plugin, probe, tmp_path):
    # whoever opens second finds the marker of the first, and dies
    second = plugin("#include <sys/stat.h>\n" + PROBE.replace(
        'const char *mode =', f'if (mkdir("{tmp_path}/marker", 0755) < 0) abort();\n'
        '    const char *mode ='))
    g = gale(probe_app(probe), workers=3)
    before = [w["pid"] for w in g.workers()]
    g.configure(probe_app(second), workers=3)
    answer = g.reload()
    assert answer.status == 409
    assert "was killed by SIGABRT" in answer.json()["text"]
    assert [w["pid"] for w in g.workers()] == before
    wait_for(lambda: len(g.members()) == 3, "the new ones to end")
