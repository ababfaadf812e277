"""A client of many connections on one thread: strict about every answer, and slow where it is told.

A Client keeps its connection as long as gale does. What is wrong with an answer is a Wrong; that a
connection ended or was refused is a Broken, which a kill may explain."""
import asyncio
import re
import time

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [ -~]*\r\n")
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t -~\x80-\xff]*)\r\n")
TIMEOUT = 90


class Wrong(Exception):
    """An answer that no client should get; `status` where it is just another one."""

    def __init__(self, what, status=None):
        super().__init__(what)
        self.status = status


class Broken(Exception):
    """The connection ended where it should not."""

    status = None


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def parse_head(head):
    """(status, headers by their names in lower case)"""
    line = STATUS.match(head)
    if not line:
        raise Wrong(f"no status line: {head[:200]!r}")
    headers, at = {}, line.end()
    while head[at:] != b"\r\n":
        field = FIELD.match(head, at)
        if not field:
            raise Wrong(f"no header field: {head[at:at + 200]!r}")
        headers[field[1].lower().decode()] = field[2].decode("latin-1")
        at = field.end()
    return int(line[1]), headers


class Client:
    """One connection at a time to ADDRESS, opened when it is needed."""

    def __init__(self, port):
        self.port, self.reader, self.writer, self.opened = port, None, None, 0

    async def open(self):
        if self.writer is None:
            self.opened = time.monotonic()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    def close(self, reset=False):
        if self.writer is not None:
            (self.writer.transport.abort if reset else self.writer.close)()
        self.reader = self.writer = None

    async def send(self, data, piece=None, pause=0.0):
        """All at once, or in pieces with a pause behind each."""
        await self.open()
        for at in range(0, len(data), piece or max(len(data), 1)):
            self.writer.write(data[at:at + (piece or len(data))])
            await self.writer.drain()
            if pause:
                await asyncio.sleep(pause)

    async def answer(self, method="GET", pause=0.0):
        while True:
            status, headers = parse_head(await self.reader.readuntil(b"\r\n\r\n"))
            if status >= 200:
                break
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif "chunked" in headers.get("transfer-encoding", ""):
            body = await self._chunks()
        elif "content-length" in headers:
            body = await self._exactly(int(headers["content-length"]), pause)
        else:
            raise Wrong("an answer to HTTP/1.1 without a length")
        if headers.get("connection", "").lower() == "close":
            if await self.reader.read(1):
                raise Wrong("bytes behind the last answer")
            self.close()
        return Answer(status, headers, body)

    async def _exactly(self, left, pause):
        pieces = []
        while left:
            piece = await self.reader.read(min(left, 65536))
            if not piece:
                raise Broken(f"{left} bytes of a body are missing")
            pieces.append(piece)
            left -= len(piece)
            if pause:
                await asyncio.sleep(pause)
        return b"".join(pieces)

    async def _chunks(self):
        body = bytearray()
        while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
            data = await self.reader.readexactly(size + 2)
            if data[-2:] != b"\r\n":
                raise Wrong(f"a chunk ends with {data[-2:]!r}")
            body += data[:-2]
        if await self.reader.readuntil(b"\r\n") != b"\r\n":
            raise Wrong("a trailer that nobody sent")
        return bytes(body)

    async def talk(self, work):
        """Awaits work within the time there is; whatever the network says is a Broken."""
        try:
            return await asyncio.wait_for(work, TIMEOUT)
        except asyncio.TimeoutError:
            self.close(reset=True)
            raise Broken(f"nothing within {TIMEOUT} s") from None
        except (OSError, EOFError) as error:
            self.close(reset=True)
            raise Broken(repr(error)) from None
        except (Wrong, Broken):
            self.close(reset=True)
            raise

    async def _request(self, data, method, piece, pause, read_pause):
        await self.send(data, piece, pause)
        return await self.answer(method, read_pause)

    async def request(self, path, method="GET", headers=(), body=b"", piece=None, pause=0.0,
                      read_pause=0.0):
        data = request(path, method, headers, body)
        return await self.talk(self._request(data, method, piece, pause, read_pause))


def request(path, method="GET", headers=(), body=b""):
    lines = [f"{method} {path} HTTP/1.1", "Host: soak", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
