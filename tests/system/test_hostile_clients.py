"""Floods of connections that end in every state, and slow clients by the hundred: good clients are
answered meanwhile, and afterwards nothing is held for anybody. By the thousand: make hostile."""
import contextlib
import itertools

import pytest

from attackers import (SLOW_MODES, STATES, WAYS, GoodClients, Level, allow_descriptors, flood,
                       slowhttptest, wait_for_level)
from conftest import BUILD
from corpus_site import files_app
from harness import wait_for
from probes import start_probe

COUNT = 50 if "asan" in str(BUILD) else 150


@pytest.fixture
def besieged(gale, tmp_path):
    allow_descriptors(4096)
    g = start_probe(gale, files_app(tmp_path), access_log="-")
    return g, ("127.0.0.1", g.port)


def test_floods_leave_nothing_behind(besieged):
    g, address = besieged
    g.get("/hello")
    before = wait_for_level(g, Level(g))
    with GoodClients(address) as good, contextlib.ExitStack() as stack:
        for state, way in itertools.product(STATES, WAYS):
            for s in flood(address, state, way, COUNT):
                stack.enter_context(s)
    assert not good.wrong and good.kept and good.fresh
    wait_for_level(g, before)


def test_a_second_flood_takes_no_more_memory_than_the_first(besieged):
    g, address = besieged
    before, memory = wait_for_level(g, Level(g)), []
    for _ in range(3):
        for state in STATES:
            flood(address, state, "reset", COUNT)
        memory.append(wait_for_level(g, before).memory)
    assert "asan" in str(BUILD) or memory[2] < memory[0] + 4e6, memory


def test_slow_clients_of_every_kind(besieged):
    """Heads, bodies, ranges and readers, a byte a second, all at once."""
    g, address = besieged
    before = wait_for_level(g, Level(g))
    with GoodClients(address) as good:
        # For each slow reader on the loopback the kernel keeps 4 MB: of these there are few.
        attacks = [slowhttptest(mode, g.port, COUNT // 5 if mode == "-X" else COUNT, 60)
                   for mode in SLOW_MODES]
        try:
            wait_for(lambda: Level(g).connections > 1.5 * COUNT, "the slow clients")
            count = len(good.kept) + 200
            wait_for(lambda: len(good.kept) > count, "the good client to go on")
        finally:
            for attack in attacks:
                attack.terminate()
                attack.communicate()
    assert not good.wrong and good.kept and good.fresh
    wait_for_level(g, before)
