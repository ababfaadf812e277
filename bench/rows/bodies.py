"""bodies.py - files, uploads and downloads, and whether a large one holds the others up."""
import os
import re

from harness.contender import contender, contenders
from harness.figures import ratios
from harness.load import Uploading, poll, transfer, wrk
from harness.rows import row
from rows.gateways import Program, folder

SIZES = (("1k", "1 KB", 1024), ("100k", "100 KB", 100 * 1024), ("10m", "10 MB", 10 * 1024 * 1024))
LARGE = 100 * 1000 * 1000
TURN_MS = 2


def with_files(servers):
    """Gives each started contender the files that are asked for."""
    for c in servers:
        for name, _, size in SIZES:
            with open(os.path.join(c.dir, "files", name), "wb") as f:
                f.write(os.urandom(size))


@row("static", "Files of 1 KB, 100 KB and 10 MB")
def static(r):
    for name, title, size in SIZES:
        servers = contenders("gale", "nginx", "lighttpd", "h2o", "apache", path="/hello")
        clients = 64 if size < 1 << 20 else 8

        def measure(c):
            file = os.path.join(c.dir, "files", name)
            if not os.path.exists(file):
                with_files([c])
            return wrk(c, clients, r.seconds, path="/" + name)

        table = r.compare(f"a file of {title}, {clients} connections", servers, measure)
        r.aim(f"{title}: of nginx", ratios(table, "us", "gale", "nginx"), 1.0)


@row("upload", "An upload of 100 MB to a program that streams it")
def upload(r):
    """gale's plugin has the CPU of gale, the FastCGI program that of the client."""
    with folder() as where:
        program = Program(where, "upload.sock", 13)
        values = {"SOCKET": program.socket, "KEEP": "", "CONN": "off"}
        try:
            servers = [contender("gale", "bodies", values=values, path="/hello"),
                       contender("gale", "bodies", name="gale to FastCGI", values=values)]
            servers += [contender(k, "bodies", values=values) for k in ("nginx", "lighttpd")]
            table = r.compare("an upload of 100 MB", servers, lambda c: transfer(
                c, "upload", "/stream" if c.name == "gale" else "/program", LARGE),
                metric="mb_s")
        finally:
            program.stop()
    r.aim("of nginx to FastCGI", ratios(table, "mb_s", "gale", "nginx"), 1.0, at_least=True)


@row("download", "A download of 100 MB")
def download(r):
    values = {"SOCKET": "/nowhere", "KEEP": "", "CONN": "off"}
    servers = [contender("gale", "bodies", values=values),
               contender("gale", "bodies", name="gale's plugin", values=values)]
    servers += [contender(k, "bodies", values=values) for k in ("nginx", "lighttpd")]

    def measure(c):
        file = os.path.join(c.dir, "files", "large")
        if not os.path.exists(file):
            with open(file, "wb") as f:
                f.write(bytes(LARGE))
        path = f"/stream?bytes={LARGE}" if c.name == "gale's plugin" else "/large"
        return transfer(c, "download", path)

    table = r.compare("a download of 100 MB from a file, or written by a plugin", servers, measure,
                      metric="mb_s")
    r.aim("of nginx", ratios(table, "mb_s", "gale", "nginx"), 1.0, at_least=True)


def longest_turn(c):
    """What gale has logged of turns longer than TURN_MS since it was asked last."""
    with open(os.path.join(c.dir, "gale-error.log")) as f:
        f.seek(getattr(c, "read", 0))
        text = f.read()
        c.read = f.tell()
    turns = [int(ms) for ms in re.findall(r"held the loop.* ms=(\d+)", text)]
    return max(turns, default=0)


@row("fair", "A client uploading at full speed beside another that polls hello")
def fair(r):
    values = {"SOCKET": "/nowhere", "KEEP": "", "CONN": "off"}
    servers = [contender("loop"), contender("gale", "bodies", values=values)]

    def measure(c):
        with Uploading(c, "/stream"):
            figures = poll(c, r.seconds)
        figures["turn"] = longest_turn(c) if c.name == "gale" else 0
        return figures

    table = r.compare("a poll of hello beside an upload", servers, measure, metric="p99")
    r.aim("p99 of the bare fair loop", ratios(table, "p99", "gale", "loop"), 1.5)
    r.aim(f"turns of more than {TURN_MS} ms, the longest",
          max(row["turn"] for row in table["gale"]), TURN_MS)
