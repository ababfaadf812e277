"""A worker that takes a dead one's place serves the configuration that the others serve, whatever has
become of its files."""
import os
import signal


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
