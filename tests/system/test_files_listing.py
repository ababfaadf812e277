"""The plugin that serves a folder: pages about folders."""
import os
import re

from files_site import files, root  # two are fixtures


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
