"""A real PHP application, Debian's DokuWiki, served by conf/php.ini.example as it is written."""
import re
import subprocess
import urllib.parse
from pathlib import Path

import pytest

from harness import Gale, wait_for
from wiki import Browser, Wiki, hidden_fields

EXAMPLE = Path(__file__).resolve().parents[2] / "conf" / "php.ini.example"


@pytest.fixture
def wiki(tmp_path):
    made = Wiki(tmp_path / "wiki")
    yield made
    made.stop()


@pytest.fixture
def example(build, tmp_path, wiki):
    """gale with the example; only the addresses are others, and what is said more."""
    running = []

    def start(more="", mount="/"):
        g = Gale(build.resolve(), tmp_path)
        text = EXAMPLE.read_text()
        for old, new in (("127.0.0.1:8080\n", f"127.0.0.1:{g.port}\ncontrol = {g.control}\n{more}\n"),
                         ("unix:/run/php/php-fpm.sock", wiki.socket)):
            assert old in text, f"the example has no {old!r} any more"
            text = text.replace(old, new)
        g.config.write_text(re.sub(r"^(mount += )/$", rf"\g<1>{mount}", text, flags=re.M))
        running.append(g)
        g.start()
        g.wait_until_serving()
        return g

    yield start
    for g in running:
        assert not g.finish()


def log_in(browser, base="/"):
    page = browser.get(base + "doku.php/start?do=login").text
    return browser.post(base + "doku.php/start",
                        {**hidden_fields(page), "do": "login", "u": "admin", "p": "secret"})


@pytest.mark.parametrize("mount,base", [("/", "/"), ("/wiki", "/wiki/")])
def test_reading_logging_in_and_editing(example, mount, base):
    g = example(mount=mount)
    browser = Browser(g.port)
    r = browser.get(base)
    assert r.status == 200 and "gale reads a wiki" in r.text
    assert f'href="{base}lib/exe/css.php' in r.text
    assert "does not exist" in browser.get(base + "none:such").text  # the front controller
    assert "Logged in as" not in r.text
    assert "Logged in as" in log_in(browser, base).text
    page = browser.get(base + "doku.php/play:one?do=edit").text
    text = "====== One ======\nwith ümlauts & <b>marks</b>, " + "many words " * 20000
    r = browser.post(base + "doku.php/play:one",
                     {**hidden_fields(page), "wikitext": text, "do[save]": "Save",
                      "summary": "first"})
    assert r.status == 200 and "ümlauts &amp; &lt;b&gt;" in r.text
    assert browser.get(base + "doku.php/play:one").text.count("many words") >= 20000
    assert "ümlauts" in Browser(g.port).get(base + "play:one").text  # its PATH_INFO
    changes = browser.get(base + "doku.php/play:one?do=revisions").text
    assert "first" in changes and "The Keeper" in changes
    assert "<title>" in browser.get(base + "feed.php").text
    assert "Logged in as" not in Browser(g.port).get(base).text


def not_modified(g, path):
    """The wiki answers from its cache once that is younger than the files it was made of."""
    r = g.get(path)
    return g.get(path, {"If-None-Match": r.header("ETag")}).status == 304


def test_static_files_and_what_is_none(example):
    g = example()
    r = g.get("/lib/tpl/dokuwiki/images/logo.png")  # by a symbolic link of the package
    assert r.status == 200 and r.header("Content-Type") == "image/png"
    again = g.get("/lib/tpl/dokuwiki/images/logo.png", {"If-None-Match": r.header("ETag")})
    assert again.status == 304 and not again.body
    assert g.get("/lib/images/external-link.svg").body.startswith(b"<svg")
    r = g.get("/lib/exe/css.php?t=dokuwiki")
    assert "text/css" in r.header("Content-Type") and len(r.body) > 50000
    wait_for(lambda: not_modified(g, "/lib/exe/css.php?t=dokuwiki"), "the wiki's own cache")
    head = g.request("HEAD", "/")
    assert head.status == 200 and not head.body
    assert g.get("/.htaccess").status in (403, 404)
    for path in ("/doku.php", "/inc/init.php", "/lib/exe/js.php", "/doku.php/x", "/lib/plugins/"):
        assert b"<?php" not in g.get(path).body
    assert g.get("/inc").header("Location") == "/inc/"


def test_an_upload_and_a_download(example, wiki):
    g = example()
    browser = Browser(g.port)
    log_in(browser)
    page = browser.get("/doku.php/start?do=media&tab_files=upload").text
    token = re.search(r'name="sectok" value="([^"]+)"', page).group(1)
    data = bytes(range(256)) * 4000
    query = urllib.parse.urlencode({"call": "mediaupload", "sectok": token, "qqfile": "noise.zip",
                                    "mediaid": "noise.zip", "ns": ""})
    r = browser.ask("POST", "/lib/exe/ajax.php?" + query, data,
                    {"Content-Type": "application/octet-stream"})
    assert "success" in r.text, r.text
    assert (wiki.folder / "data/media/noise.zip").read_bytes() == data
    assert g.get("/lib/exe/fetch.php?media=noise.zip").body == data
    r = g.get("/lib/exe/fetch.php?media=noise.zip", {"Range": "bytes=256-511"})
    assert r.status == 206 and r.body == bytes(range(256))


def test_https_and_the_client_behind_a_proxy(example, wiki):
    g = example(more="trusted_proxies = 127.0.0.1")
    (wiki.folder / "prepend.php").write_text(
        (wiki.folder / "prepend.php").read_text() +
        "header('X-Seen: ' . $_SERVER['REMOTE_ADDR'] . ' ' . ($_SERVER['HTTPS'] ?? 'off'));\n")
    headers = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"}
    browser = Browser(g.port, headers)
    r = browser.get("/doku.php/start")
    assert r.headers["X-Seen"] == "192.0.2.9 on"
    assert "secure" in r.headers["Set-Cookie"].lower()
    assert g.get("/doku.php/start").header("X-Seen") == "127.0.0.1 off"


def test_a_browser_shows_it(example, tmp_path):
    g = example()
    ran = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
                          f"--user-data-dir={tmp_path}/browser", f"http://127.0.0.1:{g.port}/"],
                         capture_output=True, text=True, timeout=100)
    # Its script has run: it marks the page.
    assert "gale reads a wiki" in ran.stdout and 'class="js' in ran.stdout.split("<head>")[0]
