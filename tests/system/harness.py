"""A gale process under test (Gale), and a client of raw bytes (Connection)."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

WAIT_SECONDS = 30
# N: every app gets so many workers of its own; "N process": in process mode
ISOLATE, *MODE = os.environ.get("GALE_ISOLATE", "").split() or [""]
SANITIZER = re.compile(r"ERROR: \w*Sanitizer|runtime error:|SUMMARY: \w*Sanitizer|stack smashing")


def wait_for(condition, what, seconds=WAIT_SECONDS):
    """Calls condition() until it returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- processes ----

def process_stat(pid):
    """(state, parent, session) of a process, or None."""
    try:
        rest = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return rest[0], int(rest[1]), int(rest[3])
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid):
    stat = process_stat(pid)
    return stat is not None and stat[0] not in "ZX"


def children_of_session(session, parent=None):
    """Pids of the session (of that parent, if given); zombies count."""
    pids = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
    found = [(pid, process_stat(pid)) for pid in pids]
    return [pid for pid, stat in found
            if stat and stat[2] == session and (parent is None or stat[1] == parent)]


def end_session(process, seconds=10):
    """Ends a process that was started with start_new_session, and what it has forked: some
    programs leave their children behind."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
    process.wait()


# ---- bytes ----

class Response:
    def __init__(self, status, headers, body, raw):
        self.status, self.headers, self.body, self.raw = status, headers, body, raw

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def header(self, name, default=None):
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        return values[-1] if values else default

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Connection:
    """A client socket: sends bytes, reads whole responses or whatever comes."""

    def __init__(self, address, timeout=WAIT_SECONDS):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def fill(self):
        """Reads some more; False at the end."""
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def until(self, mark):
        """Reads up to and with mark."""
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError(f"the connection ended after {self.buffer!r}")
        at = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:at], self.buffer[at:]
        return data

    def exactly(self, n):
        while len(self.buffer) < n:
            if not self.fill():
                raise EOFError(f"the connection ended after {len(self.buffer)} of {n} bytes")
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def rest(self):
        """Everything up to the end."""
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def is_closed(self):
        """Waits for the peer's end (or reset) and tells whether nothing came before it."""
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def response(self, method="GET"):
        """Reads one response, interim ones included as they come."""
        head = self.until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]
        find = {name.lower(): value for name, value in headers}
        raw = head
        if method == "HEAD" or status < 200 or status in (204, 304):
            body = b""
        elif find.get("transfer-encoding", "").lower() == "chunked":
            body, chunks = self._chunked()
            raw += chunks
        elif "content-length" in find:
            body = self.exactly(int(find["content-length"]))
            raw += body
        else:
            body = self.rest()
            raw += body
        return Response(status, headers, body, raw)

    def _chunked(self):
        body, raw = bytearray(), bytearray()
        while True:
            line = self.until(b"\r\n")
            raw += line
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while line != b"\r\n":
                    line = self.until(b"\r\n")
                    raw += line
                return bytes(body), bytes(raw)
            data = self.exactly(size)
            ending = self.exactly(2)
            assert ending == b"\r\n", f"a chunk ends with {ending!r}"
            body += data
            raw += data + ending

    def request(self, method="GET", path="/", headers=(), body=None):
        """Sends a request, keeps the connection, returns the response."""
        lines = [f"{method} {path} HTTP/1.1", "Host: test"]
        lines += [f"{name}: {value}" for name, value in dict(headers).items()]
        if body is not None:
            body = body.encode() if isinstance(body, str) else body
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        return self.response(method)


# ---- gale ----

class Gale:
    """One instance: its folder, configuration, process and control socket."""

    def __init__(self, build, folder, name="gale"):
        self.build, self.folder, self.name = Path(build), Path(folder), name
        self.port = free_port()
        self.config = self.folder / f"{name}.ini"
        self.control = str(self.folder / f"{name}.sock")
        self.stderr_file = self.folder / f"{name}.stderr"
        self.stdout_file = self.folder / f"{name}.stdout"
        self.process = None
        self.folder.chmod(0o755)

    # configuration

    def configure(self, apps="", **server):
        """(Re)writes the configuration. Keys given as None are left out."""
        keys = {"listen": f"127.0.0.1:{self.port}", "workers": 1, "control": self.control,
                "access_log": "off", **server}
        lines = ["[server]"]
        for key, value in keys.items():
            values = value if isinstance(value, list) else [value]
            lines += [f"{key} = {v}" for v in values if v is not None]
        if ISOLATE and "isolate =" not in apps:
            own = f"isolate = {ISOLATE}" + "".join(f"\nmode = {mode}" for mode in MODE)
            apps = re.sub(r"(?m)^(\[app .*\]) *$", rf"\1\n{own}", apps)
        self.config.write_text("\n".join(lines) + "\n\n" + apps + "\n")

    # life

    def start(self, args=None, env=None, launcher=(), fd3=None):
        """launcher: a command in front of gale's; fd3: what it inherits as descriptor 3."""
        command = [*launcher, str(self.build / "gale"), *(args or ["run", str(self.config)])]
        with self.stdout_file.open("ab") as out, self.stderr_file.open("ab") as err:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, start_new_session=True,
                stdout=out, stderr=err, env={**os.environ, **(env or {})},
                close_fds=fd3 is None, preexec_fn=fd3 and (lambda: os.dup2(fd3, 3)))
        return self

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def wait_until_serving(self):
        def serving():
            if not self.is_running():
                raise AssertionError(f"gale ended with {self.process.returncode}: {self.stderr()}")
            status = self.try_status()
            return status and status["state"] == "serving"
        wait_for(serving, f"gale to serve; it says: {self.stderr()}")

    def kill(self, number):
        os.kill(self.pid, number)

    def wait(self, seconds=WAIT_SECONDS):
        """Waits for the master's end and returns its exit code."""
        return self.process.wait(seconds)

    def stop(self, number=signal.SIGTERM):
        self.kill(number)
        return self.wait()

    def finish(self):
        """Stops what still runs; returns what was wrong, as sentences."""
        problems = []
        if self.is_running():
            self.kill(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                problems.append(f"{self.name}: did not stop within {WAIT_SECONDS} s of SIGTERM")
        left = self.members()
        end = time.monotonic() + WAIT_SECONDS
        while left and time.monotonic() < end:
            time.sleep(0.02)
            left = self.members()
        for pid in left:
            problems.append(f"{self.name}: process {pid} was left behind")
            os.kill(pid, signal.SIGKILL)
        if self.is_running():
            self.process.kill()
            self.wait()
        if SANITIZER.search(self.stderr()):
            problems.append(f"{self.name}: a sanitizer reported:\n{self.stderr()}")
        return problems

    def members(self):
        """Every process of this instance's session but the master."""
        return [pid for pid in children_of_session(self.pid) if pid != self.pid]

    def stderr(self):
        return self.stderr_file.read_text(errors="replace") if self.stderr_file.exists() else ""

    def stdout(self):
        return self.stdout_file.read_text(errors="replace") if self.stdout_file.exists() else ""

    def wait_for_log(self, text):
        wait_for(lambda: text in self.stderr(), f"{text!r} in the log")

    # the command line and the control socket

    def command(self, *args, timeout=WAIT_SECONDS, **options):
        """Runs BUILD/gale with these arguments; a CompletedProcess with text."""
        return subprocess.run([str(self.build / "gale"), *map(str, args)], cwd=self.folder,
                              capture_output=True, text=True, timeout=timeout, **options)

    def ask(self, method, path):
        """One request to the control socket."""
        with Connection(self.control) as c:
            return c.request(method, path, {"Connection": "close"})

    def try_status(self):
        try:
            return self.ask("GET", "/status").json()
        except (FileNotFoundError, ConnectionError, EOFError, http.client.HTTPException):
            return None

    def status(self):
        return self.ask("GET", "/status").json()

    def reload(self):
        """Asks for a reload; the Response: 200 once the new generation accepts, or 409."""
        return self.ask("POST", "/reload")

    def workers(self, state="serving"):
        """The workers (dictionaries with pid, place, state...) in that state, by place."""
        found = [w for g in self.status()["generations"] for w in g["workers"]
                 if state in (None, w["state"])]
        return sorted(found, key=lambda w: w["place"])

    def wait_for_workers(self, count, without=()):
        """Waits until exactly `count` workers serve, none of whose pids is in `without`."""
        def there():
            pids = [w["pid"] for w in self.workers()]
            return len(pids) == count and not set(pids) & set(without) and pids
        return wait_for(there, f"{count} serving workers")

    def metrics(self):
        """Every metric by its name and labels, as Prometheus would read them."""
        lines = self.ask("GET", "/metrics").text.splitlines()
        return {key: int(value) for key, value in
                (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def wait_for_running(self, count):
        """Waits until the probe (plugins.py) is at that many requests."""
        def there():
            return sum(value for key, value in self.metrics().items()
                       if key.startswith("probe_running{")) == count
        wait_for(there, f"{count} running requests")

    # HTTP

    def connect(self, address=None):
        return Connection(address or ("127.0.0.1", self.port))

    def request(self, method="GET", path="/", headers=(), body=None, address=None):
        with self.connect(address) as c:
            return c.request(method, path, {"Connection": "close", **dict(headers)}, body)

    def get(self, path="/", headers=()):
        return self.request("GET", path, headers)

    def post(self, path="/", body=b"", headers=()):
        return self.request("POST", path, headers, body)

    def raw(self, data):
        """Sends bytes, ends sending, returns everything that comes back."""
        with self.connect() as c:
            c.send(data)
            c.end()
            return c.rest()
