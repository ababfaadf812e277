"""Inputs for a whole server: requests of the corpora, mutated; the same seed and number make the
same input."""
import random
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from corpus_rows import all_rows  # noqa: E402

CORPUS = ROOT / "tests" / "fuzz" / "corpus"
PATHS = [b"/", b"/hello", b"/echo", b"/form", b"/own", b"/own/x", b"/files/small.txt", b"/files/",
         b"/files/large.bin", b"/cgi/hello", b"/cgi/cat", b"/cgi/", b"/spawned/x?y=z",
         b"/external/x/%2e%2e/y", b"/status/", b"/none", b"*", b"http://a/hello"]
HARMLESS = [b"Connection: close", b"Connection: keep-alive", b"Expect: 100-continue",
            b"Range: bytes=0-4", b"Range: bytes=-5,1-2", b"If-None-Match: *", b"If-Match: \"x\"",
            b"If-Range: \"x\"", b"If-Modified-Since: Sun, 13 Sep 2020 12:26:40 GMT",
            b"Accept-Encoding: gzip;q=0.5, *", b"Cookie: a=b; c=\"d\"", b"Upgrade: websocket",
            b"Content-Type: application/x-www-form-urlencoded", b"Authorization: Basic eDp5",
            b"Content-Type: multipart/form-data; boundary=x", b"X-Forwarded-Proto: https",
            b"X-Forwarded-For: 1.2.3.4, ::1", b"Proxy: x", b"X-Sendfile: /etc/passwd"]
FIELDS = [b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: 99999999999999999999",
          b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Host: b", *HARMLESS]
TOKENS = [b"\r\n", b"\n", b"\r\n\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b"ffffffffffffffff\r\n",
          b"-1", b"\0", b"\xff", b" ", b"\t", b":", b"%00", b"%2f", b"%2e%2e/", b"../", b"//",
          b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"chunked",
          b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n", b"a=b&c=%41",
          *FIELDS]


def _files(name, skip):
    return [path.read_bytes()[skip:] for path in sorted((CORPUS / name).iterdir())]


HTTP = [row.data for row in all_rows()] + _files("http_parse", 0) + _files("http1", 1)
FASTCGI = _files("fcgi_front", 1)


def request(rng):
    """One that makes sense, to one of the apps."""
    method = rng.choice([b"GET", b"GET", b"POST", b"PUT", b"OPTIONS", b"DELETE", b"PROPFIND"])
    lines = [method + b" " + rng.choice(PATHS) + b" HTTP/1.1", b"Host: a"]
    lines += rng.sample(FIELDS if rng.random() < 0.2 else HARMLESS, rng.randrange(3))
    body = b""
    if method in (b"POST", b"PUT"):
        body = rng.randbytes(rng.choice((1, 10, 500, 20_000)))
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _flip(rng, data, at):
    data[at] ^= 1 << rng.randrange(8)


def _set(rng, data, at):
    data[at] = rng.choice(b"\0\t\n\r :/%?#;=\"\x7f\x80\xff09")


def _insert(rng, data, at):
    data[at:at] = rng.choice(TOKENS) if rng.random() < 0.7 else rng.randbytes(rng.randrange(1, 9))


def _remove(rng, data, at):
    del data[at:at + rng.randrange(1, 12)]


def _double(rng, data, at):
    data[at:at] = data[at:at + rng.randrange(1, 40)] * rng.choice((1, 1, 1, 50))


def _cut(rng, data, at):
    del data[at:]


MUTATIONS = [_flip, _flip, _set, _set, _insert, _insert, _insert, _remove, _remove, _double, _cut]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 5))):
        if data:
            rng.choice(MUTATIONS)(rng, data, rng.randrange(len(data)))
    return bytes(data[:100_000])


def _http(rng):
    pieces = [request(rng) if rng.random() < 0.7 else rng.choice(HTTP)
              for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    return b"".join(mutate(rng, piece) for piece in pieces)


class Input:
    """What is said, in which pieces, and how the client goes: "end" (half-close), "reset", "wait"
    (for gale to end)."""

    def __init__(self, seed, number):
        rng = random.Random(f"{seed} {number}")
        self.number = number
        self.is_fastcgi = rng.random() < 0.1
        if rng.random() < 0.03:
            self.data = rng.randbytes(rng.randrange(2000))
        elif self.is_fastcgi:
            self.data = b"".join(mutate(rng, rng.choice(FASTCGI))
                                 for _ in range(rng.choice((1, 1, 2))))
        else:
            self.data = _http(rng)
        cuts = sorted(rng.randrange(len(self.data) + 1) for _ in range(rng.choice((0, 0, 1, 3))))
        self.pieces = [self.data[a:b] for a, b in zip([0, *cuts], [*cuts, len(self.data)])]
        self.goes = rng.choices(("end", "reset", "wait"), (12, 2, 1))[0]

    def save(self, folder):
        """As a file: how it went on the first line, then the bytes."""
        path = Path(folder) / f"input-{self.number}"
        lengths = " ".join(str(len(piece)) for piece in self.pieces)
        head = f"{'fastcgi' if self.is_fastcgi else 'http'} {self.goes} {lengths}\n"
        path.write_bytes(head.encode() + self.data)
        return path


def records(data):
    """FastCGI's records in order, up to what is none: (type, id, content)."""
    at = 0
    while len(data) - at >= 8:
        version, kind, id, length, padding, _ = struct.unpack(">BBHHBB", data[at:at + 8])
        if version != 1 or at + 8 + length + padding > len(data):
            return
        yield kind, id, data[at + 8:at + 8 + length]
        at += 8 + length + padding
