"""The plugin that serves a folder: names, links, validators, ranges, codings, listings."""
import gzip
import os
import re
import socket
import threading
import time

import pytest

ROBOTS = b"User-agent: *\nDisallow: /\n"
assert len(ROBOTS) == 26
LARGE = 3_000_000


@pytest.fixture
def root(tmp_path):
    """A folder to serve, and beside it what must never be served."""
    folder = tmp_path / "static"
    (folder / "dir").mkdir(parents=True)
    (folder / "bare").mkdir()
    (folder / "robots.txt").write_bytes(ROBOTS)
    (folder / "index.html").write_bytes(b"<h1>top</h1>")
    (folder / "dir" / "index.html").write_bytes(b"<h1>dir</h1>")
    (folder / "empty").write_bytes(b"")
    (folder / "large.bin").write_bytes(bytes(range(256)) * (LARGE // 256))
    (tmp_path / "static_foo.txt").write_text("a secret")
    (tmp_path / "secret.txt").write_text("a secret")
    os.utime(folder / "robots.txt", (1_600_000_000, 1_600_000_000))
    return folder


@pytest.fixture
def files(gale, root, build):
    """files(key="value", ...) starts gale with the plugin on / and these `set` keys."""
    def start(mount="/", more="", **keys):
        keys = {"root": root, **keys}
        sets = "".join(f"set {key} = {value}\n" for key, value in keys.items())
        plugin = (build / "plugins" / "files.so").resolve()
        return gale(f"[app site]\nmount = {mount}\nplugin = {plugin}\n{sets}\n{more}")
    return start


def header_lines(response, prefix=""):
    return sorted((n.lower(), v) for n, v in response.headers
                  if n.lower().startswith(prefix) and n.lower() != "date")


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


# ---- conditions ----

DAY = "Sun, 13 Sep 2020 12:26:40 GMT"      # of robots.txt
BEFORE = "Sun, 13 Sep 2020 12:26:39 GMT"
AFTER = "Sun, 13 Sep 2020 12:26:41 GMT"
CONDITIONS = [
    ({"If-Modified-Since": DAY}, 304),
    ({"If-Modified-Since": AFTER}, 304),
    ({"If-Modified-Since": BEFORE}, 200),
    ({"If-Modified-Since": "garbage"}, 200),
    ({"If-Modified-Since": "Fri, 01 Jan 1960 00:00:00 GMT"}, 200),
    ({"If-None-Match": "ETAG"}, 304),
    ({"If-None-Match": "W/ETAG"}, 304),
    ({"If-None-Match": '"x", ETAG, "y"'}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": '"x"'}, 200),
    ({"If-None-Match": '"x"', "If-Modified-Since": DAY}, 200),
    ({"If-None-Match": "ETAG", "If-Modified-Since": BEFORE}, 304),
    ({"If-None-Match": "ETAG", "Range": "bytes=0-3"}, 304),
    ({"If-Match": "ETAG"}, 200),
    ({"If-Match": '"x"'}, 412),
    ({"If-Match": "*"}, 200),
    ({"If-Unmodified-Since": DAY}, 200),
    ({"If-Unmodified-Since": BEFORE}, 412),
    ({"Range": "bytes=0-3", "If-Range": "ETAG"}, 206),
    ({"Range": "bytes=0-3", "If-Range": "W/ETAG"}, 200),
    ({"Range": "bytes=0-3", "If-Range": '"x"'}, 200),
    ({"Range": "bytes=0-3", "If-Range": DAY}, 206),
    ({"Range": "bytes=0-3", "If-Range": BEFORE}, 200),
]


def test_conditions(files):
    g = files(max_age="1h")
    with g.connect() as c:
        whole = c.request("GET", "/robots.txt")
        assert whole.header("Last-Modified") == DAY
        tag = whole.header("ETag")
        assert re.fullmatch(r'"[0-9a-f]+-[0-9a-f]+"', tag)
        for headers, status in CONDITIONS:
            sent = {k: v.replace("ETAG", tag) for k, v in headers.items()}
            r = c.request("GET", "/robots.txt", sent)
            assert r.status == status, sent
            if status == 304:
                assert r.body == b""
                assert r.header("ETag") == tag and r.header("Last-Modified") == DAY
                assert r.header("Cache-Control") == "public, max-age=3600"
                for name in ("Content-Length", "Content-Type", "Transfer-Encoding"):
                    assert r.header(name) is None, name


def test_another_content_has_another_tag(files, root):
    g = files()
    path = root / "robots.txt"
    tags = {g.get("/robots.txt").header("ETag")}
    assert g.get("/robots.txt").header("ETag") in tags
    path.write_bytes(ROBOTS.replace(b"/", b"!"))                # same size
    tags.add(g.get("/robots.txt").header("ETag"))
    os.utime(path, (1_600_000_000, 1_600_000_000))
    new = root / "new"
    new.write_bytes(ROBOTS.replace(b"/", b"?"))                 # same size, same time, renamed
    os.utime(new, (1_600_000_000, 1_600_000_000))
    first = g.get("/robots.txt").header("ETag")
    new.rename(path)
    tags |= {first, g.get("/robots.txt").header("ETag")}
    assert len(tags) == 3                                       # `first` is the first of all again


# ---- ranges ----

RANGES = [
    ("bytes=0-9", 206, "bytes 0-9/26", ROBOTS[:10]),
    ("bytes=1-10000000", 206, "bytes 1-25/26", ROBOTS[1:]),
    ("bytes=22-", 206, "bytes 22-25/26", ROBOTS[22:]),
    ("bytes=-4", 206, "bytes 22-25/26", ROBOTS[22:]),
    ("bytes=25-25", 206, "bytes 25-25/26", ROBOTS[25:]),
    ("bytes=0-", 200, None, ROBOTS),
    ("bytes=0-10000000", 200, None, ROBOTS),
    ("bytes=-1000000", 200, None, ROBOTS),
    ("bytes=asdf", 200, None, ROBOTS),
    ("asdf", 200, None, ROBOTS),
    ("lines=0-3", 200, None, ROBOTS),
    ("bytes=0-3,10-12", 200, None, ROBOTS),
    ("bytes=-0", 416, "bytes */26", None),
    ("bytes=26-", 416, "bytes */26", None),
    ("bytes=26", 416, "bytes */26", None),
    ("bytes=10-3", 416, "bytes */26", None),
    ("bytes=99999999999999999999-", 416, "bytes */26", None),
]


def test_ranges(files):
    g = files()
    with g.connect() as c:
        for value, status, content_range, body in RANGES:
            r = c.request("GET", "/robots.txt", {"Range": value})
            assert (r.status, r.header("Content-Range")) == (status, content_range), value
            assert int(r.header("Content-Length")) == len(r.body)
            if body is not None:
                assert r.body == body, value
                assert r.header("Accept-Ranges") == "bytes"


def test_ranges_of_a_large_file(files):
    g = files()
    content = bytes(range(256)) * (LARGE // 256)
    size = len(content)
    with g.connect() as c:
        for start, end in ((0, 0), (0, 32767), (0, 32768), (1, 32768), (1, 262145), (262143, 262144),
                           (5, 2_000_000), (size - 1, size - 1), (size - 300_000, size - 1)):
            r = c.request("GET", "/large.bin", {"Range": f"bytes={start}-{end}"})
            assert r.status == 206
            assert r.body == content[start:end + 1], (start, end)
        assert c.request("GET", "/large.bin").body == content


def test_a_range_far_into_a_sparse_file(files, root):
    size = 1 << 40
    with (root / "huge").open("wb") as f:
        f.truncate(size)
        f.seek(size - 5)
        f.write(b"hello")
    g = files()
    r = g.get("/huge", {"Range": "bytes=-7"})
    assert (r.status, r.body) == (206, b"\0\0hello")
    assert r.header("Content-Range") == f"bytes {size - 7}-{size - 1}/{size}"
    r = g.get("/huge", {"Range": f"bytes={size - 400_000}-{size - 1}"})
    assert len(r.body) == 400_000 and r.body.endswith(b"hello")
    assert g.request("HEAD", "/huge").header("Content-Length") == str(size)


def test_an_empty_file(files):
    g = files()
    r = g.get("/empty")
    assert (r.status, r.body, r.header("Content-Length")) == (200, b"", "0")
    assert g.get("/empty", {"Range": "bytes=0-0"}).status in (200, 416)


# ---- bytes ----

def drop_from_memory(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def test_cold_files(files, root):
    g = files()
    whole = (root / "large.bin").read_bytes()
    small = whole[:20_000]
    (root / "small.bin").write_bytes(small)
    for _ in range(3):
        for name in ("large.bin", "small.bin"):
            drop_from_memory(root / name)
        assert g.get("/small.bin").body == small
        assert g.get("/large.bin").body == whole


def test_a_file_that_shrinks_while_it_is_sent(files, root):
    size = 64 << 20
    with (root / "shrinking").open("wb") as f:
        f.truncate(size)
    g = files()
    with g.connect() as c:
        c.send("GET /shrinking HTTP/1.1\r\nHost: test\r\n\r\n")
        head = c.until(b"\r\n\r\n")
        assert f"Content-Length: {size}".encode() in head
        os.truncate(root / "shrinking", 1000)
        try:
            got = len(c.rest())
        except ConnectionResetError:
            got = 0
        assert got < size
    assert g.get("/robots.txt").status == 200


def test_a_file_that_is_replaced_while_it_is_sent(files, root):
    old, new = b"o" * (16 << 20), b"n" * 1000
    (root / "replaced").write_bytes(old)
    (root / "next").write_bytes(new)
    g = files()
    with g.connect() as c:
        c.send("GET /replaced HTTP/1.1\r\nHost: test\r\n\r\n")
        c.until(b"\r\n\r\n")
        (root / "next").rename(root / "replaced")
        assert c.exactly(len(old)) == old
        assert c.request("GET", "/replaced").body == new


def test_one_that_reads_slowly_holds_up_nobody(files, root):
    with (root / "long").open("wb") as f:
        f.truncate(64 << 20)
    g = files()
    with g.connect() as slow, g.connect() as other:
        slow.send("GET /long HTTP/1.1\r\nHost: test\r\n\r\n")
        slow.until(b"\r\n\r\n")
        for _ in range(20):
            assert other.request("GET", "/robots.txt").body == ROBOTS


def test_no_descriptor_is_left_open(files, root):
    g = files(list="yes", precompressed="yes")
    (root / "robots.txt.gz").write_bytes(gzip.compress(ROBOTS))
    os.mkfifo(root / "fifo")
    pid = g.workers()[0]["pid"] if g.status().get("generations") else g.pid
    count = lambda: len(os.listdir(f"/proc/{pid}/fd"))
    paths = ["/robots.txt", "/dir", "/dir/", "/bare/", "/none", "/fifo", "/large.bin", "/none/"]

    def ask():
        with g.connect() as c:
            for path in paths:
                for headers in ({}, {"Accept-Encoding": "gzip"}, {"Range": "bytes=99999999-"},
                                {"If-None-Match": "*"}):
                    c.request("GET", path, headers)
                    c.request("POST", path, headers, body=b"")
    ask()
    before = count()
    for _ in range(5):
        ask()
    end = time.monotonic() + 10
    while count() > before and time.monotonic() < end:
        time.sleep(0.05)
    assert count() <= before


# ---- codings ----

@pytest.fixture
def packed(root):
    text = b"body { color: red }\n" * 100
    (root / "a.css").write_bytes(text)
    (root / "a.css.gz").write_bytes(gzip.compress(text))
    (root / "a.css.br").write_bytes(b"as if it were brotli")
    (root / "b.css").write_bytes(text)
    (root / "b.css.gz").write_bytes(gzip.compress(text))
    for name in os.listdir(root):
        if name.startswith(("a.css", "b.css")):
            os.utime(root / name, (1_600_000_000, 1_600_000_000))
    return text


CODINGS = [
    ("/a.css", None, None), ("/a.css", "gzip", "gzip"), ("/a.css", "br", "br"),
    ("/a.css", "gzip, br", "br"), ("/a.css", "gzip, br;q=0", "gzip"), ("/a.css", "gzip;q=0", None),
    ("/a.css", "identity", None), ("/a.css", "deflate", None), ("/b.css", "br", None),
    ("/b.css", "br, gzip", "gzip"), ("/b.css", "*", "gzip"), ("/robots.txt", "gzip, br", None),
]


def test_compressed_neighbours(files, packed):
    g = files(precompressed="yes")
    tags = {}
    for path, accepted, coding in CODINGS:
        r = g.get(path, {"Accept-Encoding": accepted} if accepted else {})
        assert (r.status, r.header("Content-Encoding")) == (200, coding), (path, accepted)
        assert r.header("Vary") == "Accept-Encoding"
        if path.endswith(".css"):
            assert r.header("Content-Type") == "text/css; charset=utf-8"
            assert r.header("Last-Modified") == DAY
        if coding == "gzip":
            assert gzip.decompress(r.body) == packed
        tags.setdefault(path, {}).setdefault(coding, set()).add(r.header("ETag"))
    for by_coding in tags.values():
        assert all(len(found) == 1 for found in by_coding.values())
        assert len({*by_coding}) == len({tag for found in by_coding.values() for tag in found})


def test_the_tag_of_a_coding_is_its_own(files, packed):
    g = files(precompressed="yes")
    plain = g.get("/b.css").header("ETag")
    zipped = g.get("/b.css", {"Accept-Encoding": "gzip"}).header("ETag")
    ask = lambda tag: g.get("/b.css", {"Accept-Encoding": "gzip", "If-None-Match": tag}).status
    assert (ask(plain), ask(zipped)) == (200, 304)
    r = g.get("/b.css", {"Accept-Encoding": "gzip", "Range": "bytes=0-1"})
    assert (r.status, r.body, r.header("Content-Encoding")) == (206, b"\x1f\x8b", "gzip")


def test_an_older_neighbour_is_not_sent(files, root, packed):
    os.utime(root / "b.css", (1_600_000_001, 1_600_000_001))
    r = files(precompressed="yes").get("/b.css", {"Accept-Encoding": "gzip"})
    assert (r.header("Content-Encoding"), r.body) == (None, packed)


def test_neighbours_of_an_index_and_odd_ones(files, root):
    (root / "dir" / "index.html.gz").write_bytes(gzip.compress(b"<h1>dir</h1>"))
    (root / "robots.txt.gz").mkdir()
    (root / "empty.gz").symlink_to("robots.txt")
    g = files(precompressed="yes")
    r = g.get("/dir/", {"Accept-Encoding": "gzip"})
    assert gzip.decompress(r.body) == b"<h1>dir</h1>"
    assert r.header("Content-Type") == "text/html; charset=utf-8"
    assert g.get("/robots.txt", {"Accept-Encoding": "gzip"}).body == ROBOTS
    assert g.get("/empty", {"Accept-Encoding": "gzip"}).body == b""


def test_neighbours_are_left_alone_by_default(files, packed):
    r = files().get("/a.css", {"Accept-Encoding": "gzip"})
    assert (r.body, r.header("Content-Encoding"), r.header("Vary")) == (packed, None, None)


# ---- caching ----

@pytest.mark.parametrize("keys, plain, versioned", [
    ({}, None, None),
    ({"max_age": "1h"}, "public, max-age=3600", "public, max-age=3600"),
    ({"max_age": "0"}, "public, max-age=0", "public, max-age=0"),
    ({"cache": "private, no-cache"}, "private, no-cache", "private, no-cache"),
    ({"version": "v"}, None, "public, max-age=31536000, immutable"),
    ({"version": "v", "max_age": "10s"}, "public, max-age=10", "public, max-age=31536000, immutable"),
])
def test_cache_control(files, keys, plain, versioned):
    g = files(**keys)
    assert g.get("/robots.txt").header("Cache-Control") == plain
    assert g.get("/robots.txt?v=1a2b").header("Cache-Control") == versioned


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


# ---- listings ----

NASTY = ["<img src=x onerror=alert(1)>", "a&b", 'quote".txt', "it's", "javascript:alert(1)", "ü.txt",
         "line\nfeed", "100%", "?q", "#f", "a%2Fb", " blank ", "..."]


def links_of(page):
    return re.findall(r'<tr><td><a href="([^"]*)">', page)


def test_a_listing_escapes_names(files, root):
    for name in NASTY:
        (root / "bare" / name).write_text("there")
    g = files(list="yes", hidden="yes")
    r = g.get("/bare/")
    assert (r.status, r.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert r.header("Content-Length") == str(len(r.body))
    assert "default-src 'none'" in r.header("Content-Security-Policy")
    assert "<img" not in r.text and '"quote"' not in r.text
    found = links_of(r.text)
    assert len(found) == len(NASTY)
    for link in found:
        assert re.fullmatch(r"[A-Za-z0-9._~%-]+", link), link
        assert g.get("/bare/" + link).body == b"there", link


def test_a_listing_shows_what_is_served(files, root):
    bare = root / "bare"
    (bare / "sub").mkdir()
    (bare / "file").write_bytes(b"x" * 2000)
    (bare / ".hidden").write_bytes(b"")
    (bare / "link").symlink_to("file")
    (bare / "out").symlink_to("/etc/passwd")
    (bare / "dangling").symlink_to("nowhere")
    os.mkfifo(bare / "fifo")
    g = files(list="yes")
    r = g.get("/bare/")
    assert links_of(r.text) == ["sub/", "file"]
    assert "2.0 KB" in r.text and "1 folder, 1 file, 2.0 KB" in r.text
    assert 'href="../"' in r.text
    assert 'href="../"' not in g.get("/bare/../none").text
    assert g.get("/dir/").body == b"<h1>dir</h1>"


def test_a_listing_with_links(files, root):
    bare = root / "bare"
    (bare / "link").symlink_to("../robots.txt")
    (bare / "folder").symlink_to("../dir")
    (bare / "out").symlink_to("/etc/passwd")
    assert links_of(files(list="yes", follow="yes").get("/bare/").text) == ["folder/", "link"]


def test_a_listing_can_be_sorted(files, root):
    for number, name in enumerate(("b", "C", "a")):
        path = root / "bare" / name
        path.write_bytes(b"x" * (number + 1))
        os.utime(path, (1_600_000_000 - number, 1_600_000_000 - number))
    (root / "bare" / "z").mkdir()
    g = files(list="yes")
    for query, names in (("", "a b C"), ("?sort=-name", "C b a"), ("?sort=size", "b C a"),
                         ("?sort=-size", "a C b"), ("?sort=date", "a C b"),
                         ("?sort=-date", "b C a"), ("?sort=junk", "a b C"), ("?sort=", "a b C")):
        found = links_of(g.get("/bare/" + query).text)
        assert found == ["z/", *names.split()], query


def test_a_large_listing(files, root):
    for i in range(1500):
        (root / "bare" / f"file{i:04}").touch()
    g = files(list="yes")
    r = g.get("/bare/")
    assert len(links_of(r.text)) == 1500 and r.text.endswith("</html>\n")
    assert ">1500 files, 0 B<" in r.text


def test_the_top_of_a_listing(files, root):
    (root / "index.html").unlink()
    g = files(list="yes", mount="/static")
    r = g.get("/static/")
    assert 'href="../"' not in r.text and "<b>static</b>" in r.text
    assert "dir/" in links_of(r.text)
    (root / "bare" / "deep").mkdir()
    r = g.get("/static/bare/deep/")
    assert '<a href="../../">static</a>' in r.text and '<a href="../">bare</a>' in r.text


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
    ("set root = static\nset list = maybe", "set list: 'maybe' is none of no, yes"),
    ("set root = static\nset follow = up", "set follow: 'up' is none of no, yes, anywhere"),
    ("set root = static\nset missing = 500", "set missing: '500' is none of 404, decline"),
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


# ---- many at once ----

def test_many_at_once(files, root):
    g = files(list="yes", precompressed="yes")
    content = (root / "large.bin").read_bytes()
    wrong = []

    def work(number):
        with g.connect() as c:
            for i in range(15):
                if (i + number) % 3 == 0:
                    drop_from_memory(root / "large.bin")
                    ok = c.request("GET", "/large.bin").body == content
                elif (i + number) % 3 == 1:
                    ok = c.request("GET", "/bare/").status == 200
                else:
                    ok = c.request("GET", "/robots.txt").body == ROBOTS
                if not ok:
                    wrong.append((number, i))
    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
