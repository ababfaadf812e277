"""What happens to the instance meanwhile: reloads, good and broken ones, kills, upgrades; and which
failures of clients a kill explains."""
import os
import random
import signal
import subprocess
import time

from stage import wait_for

# What a request may see of a kill is over so long after it.
SLACK = 2


class Kills:
    """When which group lost a process. A front's worker takes its connections along; a worker or
    server of an app only requests to that."""

    def __init__(self):
        self.list = []

    def note(self, mount):
        self.list.append((time.monotonic(), mount))

    def explain(self, mount, opened, since, status=None):
        """Whether a request to mount, sent at `since` over a connection opened then, may have
        failed: by that status of gale's, or by the end of the connection."""
        def hits(at, whose):
            if whose == "":
                return status is None and at > opened - 0.1
            return whose == mount and at > since - SLACK and status in (None, 502, 503)
        return any(hits(at, whose) for at, whose in self.list)


class Storm:
    def __init__(self, stage):
        self.stage, self.kills, self.done, self.problems = stage, Kills(), {}, []
        self.turn = 0

    def step(self, with_upgrade):
        """The next event; returns when it is over."""
        event = EVENTS[self.turn % len(EVENTS)]
        self.turn += 1
        if event is Storm.upgrade and not with_upgrade:
            return
        name = event.__name__
        self.done[name] = self.done.get(name, 0) + 1
        problem = event(self)
        if problem:
            self.problems.append(f"{name}: {problem}")

    # ---- reloads ----

    def _reload(self, status=200):
        answer = self.stage.gale.reload()
        return None if answer.status == status else f"{answer.status} {answer.text}"

    def new_plugin(self):
        self.stage.change_plugin("probe")
        return self._reload()

    def new_isolated_plugin(self):
        self.stage.change_plugin("own")
        return self._reload()

    def new_settings(self):
        self.stage.change_setting(random.choice(list(self.stage.release)))
        return self._reload()

    def nothing_new(self):
        return self._reload()

    def wrong_configuration(self):
        self.stage.configure(max_tasks="many")
        problem = self._reload(409)
        self.stage.configure()
        return problem

    def broken_plugin(self):
        path = self.stage.folder / "plugins" / "probe.so"
        good = path.read_bytes()
        self._put(path, good[:len(good) // 2])
        problem = self._reload(409)
        self._put(path, good)
        return problem

    def _put(self, path, data):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(data)
        fresh.rename(path)

    def upgrade(self):
        gale = self.stage.gale
        run = subprocess.run([str(gale.build / "gale"), "upgrade", "--control", gale.control],
                             capture_output=True, text=True, timeout=120,
                             env=self.stage.environment())
        return None if run.returncode == 0 else f"{run.returncode} {run.stdout} {run.stderr}"

    # ---- kills ----

    def _kill(self, mount, pids):
        def replaced():
            now = there()
            return len(now) == len(pids) and pid not in now
        there = pids
        pids = there()
        pid = random.choice(pids)
        self.kills.note(mount)
        os.kill(pid, signal.SIGKILL)
        wait_for(replaced, f"another process in the place of {pid}", 60)
        self.kills.note(mount)

    def kill_worker(self):
        self._kill("", lambda: self.stage.pids(""))

    def kill_isolated_worker(self):
        self._kill("/own", lambda: self.stage.pids("own"))

    def kill_server(self):
        self._kill("/spawned", self.stage.servers)


EVENTS = [Storm.new_plugin, Storm.kill_server, Storm.wrong_configuration, Storm.kill_worker,
          Storm.new_settings, Storm.kill_isolated_worker, Storm.broken_plugin, Storm.upgrade,
          Storm.new_isolated_plugin, Storm.nothing_new]
