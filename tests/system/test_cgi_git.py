"""git http-backend behind gale, used by a real git client: clone, push, fetch."""
import gzip
import http.client
import os
import subprocess

import pytest

BACKEND = "/usr/lib/git-core/git-http-backend"


class Git:
    """A git that knows no configuration but ours."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
                    "GIT_COMMITTER_EMAIL": "a@b", "GIT_TERMINAL_PROMPT": "0"}

    def __call__(self, *arguments, at="."):
        ran = subprocess.run(["git", *arguments], cwd=self.folder / at, env=self.env, timeout=100,
                             capture_output=True, text=True)
        assert ran.returncode == 0, f"git {arguments}: {ran.stderr}"
        return ran.stdout + ran.stderr


@pytest.fixture
def git(tmp_path):
    git = Git(tmp_path)
    (tmp_path / "repos").mkdir()
    git("init", "-q", "--bare", "repos/one.git")
    git("config", "http.receivepack", "true", at="repos/one.git")
    return git


@pytest.fixture
def url(gale, tmp_path):
    g = gale(f"[app git]\nmount = /git\ncgi = {BACKEND}\nmax_body = 1G\n"
             f"env = GIT_PROJECT_ROOT {tmp_path}/repos\nenv = GIT_HTTP_EXPORT_ALL 1\n")
    return f"http://127.0.0.1:{g.port}/git/one.git"


def commit(git, at, name, content):
    (git.folder / at / name).write_bytes(content)
    git("add", ".", at=at)
    git("commit", "-q", "-m", name, at=at)


def test_clone_push_and_fetch(git, url):
    git("clone", "-q", url, "work")
    commit(git, "work", "readme", b"hello\n")
    git("push", "-q", "origin", "HEAD:main", at="work")
    git("clone", "-q", "-b", "main", url, "other")
    assert (git.folder / "other/readme").read_bytes() == b"hello\n"
    commit(git, "other", "second", b"again\n")
    git("push", "-q", at="other")
    git("pull", "-q", "origin", "main", at="work")
    assert (git.folder / "work/second").read_bytes() == b"again\n"
    git("fsck", "--full", at="repos/one.git")


def test_a_big_push_arrives_chunked_and_a_big_fetch_gzipped(git, url):
    git("clone", "-q", url, "work")
    big = os.urandom(8_000_000)
    commit(git, "work", "big", big)
    git.env["GIT_TRACE_CURL"] = "1"
    said = git("push", "origin", "HEAD:main", at="work")
    assert "Transfer-Encoding: chunked" in said
    del git.env["GIT_TRACE_CURL"]
    git("clone", "-q", "-b", "main", url, "other")
    assert (git.folder / "other/big").read_bytes() == big
    # Many commits that the server does not have make a long list, which the client compresses.
    for number in range(60):
        git("commit", "-q", "--allow-empty", "-m", str(number), at="other")
    commit(git, "work", "small", b"x")
    git("push", "-q", "origin", "HEAD:main", at="work")
    git.env["GIT_TRACE_CURL"] = "1"
    said = git("-c", "protocol.version=0", "fetch", "origin", at="other")
    assert "Content-Encoding: gzip" in said
    git("fsck", "--full", at="repos/one.git")


def test_what_is_not_there_is_told_by_git(git, url):
    with pytest.raises(AssertionError, match="not found"):
        git("clone", "-q", url.replace("one.git", "none.git"), "work")


def request_for_a_push(git, at):
    """What receive-pack is sent to make the commit of `at` the branch `coded`."""
    new = git("rev-parse", "HEAD", at=at).strip()
    line = f"{'0' * 40} {new} refs/heads/coded\0 report-status\n".encode()
    pack = subprocess.run(["git", "pack-objects", "--revs", "--stdout", "-q"], input=new.encode(),
                          cwd=git.folder / at, env=git.env, capture_output=True, check=True).stdout
    return f"{len(line) + 4:04x}".encode() + line + b"0000" + pack


def test_a_push_that_is_gzip_coded_and_chunked(git, url):
    """git codes what it fetches with and chunks what it pushes, never both; others may."""
    git("clone", "-q", url, "work")
    commit(git, "work", "big", os.urandom(3_000_000))
    body = gzip.compress(request_for_a_push(git, "work"))
    host, path = url.removeprefix("http://").split("/", 1)
    connection = http.client.HTTPConnection(host, timeout=60)
    pieces = (body[at:at + 30000] for at in range(0, len(body), 30000))
    connection.request("POST", f"/{path}/git-receive-pack", pieces, {
        "Content-Type": "application/x-git-receive-pack-request", "Content-Encoding": "gzip",
        "Transfer-Encoding": "chunked"}, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 200 and b"unpack ok" in response.read()
    connection.close()
    assert git("rev-parse", "coded", at="repos/one.git") == git("rev-parse", "HEAD", at="work")
    git("fsck", "--full", at="repos/one.git")
