"""The plugin that serves a folder: names, links, folders, methods, settings."""
import gzip
import os
import re
import socket

import pytest

from files_site import ROBOTS, files, header_lines, root  # two are fixtures


# ---- names ----

@pytest.mark.parametrize("path, kind", [
    ("robots.txt", "text/plain; charset=utf-8"),
    ("a.html", "text/html; charset=utf-8"),
    ("A.HTML", "text/html; charset=utf-8"),
    ("a.min.js", "text/javascript; charset=utf-8"),
    ("a.css", "text/css; charset=utf-8"),
    ("a.svg", "image/svg+xml"),
    ("a.png", "image/png"),
    ("a.json", "application/json"),
    ("a.wasm", "application/wasm"),
    ("a.woff2", "font/woff2"),
    ("a.xml.gz", "application/gzip"),
    ("a.tar.bz2", "application/octet-stream"),
    ("a.unheard-of", "application/octet-stream"),
    ("noextension", "application/octet-stream"),
    ("v1.html/noextension", "application/octet-stream"),
    ("zst.zst", "application/zstd"),
    ("first.7z", "application/x-7z-compressed"),
])
def test_media_types(files, root, path, kind):
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_bytes(b"content")
    r = files().get("/" + path)
    assert (r.status, r.header("Content-Type"), r.body) == (200, kind, b"content")


def test_every_row_of_the_media_types_is_found(files, root):
    text = (os.path.dirname(__file__) + "/../../plugins/files/media_type.c")
    rows = re.findall(r'\{"(\w+)", ', open(text).read())
    assert len(rows) > 50 and rows == sorted(rows)
    g = files()
    for extension in rows:
        (root / f"x.{extension}").write_bytes(b"")
    with g.connect() as c:
        for extension in rows:
            r = c.request("GET", f"/x.{extension}")
            assert r.status == 200
            assert r.header("Content-Type") != "application/octet-stream", extension


@pytest.mark.parametrize("name", [
    "with blank.txt", "über.txt", "100%.txt", "a+b&c=d.txt", "a%2Fb.txt", "a%252Fb.txt", "%25",
    "quote'\".txt", "semi;colon.txt", "a:b.txt", "line\nfeed", "~tilde", "...dots", "tab\t",
])
def test_names_are_bytes(files, root, name):
    (root / name).write_text(name)
    target = "/" + "".join(f"%{b:02X}" for b in name.encode())
    hidden = name.startswith(".")
    r = files(hidden="yes").get(target)
    assert (r.status, r.body) == (200, name.encode()), (target, hidden)


def test_bytes_that_are_no_utf8_are_a_name_too(files, root):
    with open(os.fsencode(root) + b"/\xff\xfe.txt", "wb") as f:
        f.write(b"odd")
    assert files().get("/%ff%fe.txt").body == b"odd"


OUTSIDE = [
    "/../static_foo.txt", "/..%2fstatic_foo.txt", "/%2e%2e/static_foo.txt",
    "/%2e%2e%2fstatic_foo.txt", "/dir/../../static_foo.txt", "/dir/%2e%2e/%2e%2e/secret.txt",
    "/..%5csecret.txt", "/..\\secret.txt", "/%252e%252e/secret.txt", "/%252e%252e%252fsecret.txt",
    "//../secret.txt", "/./../secret.txt", "/dir/..%2f..%2fsecret.txt", "//etc/passwd",
    "/%2fetc/passwd", "/%2Fetc%2Fpasswd", "/dir//../../secret.txt", "/.%2e/secret.txt",
    "/...//secret.txt", "/static_foo.txt", "/_foo.txt", "/../static/../secret.txt",
]


@pytest.mark.parametrize("mount", ["/", "/static"])
def test_nothing_outside_is_served(files, mount):
    g = files(mount=mount, hidden="yes", list="yes")
    prefix = mount.rstrip("/")
    for path in OUTSIDE:
        for target in (prefix + path, path):
            r = g.get(target)
            assert r.status in (400, 403, 404), target
            assert b"secret" not in r.body and b"root:" not in r.body, target
    assert g.get(prefix + "/dir/../robots.txt").status == 200


def test_empty_segments_name_no_file(files):
    g = files()
    for path in ("//robots.txt", "/dir//index.html", "/dir//", "//", "//dir", "//dir/"):
        assert g.get(path).status == 404, path


def test_hidden_names(files, root):
    for name in (".env", ".git/config", "dir/.htaccess", ".well-known/acme"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"hidden")
    g = files()
    for path in ("/.env", "/.git", "/.git/", "/.git/config", "/dir/.htaccess", "/%2egit/config"):
        assert g.get(path).status == 404, path
    assert g.get("/.well-known/acme").body == b"hidden"


def test_hidden_names_may_be_shown(files, root):
    (root / ".env").write_bytes(b"shown")
    assert files(hidden="yes").get("/.env").body == b"shown"


# ---- links and things that are no files ----

@pytest.fixture
def links(root):
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "file.txt").write_text("outside")
    (root / "in.txt").symlink_to("robots.txt")
    (root / "in-up.txt").symlink_to("dir/../robots.txt")
    (root / "in-dir").symlink_to("dir")
    (root / "out.txt").symlink_to("../outside/file.txt")
    (root / "out-absolute.txt").symlink_to(outside / "file.txt")
    (root / "out-dir").symlink_to(outside)
    (root / "loop").symlink_to("loop")
    (root / "proc").symlink_to("/proc/self/root")
    return ("/in.txt", "/in-up.txt", "/in-dir/index.html"), \
           ("/out.txt", "/out-absolute.txt", "/out-dir/file.txt")


def test_links_are_not_followed(files, links):
    g = files()
    for path in (*links[0], *links[1], "/loop", "/in-dir/", "/proc/etc/passwd"):
        assert g.get(path).status == 403, path


def test_links_are_followed_within(files, links):
    g = files(follow="yes")
    for path in links[0]:
        assert g.get(path).status == 200, path
    for path in (*links[1], "/loop", "/proc/etc/passwd"):
        assert g.get(path).status == 403, path


def test_links_are_followed_anywhere(files, links):
    g = files(follow="anywhere")
    for path in (*links[0], *links[1]):
        assert g.get(path).status == 200, path
    for path in ("/loop", "/proc/etc/passwd"):
        assert g.get(path).status == 403, path


def test_what_is_no_file_is_refused(files, root):
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(root / "socket"))
        g = files(missing="decline")
        for path in ("/fifo", "/socket"):
            assert g.get(path).status == 403, path
    assert g.get("/robots.txt").status == 200


def test_a_file_that_may_not_be_read(gale, root, build):
    os.chmod(root / "robots.txt", 0)
    os.chmod(root / "dir", 0)
    for folder in (root.parent, root.parent.parent, root.parent.parent.parent):
        folder.chmod(0o755)
    plugin = (build / "plugins" / "files.so").resolve()
    as_root = {"user": "nobody"} if os.geteuid() == 0 else {}
    g = gale(f"[app site]\nmount = /\nplugin = {plugin}\nset root = {root}", **as_root)
    assert g.get("/robots.txt").status == 403
    assert g.get("/dir/index.html").status == 403
    assert g.get("/dir/").status == 403
    os.chmod(root / "robots.txt", 0o644)
    assert g.get("/robots.txt").body == ROBOTS


# ---- folders ----

def test_index_and_slash(files):
    g = files()
    assert g.get("/").body == b"<h1>top</h1>"
    assert g.get("/dir/").body == b"<h1>dir</h1>"
    assert g.get("/dir/").header("Content-Type") == "text/html; charset=utf-8"
    for target, to in (("/dir", "/dir/"), ("/dir?a=b%20c&d", "/dir/?a=b%20c&d"), ("/dir?", "/dir/"),
                       ("/./dir", "/dir/"), ("/x/../dir", "/dir/")):
        r = g.get(target)
        assert (r.status, r.header("Location")) == (301, to), target


def test_a_mount_gets_its_slash(files):
    g = files(mount="/static")
    r = g.get("/static?x")
    assert (r.status, r.header("Location")) == (301, "/static/?x")
    assert g.get("/static/").body == b"<h1>top</h1>"
    assert g.get("/staticrobots.txt").status == 404


def test_no_redirect_leads_elsewhere(files, root):
    (root / "example.com").mkdir()
    for name in ("a b", "100%", "%25", "ü", "\\evil.com", "a?b", "a#b", "x\r\nSet-Cookie: a=b"):
        (root / name).mkdir()
    g = files()
    for target in ("//example.com", "//example.com/..", "///example.com", "//example.com/%2e%2e"):
        r = g.get(target)
        assert r.status == 404 and not r.header("Location"), target
    for target, to in (("/a%20b", "/a%20b/"), ("/100%25", "/100%25/"), ("/%2525", "/%2525/"),
                       ("/%c3%bc", "/%C3%BC/"), ("/a%3fb", "/a%3Fb/"), ("/a%23b", "/a%23b/"),
                       ("/x%0d%0aSet-Cookie:%20a=b", "/x%0D%0ASet-Cookie:%20a=b/")):
        r = g.get(target)
        assert (r.status, r.header("Location")) == (301, to), target
        assert not r.header("Set-Cookie")
        assert g.get(to).status == 403, to


def test_a_folder_without_index(files):
    g = files()
    assert g.get("/bare/").status == 403
    assert g.get("/none/").status == 404
    assert g.get("/robots.txt/").status == 404
    assert g.get("/robots.txt/more").status == 404


def test_another_index(files, root):
    (root / "bare" / "main.txt").write_bytes(b"main")
    assert files(index="main.txt").get("/bare/").body == b"main"


def test_an_index_that_is_a_folder(files, root):
    (root / "bare" / "index.html").mkdir()
    assert files().get("/bare/").status == 403


def test_a_long_name(files):
    g = files()
    for path in ("/" + "x" * 300, "/" + "x/" * 2500, "/" + "x" * 5000):
        assert g.get(path).status in (404, 414), len(path)


# ---- methods ----

def test_methods(files):
    g = files()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        r = g.request(method, "/robots.txt", body=b"x")
        assert (r.status, r.header("Allow")) == (405, "GET, HEAD, OPTIONS"), method
    r = g.request("OPTIONS", "/robots.txt")
    assert (r.status, r.header("Allow"), r.body) == (204, "GET, HEAD, OPTIONS", b"")
    assert g.request("POST", "/none", body=b"x").status == 404


HEAD_CASES = [
    ("/robots.txt", {}), ("/", {}), ("/dir", {}), ("/none", {}), ("/bare/", {}), ("/empty", {}),
    ("/large.bin", {}), ("/robots.txt", {"Range": "bytes=1-4"}),
    ("/robots.txt", {"Range": "bytes=26-"}), ("/large.bin", {"Range": "bytes=5-100000"}),
    ("/robots.txt", {"If-None-Match": "*"}), ("/robots.txt", {"If-Match": '"other"'}),
    ("/robots.txt", {"Accept-Encoding": "gzip"}), ("/bare/?sort=size", {}),
]


@pytest.mark.parametrize("listing", ["no", "yes"])
def test_head_answers_as_get_does(files, root, listing):
    (root / "robots.txt.gz").write_bytes(gzip.compress(ROBOTS))
    g = files(list=listing, precompressed="yes")
    with g.connect() as c:
        for path, headers in HEAD_CASES:
            get = c.request("GET", path, headers)
            head = c.request("HEAD", path, headers)
            assert get.status == head.status, (path, headers)
            assert header_lines(get) == header_lines(head), (path, headers)
            assert head.body == b""
            assert int(head.header("Content-Length", 0)) == len(get.body)


# ---- declining ----

def test_what_is_missing_can_be_declined(files, hello, root):
    g = files(missing="decline", more=f"[app rest]\nmount = /\nplugin = {hello}\n")
    assert g.get("/robots.txt").body == ROBOTS
    for path in ("/none", "/bare/", "/bare", "/none/", "/.hidden", "//x", "/a%2fb", "/" + "x" * 300):
        assert g.get(path).body == b"hello\n", path
    assert g.post("/api").body == b"hello\n"
    assert g.post("/robots.txt").status == 405
    assert g.get("/dir").status == 301
    assert g.get("/").body == b"<h1>top</h1>"
    (root / "index.html").unlink()
    assert g.get("/").body == b"hello\n"


# ---- settings ----

def test_the_root_of_everything(files, root):
    g = files(root="/")
    assert g.get(str(root) + "/robots.txt").body == ROBOTS


def test_a_root_relative_to_the_base(gale, root, build):
    plugin = (build / "plugins" / "files.so").resolve()
    g = gale(f"[app site]\nmount = /\nplugin = {plugin}\nset root = static", base=root.parent)
    assert g.get("/robots.txt").body == ROBOTS


@pytest.mark.parametrize("keys, sentence", [
    ("", "set root is missing"),
    ("set root = /none/at/all", "set root: cannot open the folder /none/at/all: No such file"),
    ("set root = static/robots.txt", "robots.txt: Not a directory"),
    ("set root = static\nset list = maybe", "set list: 'maybe' is not allowed; expected yes or no"),
    ("set root = static\nset follow = up", "set follow: 'up' is not allowed; expected no, yes or anywhere"),
    ("set root = static\nset missing = 500", "set missing: '500' is not allowed; expected 404 or decline"),
    ("set root = static\nset max_age = 3600", "set max_age: '3600' is no time"),
    ("set root = static\nset max_age = 1500ms", "set max_age: '1500ms' is no time"),
    ("set root = static\nset max_age = soon", "set max_age"),
    ("set root = static\nset max_age = 1h\nset cache = no-store", "exclude each other"),
    ("set root = static\nset index = a/b", "set index: 'a/b' is no file name"),
    ("set root = static\nset rot = x", "rot"),
])
def test_wrong_settings_are_told(gale, root, build, keys, sentence):
    plugin = (build / "plugins" / "files.so").resolve()
    g = gale(f"[app site]\nmount = /\nplugin = {plugin}\n{keys}", wait=False, base=root.parent)
    assert g.wait() != 0
    assert sentence in g.stderr()
