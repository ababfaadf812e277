"""A folder of files, and gale serving it: what the tests of the plugin files share."""
import os

import pytest

ROBOTS = b"User-agent: *\nDisallow: /\n"
assert len(ROBOTS) == 26
LARGE = 3_000_000
DAY = "Sun, 13 Sep 2020 12:26:40 GMT"  # of robots.txt


@pytest.fixture
def root(tmp_path):
    """A folder to serve, and beside it what must never be served."""
    folder = tmp_path / "static"
    (folder / "dir").mkdir(parents=True)
    (folder / "bare").mkdir()
    (folder / "robots.txt").write_bytes(ROBOTS)
    (folder / "index.html").write_bytes(b"<h1>top</h1>")
    (folder / "dir" / "index.html").write_bytes(b"<h1>dir</h1>")
    (folder / "empty").write_bytes(b"")
    (folder / "large.bin").write_bytes(bytes(range(256)) * (LARGE // 256))
    (tmp_path / "static_foo.txt").write_text("a secret")
    (tmp_path / "secret.txt").write_text("a secret")
    os.utime(folder / "robots.txt", (1_600_000_000, 1_600_000_000))
    return folder


@pytest.fixture
def files(gale, root, build):
    """files(key="value", ...) starts gale with the plugin on / and these `set` keys."""
    def start(mount="/", more="", **keys):
        keys = {"root": root, **keys}
        sets = "".join(f"set {key} = {value}\n" for key, value in keys.items())
        plugin = (build / "plugins" / "files.so").resolve()
        return gale(f"[app site]\nmount = {mount}\nplugin = {plugin}\n{sets}\n{more}")
    return start


def header_lines(response, prefix=""):
    return sorted((n.lower(), v) for n, v in response.headers
                  if n.lower().startswith(prefix) and n.lower() != "date")
