"""Generations that crash: gale goes back to what served before, and when it does not."""
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from crash_plugins import CRASH, crash_app
from harness import wait_for
from test_crash import (FLAGS, ask_for_death, crash, gale, line_of,  # noqa: F401: fixtures
                        wait_for_report)


def die_often(g, way="null", times=3):
    """Until so many workers have died of it."""
    def died():
        try:
            g.get(f"/{way}")
        except (EOFError, OSError):
            pass
        return g.status()["rollback"]["from"] or g.status()["rollback"]["crashes"] >= times
    wait_for(died, f"{times} crashes")


def reload_with(g, apps, **server):
    g.configure(apps, **server)
    answer = g.reload()
    assert answer.status == 200, answer
    return answer


def wait_for_rollback(g):
    return wait_for(lambda: (s := g.status()["rollback"])["from"] and s, "the rollback")


@pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk")
def test_a_crash_loop_is_rolled_back_within_seconds(gale, crash):
    """The new generation's workers die by themselves; the old one's configuration comes back."""
    g = gale(crash_app(crash), workers=2)
    load = subprocess.Popen(["wrk", "-t1", "--timeout", "20s", "-c8", "-d6s", f"http://127.0.0.1:{g.port}/here"],
                            stdout=subprocess.PIPE, text=True)
    reload_with(g, crash_app(crash, background="yes"), workers=2)
    rollback = wait_for_rollback(g)
    assert (rollback["from"], rollback["to"], g.status()["generation"]) == (2, 1, 3)
    assert re.search(r"[345] of its workers crashed within \d+\.\d s of its start", rollback["why"])
    assert "a generation is rolled back" in g.stderr()
    pids = g.wait_for_workers(2)
    out = load.communicate()[0]
    assert "Non-2xx" not in out and g.wait_for_workers(2) == pids  # it stays
    page = g.command("status", "--control", g.control)
    assert "Generation 2 was rolled back to what generation 1 was" in page.stdout
    # The files are as they were: a reload says so, and does as it is told.
    answer = g.command("reload", "--control", g.control)
    assert answer.returncode == 0
    assert "its files are those of generation 2, which was rolled back" in answer.stdout
    wait_for(lambda: g.status()["rollback"]["from"] == 4, "the next rollback")


def test_rollback_by_hand_and_forward_again(gale, crash):
    g = gale(crash_app(crash), workers=1)
    assert g.command("rollback", "--control", g.control).returncode == 1
    reload_with(g, crash_app(crash, mount="/shop"), workers=1)
    assert g.get("/here").status == 404
    back = g.command("rollback", "--control", g.control)
    assert back.returncode == 0 and "it is generation 1 again" in back.stdout
    assert g.get("/here").status == 200
    again = g.command("rollback", "--control", g.control)
    assert again.returncode == 1 and "there is nothing else to go back to" in again.stderr
    assert "which was rolled back" in g.reload().json()["text"]
    assert g.get("/here").status == 404
    g.configure(crash_app(crash, mount="/other"), workers=1)
    assert g.reload().json()["text"] is None
    assert g.status()["rollback"]["from"] == 0


BAD = CRASH.replace("die(way);", "null();")


def test_a_bad_plugin_is_rolled_back_whatever_became_of_the_files(gale, plugin, tmp_path):
    path = tmp_path / "shop.so"
    plugin(CRASH, to=path, flags=FLAGS)
    g = gale(crash_app(path), workers=2)
    plugin(BAD, to=path, flags=FLAGS)
    assert g.reload().status == 200
    die_often(g, way="here")
    rollback = wait_for_rollback(g)
    assert (rollback["from"], rollback["to"]) == (2, 1)
    assert f"plugin    {path}\n" in wait_for_report(g)  # by the name that people know
    g.wait_for_workers(2)
    assert g.get("/here").status == 200
    # The file is still the bad one: a reload says so.
    assert "which was rolled back" in g.reload().json()["text"]
    path.unlink()
    assert g.reload().status == 409
    back = g.command("rollback", "--control", g.control)
    assert back.returncode == 0, back.stderr
    assert g.get("/here").status == 200


def test_a_watched_plugin_that_was_rolled_back_is_no_news(gale, plugin, tmp_path):
    path = tmp_path / "shop.so"
    plugin(CRASH, to=path, flags=FLAGS)
    g = gale(crash_app(path) + "\nwatch = yes", workers=1, probation_crashes=1)
    plugin(BAD, to=path, flags=FLAGS)
    wait_for(lambda: g.status()["generation"] == 2, "the reload")
    with pytest.raises((EOFError, OSError)):
        g.get("/here")
    wait_for_rollback(g)
    g.wait_for_workers(1)
    subprocess.run(["sleep", "1.5"], check=True)
    assert g.status()["generation"] == 3 and g.get("/here").status == 200
    plugin(CRASH.replace('"%d\\n"', '"mended %d\\n"'), to=path, flags=FLAGS)
    wait_for(lambda: g.get("/here").text.startswith("mended"), "the mended plugin")
    assert g.status()["rollback"]["from"] == 0


def test_copies_in_memory_have_names_and_are_kept_too(gale, plugin, tmp_path):
    path = tmp_path / "shop.so"
    plugin(CRASH, to=path, flags=FLAGS)
    g = gale(crash_app(path), workers=1, probation_crashes=1, state="/proc/none")
    pid = g.workers()[0]["pid"]
    assert "/memfd:shop.so" in Path(f"/proc/{pid}/maps").read_text()
    ask_for_death(g, "/null")
    report = wait_for_report(g)
    assert f"plugin    {path}\n" in report and f".c:{line_of('null')} " in report
    plugin(BAD, to=path, flags=FLAGS)
    assert g.reload().status == 200
    g.configure(crash_app(path), workers=1)  # what the file says does not matter
    g.wait_for_workers(1)
    assert g.command("rollback", "--control", g.control).returncode == 0
    assert g.get("/here").status == 200


def test_no_rollback_where_it_is_not_wanted(gale, crash):
    g = gale(crash_app(crash), workers=1, rollback="no")
    reload_with(g, crash_app(crash), workers=1, rollback="no", probation_crashes=2)
    die_often(g, times=2)
    g.wait_for_log('is not rolled back" generation=2 since="rollback = no"')
    g.wait_for_workers(1)
    assert g.status()["generation"] == 2


def test_crashes_that_the_generation_before_had_too_are_not_its_fault(gale, crash):
    g = gale(crash_app(crash), workers=1, probation_crashes=2)
    die_often(g, times=2)
    g.wait_for_log('since="there is none before it to go back to"')
    g.wait_for_workers(1)
    reload_with(g, crash_app(crash), workers=1, probation_crashes=2, max_tasks=99)
    die_often(g, times=2)
    g.wait_for_log('since="the one before it crashed as often"')
    g.wait_for_workers(1)
    assert g.status()["generation"] == 2


def test_kills_from_outside_roll_nothing_back(gale, crash):
    g = gale(crash_app(crash), workers=1)
    reload_with(g, crash_app(crash), workers=1, probation_crashes=1)
    pid = g.workers()[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    g.wait_for_workers(1, without=[pid])
    assert g.status()["rollback"]["crashes"] == 0
    assert g.status()["generation"] == 2
    assert "killed from outside" in wait_for_report(g)


def test_a_crash_loop_of_the_only_generation_backs_off(gale, crash):
    g = gale(crash_app(crash, background="yes"), workers=1)
    wait_for(lambda: "delay_ms=800" in g.stderr(), "the delays to grow")
    delays = [int(d) for d in re.findall(r"delay_ms=(\d+)", g.stderr())]
    assert delays[:4] == [100, 200, 400, 800]
    assert len(re.findall("is not rolled back", g.stderr())) == 1
