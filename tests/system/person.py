"""Somebody who runs gale: a folder, a runtime folder and an environment of his own.

As root every instance of this machine would be found, so tests of commands that look for instances
act as somebody else.

    def test_status(person):
        process, port = person.serve("g.ini")
        assert person.gale("status").returncode == 0
"""
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import SANITIZER, WAIT_SECONDS, Connection, free_port, wait_for

NOBODY = 65534
APP = "[app a]\nmount = /\nplugin = hello.so\n"


class Person:
    """Somebody without any instance yet, in a folder of his own."""

    def __init__(self, build, plugins):
        self.folder = Path(tempfile.mkdtemp(prefix="gale-cli-"))
        self.folder.chmod(0o755)
        self.program = self.folder / "bin" / "gale"
        self.program.parent.mkdir()
        shutil.copy2(build / "gale", self.program)
        for name, path in plugins.items():
            shutil.copy2(path, self.folder / name)
        (self.folder / "run").mkdir(mode=0o700)
        self.as_user = {}
        if os.geteuid() == 0:
            self.as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            for path in [self.folder, self.folder / "run"]:
                os.chown(path, NOBODY, NOBODY)
        self.running = []

    def environment(self, **more):
        return {**os.environ, "XDG_RUNTIME_DIR": str(self.folder / "run"), "TERM": "xterm", **more}

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        return path

    def gale(self, *arguments, cwd=None, **env):
        shown = subprocess.run([str(self.program), *map(str, arguments)], cwd=cwd or self.folder,
                               env=self.environment(**env), capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, timeout=WAIT_SECONDS, **self.as_user)
        assert not SANITIZER.search(shown.stderr), shown.stderr
        return shown

    def start(self, *arguments, stderr=None, **env):
        log = (self.folder / f"log{len(self.running)}").open("wb")
        process = subprocess.Popen([str(self.program), *map(str, arguments)], cwd=self.folder,
                                   env=self.environment(**env), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=stderr or log, start_new_session=True,
                                   **self.as_user)
        process.log = self.folder / f"log{len(self.running)}"
        self.running.append(process)
        return process

    def configure(self, name, **server):
        """A configuration that serves hello on a port of its own."""
        port = free_port()
        keys = {"listen": f"127.0.0.1:{port}", "workers": 1, "access_log": "off", **server}
        lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
        self.write(name, f"[server]\n{lines}\n[app hello]\nmount = /\nplugin = hello.so\n")
        return port

    def serve(self, name, **server):
        """Starts gale with such a configuration; (process, port) once it serves."""
        port = self.configure(name, **server)
        process = self.start("run", name)
        self.wait_for_port(port, process)
        return process, port

    def wait_for_port(self, port, process):
        def answers():
            assert process.poll() is None, process.log.read_text()
            return get(port) is not None
        wait_for(answers, f"an answer on port {port}")

    def finish(self):
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        logs = ""
        for process in self.running:
            process.wait(WAIT_SECONDS)
            logs += process.log.read_text(errors="replace")
        shutil.rmtree(self.folder)
        assert not SANITIZER.search(logs), logs


def get(port, path="/"):
    """The body, or None while nobody is there."""
    try:
        with Connection(("127.0.0.1", port)) as c:
            return c.request(path=path, headers={"Connection": "close"}).text
    except ConnectionError:
        return None


@pytest.fixture
def person(build, hello):
    someone = Person(build, {"hello.so": hello})
    yield someone
    someone.finish()
