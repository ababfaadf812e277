"""`buffer` of CGI apps: a slow reader holds no program, and sees what one does wrong all the same."""
import os
import hashlib
import threading

import pytest

from cgi_site import PYTHON, cgi, chunked, programs, programs_of, resident, temporary_files  # noqa: F401: fixtures
from harness import wait_for

SIZE = 20_000_000


def ask(g, path):
    c = g.connect()
    c.send(f"GET /c/{path} HTTP/1.1\r\nHost: x\r\n\r\n")
    return c


def test_the_program_is_free_before_the_reader_has_everything(cgi, programs, tmp_path):
    programs(big=f"printf 'A: b\\n\\n'; head -c {SIZE} /dev/zero | tr '\\0' d; touch {tmp_path}/done",
             small="printf 'A: b\\n\\nhello'")
    g = cgi(buffer="64M", processes=1, queue=1)
    pid = g.workers()[0]["pid"]
    with ask(g, "big") as c:
        wait_for(lambda: (tmp_path / "done").exists(), "the program to end")
        wait_for(lambda: not programs_of(g), "it to be gone")
        assert len(temporary_files(g)) == 1 and resident(pid) < 100_000_000
        assert g.get("/c/small").body == b"hello"  # its place among `processes` is free
        assert c.response().body == b"d" * SIZE
        c.send("GET /c/small HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().body == b"hello"


@pytest.mark.parametrize("buffer", ["1", "100K", "1M"])
def test_an_answer_larger_than_the_buffer(cgi, programs, buffer):
    programs(random_py=f"""#!{PYTHON}
import hashlib, os, sys
sys.stdout.write("A: b\\n\\n"); sys.stdout.flush()
seen = hashlib.sha256()
for _ in range(100):
    data = os.urandom(70000)
    seen.update(data)
    sys.stdout.buffer.write(data)
sys.stdout.buffer.write(seen.digest())
""")
    g = cgi(buffer=buffer)
    for _ in range(3):
        with ask(g, "random.py") as c:
            body = c.response().body
        assert len(body) == 7_000_032 and hashlib.sha256(body[:-32]).digest() == body[-32:]


def test_both_ways_at_once(cgi, programs):
    programs(cat="printf 'A: b\\n\\n'; exec cat")
    g = cgi(buffer="1M", server={"max_body": "64M"})
    data = os.urandom(10_000_000)
    for way in ("length", "chunked"):
        with g.connect() as c:
            def send():
                if way == "length":
                    c.send(f"POST /c/cat HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n")
                    c.send(data)
                else:
                    c.send("POST /c/cat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                    for piece in chunked(data):
                        c.send(piece)
            sender = threading.Thread(target=send)
            sender.start()
            body = c.response().body
            sender.join()
        assert hashlib.sha256(body).digest() == hashlib.sha256(data).digest()


WRONG = {  # script behind a header and 3 MB of body
    "killed": "kill -9 $$", "short": "", "hangs": "exec sleep 100", "runs": "while :; do echo; sleep 0.1; done",
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_cut_answer_never_looks_whole(cgi, programs, name):
    length = "Content-Length: 9000000\\n" if name == "short" else ""
    programs(**{name: f"printf 'A: b\\n{length}\\n'; head -c 3000000 /dev/zero; {WRONG[name]}"})
    g = cgi(buffer="64M", read_timeout="500ms", run_timeout="2s", grace="100ms")
    for version in ("1.1", "1.0"):
        with g.connect() as c:
            c.send(f"GET /c/{name} HTTP/{version}\r\nHost: x\r\n\r\n")
            head = c.until(b"\r\n\r\n")
            try:
                body, was_reset = c.rest(), False
            except ConnectionResetError:
                body, was_reset = b"", True
        assert head.startswith(b"HTTP/1.1 200")
        assert not body.endswith(b"0\r\n\r\n") if version == "1.1" else \
            was_reset or b"Content-Length" in head
    wait_for(lambda: not programs_of(g), "all programs to be ended")
    wait_for(lambda: g.stderr().count("CGI program failed") == 2, "a line for each")


def test_a_reader_that_leaves_ends_its_program(cgi, programs):
    programs(endless="printf 'A: b\\n\\n'; exec cat /dev/zero")
    g = cgi(buffer="10M")
    pid = g.workers()[0]["pid"]
    for how in ("close", "reset"):
        with ask(g, "endless") as c:
            c.until(b"\r\n\r\n")
            wait_for(lambda: temporary_files(g), "a temporary file")
            if how == "reset":
                c.reset()
        wait_for(lambda: not programs_of(g), "the program to be ended")
        wait_for(lambda: not temporary_files(g), "the temporary file to be gone")
    assert resident(pid) < 100_000_000


def test_small_things_are_as_without_it(cgi, programs, hello):
    programs(small="printf 'Content-Type: text/plain\\n\\nhello'", silent="exit 0",
             head_only="printf 'A: b\\n'", here="printf 'Location: /c/small\\n\\n'",
             long="printf 'Content-Length: 2\\n\\nhello'", same="printf 'Status: 304\\n\\n'",
             later="printf 'A: b\\n\\n'; sleep 0.1; printf hello",
             too_long="printf 'Content-Length: 2\\n\\n'; sleep 0.1; printf hello; exec sleep 9")
    g = cgi(buffer="1M")
    with g.connect() as c:
        for _ in range(3):
            assert c.request("GET", "/c/small").body == b"hello"
            assert c.request("GET", "/c/later").body == b"hello"
            assert c.request("POST", "/c/later", body="x" * 100000).body == b"hello"
            assert c.request("HEAD", "/c/later").status == 200
            assert c.request("GET", "/c/here").body == b"hello"
            assert c.request("GET", "/c/same").status == 304
            for name in ("silent", "head_only", "long"):
                assert c.request("GET", f"/c/{name}").status == 502, name
    with ask(g, "too_long") as c:
        try:
            assert c.response().status == 502
        except (EOFError, ConnectionResetError):  # the head had left
            pass
    wait_for(lambda: not programs_of(g), "all programs to be ended")
    g.wait_for_log("longer than its Content-Length")
