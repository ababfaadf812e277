"""Bytes that a server sent, read as strictly as they should have been written."""
import re

STATUS = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [ -~]*\r\n")
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t -~\x80-\xff]*)\r\n")
CHUNK = re.compile(rb"([0-9a-f]{1,16})\r\n")


class Malformed(Exception):
    pass


def _head(data, at):
    """(status, fields, where the head ends); None where it is not whole."""
    if b"\r\n\r\n" not in data[at:]:
        return None
    line = STATUS.match(data, at)
    if not line:
        raise Malformed(f"no status line: {data[at:at + 80]!r}")
    fields, at = {}, line.end()
    while data[at:at + 2] != b"\r\n":
        field = FIELD.match(data, at)
        if not field:
            raise Malformed(f"no field: {data[at:at + 80]!r}")
        name = field[1].lower()
        if name in fields and name in (b"content-length", b"transfer-encoding", b"date"):
            raise Malformed(f"twice: {name!r}")
        fields[name] = field[2]
        at = field.end()
    return int(line[1]), fields, at + 2


def _chunks(data, at):
    """Where the chunks end; None where they are not whole."""
    while True:
        line = CHUNK.match(data, at)
        if not line:
            if b"\r\n" in data[at:at + 20]:
                raise Malformed(f"no chunk: {data[at:at + 20]!r}")
            return None
        size, at = int(line[1], 16), line.end()
        if at + size + 2 > len(data):
            return None
        at += size
        if data[at:at + 2] != b"\r\n":
            raise Malformed(f"a chunk ends with {data[at:at + 2]!r}")
        at += 2
        if not size:
            return at


def _body(data, at, status, fields):
    if status < 200 or status in (204, 304):
        return at
    if b"transfer-encoding" in fields:
        if b"content-length" in fields or fields[b"transfer-encoding"] != b"chunked":
            raise Malformed(f"framed in two ways: {fields}")
        return _chunks(data, at)
    if b"content-length" in fields:
        end = at + int(fields[b"content-length"])
        return end if end <= len(data) else None
    return None


def statuses(data, may_be_head):
    """Those of all answers that began. `may_be_head`: somewhere among the requests is one that gets
    no body, so only the first head is looked at."""
    found, at = [], 0
    while at < len(data):
        head = _head(data, at)
        if not head:
            if not STATUS.match(data, at) and not b"HTTP/1.1 ".startswith(data[at:at + 9]):
                raise Malformed(f"bytes behind an answer: {data[at:at + 80]!r}")
            return found
        status, fields, at = head
        found.append(status)
        if may_be_head:
            return found
        end = _body(data, at, status, fields)
        if end is None:
            return found
        if fields.get(b"connection") == b"close" and status >= 200 and end < len(data):
            raise Malformed(f"bytes behind the last answer: {data[end:end + 80]!r}")
        at = end
    return found
