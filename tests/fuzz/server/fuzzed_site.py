"""The server that is fuzzed: a gale with an app of each kind behind it."""
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from harness import Gale, wait_for  # noqa: E402

APPS = """
[app hello]
mount = /hello
plugin = {build}/examples/hello.so

[app echo]
mount = /echo
plugin = {build}/examples/echo.so

[app form]
mount = /form
plugin = {build}/examples/form.so
form_memory = 100

[app own]
mount = /own
plugin = {build}/examples/echo.so
isolate = 1

[app files]
mount = /files
plugin = {build}/plugins/files.so
set root = static
set list = yes

[app cgi]
mount = /cgi
cgi = cgi
processes = 4

[app spawned]
mount = /spawned
fastcgi = spawn
command = {build}/examples/fastcgi/threaded

[app external]
mount = /external
fastcgi = unix:external.sock
keep_alive = 2

[app status]
mount = /status
plugin = {build}/plugins/status.so
"""
ASAN = "detect_stack_use_after_return=0:detect_leaks=1:abort_on_error=1:quarantine_size_mb=8"


class Site:
    def __init__(self, build, folder):
        self.build, self.folder = Path(build).resolve(), Path(folder)
        self.gale = Gale(self.build, self.folder)
        self.fastcgi = str(self.folder / "fastcgi.sock")
        self.temporary = self.folder / "temporary"
        self._write()

    def _write(self):
        for name in ("static", "cgi", "temporary"):
            (self.folder / name).mkdir()
        (self.folder / "static" / "small.txt").write_bytes(b"a small file\n" * 40)
        (self.folder / "static" / "large.bin").write_bytes(bytes(range(256)) * 1000)
        for name, text in {"hello": "echo hello", "cat": "cat"}.items():
            path = self.folder / "cgi" / name
            path.write_text(f"#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n{text}\n")
            path.chmod(0o755)

    def start(self):
        env = {**os.environ, "TMPDIR": str(self.temporary), "ASAN_OPTIONS": ASAN,
               "UBSAN_OPTIONS": "print_stacktrace=1"}
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.folder / "external.sock"))
            listener.listen(64)
            self.external = subprocess.Popen([self.build / "examples/fastcgi/threaded"],
                                             stdin=listener, start_new_session=True, env=env)
        listen = f"127.0.0.1:{self.gale.port} fastcgi://unix:{self.fastcgi}"
        self.gale.configure(APPS.format(build=self.build), workers=1, listen=listen,
                            head_timeout="2s", body_timeout="2s", idle_timeout="2s",
                            write_timeout="5s", max_body="1M", trusted_proxies="127.0.0.1",
                            access_log="access.log", rollback="no")
        self.gale.start(env=env)
        self.gale.wait_until_serving()

    def stop(self):
        problems = self.gale.finish()
        self.external.terminate()
        self.external.wait(30)
        problems += [f"left behind: {path}" for path in self.temporary.rglob("*")]
        return problems

    def workers(self):
        return {w["pid"] for g in self.gale.status()["generations"] for w in g["workers"]}

    def held(self):
        """What it holds that must not grow: descriptors of master and workers, processes, files."""
        pids = [self.gale.pid, *sorted(self.workers())]
        return (sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids), len(self.gale.members()),
                len(list(self.temporary.rglob("*"))))

    def wait_until_held(self, before):
        """At most as much as `before`, and some descriptors for what is kept to servers and to
        isolated workers, one for each client that was served at a time."""
        def level():
            now = self.held()
            return now[0] <= before[0] + 20 and now[1] <= before[1] and now[2] <= before[2]
        wait_for(level, f"what is held to be as at first, {before}; now it is {self.held()}")
