"""An hour in a server's life: mixed load, reloads, kills and upgrades; is everything level?

    tests/soak/run MINUTES BUILD

Each minute one line; at the end a verdict, and 1 as the exit status where it is a bad one. One
thread of clients makes RATE requests a second; SEED repeats the choice of them. PAUSE seconds lie
between two events, and CALM is the part of each quarter that has none."""
import asyncio
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter

from client import Broken, Client, Wrong
from load import choose
from stage import Stage
from storm import Storm
from harness import SANITIZER
from watch import Sample, compare, growth

CLIENTS = 48
CALM = float(os.environ.get("CALM", 1 / 3))
SETTLE = 20        # seconds until a calm counts, where it is long enough
SAMPLE_EVERY = 10


class Soak:
    def __init__(self, build, minutes, rate, pause):
        self.is_asan = "asan" in build
        self.folder = tempfile.mkdtemp(prefix="gale-soak.")
        os.chmod(self.folder, 0o755)
        self.stage = Stage(build, self.folder)
        self.storm = Storm(self.stage)
        self.length, self.rate, self.pause = minutes * 60, rate, pause
        self.samples, self.problems = [], []
        self.actions, self.explained = Counter(), Counter()
        self.unexpected = 0
        self.begun = self.next_at = 0.0

    # ---- time ----

    def elapsed(self):
        return time.monotonic() - self.begun

    def is_over(self):
        return self.elapsed() >= self.length

    def quarter(self):
        return min(int(self.elapsed() * 4 / self.length), 3)

    def into_calm(self):
        """Seconds since this quarter became calm; negative before that."""
        quarter = self.length / 4
        return self.elapsed() - quarter * self.quarter() - quarter * (1 - CALM)

    # ---- clients ----

    async def turn(self):
        """Waits until it is the next request's turn."""
        now = time.monotonic()
        self.next_at = max(self.next_at + 1 / self.rate, now - 1)
        if self.next_at > now:
            await asyncio.sleep(self.next_at - now)

    async def client(self):
        c = Client(self.stage.gale.port)
        while not self.is_over():
            await self.turn()
            if random.random() < 0.05:
                c.close()
            action, mount = choose()
            await self.act(c, action, mount)
        c.close()

    async def act(self, c, action, mount):
        since = time.monotonic()
        opened = c.opened if c.writer else since
        try:
            await action(c, mount)
        except (Wrong, Broken) as error:
            self.fail(action.__name__, mount, opened, since, error)
        self.actions[action.__name__] += 1

    def fail(self, name, mount, opened, since, error):
        if self.storm.kills.explain(mount, opened, since, error.status):
            self.explained[mount] += 1
            return
        self.unexpected += 1
        self.problem(f"{name} {mount}: {error} (connection {time.monotonic() - opened:.1f} s old, "
                     f"request {time.monotonic() - since:.1f} s)")

    def problem(self, text):
        self.problems.append(text)
        if len(self.problems) < 30:
            print(f"  ! minute {self.elapsed() / 60:.1f}: {text}", flush=True)

    async def clients(self):
        await asyncio.gather(*(self.client() for _ in range(CLIENTS)))

    # ---- events and samples, on threads that mostly wait ----

    def storms(self):
        while not self.is_over():
            if self.into_calm() >= 0:
                time.sleep(0.5)
                continue
            try:
                # In the second half the master has to live with what it holds.
                self.storm.step(with_upgrade=self.quarter() < 2)
            except Exception as error:  # whatever it was, it is told in the end
                self.storm.problems.append(repr(error))
            time.sleep(self.pause)

    def watches(self):
        minute, settle = 1, min(SETTLE, self.length / 4 * CALM / 3)
        while not self.is_over():
            time.sleep(min(SAMPLE_EVERY, self.length / 100))
            try:
                self.samples.append(Sample(self.stage, self.quarter(), self.into_calm() > settle))
            except Exception as error:  # gale is just upgrading
                if self.into_calm() > settle:
                    self.problem(f"there is no sample: {error!r}")
            if self.elapsed() >= minute * 60 and self.samples:
                self.report(minute)
                minute += 1

    def report(self, minute):
        total = self.actions.total()
        print(f"minute {minute:3} {'calm ' if self.into_calm() >= 0 else 'storm'}  actions {total:,}"
              f" ({total / self.elapsed():.0f}/s)  unexpected {self.unexpected}  explained "
              f"{self.explained.total()}  {self.samples[-1].line()}", flush=True)

    # ---- the whole ----

    def run(self):
        self.stage.start()
        self.begun = self.next_at = time.monotonic()
        threads = [threading.Thread(target=t) for t in (self.storms, self.watches)]
        for thread in threads:
            thread.start()
        try:
            asyncio.run(self.clients())
        finally:
            self.length = 0.001
            for thread in threads:
                thread.join()
        log = self.stage.gale.stderr()
        self.problems += self.storm.problems + self.stage.stop()
        if SANITIZER.search(log):
            self.problems.append("a sanitizer reported something")
        return self.verdict()

    def verdict(self):
        for look in (compare, growth):
            lines, problems = look(self.samples, self.is_asan)
            print(*lines, sep="\n")
            self.problems += problems
        print("events:", ", ".join(f"{n} {name}" for name, n in self.storm.done.items()))
        print("actions:", ", ".join(f"{n} {name}" for name, n in self.actions.most_common()))
        print("failures that a kill explains:", dict(self.explained) or "none")
        for problem in self.problems[:30]:
            print("  !", problem)
        print("FAIL" if self.problems else "PASS", f"soak: {self.actions.total():,} actions, "
              f"{self.unexpected} unexpected, {len(self.problems)} problems", flush=True)
        return not self.problems


def main():
    minutes, build = float(sys.argv[1]), sys.argv[2]
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
    random.seed(seed)
    is_asan = "asan" in build
    soak = Soak(build, minutes, float(os.environ.get("RATE", 60 if is_asan else 150)),
                float(os.environ.get("PAUSE", 8 if is_asan else 5)))
    print(f"soak: {minutes:g} minutes of {build}, seed {seed}, in {soak.folder}", flush=True)
    is_good = soak.run()
    if is_good:
        shutil.rmtree(soak.folder)
    else:
        print(f"its logs: {soak.folder}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
