"""`gale dev` at work in a folder: files that are saved the ways editors save, and what then answers."""
import os
import re
import signal
import subprocess

from harness import wait_for

SOURCE = """#include <gale/gale.h>

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    (void)req;
    return gale_reply(res, 200, "text/html", "<h1>%s</h1>\\n");
}

GALE_PLUGIN(p)
{
    p->name = "hello";
    p->serve = serve;
}
"""
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def source(text):
    return SOURCE.replace("%s", text)


def in_place(path, text):
    path.write_text(text)


def by_rename(path, text):
    new = path.with_name(f".{path.name}.tmp")
    new.write_text(text)
    new.rename(path)


def delete_first(path, text):
    path.unlink()
    path.write_text(text)


def with_backup(path, text):
    """As vim does it: the old file moves away, a new one is written under its name."""
    path.rename(path.with_name(path.name + "~"))
    path.write_text(text)


def in_pieces(path, text):
    with path.open("w") as file:
        for piece in re.findall(r".{1,40}", text, re.DOTALL):
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())


EDITORS = [in_place, by_rename, delete_first, with_backup, in_pieces]


class Project:
    """A folder with sources, and gale dev that serves it."""

    def __init__(self, gale, folder):
        self.gale, self.folder = gale, folder / "project"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.file = self.folder / "hello.c"
        self.process = None

    def start(self, what="hello.c", *options, env=None, **more):
        g = self.process = self.gale(wait=False, args=["version"], **more)
        g.wait()
        args = ["dev", str(self.folder / what), "--control", g.control]
        if not what.endswith(".ini"):
            args += ["--listen", f"127.0.0.1:{g.port}"]
        g.start(args=[*args, *options], env=env)
        g.wait_until_serving()
        return g

    def save(self, text, how=in_place):
        how(self.file, text)

    def get(self, path="/", headers=()):
        return self.process.get(path, headers)

    def page(self, path="/"):
        return self.get(path, BROWSER)

    def wait_for(self, text, path="/", headers=BROWSER):
        """Waits until what answers has this text."""
        def there():
            response = self.get(path, headers)
            return text in response.text and response
        return wait_for(there, f"{text!r} at {path}; it says {self.get(path, headers)!r} and "
                        f"the terminal {self.process.stderr()[-2000:]}")

    def builds(self):
        """How many builds the terminal was told of."""
        return self.process.stderr().count("●")


def compiler(folder, script):
    """A compiler of the test's own; a value for CC."""
    path = folder / "test-cc"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return str(path)


def interrupt(g):
    """Ctrl-C, as a terminal sends it: to the whole foreground group. Returns the exit code."""
    os.killpg(g.pid, signal.SIGINT)
    return g.wait()


def terminal(g, args, env=None):
    """Runs gale with a terminal as its output (util-linux script); what that saw, as a function."""
    log = g.folder / "typescript"
    g.process = subprocess.Popen(
        ["script", "-qefc", " ".join([str(g.build / "gale"), *args]), str(log)], cwd=g.folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "TERM": "xterm", **(env or {})})
    return lambda: log.read_text(errors="replace") if log.exists() else ""
