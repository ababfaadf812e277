"""A clock that is set while gale serves: what tells the time follows, what waits does not care.

libfaketime stands between gale and the clock; the clock file says how far that one is off."""
import email.utils
import glob
import time

import pytest

from harness import wait_for
from plugins import PROBE, probe_app

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [None])[0]
DAY = 86400


@pytest.fixture
def clock(tmp_path):
    """clock(days) sets the clock; clock.env makes a process believe it."""
    path = tmp_path / "clock"

    def set_to(days):
        fresh = path.with_suffix(".new")
        fresh.write_text(f"{days:+}d\n")
        fresh.rename(path)
    set_to(0)
    set_to.env = {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(path),
                  "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                  "ASAN_OPTIONS": "verify_asan_link_order=0"}
    return set_to


def is_off_by(text, days):
    """Whether an HTTP date is so many days from now, to the minute."""
    seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    return abs(seconds - days * DAY) < 60


def test_a_clock_that_jumps(gale, plugin, clock, tmp_path):
    log = tmp_path / "access"
    g = gale(probe_app(plugin(PROBE)) + "\ndeadline = 1h\n", env=clock.env, access_log=log,
             workers=2, max_memory="1G", probation="60s")
    pids = [w["pid"] for w in g.workers()]
    with g.connect() as idle, g.connect() as busy:
        for days in (30, -400, 9000, 0):
            idle.request()
            busy.send("GET /slow?ms=300 HTTP/1.1\r\nHost: x\r\n\r\n")
            g.wait_for_running(1)
            clock(days)
            assert busy.response().status == 200  # neither its deadline nor its sleep was hit
            wait_for(lambda: is_off_by(idle.request().header("Date"), days), "the Date field")
            assert is_off_by(g.get().header("Date"), days)
            status = g.status()
            ages = [status["uptime_ms"]] + [w["age_ms"] for w in g.workers()]
            assert all(0 <= age < 3600 * 1000 for age in ages), ages
            assert [w["restarts"] for w in g.workers()] == [0, 0]
        assert [w["pid"] for w in g.workers()] == pids
    clock(9000)
    assert g.reload().status == 200
    assert g.workers()[0]["pid"] not in pids
    assert is_off_by(g.get().header("Date"), 9000)
    year = str(time.gmtime(time.time() + 9000 * DAY).tm_year)
    wait_for(lambda: f"/{year}:" in log.read_text(), "a line of that year")
    assert "level=error" not in g.stderr()
