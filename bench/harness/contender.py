"""contender.py - one server that is measured: started on a CPU of its own, its CPU time and memory.

Contenders run on SERVER_CPU, whatever makes the load on LOAD_CPU. What a request costs is read from
the kernel's accounting of all the contender's processes, which a busy machine disturbs less than
any rate.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(BENCH)
BUILD = os.path.join(ROOT, "build")
SERVER_CPU, LOAD_CPU = "0", "1"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- what processes have used ----

def descendants(pid):
    found, queue = [pid], [pid]
    while queue:
        parent = queue.pop(0)
        try:
            tasks = os.listdir(f"/proc/{parent}/task")
        except FileNotFoundError:
            continue
        for task in tasks:
            try:
                with open(f"/proc/{parent}/task/{task}/children") as f:
                    children = [int(c) for c in f.read().split()]
            except FileNotFoundError:
                continue
            found += children
            queue += children
    return found


def cpu_ns(pids):
    """Nanoseconds on a CPU of the processes and their threads."""
    total = 0
    for p in pids:
        try:
            for task in os.listdir(f"/proc/{p}/task"):
                with open(f"/proc/{p}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def children_ns(pids):
    """Nanoseconds that those had used whom the processes have reaped."""
    total = 0
    for p in pids:
        with open(f"/proc/{p}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        total += int(fields[13]) + int(fields[14])
    return total * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def memory_kb(pid, *names):
    """What /proc/PID/smaps_rollup says under these names, together."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            name, _, rest = line.partition(":")
            if name in names:
                total += int(rest.split()[0])
    return total


# ---- a server ----

class Contender:
    """A row of the tables. Its configuration lies in bench/conf and is filled in with a port, a
    folder of its own and `values`. `path` is asked to see whether it serves."""

    def __init__(self, name, command, conf=None, path="/hello", values=None,
                 counts_children=False, cpu=SERVER_CPU):
        self.name, self.command, self.conf, self.path = name, command, conf, path
        self.values, self.counts_children, self.on_cpu = values or {}, counts_children, cpu
        self.process = None

    def prepare(self):
        """Its folder, files and configuration."""
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix=f"bench-{self.name.replace(' ', '-')}-")
        os.chmod(self.dir, 0o777)  # some drop their rights before they write there
        os.mkdir(os.path.join(self.dir, "files"))
        self.write("files/hello", "hello, world\n")
        if self.conf:
            self.configure(**self.values)

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def configure(self, **values):
        with open(os.path.join(BENCH, "conf", self.conf)) as f:
            text = f.read()
        values = {"PORT": self.port, "DIR": self.dir, "BUILD": BUILD, "WORKERS": 1,
                  "CONNECTIONS": 20000, **values}
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        self.write("conf", text)

    def launch(self):
        command = [a.format(dir=self.dir, port=self.port, build=BUILD) for a in self.command]
        self.log = open(os.path.join(self.dir, "output"), "w")
        self.process = subprocess.Popen(["taskset", "-c", self.on_cpu] + command, stdout=self.log,
                                        stderr=self.log)

    def start(self):
        self.prepare()
        self.launch()
        self.wait_ready()
        time.sleep(0.3)  # until the program of that request has gone
        self.pids = descendants(self.process.pid)

    def ask(self):
        """One request on a connection of its own: whether it is answered. Raises OSError."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            s.sendall(f"GET {self.path} HTTP/1.1\r\nHost: b\r\n\r\n".encode())
            answer = s.recv(4096)
        if answer and b" 200 " not in answer:
            raise SystemExit(f"{self.name} answers {answer[:80]!r}")
        return bool(answer)

    def wait_ready(self, pause=0.05, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.ask():
                    return
            except OSError:
                pass
            time.sleep(pause)
        with open(os.path.join(self.dir, "output")) as f:
            raise SystemExit(f"{self.name} does not start:\n{f.read()}")

    def cpu(self):
        if self.counts_children:
            return cpu_ns(self.pids) + children_ns(self.pids)
        return cpu_ns(descendants(self.process.pid))

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.log.close()
            self.process = None
        shutil.rmtree(self.dir, ignore_errors=True)


COMMANDS = {
    "loop": ["{build}/bench/floors/loop", "{port}"],
    "gale": ["{build}/gale", "run", "{dir}/conf"],
    "nginx": ["nginx", "-e", "{dir}/nginx-start.log", "-c", "{dir}/conf"],
    "lighttpd": ["lighttpd", "-D", "-f", "{dir}/conf"],
    "h2o": ["h2o", "-c", "{dir}/conf"],
    "apache": ["apache2", "-DFOREGROUND", "-f", "{dir}/conf"],
}
ENDINGS = {"gale": "ini"}


def contender(kind, folder="", name=None, **more):
    """One of COMMANDS with its configuration in bench/conf/FOLDER."""
    conf = os.path.join(folder, f"{kind}.{ENDINGS.get(kind, 'conf')}")
    return Contender(name or kind, COMMANDS[kind], None if kind == "loop" else conf, **more)


def contenders(*kinds, folder="", **more):
    return [contender(k, folder, **more) for k in kinds]
