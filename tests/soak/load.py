"""What the clients do, and how often: each action checks what it gets to the byte."""
import asyncio
import random

from client import Client, Wrong, request
from stage import LARGE, SMALL

LETTERS = bytes(range(ord("a"), ord("a") + 23))


def check(condition, what, answer):
    if not condition:
        raise Wrong(f"{what}: {answer.status} {answer.body[:200]!r}", answer.status)


def expect(answer, status, body=None):
    check(answer.status == status and body in (None, answer.body), "another answer", answer)


def pattern(size):
    """What the probe's /large writes."""
    return (LETTERS * (size // len(LETTERS) + 1))[:size]


# ---- plugins ----

async def hello(c, mount):
    expect(await c.request(f"{mount}/hello"), 200, b"hello\n")


async def pipelined(c, mount):
    async def work():
        await c.send(request(f"{mount}/hello") * 10)
        return [await c.answer() for _ in range(10)]
    for answer in await c.talk(work()):
        expect(answer, 200, b"hello\n")


async def echo(c, mount):
    body = random.randbytes(random.choice((1, 5000, 200_000)))
    expect(await c.request(f"{mount}/echo", "POST", body=body), 200, body)


async def echo_chunked(c, mount):
    body = random.randbytes(30_000)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + 7000]), body[at:at + 7000])
                      for at in range(0, len(body), 7000)) + b"0\r\n\r\n"
    async def work():
        await c.send(request(f"{mount}/echo", "POST", ["Transfer-Encoding: chunked"]) + chunks)
        return await c.answer("POST")
    expect(await c.talk(work()), 200, body)


async def upload(c, mount):
    """A form with a file that is too large for memory."""
    data = random.randbytes(300_000)
    body = (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x\r\n'
            b'Content-Disposition: form-data; name="f"; filename="n"\r\n\r\n' + data + b"\r\n--x--\r\n")
    answer = await c.request(f"{mount}/form", "POST",
                             ["Content-Type: multipart/form-data; boundary=x"], body)
    expect(answer, 200, b"field a=b\nfile f|n||%d|%d|disk\n" % (len(data), sum(data)))


async def download(c, mount):
    size = random.choice((100, 50_000, 1_000_000))
    expect(await c.request(f"{mount}/large?size={size}"), 200, pattern(size))


# ---- files ----

async def small(c, mount):
    expect(await c.request(f"{mount}/small.txt"), 200, SMALL)


async def conditional(c, mount):
    tag = (await c.request(f"{mount}/small.txt", "HEAD")).headers["etag"]
    expect(await c.request(f"{mount}/small.txt", headers=[f"If-None-Match: {tag}"]), 304, b"")


async def ranged(c, mount):
    first = random.randrange(len(LARGE) - 50_000)
    answer = await c.request(f"{mount}/large.bin",
                             headers=[f"Range: bytes={first}-{first + 49_999}"])
    expect(answer, 206, LARGE[first:first + 50_000])


async def large(c, mount):
    expect(await c.request(f"{mount}/large.bin"), 200, LARGE)


async def missing(c, mount):
    expect(await c.request(f"{mount}/none"), 404)


# ---- gateways ----

async def cgi(c, mount):
    expect(await c.request(f"{mount}/hello"), 200, b"hello\n")


async def cgi_body(c, mount):
    body = random.randbytes(random.choice((0, 100, 150_000)))
    expect(await c.request(f"{mount}/cat", "POST", body=body), 200, body)


async def fastcgi(c, mount):
    answer = await c.request(f"{mount}/a?b=c")
    expect(answer, 200)
    check(b"QUERY_STRING=b=c\n" in answer.body, "other variables", answer)


async def fastcgi_body(c, mount):
    body = random.randbytes(random.choice((1, 70_000)))
    answer = await c.request(f"{mount}/a", "POST", body=body)
    check(answer.status == 200 and b"The body had %d bytes." % len(body) in answer.body,
          "another body", answer)


async def status(c, mount):
    expect(await c.request(f"{mount}/"), 200)


# ---- those that take long, and those that go ----

async def slow_head(c, mount):
    expect(await c.request(f"{mount}/hello", piece=2, pause=0.2), 200, b"hello\n")


async def slow_body(c, mount):
    body = random.randbytes(2000)
    expect(await c.request(f"{mount}/echo", "POST", body=body, piece=100, pause=0.2), 200, body)


async def slow_reader(c, mount):
    expect(await c.request(f"{mount}/large.bin", read_pause=0.1), 200, LARGE)


async def refused(c, mount):
    expect(await c.request(f"{mount}/a", headers=["Content-Length: 1", "Content-Length: 2"]), 400)


async def leave(c, data):
    """Sends, waits a moment and is gone."""
    gone = Client(c.port)
    await gone.talk(gone.send(data))
    await asyncio.sleep(random.random() / 2)
    gone.close(reset=random.random() < 0.5)


async def leave_in_head(c, mount):
    await leave(c, request(f"{mount}/hello")[:30])


async def leave_in_body(c, mount):
    await leave(c, request(f"{mount}/echo", "POST", ["Content-Length: 100000"]) + bytes(50_000))


async def leave_in_answer(c, mount):
    await leave(c, request(f"{mount}/large.bin"))


async def leave_waiting(c, mount):
    await leave(c, request(f"{mount}/nap?ms=20000"))


async def leave_a_program(c, mount):
    await leave(c, request(f"{mount}/cat", "POST", ["Content-Length: 100000"]) + bytes(500))


async def leave_a_server(c, mount):
    await leave(c, request(f"{mount}/a?sleep=300"))


# weight, action, mounts
ACTIONS = [
    (60, hello, "/p /own"), (3, pipelined, "/p /own"), (5, echo, "/p /own"),
    (3, echo_chunked, "/p /own"), (2, upload, "/p /own"), (4, download, "/p /own"),
    (20, small, "/files"), (4, conditional, "/files"), (4, ranged, "/files"), (2, large, "/files"),
    (2, missing, "/files"), (4, cgi, "/cgi"), (2, cgi_body, "/cgi"),
    (8, fastcgi, "/spawned /external"), (4, fastcgi_body, "/spawned /external"),
    (1, status, "/status"), (1, slow_head, "/p /own"), (1, slow_body, "/p /own"),
    (1, slow_reader, "/files"), (2, refused, "/p"), (1, leave_in_head, "/p"),
    (1, leave_in_body, "/p /own"), (1, leave_in_answer, "/files"), (1, leave_waiting, "/p /own"),
    (1, leave_a_program, "/cgi"), (1, leave_a_server, "/spawned /external"),
]
WEIGHTS = [weight for weight, _, _ in ACTIONS]


def choose():
    """(action, mount)"""
    _, action, mounts = random.choices(ACTIONS, WEIGHTS)[0]
    return action, random.choice(mounts.split())
