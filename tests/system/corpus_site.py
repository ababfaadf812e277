"""A gale that the corpus is thrown at: the plugin witness at /, a folder of one file at /files."""
import os

from conftest import BUILD
from probes import app_of, share
from throwing import Wrong

LIMITS = {"max_target": 256, "max_head": 1024, "max_headers": 20, "max_body": 4096,
          "head_timeout": "60s", "body_timeout": "60s"}


def files_app(folder):
    (folder / "ten").write_bytes(b"0123456789")
    with (folder / "big").open("wb") as big:
        big.truncate(5_000_000)
    os.utime(folder / "ten", (1_600_000_000, 1_600_000_000))
    return (f"[app files]\nmount = /files\nplugin = {(BUILD / 'plugins' / 'files.so').resolve()}\n"
            f"set root = {folder}\n")


def start_witness(factory, more_listen="", **server):
    files = files_app(factory.mktemp("files"))
    for g in share(factory, app_of("witness") + files, more_listen, **{**LIMITS, **server}):
        g.tcp = ("127.0.0.1", g.port)
        yield g


def check(rows, judge):
    """Judges every row; all that is wrong in one message."""
    wrong = []
    for row in rows:
        try:
            judge(row)
        except Wrong as e:
            wrong.append(f"{row}: {e}")
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong[:20])
