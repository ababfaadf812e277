"""CGI programs and their limits: time, numbers, users; and that nothing of them is left behind."""
import hashlib
import os
import signal
import threading
import time

from cgi_site import (DIGEST, PYTHON, cgi, chunked, descriptors, programs,  # noqa: F401: fixtures
                      programs_of, temporary_files)
from harness import wait_for


# ---- time and numbers ----

def test_time_is_limited(cgi, programs):
    programs(hangs="sleep 100", half="printf 'A: b\\n'; sleep 100", stubborn="trap '' TERM; "
             "sleep 100 & while :; do sleep 0.01; done",
             trickle="printf 'A: b\\n\\n'; while :; do echo x; sleep 0.05; done",
             deaf="exec sleep 100")
    g = cgi(read_timeout="300ms", run_timeout="3s", grace="100ms")
    for name in ("hangs", "half", "stubborn"):
        assert g.get(f"/c/{name}").status == 504
        assert g.post(f"/c/{name}", b"x" * 300_000).status == 504
    wait_for(lambda: g.stderr().count("it made no progress for read_timeout") == 6, "the log")
    with g.connect() as c:  # it makes progress, but for too long
        c.send("GET /c/trickle HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not c.rest().endswith(b"0\r\n\r\n")
    g.wait_for_log("it ran for longer than run_timeout")


def test_a_deadline_ends_the_program_too(cgi, programs):
    programs(hangs="sleep 100")
    g = cgi(deadline="300ms", grace="100ms")
    assert g.get("/c/hangs").status == 504
    wait_for(lambda: not programs_of(g), "the program to be ended")


def test_a_slow_upload_is_no_slow_program(cgi, programs):
    programs(digest_py=DIGEST)
    g = cgi(read_timeout="400ms", server={"body_timeout": "20s"})
    data = os.urandom(400_000)
    with g.connect() as c:
        c.send(f"POST /c/digest.py HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n")
        c.send(data[:100_000])
        time.sleep(1)  # longer than the program may be silent: it is the client's turn
        c.send(data[100_000:])
        assert c.response().text.startswith(hashlib.sha256(data).hexdigest())


def test_so_many_run_and_so_many_wait(cgi, programs, tmp_path):
    programs(holds=f"touch {tmp_path}/run.$$; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; "
                   "printf 'A: b\\n\\nhello'")
    g = cgi(processes=2, queue=2, server={"workers": 2})
    clients = [g.connect() for _ in range(4)]
    for c in clients:
        c.send("GET /c/holds HTTP/1.1\r\nHost: x\r\n\r\n")

    wait_for(lambda: len(list(tmp_path.glob("run.*"))) == 2, "two to run")
    deadline = time.monotonic() + 20
    while True:
        with g.connect() as c:
            c.socket.settimeout(0.5)
            c.send("GET /c/holds HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                answer = c.response()
                break
            except TimeoutError:
                assert time.monotonic() < deadline
    assert answer.status == 503 and answer.header("Retry-After") == "1"
    assert len(list(tmp_path.glob("run.*"))) == 2
    (tmp_path / "go").touch()
    for c in clients:
        assert c.response().body == b"hello"
        c.close()


def test_resources_are_limited(cgi, programs):
    programs(limits="printf 'A: b\\n\\n'; ulimit -t; ulimit -v; ulimit -n",
             burn=f"#!{PYTHON}\nwhile True: pass\n", eat=f"#!{PYTHON}\nprint('A: b\\n')\nx = 'x' * 10**9\n"
             "print('ate')\n")
    g = cgi(cpu="1s", memory="200M", files=99)
    assert g.get("/c/limits").text == f"1\n{200 * 1024}\n99\n"
    assert g.get("/c/burn").status == 502
    assert "ate" not in g.get("/c/eat").text


def test_fields_that_no_program_can_be_told(cgi, programs):
    """The kernel takes at most 128 KiB in one variable."""
    programs(small="printf 'A: b\\n\\nhello'")
    g = cgi(server={"max_head": "1M"})
    assert g.get("/c/small", {"X-Large": "x" * 100_000}).status == 200
    assert g.get("/c/small", {"X-Large": "x" * 200_000}).status == 431
    assert g.get("/c/small/" + "y" * 5000).body == b"hello"  # CVE-2018-6758


def test_programs_run_as_their_user(cgi, programs, tmp_path):
    assert os.geteuid() == 0, "the tests run as root"
    programs(who="printf 'A: b\\n\\n'; id -un; id -G")
    g = cgi(user="nobody")
    name, groups = g.get("/c/who").text.split()
    assert name == "nobody" and groups != "0"


def test_a_fork_that_fails_shows_no_source(cgi, programs):
    """CVE-2008-1111."""
    programs(secret="# the source\nprintf 'A: b\\n\\nhello'; exec sleep 100")
    g = cgi(user="nobody", max_processes=1)
    answers = []

    def ask():
        with g.connect() as c:
            c.send("GET /c/secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answers.append(c.until(b"\r\n\r\n"))
            if b"503" in answers[-1]:
                answers.append(c.rest())
            else:
                wait_for(lambda: any(b"503" in a for a in answers), "one without room")
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert any(b" 503 " in a for a in answers)
    assert not any(b"the source" in a for a in answers)


# ---- what is left ----

def test_nothing_is_left_whatever_happens(cgi, programs):
    programs(ok="printf 'A: b\\n\\nhello'", silent="exit 1", crash="kill -SEGV $$",
             hangs="sleep 100", background="sleep 0.3 & printf 'A: b\\n\\nhello'",
             lost="#!/nowhere/x\n", huge="printf 'A: b\\n\\n'; exec head -c 3000000 /dev/zero",
             errs="echo x >&2; exec sleep 100 >&- 2>&-")
    g = cgi(read_timeout="200ms", grace="50ms", processes=8, server={"max_body": "50M"})
    pid = g.workers()[0]["pid"]
    for name in ("ok", "silent", "lost"):
        g.get(f"/c/{name}")
    before = len(descriptors(pid))
    data = b"x" * 2_000_000
    problems = []

    def visit(number):
        for name in ("ok", "silent", "crash", "hangs", "background", "lost", "huge", "errs"):
            for way in range(3):
                with g.connect() as c:
                    try:
                        if way == 0:
                            c.send(f"GET /c/{name} HTTP/1.1\r\nHost: x\r\n\r\n")
                            c.fill()
                        elif way == 1:
                            c.send(f"POST /c/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")
                            c.send(data)
                        else:
                            c.send(f"POST /c/{name} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                            for piece in chunked(data):
                                c.send(piece)
                            c.fill()
                        if number % 2:
                            c.reset()
                    except (ConnectionError, EOFError):
                        pass
                    except TimeoutError:
                        problems.append(f"{name}, way {way}: no answer")
    threads = [threading.Thread(target=visit, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not problems
    wait_for(lambda: not programs_of(g), "all programs to be gone")
    wait_for(lambda: len(descriptors(pid)) <= before, "descriptors to be closed")
    assert not temporary_files(g)
    assert g.get("/c/ok").body == b"hello" and g.workers()[0]["pid"] == pid


def test_programs_die_with_their_worker(cgi, programs):
    programs(hangs="trap '' TERM; touch there; while :; do sleep 0.01; done")
    g = cgi()
    pid = g.workers()[0]["pid"]
    with g.connect() as c:
        c.send("GET /c/hangs HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: (programs.folder / "there").exists(), "the program to start")
        os.kill(pid, signal.SIGKILL)
        g.wait_for_workers(1, without=[pid])
        wait_for(lambda: not programs_of(g), "the program to be gone")


def test_a_reload_lets_programs_finish(cgi, programs, tmp_path):
    programs(holds=f"touch {tmp_path}/there; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; "
                   "printf 'A: b\\n\\nold'")
    g = cgi()
    with g.connect() as c:
        c.send("GET /c/holds HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: (tmp_path / "there").exists(), "the program to start")
        assert g.reload().status == 200
        (tmp_path / "go").touch()
        assert c.response().body == b"old"


def test_stopping_ends_programs(cgi, programs):
    programs(hangs="trap '' TERM; touch there; while :; do sleep 0.01; done")
    g = cgi(grace="1h")
    with g.connect() as c:
        c.send("GET /c/hangs HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: (programs.folder / "there").exists(), "the program to start")
        g.stop()
    wait_for(lambda: not g.members(), "the program to be gone")
