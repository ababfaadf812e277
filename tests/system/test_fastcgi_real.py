"""Real FastCGI programs behind gale: php-fpm with an application, libfcgi programs."""
import hashlib
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from fastcgi_apps import metric
from harness import wait_for

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
PHP_FPM = next(iter(sorted(Path("/usr/sbin").glob("php-fpm*"))), "php-fpm")

PHP_CONF = """
[global]
pid = {folder}/fpm.pid
error_log = {folder}/fpm.log
daemonize = no
[www]
user = nobody
listen = {folder}/fpm.sock
listen.mode = 0666
pm = static
pm.max_children = {children}
request_terminate_timeout = 30
catch_workers_output = no
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
php_admin_value[upload_max_filesize] = 32M
php_admin_value[post_max_size] = 32M
"""


@pytest.fixture
def php(tmp_path):
    """Starts php-fpm: (the address of its socket, the folder of the application)."""
    running = []

    def begin(children=4):
        folder = tmp_path / "php"
        shutil.copytree(FIXTURES / "php", folder / "app")
        for path in [folder, folder / "app", *(folder / "app").rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        conf = folder / "fpm.conf"
        conf.write_text(PHP_CONF.format(folder=folder, children=children))
        process = subprocess.Popen([str(PHP_FPM), "-F", "-R", "-y", str(conf)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(process)

        def there():
            assert process.poll() is None, (folder / "fpm.log").read_text()
            return (folder / "fpm.sock").exists()
        wait_for(there, "php-fpm")
        return f"unix:{folder}/fpm.sock", folder / "app"

    yield begin
    for process in running:
        process.terminate()
        process.wait(20)


def php_app(address, root, mount="/", **keys):
    keys = {"root": root, "split": ".php", "index": "index.php", "script": "index.php", **keys}
    lines = ["[app php]", f"mount = {mount}", f"fastcgi = {address}"]
    return "\n".join(lines + [f"{key} = {value}" for key, value in keys.items()]) + "\n"


@pytest.mark.parametrize("keep_alive", [0, 2])
def test_an_application_with_a_front_controller(gale, php, keep_alive):
    address, root = php()
    g = gale(php_app(address, root, keep_alive=keep_alive, param="STAGE testing") +
             "[app files]\nmount = /\nplugin = files\nset root = " + str(root))
    for _ in range(3):
        r = g.get("/2026/hello?x=1", {"Authorization": "Basic dTpw"})
        said = r.json()
        server = said["server"]
        assert r.status == 200 and said["script"] == "index" and said["get"] == {"x": "1"}
        assert server["SCRIPT_NAME"] == "/index.php" and server["PATH_INFO"] == "/2026/hello"
        assert server["REQUEST_URI"] == "/2026/hello?x=1"
        assert server["SCRIPT_FILENAME"] == f"{root}/index.php"
        assert server["DOCUMENT_ROOT"] == str(root) and server["STAGE"] == "testing"
        assert server["PHP_AUTH_USER"] == "u" and server["REMOTE_ADDR"] == "127.0.0.1"
        assert r.header("Set-Cookie").startswith("seen=1")
    assert g.get("/").json()["server"]["SCRIPT_NAME"] == "/index.php"
    assert g.get("/index.php/a%20b/c").json()["server"]["PATH_INFO"] == "/a b/c"
    assert g.get("/admin/").json() == {"script": "admin", "self": "/admin/index.php"}
    r = g.get("/admin?q=1")
    assert r.status == 301 and r.header("Location") == "/admin/?q=1"
    r = g.get("/style.css")  # no program: the app behind it serves the file
    assert r.status == 200 and r.body.startswith(b"body {") and "css" in r.header("Content-Type")
    assert g.get("/none.php").json()["server"]["PATH_INFO"] == "/none.php"
    assert b"<?php" not in g.get("/index.php").body


def test_forms_and_uploads(gale, php):
    address, root = php()
    g = gale(php_app(address, root), max_body="64M")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert g.request("POST", "/", form, b"a=1&b=2").json()["post"] == {"a": "1", "b": "2"}
    data = os.urandom(5 << 20)
    body = (b"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n\r\n" + data +
            b"\r\n--B--\r\n")
    said = g.request("POST", "/", {"Content-Type": "multipart/form-data; boundary=B"}, body).json()
    assert said["files"]["f"] == ["x.bin", len(data), hashlib.md5(data).hexdigest()]
    with g.connect() as c:  # of unknown length
        c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
               "Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(50):
            c.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        c.send("0\r\n\r\n")
        said = c.response().json()
    assert said["length"] == 50 * 4096 and said["server"]["CONTENT_LENGTH"] == str(50 * 4096)


def test_large_answers_errors_and_the_log(gale, php):
    address, root = php()
    g = gale(php_app(address, root, "/app", buffer="4M"))
    assert g.get("/app/big.php").body == b"0123456789" * 100000 * 10
    assert g.get("/app/x?log=something").status == 200
    g.wait_for_log("php says something")
    assert g.get("/app/x?fail=1").status == 500
    g.wait_for_log("undefined_function")
    said = g.get("/app/some/path").json()["server"]
    assert said["SCRIPT_NAME"] == "/app/index.php" and said["PATH_INFO"] == "/some/path"
    assert g.get("/app").status == 301


def test_more_requests_than_children(gale, php):
    address, root = php(children=2)
    g = gale(php_app(address, root, keep_alive=1, connections=2), workers=2)
    results = []
    threads = [threading.Thread(target=lambda: results.append(g.get("/x?sleep=20").status))
               for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [200] * 16


# ---- libfcgi ----

@pytest.fixture
def program(tmp_path, build):
    """Starts a libfcgi program by spawn-fcgi and returns its address."""
    running = []

    def begin(name):
        path = tmp_path / f"{name}.sock"
        process = subprocess.Popen(["spawn-fcgi", "-n", "-M", "0666", "-s", str(path), "--",
                                    str(build.resolve() / "examples" / "fastcgi" / name)],
                                   stdout=subprocess.DEVNULL)
        running.append(process)
        wait_for(path.exists, name)
        return f"unix:{path}"

    yield begin
    for process in running:
        process.kill()
        process.wait(10)


def app(address, mount="/", name="f", **keys):
    lines = [f"[app {name}]", f"mount = {mount}", f"fastcgi = {address}"]
    return "\n".join(lines + [f"{key} = {value}" for key, value in keys.items()]) + "\n"


@pytest.mark.parametrize("keep_alive", [0, 1])
def test_a_program_that_counts(gale, program, keep_alive):
    g = gale(app(program("counter"), "/counter", keep_alive=keep_alive))
    counts = [int(g.get(f"/counter/{i}").text.split("<h1>")[1].split("<")[0]) for i in range(20)]
    assert counts == sorted(counts) and len(set(counts)) == 20


def test_kept_connections_to_a_program(gale, program):
    g = gale(app(program("threaded"), keep_alive=4))
    g.get("/")
    wait_for(lambda: g.get("/") and metric(g, "gale_fastcgi_connections") == 1, "one to be kept")
    before = metric(g, "gale_fastcgi_requests_total")
    for _ in range(20):
        assert g.get("/").status == 200
    assert metric(g, "gale_fastcgi_connections") == 1
    assert metric(g, "gale_fastcgi_requests_total") == before + 20


@pytest.mark.parametrize("keep_alive", [0, 1])
def test_one_connection_at_a_time_makes_the_others_wait(gale, program, keep_alive):
    g = gale(app(program("counter"), keep_alive=keep_alive), workers=2)
    results = []
    threads = [threading.Thread(target=lambda: [results.append(g.get("/").status)
                                                for _ in range(10)]) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [200] * 80


def test_a_threaded_program(gale, program):
    g = gale(app(program("threaded"), keep_alive=4), max_body="64M")
    r = g.request("POST", "/a%20b/c?sleep=1", {"X-Long": "y" * 300}, b"z" * 3000000)
    said = r.text.split("\n")
    assert "PATH_INFO=/a b/c" in said and "HTTP_X_LONG=" + "y" * 300 in said
    assert "The body had 3000000 bytes." in said
    results = []
    threads = [threading.Thread(target=lambda: results.append(g.get("/?sleep=200").status))
               for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [200] * 6


@pytest.mark.parametrize("keep_alive", [0, 1])
def test_an_authorizer(gale, program, plugin, keep_alive):
    """The example, before a plugin that reads a body, and what it says when asked as a responder."""
    show = plugin(r"""
#include <gale/gale.h>
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body;
    (void)state;
    int r = gale_request_body(req, &body);
    return r < 0 ? r : gale_reply(res, 200, "text/plain", "%s sent %d bytes\n",
                                  gale_request_variable(req, "VISITOR", "-"), (int)body.len);
}
GALE_PLUGIN(p) { p->name = "show"; p->serve = serve; }
""")
    g = gale(f"[app door]\nfastcgi = {program('authorizer')}\nkeep_alive = {keep_alive}\n"
             f"[app show]\nmount = /\nplugin = {show}\nauthorize = door\n")
    for _ in range(10):
        assert g.request("POST", "/?name=ann", body=b"x" * 300000).text == "ann sent 300000 bytes\n"
        r = g.request("POST", "/", body=b"x" * 1000)
        assert r.status == 403 and "Who are you?" in r.text


def test_php_as_an_authorizer(gale, php, hello):
    address, root = php()
    (root / "door.php").write_text(
        "<?php if (($_GET['name'] ?? '') == 'ann') header('Variable-VISITOR: ann');\n"
        "else { http_response_code(401); echo 'not you'; }\n")
    (root / "door.php").chmod(0o644)
    g = gale(f"[app door]\nfastcgi = {address}\nroot = {root}\nscript = door.php\n"
             f"[app hello]\nmount = /\nplugin = {hello}\nauthorize = door\n")
    assert g.get("/?name=ann").body == b"hello\n"
    r = g.request("POST", "/x?name=bob", body=b"x" * 100000)
    assert r.status == 401 and r.body == b"not you"
