"""plain.py - a short answer: by kept connections, with a browser's head, pipelined, new ones."""
from harness.contender import contender, contenders
from harness.figures import ratios
from harness.load import BROWSER, Idle, wrk
from harness.rows import row

PEERS = ("nginx", "lighttpd", "h2o", "apache")


@row("hello", "A plugin's hello, 64 kept connections, default logging and metrics", rounds=15)
def hello(r):
    servers = contenders("loop", "gale", *PEERS)
    servers.insert(1, contender("loop", name="loop again"))
    table = r.compare("13 bytes by 64 kept connections", servers,
                      lambda c: wrk(c, 64, r.seconds))
    r.aim("of the bare loop (towards 1.05)", ratios(table, "us", "gale", "loop"), 1.10)
    r.aim_below_peers(table, "us", PEERS)
    own = ratios(table, "us", "loop again", "loop")
    r.note(f"The loop against itself: {own['median']:.3f} ({own['min']:.3f}-{own['max']:.3f})")


@row("browser", "The same with the 700-byte head of a browser")
def browser(r):
    table = r.compare("with a browser's head", contenders("loop", "gale", *PEERS),
                      lambda c: wrk(c, 64, r.seconds, headers=BROWSER))
    r.aim_below_peers(table, "us", PEERS)


@row("pipelined", "The same, pipelined 16 deep")
def pipelined(r):
    table = r.compare("pipelined 16 deep", contenders("loop", "gale", "nginx", "lighttpd", "h2o"),
                      lambda c: wrk(c, 64, r.seconds, deep=16), metric="rate")
    r.aim("of the bare loop's rate", ratios(table, "rate", "gale", "loop"), 0.5, at_least=True)


@row("crowd", "10,000 connections of which 100 are busy")
def crowd(r):
    """The idle ones come and go with each round, so that few and many are compared within it."""
    few, many = "64 connections", "10,000, 100 busy"
    servers = contenders("gale", "nginx", "lighttpd")
    table = {f"{c.name}, {how}": [] for c in servers for how in (few, many)}

    def measure(c):
        alone = wrk(c, 64, r.seconds)
        with Idle(c, 9900) as idle:
            crowded = wrk(c, 100, r.seconds)
            if idle.alive() < 9900:
                r.note(f"{c.name} dropped {9900 - idle.alive()} of the idle connections")
        return alone, crowded

    for c in servers:
        c.start()
    try:
        for name, found in r.measure(servers, measure, warm=False).items():
            table[f"{name}, {few}"] = [a for a, _ in found]
            table[f"{name}, {many}"] = [b for _, b in found]
    finally:
        for c in servers:
            c.stop()
    r.add("100 busy connections among 10,000, and 64 alone", table, "us", f"gale, {many}")
    r.aim("of what 64 connections cost", ratios(table, "us", f"gale, {many}", f"gale, {few}"), 1.1)


@row("connections", "Connections opened and closed, a request each")
def connections(r):
    table = r.compare("a connection for each request", contenders("gale", *PEERS),
                      lambda c: wrk(c, 64, r.seconds, headers=["Connection: close"]))
    r.aim("of nginx", ratios(table, "us", "gale", "nginx"), 1.0)


@row("workers", "Two workers against one")
def workers(r):
    """Both have the same CPU: what is asked is whether two get into each other's way."""
    servers = [contender("gale", name="one worker", values={"WORKERS": 1}),
               contender("gale", name="two workers", values={"WORKERS": 2})]
    table = r.compare("one and two workers on one CPU", servers,
                      lambda c: wrk(c, 64, r.seconds), base="two workers")
    r.aim("of one worker", ratios(table, "us", "two workers", "one worker"), 1.05)
