"""gateways.py - programs behind the server: FastCGI kept and closed, CGI, plugins isolated.

FastCGI: the server has one CPU; the load and the program have the other. "loop" is the floor, which
neither parses nor logs (bench/floors).
CGI: the server and what it starts have one CPU, and the figure is the CPU time of both, because what
a server saves on starting a program the program pays, and the other way round. Apache's daemon has
the kernel reap its programs, which are therefore missing in its figure: only its rate compares.
"""
import contextlib
import os
import statistics
import subprocess
import tempfile
import time

from harness.contender import BUILD, COMMANDS, LOAD_CPU, Contender, contender, contenders
from harness.figures import ratios
from harness.load import wrk
from harness.rows import row

CLIENTS, THREADS = 16, 256  # as many as all contenders together may keep
ISOLATION_US = 15


class Program:
    """The FastCGI program on a unix socket, pinned to the CPU of the load."""

    def __init__(self, where, name, length):
        self.socket = os.path.join(where, name)
        self.process = subprocess.Popen(
            ["taskset", "-c", LOAD_CPU, "spawn-fcgi", "-n", "-s", self.socket, "-M", "0666", "--",
             os.path.join(BUILD, "bench", "load", "fcgi_hello"), str(THREADS), str(length)],
            stdout=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            time.sleep(0.01)

    def stop(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def folder():
    """Where everybody may connect to a socket."""
    with tempfile.TemporaryDirectory() as where:
        os.chmod(where, 0o755)
        yield where


def floor(socket, *more):
    return Contender("loop", ["{build}/bench/floors/fcgi_loop", "{port}", socket, *more])


def behind(kind, socket, **values):
    return contender(kind, "fastcgi", values={"SOCKET": socket, **values})


def keeping(socket):
    return [floor(socket), behind("gale", socket, KEEP=64),
            behind("nginx", socket, KEEP="keepalive 64;", CONN="on"),
            behind("h2o", socket, KEEP="10000"), behind("apache", socket, REUSE="on")]


def closing(socket):
    return [floor(socket, "close"), behind("gale", socket, KEEP=0),
            behind("nginx", socket, KEEP="", CONN="off"), behind("lighttpd", socket),
            behind("h2o", socket, KEEP="0"), behind("apache", socket, REUSE="off")]


def fastcgi(r, how, make, limit):
    with folder() as where:
        for title, length in (("13 bytes", 13), ("32 KiB", 32768)):
            program = Program(where, f"{length}.sock", length)
            servers = make(program.socket)
            if length > 13:  # the floor always answers with the short one
                servers = [c for c in servers if c.name != "loop"]
            try:
                table = r.compare(f"FastCGI, {title}, {CLIENTS} clients, connections {how}",
                                  servers, lambda c: wrk(c, CLIENTS, r.seconds))
            finally:
                program.stop()
            if length == 13:
                r.aim("of nginx", ratios(table, "us", "gale", "nginx"), limit)


@row("fastcgi-kept", "FastCGI, connections to the program kept")
def fastcgi_kept(r):
    fastcgi(r, "kept", keeping, 0.75)


@row("fastcgi-closed", "FastCGI, a connection to the program for each request")
def fastcgi_closed(r):
    fastcgi(r, "closed", closing, 0.80)


@row("cgi", "A compiled CGI program, 8 clients")
def cgi(r):
    servers = [Contender("loop", ["{build}/bench/floors/spawn_loop", "{port}",
                                  "{build}/examples/cgi/hello"], counts_children=True)]
    servers += [contender(k, "cgi", counts_children=True) for k in ("gale", "lighttpd", "apache")]
    table = r.compare("a CGI program, server and program together", servers,
                      lambda c: wrk(c, 8, r.seconds))
    r.aim("less than lighttpd", ratios(table, "us", "gale", "lighttpd"), 1.0)


@row("isolated", "A plugin in a worker of its own")
def isolated(r):
    """All of gale's processes have one CPU; the figure is the CPU time of both workers."""
    for clients in (16, 1, 128):
        servers = [Contender(name, COMMANDS["gale"], "isolate.ini", values={"ISOLATE": isolate})
                   for name, isolate in (("in process", 0), ("isolated", 1))]
        table = r.compare(f"a plugin's hello, {clients} clients", servers,
                          lambda c: wrk(c, clients, r.seconds), base="isolated")
        more = [i["us"] - p["us"] for p, i in zip(table["in process"], table["isolated"])]
        r.aim(f"{clients} clients: us more than in process",
              {"median": statistics.median(more), "min": min(more), "max": max(more)},
              ISOLATION_US)
