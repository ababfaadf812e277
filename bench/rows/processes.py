"""processes.py - what a server is by itself: its memory, its start, and a reload under load."""
import os
import subprocess
import time

from harness.contender import BUILD, contender, contenders, cpu_ns, descendants, memory_kb
from harness.figures import ratios
from harness.load import Every, Idle, wrk
from harness.rows import row

KEPT = 15000


@row("idle", "15,000 idle kept connections, memory of the worker for each", rounds=3)
def idle(r):
    """What is the worker's alone (anonymous memory); the kernel's sockets are not in it. Each round
    is a fresh server, which has been asked before. nginx has its table of connections from the start,
    and so that is not in its figure. lighttpd takes only half as many connections as it may have
    descriptors, which are 20,000 on some machines, so it is not asked."""
    def measure(c):
        c.start()
        try:
            with Idle(c, 100):
                pass
            before = anonymous_kb(c)
            with Idle(c, KEPT) as kept:
                found = {"bytes": (anonymous_kb(c) - before) * 1024 / KEPT}
                if kept.alive() < KEPT:
                    r.note(f"{c.name} kept only {kept.alive()}")
            return found
        finally:
            c.stop()

    table = r.measure(contenders("gale", "nginx", "h2o"), measure, warm=False)
    r.add(f"memory for each of {KEPT:,} idle connections", table, "bytes")
    r.aim("bytes each", max(row["bytes"] for row in table["gale"]), 512)
    r.aim("of nginx", ratios(table, "bytes", "gale", "nginx"), 1.0)


def anonymous_kb(c):
    return sum(memory_kb(p, "Anonymous") for p in descendants(c.process.pid))


def workers_of(c):
    """The processes that serve: the leaves of the tree."""
    pids = descendants(c.process.pid)
    return [p for p in pids if len(descendants(p)) == 1]


@row("start", "From the start to the first answer; memory of a worker", rounds=15)
def start(r):
    """Each may have 1,024 connections. The memory is the largest worker's after 200 requests: what
    is resident (RSS), and what is its alone plus its share of what several have (PSS)."""
    def measure(c):
        c.prepare()
        began = time.monotonic()
        c.launch()
        try:
            c.wait_ready(pause=0)
            ms = (time.monotonic() - began) * 1000
            for _ in range(200):
                c.ask()
            worker = max(workers_of(c), key=lambda p: memory_kb(p, "Rss"))
            return {"ms": ms, "rss": memory_kb(worker, "Rss"), "kb": memory_kb(worker, "Pss")}
        finally:
            c.stop()

    servers = contenders("gale", "nginx", "lighttpd", "h2o", "apache",
                         values={"CONNECTIONS": 1024})
    table = r.measure(servers, measure)
    r.add("the first answer after the start; memory of a worker", table, "ms")
    r.aim("time to the first answer, of nginx", ratios(table, "ms", "gale", "nginx"), 1.0)
    r.aim("RSS of a worker, of nginx", ratios(table, "rss", "gale", "nginx"), 1.0)
    r.aim("PSS of a worker, of nginx", ratios(table, "kb", "gale", "nginx"), 1.0)


# ---- reload ----

def reload_gale(c):
    """Another configuration each time: gale does not replace workers that are what they should be."""
    c.reloads = getattr(c, "reloads", 0) + 1
    c.configure(**c.values)
    with open(os.path.join(c.dir, "conf"), "a") as f:
        f.write(f"\n[app r{c.reloads}]\nmount = /r{c.reloads}\n"
                f"plugin = {BUILD}/examples/hello.so\n")
    subprocess.run([f"{BUILD}/gale", "reload", os.path.join(c.dir, "conf")], check=True,
                   stdout=subprocess.DEVNULL)


def reload_nginx(c):
    os.kill(c.process.pid, 1)


@row("reload", "A reload under load")
def reload(r):
    """64 connections; a second of load at a time. Each round is steady load first, then the same
    with a reload each second."""
    servers = contenders("gale", "nginx")
    how = {"gale": reload_gale, "nginx": reload_nginx}

    def measure(c):
        steady = wrk(c, 64, max(3, r.seconds))
        with Every(lambda: how[c.name](c)):
            reloading = wrk(c, 64, max(3, r.seconds))
        for figures in steady, reloading:  # whoever has gone took the account of its time along
            del figures["us"]
        return steady, reloading

    for c in servers:
        c.start()
    try:
        found = r.measure(servers, measure)
    finally:
        for c in servers:
            c.stop()
    table = {}
    for name, pairs in found.items():
        table[f"{name}, steady"] = [a for a, _ in pairs]
        table[f"{name}, reloading"] = [b for _, b in pairs]
    r.add("64 connections, steady and with a reload each second", table, "p999", "gale, reloading")
    r.aim("p99.9 of steady load", ratios(table, "p999", "gale, reloading", "gale, steady"), 2.0)
    r.aim("errors", sum(row["errors"] for row in table["gale, reloading"]), 0)
