"""bench.py - what every benchmark shares: contenders, load, CPU time, ratios.

Contenders run on CPU 0, the load (wrk) on CPU 1, in interleaved rounds, so that a machine whose
speed drifts treats all alike. The figure is CPU time a request, read from the kernel's accounting of
all processes of the contender, beside the rate; ratios are taken within a round and their median
is printed with their spread.
"""
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(ROOT, "build")
SERVER_CPU, LOAD_CPU = "0", "1"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def descendants(pid):
    found, queue = [pid], [pid]
    while queue:
        for task in os.listdir(f"/proc/{queue[0]}/task"):
            with open(f"/proc/{queue[0]}/task/{task}/children") as f:
                children = [int(c) for c in f.read().split()]
            found += children
            queue += children
        queue.pop(0)
    return found


def cpu_ns(pids):
    """Nanoseconds on a CPU of the processes and their threads."""
    total = 0
    for p in pids:
        for task in os.listdir(f"/proc/{p}/task"):
            with open(f"/proc/{p}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
    return total


def children_ns(pids):
    """Nanoseconds that those had used whom the processes have reaped."""
    total = 0
    for p in pids:
        with open(f"/proc/{p}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        total += int(fields[13]) + int(fields[14])
    return total * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class Contender:
    """One server, started on its own port and folder; `values` fill its configuration in, too."""

    def __init__(self, name, command, conf=None, path="/hello", values=None,
                 counts_children=False):
        self.name, self.command, self.conf, self.path = name, command, conf, path
        self.values, self.counts_children = values or {}, counts_children

    def start(self):
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix=f"bench-{self.name}-")
        os.chmod(self.dir, 0o777)  # some drop their rights before they write there
        os.mkdir(os.path.join(self.dir, "files"))
        with open(os.path.join(self.dir, "files", "hello"), "w") as f:
            f.write("hello, world\n")
        if self.conf:
            with open(os.path.join(HERE, "conf", self.conf)) as f:
                text = f.read()
            values = {"PORT": self.port, "DIR": self.dir, "BUILD": BUILD, **self.values}
            for key, value in values.items():
                text = text.replace(f"@{key}@", str(value))
            with open(os.path.join(self.dir, "conf"), "w") as f:
                f.write(text)
        command = [a.format(dir=self.dir, port=self.port, build=BUILD) for a in self.command]
        self.log = open(os.path.join(self.dir, "output"), "w")
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CPU] + command, stdout=self.log,
                                        stderr=self.log)
        self.wait_ready()
        time.sleep(0.3)  # until the program of that request has gone
        self.pids = descendants(self.process.pid)

    def wait_ready(self):
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    s.sendall(f"GET {self.path} HTTP/1.1\r\nHost: b\r\n\r\n".encode())
                    answer = s.recv(4096)
                if b" 200 " in answer:
                    return
                raise SystemExit(f"{self.name} answers {answer[:80]!r}")
            except OSError:
                time.sleep(0.05)
        with open(os.path.join(self.dir, "output")) as f:
            raise SystemExit(f"{self.name} does not start:\n{f.read()}")

    def cpu(self):
        if self.counts_children:
            return cpu_ns(self.pids) + children_ns(self.pids)
        return cpu_ns(descendants(self.process.pid))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


LOOP = Contender("loop", ["{build}/bench/loop", "{port}"])
GALE = Contender("gale", ["{build}/gale", "run", "{dir}/conf"], "gale.ini")
NGINX = Contender("nginx", ["nginx", "-e", "{dir}/nginx-start.log", "-c", "{dir}/conf"],
                  "nginx.conf")
LIGHTTPD = Contender("lighttpd", ["lighttpd", "-D", "-f", "{dir}/conf"], "lighttpd.conf")
H2O = Contender("h2o", ["h2o", "-c", "{dir}/conf"], "h2o.conf")
APACHE = ["apache2", "-DFOREGROUND", "-f", "{dir}/conf"]
NEEDED = {"nginx": "nginx-light", "lighttpd": "lighttpd", "h2o": "h2o", "wrk": "wrk",
          "apache2": "apache2-bin", "spawn-fcgi": "spawn-fcgi"}


def need(*programs):
    missing = [NEEDED[p] for p in programs
               if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin")]
    if missing:
        sys.exit("install first: apt-get install " + " ".join(missing))
    os.environ["PATH"] += ":/usr/sbin"


def wrk(contender, connections, seconds, script=None, headers=()):
    command = ["taskset", "-c", LOAD_CPU, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
               "--latency"]
    if script:
        command += ["-s", os.path.join(HERE, script)]
    for header in headers:
        command += ["-H", header]
    before = contender.cpu()
    out = subprocess.run(command + [f"http://127.0.0.1:{contender.port}{contender.path}"],
                         capture_output=True, text=True, check=True).stdout
    used = contender.cpu() - before
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    errors = re.search(r"Socket errors: (.*)|Non-2xx or 3xx responses: (\d+)", out)
    if errors:
        print(f"  {contender.name}: {errors.group(0)}", file=sys.stderr)
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
            "us": used / requests / 1000,
            "p99": re.search(r"^\s+99%\s+(\S+)", out, re.M).group(1)}


def rounds(contenders, measure, count):
    """Runs measure(contender) `count` times for each, interleaved: {name: [figures]}."""
    figures = {c.name: [] for c in contenders}
    for i in range(count):
        order = contenders if i % 2 == 0 else contenders[::-1]
        for c in order:
            figures[c.name].append(measure(c))
    return figures


def table(title, figures, base):
    """Medians, and the ratio of CPU time a request to `base` within each round."""
    print(f"\n{title}")
    print(f"{'':13} {'us CPU/request':>15} {'requests/s':>12} {'p99':>9}   CPU ratio to {base}"
          " (median, min-max)")
    for name, rows in figures.items():
        ratios = [r["us"] / b["us"] for r, b in zip(rows, figures[base])]
        print(f"{name:13} {statistics.median(r['us'] for r in rows):15.2f} "
              f"{statistics.median(r['rate'] for r in rows):12.0f} {rows[len(rows) // 2]['p99']:>9}"
              f"   {statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})")


def compare(title, contenders, measure, count, base):
    for c in contenders:
        c.start()
    try:
        for c in contenders:  # a round that does not count
            measure(c)
        table(title, rounds(contenders, measure, count), base)
    finally:
        for c in contenders:
            c.stop()
