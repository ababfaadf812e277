"""Throws the rows of the corpus at a server, whole and in pieces, and judges what comes back.

Nothing here waits for a time. That a piece has been taken is known: on a unix socket SIOCOUTQ is what
the peer has not read yet, so the next piece leaves when it is 0, and each piece is read alone.
"""
import fcntl
import os
import re
import socket
import struct
import termios
import time
import urllib.parse

from harness import WAIT_SECONDS

GOOD = b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
VARYING = re.compile(rb"(?m)^Date: [^\r]*\r\n")
REQUEST_ID = re.compile(rb"[0-9a-f]{16}|Request [^<]*")
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) [ -~]*")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\x00-\x08\x0a-\x1f\x7f]*)")


class Wrong(Exception):
    """What came is not what has to come."""


# ---- what came ----

class Reply:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def field(self, name):
        return self.fields.get(name, [None])[0]

    @property
    def seen(self):
        text = self.field("x-saw")
        return text and read_seen(text)


def read_seen(line):
    return {name: urllib.parse.unquote(value, "latin-1")
            for name, value in (part.split("=", 1) for part in line.split(" "))}


def read_head(raw):
    lines = raw.split(b"\r\n")
    status = STATUS_LINE.fullmatch(lines[0])
    if not status:
        raise Wrong(f"{lines[0]!r} is no status line")
    fields = {}
    for line in lines[1:]:
        field = FIELD.fullmatch(line)
        if not field:
            raise Wrong(f"{line!r} is no field")
        fields.setdefault(field[1].decode().lower(), []).append(field[2].decode("latin-1"))
    return int(status[1]), fields


def read_chunks(raw):
    """(body, rest), or None when it is not whole."""
    body = b""
    while match := re.match(rb"([0-9a-f]+)\r\n", raw):
        size, start = int(match[1], 16), match.end()
        if len(raw) < start + size + 2 or raw[start + size:start + size + 2] != b"\r\n":
            break
        if size == 0:
            return body, raw[start + 2:]
        body, raw = body + raw[start:start + size], raw[start + size + 2:]
    return None


def read_reply(raw, method):
    """(Reply, rest), or None when it is not whole yet. Strict: one framing, one of each field."""
    end = raw.find(b"\r\n\r\n")
    if end < 0:
        return None
    status, fields = read_head(raw[:end])
    raw = raw[end + 4:]
    if status == 100:
        return read_reply(raw, method)
    for name in ("date", "server", "content-length", "transfer-encoding", "connection", "x-saw"):
        if len(fields.get(name, [])) > 1:
            raise Wrong(f"{name} comes twice")
    length, coding = fields.get("content-length"), fields.get("transfer-encoding")
    if method == "HEAD" or status in (204, 304):
        return Reply(status, fields, b""), raw
    if bool(length) == bool(coding):
        raise Wrong(f"{status} has no framing, or two")
    if coding:
        found = read_chunks(raw)
        return found and (Reply(status, fields, found[0]), found[1])
    size = int(length[0])
    return (Reply(status, fields, raw[:size]), raw[size:]) if len(raw) >= size else None


def read_replies(raw, methods):
    """All the replies in raw, which has nothing else; the methods are those of the requests."""
    replies = []
    while raw:
        found = read_reply(raw, methods[len(replies)] if len(replies) < len(methods) else "GET")
        if not found:
            raise Wrong(f"{raw[:200]!r} is not whole")
        replies.append(found[0])
        raw = found[1]
    return replies


def normal(raw):
    """Without what may differ from one time to the next."""
    return REQUEST_ID.sub(b"id", VARYING.sub(b"", raw.replace(CONTINUE, b"")))


# ---- judging ----

def judge_answers(row, replies):
    statuses, wanted = [r.status for r in replies], row.statuses + row.at_end
    if statuses != wanted:
        raise Wrong(f"{statuses} instead of {wanted}")
    for reply, answer in zip(replies, row.answers):
        seen = reply.seen or {}
        for name, value in answer.seen.items():
            if seen.get(name) != value:
                raise Wrong(f"{name} is {seen.get(name)!r} instead of {value!r}")
        if answer.body is not None and reply.body != answer.body:
            raise Wrong(f"the body is {reply.body!r}")
    for reply in replies[:-1]:
        if reply.field("connection") == "close":
            raise Wrong("close is announced too early")


def judge_whole(row, raw, next_raw):
    """A row alone: its answers, then whether the connection went on."""
    replies = read_replies(raw, row.methods)
    judge_answers(row, replies)
    says_close = bool(replies) and replies[-1].field("connection") == "close"
    if replies and says_close != (row.after == "close" or bool(row.at_end)):
        raise Wrong(f"Connection: {replies[-1].field('connection')}")
    if row.after == "keep":
        good = read_replies(next_raw, ["GET"])
        if [r.seen and r.seen["path"] for r in good] != ["/good"]:
            raise Wrong(f"what comes next is {next_raw[:300]!r}")


# ---- throwing ----

ETHERNET = 1448  # bytes of a segment


def connect(address, room=None):
    """room: how much may wait here to be read, in bytes; then segments are those of an Ethernet. By
    those of the loopback, 64 KB, the kernel would keep some megabytes for each slow reader."""
    if isinstance(address, str):
        s = socket.socket(socket.AF_UNIX)
    else:
        s = socket.socket()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if room:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, ETHERNET)
    if room:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    s.settimeout(WAIT_SECONDS)
    s.connect(address)
    return s


def send(s, data):
    """False when the peer wants no more."""
    try:
        s.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def receive(s, count=None, methods=(), may_reset=False):
    """Up to the end, or `count` replies; that may be a reset if all were there before it."""
    raw = b""
    while True:
        if count is not None and is_whole(raw, count, methods):
            return raw
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            if may_reset and is_whole(raw, len(methods), methods):
                return raw
            raise Wrong(f"reset after {raw!r}") from None
        except TimeoutError:
            raise Wrong(f"nothing more comes after {raw!r}") from None
        if not more:
            return raw
        raw += more


def is_whole(raw, count, methods):
    for i in range(count):
        found = read_reply(raw, methods[i])
        if not found:
            return False
        raw = found[1]
    return True


def end(s):
    try:
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the peer was faster


def finish(s, row, lead=0):
    """What comes of the row whose bytes have all been sent behind `lead` good requests: (answers,
    what a next request gets)."""
    if row.after == "keep":
        raw = receive(s, lead + len(row.answers), ["GET"] * lead + row.methods)
        send(s, GOOD)
        return raw, receive(s, 1, ["GET"])
    if row.after == "wait":
        end(s)
    # Who has asked for the end and goes on sending may be too late for gale to hear it out.
    return receive(s, None, row.methods, row.after == "close" and max(row.statuses) < 400), b""


def throw(address, row, lead=0):
    with connect(address) as s:
        send(s, GOOD * lead + row.data)
        return finish(s, row, lead)


def throw_to_the_end(address, data):
    """All that comes back to a client that sends this and ends its side at once."""
    with connect(address) as s:
        send(s, data)
        end(s)
        return receive(s)


def unread(s):
    """Bytes that the peer has not read (unix sockets)."""
    return struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, b"\0\0\0\0"))[0]


def wait_until_read(sockets):
    end = time.monotonic() + WAIT_SECONDS
    for s in sockets:
        while unread(s):
            if time.monotonic() > end:
                raise Wrong("what was sent is not read")
            os.sched_yield()


class Thrower:
    """Throws many rows in pieces at once, over unix sockets, and keeps those that stay open."""

    def __init__(self, address, width=256):
        self.address, self.width, self.idle = address, width, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.idle:
            s.close()

    def throw(self, jobs):
        """Yields (row, pieces, (answers, next)) for each job (row, pieces)."""
        for at in range(0, len(jobs), self.width):
            yield from self.round(jobs[at:at + self.width])

    def round(self, jobs):
        sockets = [self.idle.pop() if self.idle else connect(self.address) for _ in jobs]
        for step in range(max(len(pieces) for _, pieces in jobs)):
            sent = [s for s, (_, pieces) in zip(sockets, jobs)
                    if step < len(pieces) and send(s, pieces[step])]
            wait_until_read(sent)
        for s, (row, pieces) in zip(sockets, jobs):
            try:
                raw, after = finish(s, row)
            except Wrong as wrong:
                raise Wrong(f"{row} as {[len(p) for p in pieces]}: {wrong}") from None
            if row.after == "keep":
                self.idle.append(s)
            else:
                s.close()
            yield row, pieces, (raw, after)
