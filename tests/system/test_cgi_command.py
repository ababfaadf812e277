"""gale cgi: the same plugins in process and as CGI programs of five web servers, and by hand."""
import os
import re
import signal
import subprocess
import time

import pytest

from cgi_servers import web_server  # noqa: F401 (a fixture)
from harness import SANITIZER, wait_for

SERVERS = ["gale", "lighttpd", "apache", "nginx"]
EXAMPLES = ["hello", "echo", "form", "clock", "visits", "greet"]

BOUNDARY = "----b"
FORM = (f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n<Ann>\r\n"
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n"
        f"Content-Type: text/plain\r\n\r\n" + 9000 * "0123456789" + f"\r\n--{BOUNDARY}--\r\n")
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

REQUESTS = [
    ("GET", "/c/hello", {}, None),
    ("GET", "/c/hello/", {}, None),
    ("GET", "/c/hello?name=Zo%C3%AB+B", {}, None),
    ("HEAD", "/c/hello", {}, None),
    ("GET", "/c/greet?name=you", {}, None),
    ("GET", "/c/greet", {}, None),
    ("GET", "/c/greet", {"Accept": "text/html"}, None),
    ("GET", "/c/greet", {"Accept": "application/json"}, None),
    ("POST", "/c/echo/a", {"Content-Type": "text/x-mine"}, b"some \0 bytes \xff"),
    ("POST", "/c/echo", {}, b""),
    ("POST", "/c/echo", {}, 300_000 * b"x"),
    ("PUT", "/c/form", {}, b"x"),
    ("GET", "/c/form", {}, None),
    ("POST", "/c/form", {"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&b=%26&a=2"),
    ("POST", "/c/form", MULTIPART, FORM.encode()),
    ("POST", "/c/form", MULTIPART, FORM[:300].encode()),
    ("POST", "/c/files/large.bin", {}, 200_000 * b"x"),
    ("GET", "/c/clock?seconds=1", {}, None),
    ("GET", "/c/visits", {}, None),
    ("GET", "/c/files/robots.txt", {}, None),
    ("GET", "/c/files/robots.txt", {"Range": "bytes=5-9"}, None),
    ("GET", "/c/files/robots.txt", {"Range": "bytes=500-"}, None),
    ("HEAD", "/c/files/robots.txt", {}, None),
    ("GET", "/c/files/large.bin", {}, None),
    ("GET", "/c/files/dir", {}, None),
    ("GET", "/c/files/dir/", {}, None),
    ("GET", "/c/files/missing", {}, None),
    ("GET", "/c/files/a%20b/%C3%A9.txt", {}, None),
    ("DELETE", "/c/files/robots.txt", {}, None),
]


@pytest.fixture
def programs(tmp_path, build):
    """A folder of programs: one for each plugin, as a user would write them."""
    folder, root = tmp_path / "c", tmp_path / "static"
    folder.mkdir()
    (root / "dir").mkdir(parents=True)
    (root / "a b").mkdir()
    (root / "robots.txt").write_bytes(b"User-agent: *\nDisallow: /\n")
    (root / "dir" / "index.html").write_bytes(b"<h1>dir</h1>")
    (root / "a b" / "é.txt").write_bytes(b"deep")
    (root / "large.bin").write_bytes(bytes(range(256)) * 8000)
    gale = (build / "gale").resolve()

    def put(name, plugin, *options):
        path = folder / name
        words = " ".join(f"'{word}'" for word in options)
        path.write_text(f"#!/bin/sh\nexec {gale} cgi {plugin} {words}\n")
        path.chmod(0o755)

    for name in EXAMPLES:
        put(name, (build / "examples" / f"{name}.so").resolve())
    put("files", (build / "plugins" / "files.so").resolve(), "--set", f"root={root}")
    put("status", (build / "plugins" / "status.so").resolve())
    put.folder, put.root = folder, root
    return put


def meaning(response):
    """What has to be the same: ids and times are another each time."""
    body = re.sub(rb"[0-9a-f]{16}", b"ID", response.body)
    body = re.sub(rb"\d\d:\d\d:\d\d", b"TIME", body)
    names = ("Content-Type", "Location", "Allow", "ETag", "Last-Modified", "Content-Range",
             "Cache-Control", "Accept-Ranges", "Vary")
    return response.status, [(name, response.header(name)) for name in names], body


@pytest.mark.parametrize("name", SERVERS)
def test_the_answers_are_those_of_the_plugin_in_process(gale, build, programs, web_server, name):
    apps = "".join(f"[app {one}]\nmount = /c/{one}\n"
                   f"plugin = {(build / 'examples' / one).resolve()}.so\n" for one in EXAMPLES)
    apps += (f"[app files]\nmount = /c/files\nplugin = {(build / 'plugins/files.so').resolve()}\n"
             f"set root = {programs.root}\n")
    inside, outside = gale(apps), web_server(name, programs.folder)
    for method, path, headers, body in REQUESTS:
        print(name, method, path)
        wanted = meaning(inside.request(method, path, headers, body))
        got = meaning(outside.request(method, path, headers, body))
        if method == "PUT" and body == b"x" and got[0] == 501:
            continue
        assert got == wanted, f"{name}: {method} {path}: {outside.stderr()[-2000:]}"
    status = outside.request("GET", "/c/status")
    assert status.status == 200 and "text/html" in status.header("Content-Type")
    assert not SANITIZER.search(outside.stderr())


# ---- by hand ----

def cgi(build, plugin, *options, stdin=b"", **variables):
    names = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_PROTOCOL": "HTTP/1.1", **variables}
    environment = {key: value for key, value in names.items() if value is not None}
    return subprocess.run([str(build / "gale"), "cgi", str(plugin), *options], input=stdin,
                          capture_output=True, env=environment, timeout=30)


def test_without_a_web_server_it_says_what_to_do(build):
    done = cgi(build, build / "examples/hello.so", REQUEST_METHOD=None)
    assert done.returncode == 2 and done.stdout == b""
    assert b"gale run " in done.stderr and b"REQUEST_METHOD=GET" in done.stderr


def test_by_hand(build):
    done = cgi(build, build / "examples/greet.so", "--set", "greeting=moin", QUERY_STRING="name=x")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Status: 200 OK\r\n") and done.stdout.endswith(b"moin, x\n")
    assert done.stderr == b""
    done = cgi(build, build / "examples/hello.so", "--mount", "/shop", PATH_INFO="/elsewhere")
    assert done.stdout.startswith(b"Status: 404 Not Found\r\n")
    done = cgi(build, build / "examples/hello.so", "--mount", "/shop", PATH_INFO="/shop/x")
    assert done.stdout.startswith(b"Status: 200 OK\r\n")


@pytest.mark.parametrize("options,says", [
    (["x.so"], b"gale cgi: x.so: No such file or directory"),
    (["{greet}", "--set", "greting=x"], b"'set greting' is not a setting of this plugin; did you mean 'set greeting'?"),
    (["{hello}", "--set", "greeting"], b"'greeting' is no setting; expected NAME=VALUE"),
    (["{hello}", "--mount", "no path"], b"mount: "),
])
def test_what_is_wrong_is_said_and_answered(build, options, says):
    plugin, *rest = [one.format(hello=build / "examples/hello.so", greet=build / "examples/greet.so") for one in options]
    done = cgi(build, plugin, *rest)
    assert done.returncode in (1, 2) and says in done.stderr
    assert done.stdout.startswith(b"Status: 500 Internal Server Error\r\n")
    assert b"error log" in done.stdout


def test_lengths_that_lie(build):
    echo = build / "examples/echo.so"
    post = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "text/plain"}
    assert cgi(build, echo, stdin=b"12345", CONTENT_LENGTH="3", **post).stdout.endswith(b"\n123")
    assert b"Status: 400" in cgi(build, echo, stdin=b"12345", CONTENT_LENGTH="9", **post).stdout
    assert b"Status: 400" in cgi(build, echo, stdin=b"12345", CONTENT_LENGTH="-9", **post).stdout
    assert b"Status: 413" in cgi(build, echo, CONTENT_LENGTH="999999999999", **post).stdout
    chunked = cgi(build, echo, stdin=b"12345", HTTP_TRANSFER_ENCODING="chunked", HTTP_HOST="h",
                  **post).stdout
    assert chunked.endswith(b"12345")


def test_input_that_nobody_reads(build):
    done = cgi(build, build / "examples/hello.so", stdin=b"x" * 1_000_000, REQUEST_METHOD="POST",
               CONTENT_LENGTH="1000000")
    assert done.returncode == 0 and done.stdout.startswith(b"Status: 200 OK\r\n")


def test_closed_descriptors(build):
    hello = build / "examples/hello.so"
    done = subprocess.run(["sh", "-c", f"exec '{build}/gale' cgi '{hello}' <&- 2>&-"],
                          capture_output=True, timeout=30,
                          env={"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
    assert done.stdout.endswith(b"hello, world\n"), done


WAITS = r"""
#include <gale/gale.h>
#include <errno.h>
static struct gale_app *mine;
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    gale_response_puts(res, "first;");
    int r = gale_sleep(60000);
    gale_log(mine, GALE_INFO, "sleep returned %d", r);
    if (gale_request_query(req, "fail", 0))
        return -EIO;
    return r;
}
static int open_it(struct gale_app *app, void **state) { (void)state; mine = app; return 0; }
GALE_PLUGIN(p) { p->name = "waits"; p->open = open_it; p->serve = serve; }
"""


def start(build, plugin, query=""):
    return subprocess.Popen([str(build / "gale"), "cgi", str(plugin)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                            env={"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": query})


@pytest.mark.parametrize("how", ["output", "signal"])
def test_a_web_server_that_goes_cancels(build, plugin, how):
    process = start(build, plugin(WAITS))
    head = os.read(process.stdout.fileno(), 10000)
    assert head.endswith(b"first;")  # it left before the wait
    if how == "output":
        process.stdout.close()
    else:
        process.terminate()
    error = process.stderr.read().decode()
    assert "sleep returned -125" in error
    assert process.wait(30) == (1 if how == "output" else -signal.SIGTERM)
    process.stderr.close()
    if how == "signal":
        process.stdout.close()


CUT = r"""
#include <gale/gale.h>
#include <errno.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state; (void)req;
    gale_response_puts(res, "half");
    gale_response_flush(res);
    return -EIO;
}
GALE_PLUGIN(p) { p->name = "cut"; p->serve = serve; }
"""


def test_half_an_answer_is_seen_to_be_none(build, plugin, programs, web_server):
    process = start(build, plugin(CUT))
    assert process.stdout.read().endswith(b"half")
    assert process.wait(30) == -signal.SIGTERM
    assert b"EIO" in process.stderr.read()
    process.stdout.close(), process.stderr.close()
    programs("cut", plugin(CUT))
    outer = web_server("gale", programs.folder)
    try:
        assert outer.get("/c/cut").status == 502
    except EOFError:  # the head had left already: the chunking does not end
        pass
    outer.wait_for_log("killed before its answer was whole")


BACKGROUND = r"""
#include <gale/gale.h>
static struct gale_app *mine;
static void work(void *data) { (void)data; gale_sleep(60000); gale_log(mine, GALE_INFO, "ended"); }
static void heavy(void *data) { *(int *)data = 42; }
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    int value = 0;
    (void)state; (void)req;
    gale_spawn(mine, work, 0);
    gale_offload(heavy, &value);
    return gale_reply(res, 200, "text/plain", "%d", value);
}
static int open_it(struct gale_app *app, void **state) { (void)state; mine = app; return 0; }
static void close_it(void *state) { (void)state; gale_log(mine, GALE_INFO, "closed"); }
GALE_PLUGIN(p) { p->name = "b"; p->open = open_it; p->serve = serve; p->close = close_it; }
"""


def test_background_tasks_and_threads_end_with_the_request(build, plugin):
    began = time.monotonic()
    done = cgi(build, plugin(BACKGROUND))
    assert done.stdout.endswith(b"\r\n\r\n42") and done.returncode == 0
    assert done.stderr.index(b"ended") < done.stderr.index(b"closed")
    assert time.monotonic() - began < 20


BLOCKS = r"""
#include <gale/gale.h>
#include <string.h>
#include <unistd.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    char deep[4 * 1024 * 1024];
    (void)state; (void)req;
    memset(deep, 'x', sizeof(deep));
    usleep(10000);
    return gale_reply(res, 200, "text/plain", "%c", deep[12345]);
}
GALE_PLUGIN(p) { p->name = "blocks"; p->flags = GALE_BLOCKING; p->serve = serve; }
"""


def test_a_plugin_that_blocks_and_has_a_deep_stack(build, plugin):
    done = cgi(build, plugin(BLOCKS))
    assert done.stdout.endswith(b"\r\n\r\nx"), done.stderr


PRINTS = r"""
#include <gale/gale.h>
#include <stdio.h>
static int open_it(struct gale_app *app, void **state)
{
    (void)app; (void)state;
    puts("opening");
    return 0;
}
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state; (void)req;
    puts("serving");
    return gale_reply(res, 200, "text/plain", "answer");
}
GALE_PLUGIN(p) { p->name = "prints"; p->open = open_it; p->serve = serve; }
"""


def test_what_a_plugin_prints_is_no_answer(build, plugin):
    done = cgi(build, plugin(PRINTS))
    assert done.stdout.startswith(b"Status: 200 OK\r\n") and done.stdout.endswith(b"\nanswer")
    assert done.stderr == b"opening\nserving\n"


def test_a_plugin_in_go(build):
    go = build / "examples/go/hello.so"
    assert go.exists(), "it is built where go is installed"
    assert cgi(build, go, QUERY_STRING="name=you").stdout.endswith(b"hello, you, from Go\n")
    assert cgi(build, go, PATH_INFO="/slow").stdout.endswith(b"slept 1 times, true\n")
    assert cgi(build, go, PATH_INFO="/wait").stdout.startswith(b"Status: 200")
    done = cgi(build, go, PATH_INFO="/panic")
    assert done.stdout.startswith(b"Status: 500") and b"panic: as asked" in done.stderr
    assert cgi(build, go, PATH_INFO="/none").stdout.startswith(b"Status: 404")


def test_nothing_listens_and_nothing_is_left(build, plugin):
    process = start(build, plugin(WAITS))
    os.read(process.stdout.fileno(), 10000)
    links = [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in os.listdir(
        f"/proc/{process.pid}/fd")]
    assert not [link for link in links if link.startswith("socket:")], links
    process.kill()
    process.wait(10)
    process.stdout.close(), process.stderr.close()
    wait_for(lambda: not os.path.exists(f"/proc/{process.pid}"), "its end")
