"""CGI programs behind a running gale: what they are told, what becomes of what they say."""
import hashlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import is_alive, wait_for

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"


@pytest.fixture
def programs(tmp_path):
    """programs(name=script, ...) writes executable programs below bin/; a script without #! is
    for the shell. Names may hold a folder; `_` before the ending becomes a dot."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(**scripts):
        for name, script in scripts.items():
            path = folder / re.sub(r"_(sh|py|cgi|c)$", r".\1", name).replace("nph_", "nph-")
            path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return folder

    put.folder = folder
    return put


@pytest.fixture
def cgi(gale, programs, tmp_path):
    """Starts gale with bin/ at /c; keyword arguments are keys of the app, `server` those of
    [server]. Afterwards nothing of any program may be left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o777)
    temporary.chmod(0o777)
    started = []

    def start(more="", server=None, **keys):
        section = "".join(f"{key} = {one}\n" for key, value in keys.items()
                          for one in (value if isinstance(value, list) else [value]))
        g = gale(f"[app tools]\nmount = /c\ncgi = bin\n{section}\n{more}",
                 env={"TMPDIR": str(temporary), "LEAK": "secret"}, **(server or {}))
        g.temporary = temporary
        started.append(g)
        return g

    yield start
    for g in started:
        if g.is_running():
            wait_for(lambda: not programs_of(g), "all programs to be gone")
            wait_for(lambda: not list(temporary_files(g)), "temporary files to be gone")
        assert not list(temporary.iterdir())


def programs_of(g):
    """Pids of everything in gale's session but master and workers."""
    workers = {w["pid"] for w in g.workers(None)}
    return [pid for pid in g.members() if pid not in workers]


def descriptors(pid):
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except FileNotFoundError:
            pass
    return found


def temporary_files(g):
    return [name for w in g.workers() for name in descriptors(w["pid"]) if str(g.temporary) in name]


def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024


# ---- what programs are told ----

ENVIRONMENT = f"""#!{PYTHON}
import os, sys, json
sys.stdout.write("Content-Type: application/json\\n\\n")
json.dump(dict(env=dict(os.environ), argv=sys.argv, cwd=os.getcwd(), body=len(sys.stdin.read()),
               fds=sorted(os.listdir("/proc/self/fd"))), sys.stdout)
"""


def test_the_environment_is_what_rfc_3875_says(cgi, programs):
    programs(env_py=ENVIRONMENT)
    g = cgi(env=["GREETING hello you", "SERVER_SOFTWARE mine"])
    told = g.request("POST", "/c/env.py/a%20b/%63?x=1&y=%41", {
        "Content-Type": "text/plain", "X-Thing": "1", "Proxy": "http://evil/", "X_Thing": "evil",
        "Authorization": "Basic c2VjcmV0", "Cookie": "a=b"}, b"hello").json()
    env = told["env"]
    assert told["argv"] == [str(programs.folder / "env.py")]
    assert told["cwd"] == str(programs.folder) and told["body"] == 5
    assert told["fds"] == ["0", "1", "2", "3"]  # 3 is the folder that is being listed
    expected = {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/c/env.py", "PATH_INFO": "/a b/c", "QUERY_STRING": "x=1&y=%41",
        "REQUEST_URI": "/c/env.py/a%20b/%63?x=1&y=%41", "CONTENT_LENGTH": "5",
        "CONTENT_TYPE": "text/plain", "SCRIPT_FILENAME": str(programs.folder / "env.py"),
        "DOCUMENT_ROOT": str(programs.folder), "PATH_TRANSLATED": f"{programs.folder}/a b/c",
        "SERVER_NAME": "test", "SERVER_ADDR": "127.0.0.1", "SERVER_PORT": str(g.port),
        "REMOTE_ADDR": "127.0.0.1", "REQUEST_SCHEME": "http", "REDIRECT_STATUS": "200",
        "HTTP_X_THING": "1", "HTTP_HOST": "test", "HTTP_COOKIE": "a=b", "GREETING": "hello you",
        "SERVER_SOFTWARE": "mine"}
    assert {name: env.get(name) for name in expected} == expected
    assert env["REMOTE_PORT"].isdigit() and env["PATH"] == os.environ["PATH"]
    assert not {"HTTP_PROXY", "LEAK", "HOME", "HTTPS", "HTTP_AUTHORIZATION", "HTTP_CONTENT_LENGTH",
                "HTTP_CONTENT_TYPE", "HTTP_CONNECTION"} & set(env)


def test_a_proxy_is_believed_about_the_client(cgi, programs):
    programs(env_py=ENVIRONMENT)
    g = cgi(server={"trusted_proxies": "127.0.0.1"}, pass_authorization="yes")
    env = g.get("/c/env.py", {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https",
                              "Authorization": "Basic eA=="}).json()["env"]
    assert env["REMOTE_ADDR"] == "203.0.113.9" and env["HTTPS"] == "on"
    assert env["REQUEST_SCHEME"] == "https" and env["HTTP_AUTHORIZATION"] == "Basic eA=="


def test_the_query_never_becomes_arguments(cgi, programs):
    programs(env_py=ENVIRONMENT)
    g = cgi(interpreter=f".py {PYTHON} -B")
    for query in ("?-s", "?-d+allow_url_include%3d1", "?%ADd+x", "?a+b+c"):
        assert len(g.get(f"/c/env.py{query}").json()["argv"]) == 1


@pytest.mark.parametrize("path, status", [
    ("/c/ok.sh", 200), ("/c/sub/../ok.sh", 200), ("/c/%6fk.sh", 200), ("/c/./ok.sh/x", 200),
    ("/c/none", 404), ("/c/", 404), ("/c//ok.sh", 404), ("/c/ok%2esh%00", 400),
    ("/c/../outside.sh", 404), ("/c/%2e%2e/outside.sh", 404), ("/c/%252e%252e/outside.sh", 404),
    ("/c/..%2Foutside.sh", 404), ("/c/out.sh", 403), ("/c/outdir/outside.sh", 403),
    ("/c/plain.txt", 403), ("/c/up/%2e%2e/%2e%2e/outside.sh", 404)])
def test_only_programs_below_the_folder_run(cgi, programs, tmp_path, path, status):
    programs(ok_sh="printf 'A: b\\n\\nok'")
    (tmp_path / "outside.sh").write_text("#!/bin/sh\nprintf 'A: b\\n\\noutside'\n")
    (tmp_path / "outside.sh").chmod(0o755)
    (programs.folder / "plain.txt").write_text("secret source")
    (programs.folder / "out.sh").symlink_to("../outside.sh")
    (programs.folder / "outdir").symlink_to("..")
    (programs.folder / "sub").mkdir()
    answer = cgi().get(path)
    assert answer.status == status
    assert b"outside" not in answer.body and b"secret" not in answer.body


# ---- what becomes of what they say ----

MISBEHAVIOUR = {  # name: (script, status, why in the log)
    "silent": ("exit 0", 502, "it ended without an answer"),
    "head_only": ("printf 'A: b\\n'", 502, "it ended within its header block"),
    "html": ("echo '<html><p>hello</p>'", 502, "it ended within its header block"),
    "binary": ("head -c 100000 /dev/urandom", 502, ""),
    "endless_head": ("yes 'X-A: b'", 502, "its header block is too large"),
    "endless_line": ("cat /dev/zero", 502, "its header block is too large"),
    "many_fields": ("seq -f 'X-%g: 1' 300; echo", 502, "too many fields"),
    "two_lengths": ("printf 'Content-Length: 1\\nContent-Length: 1\\n\\na'", 502, "two Content-L"),
    "chunks": ("printf 'Transfer-Encoding: chunked\\n\\n0\\r\\n\\r\\n'", 502, "a Transfer-Encoding"),
    "splitting": ("printf 'A: b\\rSet-Cookie: c\\n\\n'", 502, "a control byte in a field"),
    "status": ("printf 'Status: 99\\n\\n'", 502, "its status is none of"),
    "short": ("printf 'Content-Length: 9\\n\\nhello'", 502, "shorter than its Content-Length"),
    "long": ("printf 'Content-Length: 2\\n\\nhello'", 502, "longer than its Content-Length"),
    "segfault": ("printf 'A: b\\n\\nhalf'; kill -SEGV $$", 502, "killed before its answer"),
    "suicide": ("kill -KILL $$", 502, "killed before its answer"),
    "no_interpreter": ("#!/nowhere/sh\n", 502, "it could not be started"),
    "cpu": ("ulimit -t 1; while :; do :; done", 502, "killed before"),
}


def test_what_makes_no_sense_is_a_502_with_one_line_in_the_log(cgi, programs):
    programs(**{name: script for name, (script, _, _) in MISBEHAVIOUR.items()})
    g = cgi()
    for name, (_, status, why) in MISBEHAVIOUR.items():
        answer = g.get(f"/c/{name}")
        assert answer.status == status, name
        assert b"half" not in answer.body and answer.header("Set-Cookie") is None, name
        wait_for(lambda: f"/c/{name} " in g.stderr(), f"a line about {name}")
        lines = [line for line in g.stderr().splitlines()
                 if "CGI program failed" in line and f"/c/{name} " in line]
        assert len(lines) == 1 and why in lines[0], lines
        assert re.search(r" id=[0-9a-f]{16}", lines[0]) and "app=tools" in lines[0]


def test_a_cut_answer_never_looks_whole(cgi, programs):
    big = "head -c 200000 /dev/zero"
    programs(killed=f"printf 'A: b\\n\\n'; {big}; kill -9 $$",
             short=f"printf 'Content-Length: 300000\\n\\n'; {big}",
             long=f"printf 'Content-Length: 100000\\n\\n'; {big}",
             hangs=f"printf 'A: b\\n\\n'; {big}; sleep 100",
             murdered=f"printf 'A: b\\n\\n'; {big}; echo $$ > pid; sleep 100")
    g = cgi(read_timeout="2s", grace="100ms")
    for name in ("killed", "short", "hangs"):
        for version in ("1.1", "1.0"):
            with g.connect() as c:
                c.send(f"GET /c/{name} HTTP/{version}\r\nHost: x\r\n\r\n")
                head = c.until(b"\r\n\r\n")
                try:
                    body = c.rest()
                    cut = False
                except ConnectionResetError:
                    body, cut = b"", True
            assert head.startswith(b"HTTP/1.1 200")
            if b"Content-Length" in head:
                assert len(body) < 300000
            elif version == "1.1":
                assert not body.endswith(b"0\r\n\r\n")
            else:
                assert cut, name  # an end without a length would look whole
    with g.connect() as c:
        c.send("GET /c/long HTTP/1.1\r\nHost: x\r\n\r\n")
        c.until(b"\r\n\r\n")
        assert len(c.rest()) <= 100000
    with g.connect() as c:
        c.send("GET /c/murdered HTTP/1.1\r\nHost: x\r\n\r\n")
        c.until(b"\r\n\r\n")
        pid = wait_for(lambda: (programs.folder / "pid").exists() and
                       (programs.folder / "pid").read_text().strip(), "its pid")
        os.kill(int(pid), signal.SIGKILL)
        try:
            assert not c.rest().endswith(b"0\r\n\r\n")
        except ConnectionResetError:
            pass


def test_whatever_is_right_comes_through(cgi, programs, hello):
    programs(small="printf 'Content-Type: text/plain\\n\\nhello'",
             found="printf 'Status: 404 Nope\\nX-A: 1\\nX-A: 2\\nSet-Cookie: a\\nSet-Cookie: b\\n\\nx'",
             hop="printf 'A: b\\nConnection: close, X-Hop\\nX-Hop: 1\\nUpgrade: h2c\\n\\nx'",
             same="printf 'Status: 304\\nETag: \"a\"\\n\\n'",
             nothing="printf 'Status: 204\\n\\n'",
             length="printf 'Content-Length: 5\\n\\nhello'",
             nph_raw="printf 'HTTP/1.0 201 Made\\r\\nServer: mine\\r\\nConnection: close\\r\\n\\r\\nhello'",
             away="printf 'Location: http://other/\\n\\n'",
             here="printf 'Location: /c/small\\n\\n'",
             there="printf 'Location: /hello?x\\n\\n'",
             cookie="printf 'Location: /c/small\\nSet-Cookie: a\\n\\n'",
             round="printf 'Location: /c/round\\n\\n'")
    g = cgi(f"[app hello]\nmount = /hello\nplugin = {hello}\n")
    with g.connect() as c:  # all on one connection: framing is gale's own
        assert c.request("GET", "/c/small").body == b"hello"
        found = c.request("GET", "/c/found")
        assert found.status == 404 and found.body == b"x"
        assert [v for n, v in found.headers if n == "X-A"] == ["1", "2"]
        assert [v for n, v in found.headers if n == "Set-Cookie"] == ["a", "b"]
        hop = c.request("GET", "/c/hop")
        assert not {"Connection", "X-Hop", "Upgrade"} & {n for n, _ in hop.headers}
        same = c.request("GET", "/c/same")
        assert same.status == 304 and same.header("ETag") == '"a"'
        assert c.request("GET", "/c/nothing").status == 204
        assert c.request("HEAD", "/c/length").header("Content-Length") == "5"
        assert c.request("HEAD", "/c/small").header("Content-Length") == "5"
        raw = c.request("GET", "/c/nph-raw")
        assert raw.status == 201 and raw.header("Server") == "mine" and raw.body == b"hello"
        away = c.request("GET", "/c/away")
        assert away.status == 302 and away.header("Location") == "http://other/"
        assert c.request("GET", "/c/here").body == b"hello"
        assert c.request("POST", "/c/here", body="x" * 100).body == b"hello"
        assert c.request("HEAD", "/c/here").status == 200
        assert c.request("GET", "/c/there").body == b"hello\n"
        cookie = c.request("GET", "/c/cookie")
        assert cookie.status == 302 and cookie.header("Location") == "/c/small"
        assert c.request("GET", "/c/round").status == 508
        assert c.request("GET", "/c/small").body == b"hello"
        c.send("GET /c/small HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        for _ in range(5):
            assert c.response().body == b"hello"


def test_output_leaves_as_it_comes(cgi, programs, tmp_path):
    programs(slow=f"printf 'A: b\\n\\nfirst\\n'; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; "
                  "echo second")
    with cgi().connect() as c:
        c.send("GET /c/slow HTTP/1.1\r\nHost: x\r\n\r\n")
        c.until(b"first\n")
        (tmp_path / "go").touch()
        c.until(b"second\n")


def test_files_are_sent_for_programs(cgi, programs, tmp_path, hello):
    files = tmp_path / "files"
    files.mkdir()
    (files / "big").write_bytes(bytes(range(256)) * 4000)
    programs(send="printf 'X-Sendfile: big\\nContent-Type: image/x\\n\\n'",
             accel="printf 'X-Accel-Redirect: /internal/big\\nContent-Disposition: attachment\\n\\n'",
             app="printf 'X-Accel-Redirect: /hello\\n\\n'",
             outside="printf 'X-Sendfile: ../bin/send\\n\\n'")
    g = cgi(f"[app hello]\nmount = /hello\nplugin = {hello}\n", sendfile="files",
            accel=f"/internal {files}")
    sent = g.get("/c/send")
    assert sent.body == (files / "big").read_bytes() and sent.header("Content-Type") == "image/x"
    assert g.get("/c/send", {"Range": "bytes=255-257"}).body == b"\xff\0\1"
    assert g.get("/c/send", {"If-None-Match": sent.header("ETag")}).status == 304
    assert g.get("/c/accel").header("Content-Disposition") == "attachment"
    assert g.get("/c/app").body == b"hello\n"
    assert g.get("/c/outside").status == 403


# ---- bodies ----

def chunked(data, size=50000):
    for at in range(0, len(data), size):
        piece = data[at:at + size]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"


DIGEST = f"""#!{PYTHON}
import sys, hashlib, os
data = sys.stdin.buffer.read()
print("A: b\\n")
print(hashlib.sha256(data).hexdigest(), len(data) == int(os.environ["CONTENT_LENGTH"]))
"""


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


def test_programs_run_as_their_user(cgi, programs, tmp_path):
    assert os.geteuid() == 0, "the tests run as root"
    programs(who="printf 'A: b\\n\\n'; id -un; id -G")
    g = cgi(user="nobody")
    name, groups = g.get("/c/who").text.split()
    assert name == "nobody" and groups != "0"


def test_a_fork_that_fails_shows_no_source(cgi, programs):
    """CVE-2008-1111."""
    programs(secret="# the source\nprintf 'A: b\\n\\nhello'; sleep 100")
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


# ---- stderr ----

def test_stderr_is_in_the_log_with_app_and_request(cgi, programs):
    programs(complains="echo 'first complaint' >&2; printf 'A: b\\n\\nhello'; echo last >&2")
    g = cgi()
    assert g.get("/c/complains").body == b"hello"
    for text in ('"first complaint"', "last"):
        wait_for(lambda: f"text={text}" in g.stderr(), f"{text} in the log")
    line = next(x for x in g.stderr().splitlines() if "first complaint" in x)
    assert "app=tools" in line and re.search(r"id=[0-9a-f]{16}", line)
    assert f"program={programs.folder}/complains" in line


def test_a_flood_on_stderr_is_cut_and_hinders_nobody(cgi, programs):
    programs(floods="yes 'a line that nobody wants to read' | head -c 30000000 >&2; "
                    "printf 'A: b\\n\\nhello'", small="printf 'A: b\\n\\nhello'")
    g = cgi()
    with g.connect() as c:
        c.send("GET /c/floods HTTP/1.1\r\nHost: x\r\n\r\n")
        assert g.get("/c/small").body == b"hello"
        assert c.response().body == b"hello"
    g.wait_for_log("lines were left out")
    assert len(g.stderr()) < 2_000_000


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


# ---- the examples ----

def test_the_examples_answer(gale, build):
    g = gale(f"[app tools]\nmount = /tools\ncgi = {ROOT}/examples/cgi\n"
             f"[app c]\nmount = /tools/hello.c\ncgi = {build}/examples/cgi/hello\n")

    def curl(*arguments):
        return subprocess.run(["curl", "-sS", "--fail", *arguments[:-1],
                               f"http://127.0.0.1:{g.port}{arguments[-1]}"],
                              capture_output=True, text=True, timeout=30, check=True).stdout
    assert "path below the script: /a b\n" in curl("/tools/hello.sh/a%20b")
    assert "QUERY_STRING</td><td>x=&lt;1" in curl("-d", "abc", "/tools/env.py?x=<1")
    assert curl("-T", __file__, "/tools/hello.c?you") == \
        f"hello from C, you; you sent {Path(__file__).stat().st_size} bytes\n"
    assert g.get("/tools/none").status == 404
