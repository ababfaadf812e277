"""The workers of isolated apps: when they are replaced, and what is told of it."""
import re

import pytest

from harness import wait_for
from test_isolation import KeepAlive, app, probe, workers  # noqa: F401


# ---- fresh ones now and then ----

@pytest.mark.parametrize("mode", ["task", "process"])
def test_isolated_workers_are_recycled_without_a_lost_request(gale, probe, mode):
    g = gale(app("own", probe, f"mode = {mode}", isolate=2), workers=1, max_requests=150)
    first = workers(g, "own")
    load = KeepAlive(g, clients=4, path="/own")
    wait_for(lambda: len(workers(g, "own")) == 2 and not set(workers(g, "own")) & set(first),
             "two others")
    load.stop()
    assert not load.failures
    assert re.search(r"worker \d of the app own has served 1[3-9]\d requests \(max_requests\)",
                     g.stderr())
