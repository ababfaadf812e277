"""The probe plugin (tests/fixtures/plugins/probe.c) and what tests say to it in raw bytes.

`site` is a gale that all tests of one file share: they only send requests. `start_probe(gale)` is
for those that need settings of their own.
"""
import json
import re

import pytest

from conftest import BUILD, ROOT
from harness import Gale

CASES = ROOT / "tests" / "unit" / "http" / "http_cases.h"
HOST = b"Host: a\r\n"


def app_of(plugin, mount="/", name=None, **keys):
    """An [app] section for a plugin of tests/fixtures; keys that begin with set_ are its own."""
    path = BUILD / "fixtures" / f"{plugin}.so"
    assert path.exists(), f"{path} is not built: make system builds it"
    lines = [f"[app {name or plugin}]", f"mount = {mount}", f"plugin = {path}"]
    for key, value in keys.items():
        lines.append(f"{'set ' + key[4:] if key.startswith('set_') else key} = {value}")
    return "\n".join(lines) + "\n"


def probe_app(mount="/", name="probe", **keys):
    return app_of("probe", mount, name, **keys)


def start_probe(gale, *more_apps, app=None, **server):
    return gale(probe_app(**(app or {})) + "\n".join(more_apps), **server)


def share(factory, apps, more_listen="", **server):
    """A running gale and how to end it, for a fixture of a module. It listens at g.unix, too."""
    g = Gale(BUILD, factory.mktemp("site"))
    g.unix = str(g.folder / "web.sock")
    g.configure(apps, listen=f"127.0.0.1:{g.port} unix:{g.unix} {more_listen}", **server)
    g.start()
    g.wait_until_serving()
    yield g
    problems = g.finish()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    yield from share(tmp_path_factory, probe_app(), head_timeout="5s", body_timeout="5s")


def figures(g):
    """What the plugin counted, by name."""
    return json.loads(g.get("/figures").body)


def request(path="/", *fields, method="GET", version="1.1", body=b""):
    """The bytes of a request; with a body, its length is said unless a field frames it."""
    lines = [f"{method} {path} HTTP/{version}", "Host: a", *fields]
    if body and not any(f.lower().startswith(("content-length", "transfer-enc")) for f in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(path, *chunks, trailer=b""):
    return (request(path, "Transfer-Encoding: chunked", method="POST") +
            b"".join(map(chunk, chunks)) + b"0\r\n" + trailer + b"\r\n")


def statuses(data):
    """The statuses of the answers in data, in order; bodies of gale's pages have no such line."""
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n", data)]


# ---- the table that the unit tests use, too ----

def _unescape(text):
    """What C makes of a literal with no escapes but \\r \\n \\t \\" \\\\ and \\xHH."""
    simple = {"r": "\r", "n": "\n", "t": "\t", '"': '"', "\\": "\\"}
    return re.sub(r'\\(x([0-9A-Fa-f]{2})|.)',
                  lambda m: chr(int(m[2], 16)) if m[2] else simple[m[1]], text)


def http_cases():
    """(bytes, status, meaning) of each row; status 0: it is served."""
    text = CASES.read_text()
    defined = re.compile(r'^#define (\w+) +((?:"(?:[^"\\]|\\.)*"|\w+| )+)$', re.M)
    macros = {name: value for name, value in defined.findall(text) if name != "S"}

    def literal(code):
        parts = re.findall(r'"((?:[^"\\]|\\.)*)"|(\w+)', code)
        return "".join(_unescape(quoted) if not word else literal(macros[word])
                       for quoted, word in parts)

    row = re.compile(r'\{S\(((?:"(?:[^"\\]|\\.)*"|\w+|\s)+)\),\s*(\d+),\s*'
                     r'((?:"(?:[^"\\]|\\.)*"|\w+|\s)+)\}')
    table = text.split("http_cases[] = {")[1]
    rows = row.findall(table)
    assert len(rows) == table.count("{S("), "a row of http_cases.h could not be read"
    return [(literal(code).encode("latin-1"), int(status),
             None if meaning.strip() == "0" else literal(meaning))
            for code, status, meaning in rows]
