"""The corpus behind Debian's nginx, which asks gale by HTTP or by FastCGI, keeping connections.

nginx reads requests by its own rules and refuses much by itself. What it lets through has to mean
what it means without nginx, or what the row says that nginx makes of it; the app sees each request
that was answered, and no other; and the connection behind nginx is in step afterwards.
"""
import collections
import os
import re
import subprocess

import pytest

from conftest import BUILD
from corpus_rows import all_rows
from corpus_site import check, start_witness
from harness import free_port, wait_for
from throwing import (LAST, Wrong, connect, read_replies, read_seen, receive, send, throw,
                      throw_to_the_end)

ROWS = all_rows()
IS_SLOW = "asan" in str(BUILD)
# Requests go on as they came, also when their clients have ended their side.
NGINX = """
user root; daemon off; master_process off; worker_processes 1; pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; fastcgi_temp_path {folder}/t2; proxy_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    upstream http {{ server unix:{http}; keepalive 1; }}
    upstream fastcgi {{ server unix:{fastcgi}; keepalive 1; }}
    merge_slashes off; underscores_in_headers on; ignore_invalid_headers off;
    server {{
        listen 127.0.0.1:{http_port}; server_name a;
        proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
        proxy_ignore_client_abort on;
        location / {{ proxy_pass http://http; }}
    }}
    server {{
        listen 127.0.0.1:{fastcgi_port}; server_name a;
        include /etc/nginx/fastcgi_params;
        fastcgi_param HTTP_HOST $host;
        fastcgi_keep_conn on; fastcgi_ignore_client_abort on;
        location / {{ fastcgi_pass fastcgi; }}
    }}
}}
"""


class Site:
    """nginx in front of a gale, and what the app behind both has seen."""

    def __init__(self, g, folder, fastcgi):
        self.gale, self.folder = g, folder
        self.http, self.fastcgi = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
        (folder / "conf").write_text(NGINX.format(
            folder=folder, http=g.unix, fastcgi=fastcgi, http_port=self.http[1],
            fastcgi_port=self.fastcgi[1]))
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(folder), "-c",
                                         str(folder / "conf")], stderr=subprocess.DEVNULL)
        wait_for(self.serves, "nginx")
        self.back = connect(g.tcp)
        self.count = 0

    def serves(self):
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        try:
            connect(self.fastcgi).close()
            return True
        except ConnectionRefusedError:
            return False

    def stop(self):
        self.back.close()
        self.process.terminate()
        self.process.wait(20)

    def good(self, address):
        """A good request that shares nginx's connection to gale; its path."""
        self.count += 1
        path = f"/good{self.count}"
        raw = throw_to_the_end(address, b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
        replies = read_replies(raw, ["GET"])
        if [r.seen and r.seen["path"] for r in replies] != [path]:
            raise Wrong(f"a good request is answered with {raw}")
        return path

    def seen(self):
        send(self.back, b"GET /-/seen HTTP/1.1\r\nHost: a\r\n\r\n")
        text = read_replies(receive(self.back, 1, ["GET"]), ["GET"])[0].body.decode()
        return [read_seen(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o777)
    fastcgi = str(tmp_path_factory.mktemp("fastcgi") / "sock")
    for g in start_witness(tmp_path_factory, more_listen=f"fastcgi://unix:{fastcgi}",
                           trusted_proxies="unix"):
        site = Site(g, folder, fastcgi)
        yield site
        site.stop()


def shown(raw):
    """What the answers say that was seen."""
    return [read_seen(line.decode()) for line in re.findall(rb"(?m)^X-Saw: ([^\r]*)", raw)]


def some_alternatives(most):
    """Of each line of the corpus so many rows; all with GALE_CORPUS=all."""
    counts = collections.Counter()
    for row in ROWS:
        counts[row.place] += 1
        if counts[row.place] <= most or os.environ.get("GALE_CORPUS") == "all":
            yield row


def core(seen):
    return [tuple(one[name] for name in ("method", "path", "query", "body")) for one in seen]


def judge_seen(row, seen, direct):
    """Some of what gale itself sees in the row, from its beginning; or what the row says. What gale
    refuses nginx may mend, but not split in two."""
    if row.nginx is not None:
        direct = [answer.seen for answer in row.nginx if answer.seen]
        seen = [{name: one[name] for name in want} for one, want in zip(seen, direct)] + seen[len(direct):]
        is_good = seen == direct[:len(seen)]
    elif direct:
        is_good = core(seen) == core(direct)[:len(seen)]
    else:
        is_good = len(seen) < 2 and not any(one["path"] == "/evil" for one in seen)
    if not is_good:
        raise Wrong(f"{seen} was seen instead of {direct}")


@pytest.mark.parametrize("way", ["http", "fastcgi"])
def test_behind_nginx(site, way):
    address = getattr(site, way)
    rows = list(some_alternatives(3 if way == "http" else 1))[::4 if IS_SLOW else 1]
    direct = {row.data: shown(throw(site.gale.unix, row)[0]) for row in rows}
    site.good(address)
    site.seen()
    passed = []

    def judge(row):
        raw = throw_to_the_end(address, row.data + (LAST if row.after != "wait" else b""))
        good = site.good(address)
        *seen, last = site.seen()
        if last["path"] != good:
            raise Wrong(f"{last} is seen last")
        if core(shown(raw)) != core(seen) and raw.startswith(b"HTTP/"):
            raise Wrong(f"{seen} was seen, but {raw} answered")
        if seen and seen[-1]["path"] == "/last":
            seen.pop()
        judge_seen(row, seen, direct[row.data])
        passed.append(bool(seen))

    check(rows, judge)
    assert sum(passed) > len(rows) // 6  # nginx lets something through at all
