"""FastCGI as others write it: Perl's CGI::Fast, uWSGI with a Python application, fcgiwrap, cgi-fcgi."""
import os
import subprocess

import pytest

from fastcgi_apps import app
from harness import end_session, wait_for


@pytest.fixture
def started(tmp_path):
    """started(name, *command) starts a FastCGI program on a socket of that name, by spawn-fcgi unless
    the command has a place for the socket itself; its address."""
    running = []

    def start(name, *command):
        path = tmp_path / f"{name}.sock"
        command = [str(part).replace("SOCKET", str(path)) for part in command]
        if not any(str(path) in part for part in command):
            command = ["spawn-fcgi", "-n", "-s", str(path), "-M", "0666", "--", *command]
        log = (tmp_path / f"{name}.log").open("wb")
        running.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path,
                                        start_new_session=True))
        log.close()

        def there():
            assert running[-1].poll() is None, (tmp_path / f"{name}.log").read_text()
            return path.exists()
        wait_for(there, name)
        return f"unix:{path}"

    yield start
    for process in running:
        end_session(process)


def program(path, text):
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(text)
    path.chmod(0o755)
    return path


def chunked_upload(g, path, size):
    with g.connect() as c:
        c.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
               "Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(size // 10000):
            c.send(b"2710\r\n" + b"z" * 10000 + b"\r\n")
        c.send("0\r\n\r\n")
        return c.response()


# ---- Perl ----

PERL = r"""#!/usr/bin/perl
use strict; use warnings;
use CGI::Fast; use Digest::SHA qw(sha1_hex);
$CGI::POST_MAX = 64 * 1024 * 1024;
my $count = 0;
while (my $q = CGI::Fast->new) {
    $count++;
    my $want = $q->url_param('want') // '';
    warn "perl warns of number $count\n" if $want eq 'warning';
    die "perl is dead\n" if $want eq 'death';
    if ($want eq 'much') {
        print $q->header('text/plain');
        print 'm' x 100000 for 1 .. 100;
    } elsif ($want eq 'away') {
        print $q->redirect('/elsewhere');
    } elsif (my $file = $q->upload('f')) {
        local $/;
        my $data = <$file>;
        print $q->header('text/plain'), $q->param('f'), " ", length($data), " ", sha1_hex($data), "\n";
    } else {
        print $q->header(-type => 'text/plain', -status => '201 Made', -cookie => $q->cookie('a', 'b'));
        print join("\n", $count, map { "$_=$ENV{$_}" } sort keys %ENV), "\n";
    }
}
"""


@pytest.mark.parametrize("keep_alive", [0, 1])
def test_perl(gale, started, tmp_path, keep_alive):
    address = started("perl", program(tmp_path / "bin/hello.fcgi", PERL))
    g = gale(app(address, "/perl", keep_alive=keep_alive), max_body="64M")
    counts = []
    for _ in range(10):
        r = g.get("/perl/a%20b?x=1", {"X-Long": "y" * 300})
        said = dict(line.split("=", 1) for line in r.text.splitlines()[1:] if "=" in line)
        counts.append(int(r.text.splitlines()[0]))
        assert r.status == 201 and r.header("Set-Cookie").startswith("a=b")
        assert said["SCRIPT_NAME"] == "/perl" and said["PATH_INFO"] == "/a b"
        assert said["QUERY_STRING"] == "x=1" and said["HTTP_X_LONG"] == "y" * 300
    assert counts == list(range(1, 11))
    data = os.urandom(3 << 20)
    mark = "----a-boundary-that-no-noise-contains"  # CGI.pm looks for it anywhere
    body = (f"--{mark}\r\n".encode() + b"Content-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n" + data + f"\r\n--{mark}--\r\n".encode())
    r = g.request("POST", "/perl", {"Content-Type": f"multipart/form-data; boundary={mark}"}, body)
    assert r.text.startswith(f"x.bin {len(data)} ")
    assert g.get("/perl?want=much").body == b"m" * 10000000
    r = g.get("/perl?want=away")
    assert r.status == 302 and r.header("Location") == "/elsewhere"
    assert g.get("/perl?want=warning").status == 201
    g.wait_for_log("perl warns of number")
    assert g.get("/perl?want=death").status == 502


# ---- Python ----

WSGI = r"""
import hashlib

def application(environ, start_response):
    digest, count = hashlib.sha1(), 0
    if environ["REQUEST_METHOD"] == "POST":
        while piece := environ["wsgi.input"].read(65536):
            digest.update(piece)
            count += len(piece)
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Path", environ.get("PATH_INFO", "")),
                              ("X-Script", environ.get("SCRIPT_NAME", ""))])
    if environ["QUERY_STRING"] == "much":
        return (b"p" * 100000 for _ in range(100))
    return [f"{count} {digest.hexdigest()} {environ['wsgi.url_scheme']}\n".encode()]
"""


def test_python(gale, started, tmp_path):
    (tmp_path / "app.py").write_text(WSGI)
    address = started("python", "uwsgi", "--master", "--die-on-term", "--processes", "2", "--plugin",
                      "python3", "--fastcgi-socket", "SOCKET", "--chmod-socket=666", "--need-app",
                      "--wsgi-file", tmp_path / "app.py", "--manage-script-name", "--buffer-size",
                      "32768")
    g = gale(app(address, "/py"), max_body="64M")
    r = g.get("/py/a%20b")
    assert r.header("X-Path") == "/a b" and r.header("X-Script") == "/py"
    assert g.get("/py?much").body == b"p" * 10000000
    assert g.request("POST", "/py", body=b"q" * 5000000).text.startswith("5000000 ")
    assert chunked_upload(g, "/py", 1000000).text.startswith("1000000 ")


# ---- fcgiwrap ----

WRAPPED = """#!/bin/sh
echo "to the log" >&2
printf 'Content-Type: text/plain\\nStatus: 202 Taken\\n\\n'
echo "$SCRIPT_NAME|$PATH_INFO|$QUERY_STRING|$REMOTE_ADDR|$HTTPS|$CONTENT_LENGTH|$(wc -c)"
"""


def test_fcgiwrap(gale, started, tmp_path):
    folder = program(tmp_path / "scripts/one.cgi", WRAPPED).parent
    program(folder / "sub/index.cgi", WRAPPED)
    (folder / "plain.cgi").write_text("not to be run")
    address = started("wrap", "/usr/sbin/fcgiwrap", "-f", "-c", "4")
    g = gale(app(address, root=folder, split=".cgi", index="index.cgi") + "\n" +
             f"[app files]\nmount = /\nplugin = files\nset root = {folder}\n")
    r = g.get("/one.cgi/more?x=1")
    assert r.status == 202 and r.text == "/one.cgi|/more|x=1|127.0.0.1|||0\n"
    g.wait_for_log("to the log")
    assert g.request("POST", "/one.cgi", body=b"b" * 100000).text.endswith("|100000|100000\n")
    assert chunked_upload(g, "/one.cgi", 300000).text.endswith("|300000|300000\n")
    assert g.get("/sub/").text.startswith("/sub/index.cgi|")
    assert g.get("/plain.cgi").status == 403  # says fcgiwrap
    assert g.get("/none.cgi").status == 404


# ---- cgi-fcgi ----

def test_cgi_fcgi_as_a_cgi_program(gale, started, build, tmp_path):
    """A CGI program that asks a FastCGI program: gale, cgi-fcgi, libfcgi."""
    address = started("threaded", build.resolve() / "examples/fastcgi/threaded")
    bridge = program(tmp_path / "bin/bridge", "#!/bin/sh\nexec cgi-fcgi -bind -connect " +
                     address.removeprefix("unix:") + "\n")
    g = gale(f"[app bridge]\nmount = /bridge\ncgi = {bridge}\n")
    r = g.request("POST", "/bridge/x?y", body=b"z" * 200000)
    assert "PATH_INFO=/x" in r.text and "The body had 200000 bytes." in r.text


def test_cgi_fcgi_in_front(gale, hello, tmp_path):
    """libfcgi's own client asks gale's front."""
    path = f"{tmp_path}/front"
    g = gale(f"[app hello]\nmount = /hello\nplugin = {hello}\n"
             f"[app wc]\nmount = /wc\ncgi = " +
             str(program(tmp_path / "bin/wc", "#!/bin/sh\necho 'A: b'\necho\nwc -c\n")),
             listen=f"fastcgi://unix:{path}")

    def ask(uri, body=b"", **more):
        env = {"PATH": os.environ["PATH"], "REQUEST_METHOD": "POST" if body else "GET",
               "REQUEST_URI": uri, "SERVER_NAME": "a", "SERVER_PROTOCOL": "HTTP/1.1",
               "CONTENT_LENGTH": str(len(body)) if body else "", **more}
        ran = subprocess.run(["cgi-fcgi", "-bind", "-connect", path], env=env, input=body,
                             capture_output=True, timeout=30)
        return ran.stdout.decode()
    assert ask("/hello").endswith("\r\n\r\nhello\n")
    assert ask("/none").startswith("Status: 404")
    assert ask("/wc", b"w" * 500000).split("\r\n\r\n")[1].strip() == "500000"
    assert g.is_running()
