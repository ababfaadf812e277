"""CGI programs that system tests write, and what is looked at when they have run."""
import os
import re
from pathlib import Path

import pytest

from harness import wait_for

PYTHON = "/usr/bin/python3"


@pytest.fixture
def programs(tmp_path):
    """programs(name=script, ...) writes executable programs below bin/; a script without #! is
    for the shell. Names may hold a folder; `_` before the ending becomes a dot."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(**scripts):
        for name, script in scripts.items():
            path = folder / re.sub(r"_(sh|py|cgi|c)$", r".\1", name).replace("nph_", "nph-")
            path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return folder

    put.folder = folder
    return put


@pytest.fixture
def cgi(gale, programs, tmp_path):
    """Starts gale with bin/ at /c; keyword arguments are keys of the app, `server` those of
    [server]. Afterwards nothing of any program may be left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o777)
    temporary.chmod(0o777)
    started = []

    def start(more="", server=None, **keys):
        section = "".join(f"{key} = {one}\n" for key, value in keys.items()
                          for one in (value if isinstance(value, list) else [value]))
        g = gale(f"[app tools]\nmount = /c\ncgi = bin\n{section}\n{more}",
                 env={"TMPDIR": str(temporary), "LEAK": "secret"}, **(server or {}))
        g.temporary = temporary
        started.append(g)
        return g

    yield start
    for g in started:
        if g.is_running():
            wait_for(lambda: not programs_of(g), "all programs to be gone")
            wait_for(lambda: not list(temporary_files(g)), "temporary files to be gone")
        assert not list(temporary.iterdir())


def programs_of(g):
    """Pids of everything in gale's session but master and workers."""
    workers = {w["pid"] for w in g.workers(None)}
    return [pid for pid in g.members() if pid not in workers]


def descriptors(pid):
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except FileNotFoundError:
            pass
    return found


def temporary_files(g):
    # the way to isolated workers is a socket that had a name there for a moment
    return [name for w in g.workers() for name in descriptors(w["pid"])
            if str(g.temporary) in name and "/socket " not in name]


def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024


def chunked(data, size=50000):
    for at in range(0, len(data), size):
        piece = data[at:at + size]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"


# Answers with its input's digest, and whether that was as long as it was told.
DIGEST = f"""#!{PYTHON}
import sys, hashlib, os
data = sys.stdin.buffer.read()
print("A: b\\n")
print(hashlib.sha256(data).hexdigest(), len(data) == int(os.environ["CONTENT_LENGTH"]))
"""
