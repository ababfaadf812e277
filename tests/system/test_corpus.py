"""The corpus (corpus_rows.py) thrown at a running gale: whole, split at every byte, among others.

Each row is judged by what it says when it is sent alone. However else it is sent, the same bytes have
to come back, and the connection has to go on or to end as it did.
"""
import os
import random

import pytest

from conftest import BUILD
from corpus_rows import all_rows
from corpus_site import check, start_witness
from probes import request
from throwing import (GOOD, LAST, Thrower, Wrong, judge_whole, normal, read_replies, throw,
                      throw_to_the_end)

ROWS = all_rows()
SEED = 20
IS_SLOW = "asan" in str(BUILD)
IS_ALL = os.environ.get("GALE_CORPUS") == "all"


@pytest.fixture(scope="module")
def witness(tmp_path_factory):
    yield from start_witness(tmp_path_factory)


@pytest.fixture(scope="module")
def alone(witness):
    """What each row gets when it is sent alone: (its answers, what a next request gets)."""
    return {row.data: tuple(map(normal, throw(witness.unix, row))) for row in ROWS}


def test_every_row(witness):
    """By TCP, alone."""
    assert len(ROWS) > 2000
    check(ROWS, lambda row: judge_whole(row, *throw(witness.tcp, row)))


# ---- in pieces ----

def cuts(row, seen, rng):
    """Every place where the row can be cut in two; a few for the second and later alternatives of
    a line (but for GALE_CORPUS=all), and for the midst of what is long."""
    places, few = range(1, len(row.data)), 1 if IS_SLOW else 4
    if row.place in seen and not IS_ALL:
        return rng.sample(places, min(few, len(places)))
    if len(places) > 400:
        places = [*places[:100], *rng.sample(places[100:-100], 10 * few), *places[-100:]]
    return rng.sample(places, len(places) // 4) if IS_SLOW and not IS_ALL else places


def throw_all(witness, jobs, alone):
    with Thrower(witness.unix) as thrower:
        for row, pieces, got in thrower.throw(jobs):
            assert tuple(map(normal, got)) == alone[row.data], f"{row}: {[len(p) for p in pieces]}"


def test_cut_in_two_anywhere(witness, alone):
    rng, seen, jobs = random.Random(SEED), set(), []
    for row in ROWS:
        jobs += [(row, [row.data[:at], row.data[at:]]) for at in cuts(row, seen, rng)]
        seen.add(row.place)
    throw_all(witness, jobs, alone)


def test_byte_by_byte(witness, alone):
    rows = sorted((row for row in ROWS if len(row.data) < 400), key=lambda row: len(row.data))
    rows = rows[::4] if IS_SLOW and not IS_ALL else rows
    throw_all(witness, [(row, [bytes([byte]) for byte in row.data]) for row in rows], alone)


# ---- among others ----

def test_behind_good_requests(witness, alone):
    good = normal(throw_to_the_end(witness.unix, GOOD))

    def judge(row):
        raw, after = map(normal, throw(witness.tcp, row, lead=2))
        want, want_after = alone[row.data]
        if (raw, after) != (good * 2 + want, want_after):
            raise Wrong(f"{raw} instead of {good * 2 + want}")
    check(ROWS, judge)


def test_before_a_good_request(witness, alone):
    """What follows a row that is refused or says close is never heard."""
    def judge(row):
        got, want = normal(throw_to_the_end(witness.tcp, row.data + LAST)), alone[row.data][0]
        if not got.startswith(want):
            raise Wrong(f"{got} instead of {want}")
        more = [r.seen["path"] for r in read_replies(got[len(want):], ["GET"])]
        if more != ["/last"] * (row.after == "keep"):
            raise Wrong(f"{more} behind it")
    check([row for row in ROWS if row.after != "wait"], judge)


def test_a_client_that_ends_its_side(witness, alone):
    """As printf | nc does: it still gets all that it asked for."""
    def judge(row):
        got = normal(throw_to_the_end(witness.tcp, row.data))
        if got != alone[row.data][0]:
            raise Wrong(f"{got} instead of {alone[row.data][0]}")
    check(ROWS, judge)


@pytest.mark.parametrize("count", [1, 10, 100])
def test_a_row_in_the_midst_of_many(witness, count):
    """All before it are answered, in order; none behind it."""
    paths = [f"/n{i}" for i in range(count)]
    data = b"".join(map(request, paths)) + b"GET / HTTP/1.1\r\nHost : a\r\n\r\n" + GOOD * count
    replies = read_replies(throw_to_the_end(witness.tcp, data), [])
    assert [r.seen and r.seen["path"] for r in replies] == [*paths, None]
    assert replies[-1].status == 400


def test_nothing_was_lost_by_all_that(witness):
    """The worker is the first one, and had nothing to complain of."""
    assert not any(worker["restarts"] for worker in witness.workers())
    assert "level=error" not in witness.stderr() and "serve failed" not in witness.stderr()
