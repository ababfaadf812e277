"""A FastCGI server that does what a test tells it, record by record, right or wrong.

    def answer(c):                       # runs on a thread of its own, once a connection
        request = c.read_request()       # parameters and the whole of STDIN
        c.stdout(b"Content-Type: text/plain\\r\\n\\r\\nhello")
        c.end()

    with FcgiServer(answer) as server:   # at server.address, as `fastcgi = ` takes it
        ...
        server.requests, server.connections, server.aborts

And the other side: FcgiClient speaks to gale's own FastCGI listener.
"""
import os
import socket
import struct
import tempfile
import threading

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, VALUES, UNKNOWN = range(1, 12)
COMPLETE, CANT_MPX, OVERLOADED, UNKNOWN_ROLE = range(4)
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1
PLAIN = b"Content-Type: text/plain\r\n\r\n"


def record(kind, id=1, content=b"", padding=None, version=1):
    padding = -len(content) % 8 if padding is None else padding
    return struct.pack(">BBHHBB", version, kind, id, len(content), padding, 0) + content + \
        b"\0" * padding


def pair(name, value):
    def length(n):
        return bytes([n]) if n < 128 else struct.pack(">I", n | 0x80000000)
    return length(len(name)) + length(len(value)) + name + value


def pairs_of(data):
    def length():
        nonlocal at
        if data[at] < 128:
            at += 1
            return data[at - 1]
        at += 4
        return struct.unpack(">I", data[at - 4:at])[0] & 0x7fffffff
    at, found = 0, {}
    while at < len(data):
        name_len, value_len = length(), length()
        name = data[at:at + name_len].decode("latin-1")
        found[name] = data[at + name_len:at + name_len + value_len].decode("latin-1")
        at += name_len + value_len
    return found


class Closed(Exception):
    """The other side has ended the connection."""


class Stream:
    """Records over a connected socket."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(30)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            try:
                piece = self.socket.recv(min(n - len(data), 1 << 20))
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise Closed(f"{len(data)} of {n} bytes came")
            data += piece
        return data

    def read_record(self):
        """(type, id, content)"""
        version, kind, id, length, padding, _ = struct.unpack(">BBHHBB", self.exactly(8))
        if version == 0:  # what gale ends a broken answer with
            raise Closed
        assert version == 1, f"version {version}"
        content = self.exactly(length)
        self.exactly(padding)
        return kind, id, content

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(str(error)) from error

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


class Request:
    def __init__(self, id, role, flags):
        self.id, self.role, self.flags = id, role, flags
        self.params, self.stdin = {}, b""
        self.params_records = 0


class ServerConnection(Stream):
    def __init__(self, server, sock):
        super().__init__(sock)
        self.server, self.id, self.stdin_records = server, 1, 0

    def read_head(self):
        """BEGIN_REQUEST and PARAMS; GET_VALUES is answered on the way."""
        data = b""
        while True:
            kind, id, content = self.read_record()
            if kind == GET_VALUES:
                if content:
                    self.server.values_asked += 1
                    self.values(self.server.values)
            elif kind == BEGIN:
                role, flags = struct.unpack(">HB5x", content)
                request = Request(id, role, flags)
                self.id = id
            elif kind == PARAMS and content:
                data += content
                request.params_records += 1
            elif kind == PARAMS:
                request.params = pairs_of(data)
                self.server.requests.append(request)
                return request
            elif kind == ABORT:
                self.server.aborts += 1

    def values(self, values):
        if values is not None:
            self.raw(record(VALUES, 0, b"".join(pair(n.encode(), v.encode())
                                                for n, v in values.items())))

    def read_stdin(self):
        """The next piece of STDIN, b"" at its end."""
        while True:
            kind, _, content = self.read_record()
            if kind == ABORT:
                self.server.aborts += 1
                raise Closed("aborted")
            if kind == STDIN:
                self.stdin_records += 1
                return content

    def read_request(self):
        request = self.read_head()
        while piece := self.read_stdin():
            request.stdin += piece
        return request

    def wait_for_abort(self):
        """Reads until the other side aborts or ends."""
        try:
            while self.read_record()[0] != ABORT:
                pass
            self.server.aborts += 1
        except Closed:
            self.server.left += 1

    def stdout(self, data, **more):
        for at in range(0, len(data), 65535):
            self.raw(record(STDOUT, self.id, data[at:at + 65535], **more))

    def stderr(self, data):
        self.raw(record(STDERR, self.id, data))

    def end(self, status=COMPLETE, app_status=0, eof=True):
        data = record(STDOUT, self.id) if eof else b""
        self.raw(data + record(END, self.id, struct.pack(">IB3x", app_status, status)))

    def answer(self, body, head=PLAIN):
        data = head + body
        records = [record(STDOUT, self.id, data[at:at + 65535])
                   for at in range(0, len(data), 65535)]
        self.raw(b"".join(records) + record(STDOUT, self.id) +
                 record(END, self.id, struct.pack(">IB3x", 0, 0)))


class FcgiServer:
    def __init__(self, behaviour, family="unix", values=None, address=None, backlog=64):
        self.behaviour, self.values = behaviour, values
        self.requests, self.connections, self.aborts, self.left = [], 0, 0, 0
        self.values_asked, self.errors, self.live = 0, [], []
        self.lock = threading.Lock()
        self.folder = None
        if family == "unix":
            if address is None:
                self.folder = tempfile.mkdtemp(prefix="fcgi-", dir="/tmp")
                os.chmod(self.folder, 0o755)
                address = f"{self.folder}/socket"
            self.socket = socket.socket(socket.AF_UNIX)
            self.path = address
            self.address = f"unix:{address}"
            self.socket.bind(address)
            os.chmod(address, 0o777)
        else:
            self.path = None
            is_6 = family == "tcp6"
            self.socket = socket.socket(socket.AF_INET6 if is_6 else socket.AF_INET)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(address or ("::1" if is_6 else "127.0.0.1", 0))
            host, port = self.socket.getsockname()[:2]
            self.address = f"[{host}]:{port}" if is_6 else f"{host}:{port}"
        self.socket.listen(backlog)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.live.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        connection = ServerConnection(self, sock)
        try:
            self.behaviour(connection)
        except Closed:
            pass
        except (OSError, AssertionError) as error:
            self.errors.append(repr(error))
        finally:
            connection.close()
            with self.lock:
                self.live.remove(sock)

    def stop(self):
        """Nobody is accepted any more and every connection is closed."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        with self.lock:
            for sock in self.live:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.thread.join(5)
        if self.path and os.path.exists(self.path):
            os.unlink(self.path)
        if self.folder:
            os.rmdir(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def keeping(answer):
    """A behaviour that serves one request after the other on a connection."""
    def behaviour(c):
        while True:
            request = c.read_request()
            answer(c, request)
            if not request.flags & KEEP_CONN:
                return
    return behaviour


def echo(c, request):
    """Answers with the variables and the body."""
    lines = [f"{name}={value}" for name, value in sorted(request.params.items())]
    c.answer(("\n".join(lines) + "\n\n").encode("latin-1") + request.stdin)


class FcgiClient(Stream):
    """One connection to gale's FastCGI listener."""

    def __init__(self, address):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        sock = socket.socket(family)
        sock.connect(address)
        super().__init__(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def begin(self, id=1, role=RESPONDER, flags=0):
        self.raw(record(BEGIN, id, struct.pack(">HB5x", role, flags)))

    def params(self, params, id=1):
        data = b"".join(pair(n.encode("latin-1"), v.encode("latin-1")) for n, v in params.items())
        for at in range(0, len(data), 65535):
            self.raw(record(PARAMS, id, data[at:at + 65535]))
        self.raw(record(PARAMS, id))

    def stdin(self, data, id=1):
        for at in range(0, len(data), 65535):
            self.raw(record(STDIN, id, data[at:at + 65535]))
        self.raw(record(STDIN, id))

    def response(self):
        """(status of END_REQUEST, STDOUT); the former is None where the connection just ended."""
        out = b""
        while True:
            try:
                kind, _, content = self.read_record()
            except Closed:
                return None, out
            if kind == STDOUT:
                out += content
            elif kind == END:
                return content[4], out

    def request(self, path="/", method="GET", body=b"", id=1, role=RESPONDER, flags=0, **params):
        self.begin(id, role, flags)
        said = {"REQUEST_METHOD": method, "REQUEST_URI": path, "SERVER_PROTOCOL": "HTTP/1.1",
                "HTTP_HOST": "test", **params}
        if body:
            said.setdefault("CONTENT_LENGTH", str(len(body)))
        try:
            self.params(said, id)
            self.stdin(body, id)
        except Closed:  # there may be an answer all the same
            pass
        return self.response()
