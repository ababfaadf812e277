"""CGI programs behind a running gale: what they are told, what becomes of what they say."""
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from cgi_site import PYTHON, cgi, programs  # noqa: F401: fixtures
from harness import wait_for

ROOT = Path(__file__).resolve().parents[2]


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
    "two_types": ("printf 'Content-Type: text/plain\\nContent-type: text/html\\n\\na'", 502,
                  "two Content-Type fields"),
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
        assert " status=502 " in lines[0]


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
            said = len(g.stderr())
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
            wait_for(lambda: f"/c/{name} " in g.stderr()[said:], "a line about it")
            assert 'status="200, then cut"' in g.stderr()[said:] and "status=5" not in g.stderr()
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
             teapot="printf \"Status: 418 I'm a teapot\\n\\nx\"",
             bare="printf 'Status: 404\\n\\nx'",
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
        assert found.raw.startswith(b"HTTP/1.1 404 Nope\r\n")
        assert c.request("GET", "/c/teapot").raw.startswith(b"HTTP/1.1 418 I'm a teapot\r\n")
        assert c.request("GET", "/c/bare").raw.startswith(b"HTTP/1.1 404 Not Found\r\n")
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
        assert raw.raw.startswith(b"HTTP/1.1 201 Made\r\n") and raw.header("Server") == "mine" and raw.body == b"hello"
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
