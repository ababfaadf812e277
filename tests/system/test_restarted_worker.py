"""A worker that takes a dead one's place serves the configuration that the others serve, whatever has
become of its files."""
import os
import shutil
import signal

import pytest

from harness import wait_for


def test_an_error_page_that_is_gone(gale, hello, tmp_path):
    page = tmp_path / "404.html"
    page.write_text("ours")
    g = gale(f"[app a]\nmount = /a\nplugin = {hello}\n", error_page=[f"404 {page}"])
    assert g.get("/none").text == "ours"
    page.unlink()
    old = g.workers()[0]["pid"]
    os.kill(old, signal.SIGKILL)
    g.wait_for_workers(1, [old])
    r = g.get("/none")
    assert r.status == 404 and "ours" not in r.text and "404 Not Found" in r.text
    assert g.get("/a").text == "hello\n"
    g.wait_for_log("a configured error page has gone since; gale's own takes its place")
    assert g.reload().status == 409  # that one looks


def test_a_base_that_means_another_folder_now(gale, hello, tmp_path):
    """As after a deployment that has moved a link and not reloaded yet."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)
    link = tmp_path / "current"
    link.symlink_to("one")
    g = gale("[app f]\nmount = /\nplugin = files\nset root = .\n", base=link)
    assert g.get("/").text == "one"
    link.unlink()
    link.symlink_to("two")
    old = g.workers()[0]["pid"]
    os.kill(old, signal.SIGKILL)
    g.wait_for_workers(1, [old])
    assert g.get("/").text == "one"
    assert g.reload().status == 200
    assert g.get("/").text == "two"


def test_a_folder_of_the_configuration_that_is_gone(gale, hello, tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    g = gale(f"[app a]\nmount = /a\nplugin = {hello}\n", base=base)
    base.rmdir()
    old = g.workers()[0]["pid"]
    os.kill(old, signal.SIGKILL)
    g.wait_for_workers(1, [old])
    assert g.get("/a").status == 200


FOLDERS = {
    "files": ("plugin = files\nset root = {folder}", lambda folder: (folder / "x").write_text("found")),
    "cgi": ("cgi = {folder}", lambda folder: put_program(folder / "x")),
}


def put_program(path):
    path.write_text("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nfound'")
    path.chmod(0o755)


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_of_an_app_that_is_gone(gale, hello, tmp_path, kind):
    """Others are served, and so is that app when the folder is back, by old workers and by new ones."""
    keys, put = FOLDERS[kind]
    folder = tmp_path / "folder"
    app = f"[app own]\nmount = /own\n{keys.format(folder=folder)}\n"

    def make():
        folder.mkdir()
        put(folder)

    make()
    g = gale(f"[app a]\nmount = /a\nplugin = {hello}\n{app}")
    for _ in range(2):  # a worker that has it open
        assert g.get("/own/x").text == "found"
        shutil.rmtree(folder)
        assert g.get("/own/x").status == 404 and g.get("/own/").status == 404
        make()
    assert g.get("/own/x").text == "found"
    assert "had been deleted" in g.stderr()

    shutil.rmtree(folder)
    old = g.workers()[0]["pid"]
    os.kill(old, signal.SIGKILL)
    g.wait_for_workers(1, [old])
    r = g.get("/own/x")
    assert r.status == 503 and r.header("Retry-After") == "1"
    assert g.get("/a").text == "hello\n"
    g.wait_for_log('an app does not open in a new worker, which answers 503 for it" app=own')
    g.wait_for_log("could not open the app own; another takes its place")
    assert "nothing: it does not open" in g.command("status", g.config).stdout
    assert g.reload().status == 409
    make()
    wait_for(lambda: g.get("/own/x").text == "found", "the app to open")
    assert g.reload().status == 200
    assert g.get("/own/x").text == "found"
