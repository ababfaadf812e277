"""Apps that wait: for locks, queues, events, threads, deep down the stack, beside each other."""
import re
import threading

import pytest

from harness import wait_for
from probes import app_of, figures, request, share

WAITS = app_of("waits")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    yield from share(tmp_path_factory, WAITS)


def in_parallel(count, work):
    results = [None] * count
    threads = [threading.Thread(target=lambda i=i: results.__setitem__(i, work(i)))
               for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_lock_is_had_by_one_at_a_time(gale):
    g = gale(WAITS)
    answers = in_parallel(20, lambda i: g.get("/locked?ms=3").body)
    assert answers == [b"had it -35\n"] * 20
    with g.connect() as holder, g.connect() as waiter:
        holder.send(request("/locked?ms=60000"))
        wait_for(lambda: g.get("/locked?patience=0").body == b"-110\n", "the lock to be taken")
        waiter.send(request("/locked"))
        holder.reset()  # whoever is cancelled gives it back on the way out
        assert waiter.response().body == b"had it -35\n"


def test_a_queue_between_requests(gale):
    g = gale(WAITS)
    takers = [g.connect() for _ in range(5)]
    for c in takers:
        c.send(request("/get"))
    answers = [g.get(f"/put?value=v{i}").body for i in range(5)]
    assert answers == [b"0\n"] * 5
    assert sorted(c.response().body for c in takers) == [b"v%d\n" % i for i in range(5)]
    assert [g.get(f"/put?value=x&ms=0").body for _ in range(3)] == [b"0\n", b"0\n", b"-110\n"]
    with g.connect() as late:
        late.send(request("/put?value=last"))
        assert [g.get("/get").body for _ in range(3)] == [b"x\n", b"x\n", b"last\n"]
        assert late.response().body == b"0\n"
    for c in takers:
        c.close()


def test_background_work_and_events(site):
    assert in_parallel(5, lambda i: site.get("/ring").body) == [b"0 0\n"] * 5


def test_blocking_work_holds_nobody_up(gale):
    g = gale(WAITS, offload_threads=2)
    with g.connect() as slow:
        slow.send(request("/offload?ms=900"))
        for _ in range(50):
            assert g.get("/hello").status == 200
        assert slow.response().body == b"0\n"
    assert in_parallel(10, lambda i: g.get("/offload?ms=5").body) == [b"0\n"] * 10


def test_too_much_blocking_work(gale):
    g = gale(WAITS, offload_threads=1, offload_queue=1)
    answers = in_parallel(10, lambda i: g.get("/offload?ms=100").body)
    assert set(answers) <= {b"0\n", b"-11\n"} and b"0\n" in answers and b"-11\n" in answers


def test_a_client_that_leaves_during_blocking_work(gale):
    """The work goes on to its end: nobody may pull its memory away."""
    g = gale(WAITS)
    for _ in range(5):
        c = g.connect()
        c.send(request("/offload?ms=50"))
        wait_for(lambda: g.get("/hello").status, "another answer")
        c.reset()
    wait_for(lambda: figures(g)["offloaded"] == 5, "the work to be done")


@pytest.mark.parametrize("kilobytes", [10, 100, 180])
def test_deep_stacks(site, build, kilobytes):
    if "asan" in str(build):
        kilobytes //= 4  # its frames are larger
    assert in_parallel(4, lambda i: site.get(f"/deep?k={kilobytes}").status) == [200] * 4


def test_too_deep_is_told_as_such(gale, tmp_path):
    """By gale itself: a sanitizer that would see it first is told to look away."""
    log = tmp_path / "error.log"
    g = gale(WAITS, error_log=log, env={"ASAN_OPTIONS": "handle_segv=0:detect_stack_use_after_return=0"})
    pid = figures(g)["pid"]
    with g.connect() as c:
        c.send(request("/deep?k=3000"))
        with pytest.raises((EOFError, ConnectionResetError)):
            c.response()
    g.wait_for_workers(1, without=[pid])
    assert g.get("/hello").status == 200
    assert re.search(r"worker 0 was killed by SIGSEGV.* while app waits served .*/deep\?k=3000.*"
                     "the task's stack overflowed", log.read_text())


def test_many_at_once(site):
    """A few hundred requests that all wait, of all kinds, beside each other."""
    paths = ["/ring", "/deep?k=20", "/locked", "/offload?ms=1", "/hello"]
    connections = [site.connect() for _ in range(300)]
    for i, c in enumerate(connections):
        c.send(request(paths[i % len(paths)]))
    for c in connections:
        with c:
            assert c.response().status == 200


def test_background_work_is_over(site):
    wait_for(lambda: figures(site)["ringing"] == 0, "the end of all background tasks")
