"""Bodies on their way to CGI programs and back: whole, streamed, and who is slow or leaves."""
import hashlib
import os
import threading
import time

import pytest

from cgi_site import DIGEST, cgi, chunked, programs, programs_of, resident  # noqa: F401: fixtures
from harness import wait_for


# ---- bodies ----

@pytest.mark.parametrize("size", [0, 1, 16384, 65537, 20_000_000])
def test_bodies_arrive_whole_however_they_are_sent(cgi, programs, size):
    programs(digest_py=DIGEST)
    g = cgi(server={"max_body": "100M"})
    data = os.urandom(size)
    expected = f"{hashlib.sha256(data).hexdigest()} True\n"
    with g.connect() as c:
        assert c.request("POST", "/c/digest.py", body=data).text == expected
        c.send("PUT /c/digest.py HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in chunked(data):
            c.send(piece)
        assert c.response().text == expected
        c.send("POST /c/digest.py HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
               f"Content-Length: {size}\r\n\r\n")
        if size:
            assert c.response().status == 100
        c.send(data)
        assert c.response().text == expected


def test_both_bodies_stream_at_once(cgi, programs):
    """A program that copies: neither pipe may fill up for ever."""
    programs(cat="printf 'A: b\\n\\n'; exec cat")
    g = cgi(server={"max_body": "1G"})
    size, block = 100_000_000, os.urandom(1_000_000)
    with g.connect() as c:
        c.send(f"POST /c/cat HTTP/1.0\r\nHost: x\r\nContent-Length: {size}\r\n\r\n")
        sender = threading.Thread(target=lambda: [c.send(block) for _ in range(size // len(block))])
        sender.start()
        c.until(b"\r\n\r\n")
        digest, got = hashlib.sha256(c.buffer), len(c.buffer)
        while data := c.socket.recv(1 << 20):
            digest.update(data)
            got += len(data)
        sender.join()
    assert got == size and digest.hexdigest() == hashlib.sha256(block * 100).hexdigest()
    assert resident(g.workers()[0]["pid"]) < 100_000_000


def test_a_huge_answer_takes_no_memory(cgi, programs):
    size = 1_000_000_000
    programs(huge=f"printf 'A: b\\n\\n'; exec head -c {size} /dev/zero")
    g = cgi()
    with g.connect() as c:
        c.send("GET /c/huge HTTP/1.0\r\n\r\n")
        c.until(b"\r\n\r\n")
        got, buffer = len(c.buffer), bytearray(1 << 20)
        while n := c.socket.recv_into(buffer):
            got += n
    assert got == size
    assert resident(g.workers()[0]["pid"]) < 100_000_000


def test_programs_need_not_read_their_input(cgi, programs):
    programs(deaf="printf 'A: b\\n\\nearly'", closes="exec <&-; sleep 0.1; printf 'A: b\\n\\nearly'",
             some="head -c 10 >/dev/null; printf 'A: b\\n\\nearly'")
    g = cgi(server={"max_body": "1G"})
    for name in ("deaf", "closes", "some"):
        for _ in range(3):
            answer = g.post(f"/c/{name}", b"x" * 300_000)
            assert answer.status == 200 and answer.body == b"early", name
    with g.connect() as c:  # the client has not sent everything when the answer comes
        c.send("POST /c/deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n" + "x" * 100000)
        assert c.response().body == b"early"


def test_a_client_that_sends_slowly_holds_no_program(cgi, programs):
    programs(digest_py=DIGEST)
    g = cgi()
    with g.connect() as c:
        c.send("POST /c/digest.py HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        with g.connect() as d:
            d.send("POST /c/digest.py HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc")
            time.sleep(0.2)
            assert not programs_of(g)
            c.send("67890")
            assert c.response().text.startswith(hashlib.sha256(b"1234567890").hexdigest())
            d.send("\r\n0\r\n\r\n")
            assert d.response().text.startswith(hashlib.sha256(b"abc").hexdigest())


@pytest.mark.parametrize("rest, status", [(b"zz\r\n", 400), (b"", None)])
def test_a_body_that_breaks_is_the_clients_fault(cgi, programs, rest, status):
    programs(digest_py=DIGEST)
    g = cgi(server={"body_timeout": "20s"})
    with g.connect() as c:
        c.send(b"POST /c/digest.py HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        c.send(rest)
        if status:
            assert c.response().status == status
    with g.connect() as c:  # after the program has started
        c.send(b"POST /c/digest.py HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 500000)
        wait_for(lambda: programs_of(g), "the program to start")
    wait_for(lambda: not programs_of(g), "the program to be ended")


def test_a_body_without_room_is_refused(cgi, programs):
    programs(digest_py=DIGEST)
    g = cgi(max_body="100K")
    assert g.post("/c/digest.py", b"x" * 200_000).status == 413
    with g.connect() as c:
        c.send("POST /c/digest.py HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in chunked(b"x" * 200_000, 1000):
            try:
                c.send(piece)
            except ConnectionError:
                break
        assert c.response().status == 413
    assert g.post("/c/digest.py", b"x" * 100_000).status == 200


# ---- readers and leavers ----

def test_a_slow_reader_slows_its_program_only(cgi, programs):
    programs(endless="printf 'A: b\\n\\n'; exec cat /dev/zero", small="printf 'A: b\\n\\nhello'")
    g = cgi()
    pid = g.workers()[0]["pid"]
    with g.connect() as c:
        c.send("GET /c/endless HTTP/1.1\r\nHost: x\r\n\r\n")
        c.until(b"\r\n\r\n")
        before = resident(pid)
        for _ in range(20):
            assert g.get("/c/small").body == b"hello"
        assert resident(pid) < before + 20_000_000
        assert len(programs_of(g)) == 1
        c.reset()
        wait_for(lambda: not programs_of(g), "the program to be ended")


@pytest.mark.parametrize("how", ["reset", "close"])
def test_who_leaves_ends_the_program(cgi, programs, how):
    programs(hangs="echo $$ > pid; sleep 100 & sleep 100", stubborn="trap '' TERM; touch there; "
             "while :; do sleep 0.01; done")
    g = cgi(grace="200ms")
    for name, sign in (("hangs", "pid"), ("stubborn", "there")):
        c = g.connect()
        c.send(f"GET /c/{name} HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: (programs.folder / sign).exists(), "the program to start")
        getattr(c, how)()
        wait_for(lambda: not programs_of(g), "the program to be gone")
