"""The plugin that serves a folder: validators, ranges, bytes, codings, caching."""
import gzip
import os
import re
import threading
import time

import pytest

from files_site import DAY, LARGE, ROBOTS, files, root  # two are fixtures


# ---- conditions ----

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
