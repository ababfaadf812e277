"""The instance under load: a copy of the build, one app of each kind, a folder that tells what is
left behind."""
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from harness import Gale, wait_for  # noqa: E402

SMALL = b"a small file\n" * 40
LARGE = bytes(range(256)) * 12000
CGI = {"hello": "printf 'Content-Type: text/plain\\n\\nhello\\n'",
       "cat": "printf 'Content-Type: text/plain\\n\\n'\ncat"}
APPS = """
[app probe]
mount = /p
plugin = plugins/probe.so

[app own]
mount = /own
plugin = plugins/own.so
isolate = 2
set name = {own}

[app files]
mount = /files
plugin = plugins/files.so
set root = static

[app cgi]
mount = /cgi
cgi = cgi

[app spawned]
mount = /spawned
fastcgi = spawn
command = bin/threaded
processes = 2
env = RELEASE {servers}

[app external]
mount = /external
fastcgi = unix:{external}
keep_alive = 2

[app status]
mount = /status
plugin = plugins/status.so
"""
# Freed memory would be held back by the hundred megabytes.
ASAN = "detect_stack_use_after_return=0:detect_leaks=1:abort_on_error=1:quarantine_size_mb=8"


class Stage:
    def __init__(self, build, folder):
        self.build, self.folder = Path(build).resolve(), Path(folder)
        self.temporary = self.folder / "temporary"
        self.release = {"own": 0, "servers": 0}
        self._copy()
        self.gale = Gale(self.folder / "bin", self.folder)
        self.external = self._start_external()

    def _copy(self):
        for name in ("bin", "plugins", "static", "cgi", "run"):
            (self.folder / name).mkdir()
        self.temporary.mkdir(mode=0o777)
        shutil.copy(self.build / "gale", self.folder / "bin" / "gale")
        shutil.copy(self.build / "examples" / "fastcgi" / "threaded", self.folder / "bin")
        for to, source in {"probe": "fixtures/probe", "own": "fixtures/probe",
                           "files": "plugins/files", "status": "plugins/status"}.items():
            shutil.copy(self.build / f"{source}.so", self.folder / "plugins" / f"{to}.so")
        (self.folder / "static" / "small.txt").write_bytes(SMALL)
        (self.folder / "static" / "large.bin").write_bytes(LARGE)
        for name, text in CGI.items():
            (self.folder / "cgi" / name).write_text(f"#!/bin/sh\n{text}\n")
            (self.folder / "cgi" / name).chmod(0o755)

    def _start_external(self):
        """A FastCGI server that is none of gale's."""
        path = self.folder / "external.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(64)
            return subprocess.Popen([self.folder / "bin" / "threaded"], stdin=listener,
                                    start_new_session=True, env=self.environment())

    def environment(self):
        return {**os.environ, "TMPDIR": str(self.temporary), "ASAN_OPTIONS": ASAN,
                "UBSAN_OPTIONS": "print_stacktrace=1", "XDG_RUNTIME_DIR": str(self.folder / "run")}

    def configure(self, **more):
        apps = APPS.format(external=self.folder / "external.sock", **self.release)
        self.gale.configure(apps, workers=2, state=self.folder / "state",
                            access_log=self.folder / "access.log", **more)

    def start(self):
        self.configure()
        self.gale.start(env=self.environment())
        self.gale.wait_until_serving()

    def change_plugin(self, name):
        """Another file of that name, as a build would leave it."""
        path = self.folder / "plugins" / f"{name}.so"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(path.read_bytes() + b".")
        fresh.rename(path)

    def change_setting(self, name):
        self.release[name] += 1
        self.configure()

    def stop(self):
        """Ends everything; returns what was wrong, as sentences."""
        problems = self.gale.finish()
        self.external.terminate()
        self.external.wait(30)
        for folder in ("temporary", "run"):
            left = [str(path) for path in (self.folder / folder).rglob("*") if not path.is_dir()]
            problems += [f"left behind: {path}" for path in left]
        return problems

    # ---- processes ----

    def pids(self, group):
        """The workers of a group that serve; of "": the front's."""
        live = [g for g in self.gale.status()["generations"] if g["group"] == group]
        return [w["pid"] for g in live for w in g["workers"] if w["state"] == "serving"]

    def servers(self):
        """What gale runs of bin/threaded."""
        def is_server(pid):
            try:
                return os.readlink(f"/proc/{pid}/exe").endswith("/threaded")
            except OSError:
                return False
        return [pid for pid in self.gale.members() if is_server(pid)]

    def wait_until_whole(self):
        """One generation of each group, all its workers, all servers."""
        def whole():
            generations = self.gale.status()["generations"]
            workers = [w for g in generations for w in g["workers"]]
            return (len(generations) == 2 and len(workers) == 4 and len(self.servers()) == 2 and
                    all(w["state"] == "serving" for w in workers))
        wait_for(whole, "everybody to serve", 120)
