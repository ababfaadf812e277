"""Throws mutated requests at a running gale. See tests/fuzz/server/run."""
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter

from inputs import ROOT, Input, records
from fuzzed_site import Site
from strict import Malformed, statuses
from harness import SANITIZER, is_alive, wait_for

CLIENTS = 6
GOOD = {"/hello": b"", "/files/small.txt": b"a small file\n", "/own": b"", "/cgi/hello": b"hello\n",
        "/spawned/x": b"", "/external/x": b""}
NEVER = {500, 502, 504}  # nothing here breaks because of what a client says


class Failure(Exception):
    pass


class Fuzzer:
    def __init__(self, build, seconds, seed, first):
        self.folder = tempfile.mkdtemp(prefix="gale-fuzz.")
        os.chmod(self.folder, 0o755)
        self.kept = ROOT / "build" / "fuzz" / "server"
        self.site, self.seed, self.seconds = Site(build, self.folder), seed, seconds
        self.next, self.done, self.end = first, 0, 0.0
        self.under_way, self.statuses = {}, Counter()
        self.pids, self.before, self.failure = set(), None, None

    # ---- one input ----

    async def _say(self, writer, item):
        try:
            for piece in item.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if item.goes == "end" and writer.can_write_eof():
                writer.write_eof()
        except OSError:
            pass  # it was refused before its end

    async def _hear(self, reader):
        heard = b""
        try:
            while piece := await reader.read(65536):
                heard += piece
        except OSError:
            pass
        return heard

    async def _connect(self, is_fastcgi):
        if is_fastcgi:
            return await asyncio.open_unix_connection(self.site.fastcgi)
        return await asyncio.open_connection("127.0.0.1", self.site.gale.port)

    async def _talk(self, item):
        reader, writer = await self._connect(item.is_fastcgi)
        saying = asyncio.create_task(self._say(writer, item))
        if item.goes == "reset":
            await saying
            writer.transport.abort()
            return b""
        heard = await self._hear(reader)
        saying.cancel()
        writer.close()
        return heard

    def _judge(self, item, heard):
        if item.is_fastcgi:
            for kind, _, _ in records(heard):
                if kind not in (3, 6, 7, 10, 11):
                    raise Malformed(f"a record of type {kind}")
            return
        found = statuses(heard, b"HEAD" in item.data)
        self.statuses.update(found)
        if set(found) & NEVER:
            raise Failure(f"an answer of status {found} to {item.data[:300]!r}")

    async def _good(self, path, body):
        reader, writer = await self._connect(False)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        heard = await self._hear(reader)
        writer.close()
        if not heard.startswith(b"HTTP/1.1 200 ") or body not in heard:
            raise Failure(f"a good request to {path} got {heard[:300]!r}")

    # ---- all of them ----

    async def _client(self, place):
        while time.monotonic() < self.end and not self.failure:
            item = self.under_way[place] = Input(self.seed, self.next)
            self.next += 1
            try:
                heard = await asyncio.wait_for(self._talk(item), 60)
                self._judge(item, heard)
                if not all(map(is_alive, self.pids)):
                    raise Failure("a worker has died")
                await asyncio.wait_for(self._good(*random.choice(list(GOOD.items()))), 60)
            except (Malformed, Failure, OSError, asyncio.TimeoutError) as error:
                self.failure = self.failure or f"input {item.number}: {error!r}"
                return
            self.done += 1

    async def _clients(self):
        await asyncio.gather(*(self._client(place) for place in range(CLIENTS)))

    def _look(self):
        """What is wrong when all has been said."""
        if self.failure:
            return
        if self.site.workers() != self.pids:
            self.failure = "a worker was replaced"
            return
        try:
            self.site.wait_until_held(self.before)
        except AssertionError as error:
            self.failure = str(error)

    async def _warm_up(self):
        for path, body in GOOD.items():
            await self._good(path, body)

    def run(self):
        try:
            self.site.start()
        except BaseException:
            self.site.stop()
            raise
        asyncio.run(self._warm_up())
        wait_for(lambda: len(self.site.workers()) == 2, "two workers")
        self.pids, self.before = self.site.workers(), self.site.held()
        self.end = time.monotonic() + self.seconds
        asyncio.run(self._clients())
        self._look()
        log = self.site.gale.stderr()
        problems = [self.failure] if self.failure else []
        problems += self.site.stop()
        if SANITIZER.search(log) and not any("sanitizer" in p for p in problems):
            problems.append("a sanitizer reported something")
        return problems

    def keep(self):
        """The inputs that were under way, and the logs."""
        self.kept.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.site.gale.stderr_file, self.kept / "stderr")
        return [item.save(self.kept) for item in self.under_way.values()]


def main():
    seconds, build = float(sys.argv[1]), sys.argv[2]
    seed = sys.argv[3] if len(sys.argv) > 3 else str(random.randrange(1 << 30))
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    print(f"fuzz-server: seed {seed}, {build}, {seconds:g} s", flush=True)
    fuzzer = Fuzzer(build, seconds, seed, first)
    problems = fuzzer.run()
    for problem in problems:
        print(f"  ! {problem}")
    if problems:
        print("  kept:", *(str(path) for path in fuzzer.keep()))
    shutil.rmtree(fuzzer.folder)
    answers = ", ".join(f"{n} of {status}" for status, n in sorted(fuzzer.statuses.items()))
    print("FAIL" if problems else "PASS", f"fuzz-server seed {seed}: {fuzzer.done} inputs; {answers}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
