"""gale dev: a save is built, live and shown; what is broken is told; what ran goes on meanwhile."""
import json
import os
import time

import pytest

from developing import (BROWSER, EDITORS, Project, by_rename, compiler, in_place, interrupt,
                        source, terminal)
from harness import Connection, wait_for


@pytest.fixture
def project(gale, tmp_path):
    return Project(gale, tmp_path)


def started(project, text="one"):
    project.save(source(text))
    project.start()
    project.wait_for(f"<h1>{text}</h1>")
    return project


# ---- a save goes live ----

@pytest.mark.parametrize("how", EDITORS, ids=lambda how: how.__name__)
def test_each_way_of_saving(project, how):
    started(project)
    for i in range(3):
        project.save(source(f"saved {i}"), how)
        project.wait_for(f"<h1>saved {i}</h1>")


def test_several_saves_in_a_second(project):
    started(project)
    for i in range(20):
        project.save(source(f"saved {i}"))
        time.sleep(0.03)
    project.wait_for("<h1>saved 19</h1>")
    assert project.builds() <= 22


def test_the_same_again_is_no_change(project):
    started(project)
    project.save("broken")
    project.wait_for("does not build")
    project.save(source("one"))
    project.wait_for("<h1>one</h1>")


def test_a_header_that_it_includes(project):
    (project.folder / "text.h").write_text('#define TEXT "one"\n')
    project.save('#include "text.h"\n' + SOURCE_OF_TEXT)
    project.start()
    project.wait_for("<h1>one</h1>")
    (project.folder / "text.h").write_text('#define TEXT "two"\n')
    project.wait_for("<h1>two</h1>")
    (project.folder / "text.h").write_text('#define TEXT nothing\n')
    project.wait_for("does not build")
    (project.folder / "text.h").write_text('#define TEXT "three"\n')
    project.wait_for("<h1>three</h1>")


SOURCE_OF_TEXT = source("X").replace('"<h1>X</h1>\\n"', '"<h1>" TEXT "</h1>\\n"')


def test_a_header_that_was_missing_comes(project):
    project.save('#include "text.h"\n' + SOURCE_OF_TEXT)
    project.start()
    project.wait_for("text.h: No such file")
    (project.folder / "text.h").write_text('#define TEXT "there"\n')
    project.wait_for("<h1>there</h1>")


# ---- the newest save wins ----

def test_a_save_while_it_builds(project):
    """A compiler that hangs is stopped by the next save; builds do not pile up."""
    cc = compiler(project.folder, 'echo x >>runs\ngrep -q HANG hello.c && sleep 1000\nexec cc "$@"\n')
    project.save(source("one"))
    project.start(env={"CC": cc})
    project.wait_for("<h1>one</h1>")
    runs = project.folder / "runs"
    project.save(source("HANG"))
    wait_for(lambda: len(runs.read_text().split()) >= 2, "the compiler that hangs")
    assert "<h1>one</h1>" in project.page().text
    project.save(source("two"))
    project.wait_for("<h1>two</h1>")
    assert "HANG" not in project.process.stderr()


def test_ctrl_c_ends_a_compiler_that_hangs(project):
    cc = compiler(project.folder, "trap '' TERM INT\ntouch running\nsleep 1000\n")
    project.save(source("one"))
    g = project.start(env={"CC": cc})
    wait_for(lambda: (project.folder / "running").exists(), "the compiler to run")
    assert interrupt(g) == 0
    wait_for(lambda: not g.members(), "the compiler to be gone")


# ---- what is broken ----

def test_an_error_is_shown_and_goes_away(project):
    started(project)
    project.save(source("one").replace("return gale_reply", "return\tgale_repyl"))
    page = project.wait_for("does not build")
    assert page.status == 500
    assert page.header("Content-Type") == "text/html; charset=utf-8"
    assert page.header("Cache-Control") == "no-store"
    assert "hello.c:7:17" in page.text
    assert "gale_repyl" in page.text and "did you mean" in page.text
    assert "<b class=it><u>7</u>" in page.text
    text = project.get("/", {"Accept": "*/*"})
    assert text.status == 500
    assert text.header("Content-Type") == "text/plain; charset=utf-8"
    assert text.text.startswith("hello does not build\n\n")
    assert "hello.c:7:17: " in text.text
    project.save(source("two"))
    assert project.wait_for("<h1>two</h1>").status == 200


def test_a_broken_link(project):
    started(project)
    project.save(source("one").replace("(void)req;", "extern int nobodys(void); nobodys();"))
    page = project.wait_for("does not build")
    assert "undefined reference to `nobodys&#39;" in page.text
    assert "hello.c:6" in page.text


def test_a_library_that_is_missing(project):
    project.save(source("one"))
    project.start(env={"LDLIBS": "-lnobodys"})
    assert "cannot find -lnobodys" in project.wait_for("does not build").text


def test_no_compiler(project):
    project.save(source("one"))
    project.start(env={"CC": "/nowhere/cc"})
    page = project.wait_for("does not build")
    assert "/nowhere/cc: not found; install a compiler" in page.text
    said = project.process.stderr()
    assert 0 < said.find("gale dev serves") < said.find("does not build"), said


def test_a_plugin_that_does_not_open(project):
    started(project)
    opens = source("two").replace("GALE_PLUGIN(p)\n{", """static int open_it(struct gale_app *app, void **state)
{
    *state = NULL;
    gale_log(app, GALE_ERROR, "there is no <database>");
    return -2;
}

GALE_PLUGIN(p)
{
    p->open = open_it;""")
    project.save(opens)
    page = project.wait_for("does not start")
    assert page.status == 500
    assert "the plugin did not open: ENOENT" in page.text
    assert "there is no &lt;database&gt;" in page.text
    project.save(opens.replace("return -2", "return 0"))
    project.wait_for("<h1>two</h1>")


def test_a_plugin_that_crashes_when_it_opens(project):
    project.save(source("one"))
    project.start(env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"})
    project.wait_for("<h1>one</h1>")
    project.save(source("two").replace("GALE_PLUGIN(p)\n{", """static int open_it(struct gale_app *app, void **state)
{
    *(volatile int *)0 = 1;
    return *state == app;
}

GALE_PLUGIN(p)
{
    p->open = open_it;"""))
    page = project.wait_for("does not start")
    assert "SIGSEGV" in page.text or "SIGABRT" in page.text or "exited" in page.text


def test_a_plugin_that_hangs_when_it_opens(project):
    """What is saved next is not kept waiting by it for the whole start_timeout."""
    started(project)
    project.save(source("hangs").replace("GALE_PLUGIN(p)\n{", """static int hang(struct gale_app *app, void **state)
{
    (void)app;
    for (volatile int i = 0; *state || i >= 0; i = 0)
        ;
    return 0;
}

GALE_PLUGIN(p)
{
    p->open = hang;"""))
    wait_for(lambda: any(w["state"] == "starting" for w in project.process.workers(None)), "the worker")
    project.save(source("two"))
    began = time.monotonic()
    project.wait_for("<h1>two</h1>")
    assert time.monotonic() - began < 20


def test_the_first_build_is_broken(project):
    project.save("nothing\n")
    project.start()
    project.wait_for("does not build")
    project.save(source("one"))
    project.wait_for("<h1>one</h1>")


def test_who_asks_while_it_is_mended_waits(project):
    begun = project.folder / "begun"
    cc = compiler(project.folder, f'echo >>"{begun}"; sleep 0.3; exec cc "$@"\n')
    project.save(source('one" +'))
    project.start(env={"CC": cc})
    assert project.wait_for("expected expression", headers={}).status == 500
    begun.unlink()
    project.save(source("two"), by_rename)
    wait_for(begun.exists, "the compiler")
    assert project.get("/").text == "<h1>two</h1>\n"


def test_a_file_that_somebody_keeps_writing(project):
    """A log or a database in the folder neither holds up what was saved nor is a change for ever."""
    project.save(source("one"))
    (project.folder / "Makefile").write_text(
        "hello.so: hello.c\n\tcc -shared -fPIC $(GALE_CFLAGS) -o $@ $<\n")
    with (project.folder / "notes.txt").open("w") as notes:
        project.start("")
        project.wait_for("<h1>one</h1>")
        for i in range(3):
            project.save(source(f"saved {i}"))
            wait_for(lambda: (notes.write("x"), notes.flush(), project.get("/"))[2].text
                     == f"<h1>saved {i}</h1>\n", "the new one", 8)


def test_a_source_that_goes_and_comes(project):
    started(project)
    project.file.unlink()
    project.wait_for("No such file")
    project.save(source("two"))
    project.wait_for("<h1>two</h1>")


def test_its_own_500_shows_its_log(project):
    project.save(source("one").replace("(void)state;", 'gale_log(state, GALE_WARN, "no <soup>");')
                 .replace("(void)req;", "if (gale_request_query(req, \"fail\", NULL)) return -5;")
                 .replace("GALE_PLUGIN(p)\n{", """static int open_it(struct gale_app *app, void **state)
{
    *state = app;
    return 0;
}

GALE_PLUGIN(p)
{
    p->open = open_it;"""))
    project.start()
    project.wait_for("<h1>one</h1>")
    page = project.page("/?fail=1")
    assert page.status == 500
    assert "hello answered 500" in page.text
    assert "no &lt;soup&gt;" in page.text and "EIO" in page.text
    text = project.get("/?fail=1", {"Accept": "*/*"})
    assert text.status == 500 and "soup" not in text.text


# ---- other projects ----

def test_a_folder_of_sources(project):
    project.save(source("X").replace('"<h1>X</h1>\\n"', '"%s", text()')
                 .replace("static int serve", "const char *text(void);\n\nstatic int serve"))
    (project.folder / "text.c").write_text(
        'const char *text(void);\nconst char *text(void) { return "one"; }\n')
    project.start(".")
    project.wait_for("one")
    (project.folder / "text.c").write_text(
        'const char *text(void);\nconst char *text(void) { return "two"; }\n')
    project.wait_for("two")


def test_a_source_that_is_new_in_the_folder(project):
    project.save(source("one"))
    project.start(".")
    project.wait_for("<h1>one</h1>")
    project.save(source("X").replace('"<h1>X</h1>\\n"', '"%s", text()')
                 .replace("static int serve", "const char *text(void);\n\nstatic int serve"))
    project.wait_for("undefined reference to `text&#39;")
    (project.folder / "text.c").write_text(
        'const char *text(void);\nconst char *text(void) { return "two"; }\n')
    project.wait_for("two")
    (project.folder / "text.c").unlink()
    project.wait_for("undefined reference to `text&#39;")


MAKEFILE = """build/app.so: hello.c
\tmkdir -p build
\tcc -shared -fPIC -Wall $(GALE_CFLAGS) -o $@ hello.c
"""


def test_a_folder_with_a_makefile(project):
    (project.folder / "Makefile").write_text(MAKEFILE)
    project.save(source("one"))
    project.start(".")
    project.wait_for("<h1>one</h1>")
    project.save(source("two"))
    project.wait_for("<h1>two</h1>")
    project.save(source("three").replace("return gale", "retrn gale"))
    page = project.wait_for("does not build")
    assert "hello.c:7:5" in page.text and "<b class=it><u>7</u>" in page.text
    project.save(source("four"))
    project.wait_for("<h1>four</h1>")


def test_a_configuration(project):
    """An app with a command, one whose file somebody else builds, and one that is not ours."""
    (project.folder / "Makefile").write_text(MAKEFILE)
    (project.folder / "site").mkdir()
    (project.folder / "site/index.html").write_text("<h1>site</h1>")
    project.save(source("one"))
    g = project.process = project.gale(wait=False, args=["version"])
    g.wait()
    conf = project.folder / "gale.ini"
    conf.write_text(f"[server]\nlisten = 127.0.0.1:{g.port}\n\n"
                    "[app hello]\nmount = /\nplugin = build/app.so\nbuild = make\n\n"
                    "[app site]\nmount = /site\nplugin = files\nset root = site\n")
    g.start(args=["dev", str(conf), "--control", g.control])
    g.wait_until_serving()
    project.wait_for("<h1>one</h1>")
    project.save("broken")
    project.wait_for("does not build")
    assert "<h1>site</h1>" in project.page("/site/").text
    project.save(source("two"))
    project.wait_for("<h1>two</h1>")


def test_a_plugin_that_others_build(project, plugin):
    g = project.process = project.gale(wait=False, args=["version"])
    g.wait()
    made = project.folder / "x.so"
    plugin(source("one"), to=made)
    conf = project.folder / "gale.ini"
    conf.write_text(f"[server]\nlisten = 127.0.0.1:{g.port}\n\n"
                    "[app hello]\nmount = /\nplugin = ./x.so\n")
    g.start(args=["dev", str(conf), "--control", g.control])
    g.wait_until_serving()
    project.wait_for("<h1>one</h1>")
    plugin(source("two"), to=made)
    project.wait_for("<h1>two</h1>")


def test_wrong_arguments(gale, tmp_path):
    g = gale(wait=False, args=["version"])
    g.wait()
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.so").write_text("")
    (tmp_path / "Makefile").write_text("all:\n\ttrue\n" * 20)
    for what, why in (("nothing.c", "No such file"), ("empty", "no C or C++ sources"),
                      ("x.so", "gale run serves what is built"), ("Makefile", "name its folder")):
        done = g.command("dev", what)
        assert done.returncode == 2 and why in done.stderr, done
        assert done.stderr.count("\n") == 1


# ---- pages and programs ----

def test_the_script_stands_in_pages_only(project):
    started(project)
    page = project.page()
    assert page.body.endswith(b"></script>\n") and b'src="/.gale/dev.js?app=hello&amp;at=' in page.body
    assert page.header("Cache-Control") == "no-store"
    assert project.get("/", {"Accept": "*/*"}).text == "<h1>one</h1>\n"
    assert project.process.request("POST", "/", BROWSER).text == "<h1>one</h1>\n"
    assert project.get("/", {**BROWSER, "Sec-Fetch-Dest": "empty"}).text == "<h1>one</h1>\n"
    script = project.get("/.gale/dev.js")
    assert script.status == 200 and script.header("Content-Type").startswith("text/javascript")


def test_a_page_that_streams_ends_with_the_script(project):
    """Behind the app's last piece, and within the answer: the connection goes on."""
    project.save(source("one").replace("(void)req;", """(void)req;
    gale_response_header(res, "Content-Type", "text/html");
    gale_response_puts(res, "<p>");
    gale_response_flush(res);
    gale_sleep(50);""").replace('gale_reply(res, 200, "text/html", ',
                                          "gale_response_printf(res, "))
    g = project.start()
    project.wait_for("<h1>one</h1>")
    with g.connect() as c:
        for _ in range(3):
            page = c.request("GET", "/", BROWSER)
            assert page.status == 200
            assert page.text.startswith("<p><h1>one</h1>\n<script ")
            assert page.text.endswith("></script>\n")


def test_events_tell_of_builds(project):
    started(project)
    with project.process.connect() as c:
        c.send("GET /.gale/dev?app=hello HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"text/event-stream" in c.until(b"\r\n\r\n")
        first = c.until(b"\n\n")
        assert b"data: " in first
        project.save(source("two"))
        more = c.until(b"\n\n")
        assert more != first and (b"data: " in more or b"event: again" in more)


def test_a_policy_that_lets_no_script_in_is_told(project):
    project.save(source("one").replace(
        "(void)req;", '(void)req;\n    gale_response_header(res, "Content-Security-Policy", '
        '"default-src \'none\'");'))
    project.start()
    assert "<script" not in project.wait_for("<h1>one</h1>").text
    project.process.wait_for_log("its Content-Security-Policy lets no script of its own origin in")


# ---- what is left behind, and the terminal ----

def test_what_it_leaves(project):
    started(project)
    entries = json.loads((project.folder / "compile_commands.json").read_text())
    assert entries[0]["file"] == "hello.c" and entries[0]["directory"] == str(project.folder)
    assert (project.folder / ".gale/.gitignore").read_text() == "*\n"
    assert sorted(os.listdir(project.folder)) == [".gale", "compile_commands.json", "hello.c"]
    assert interrupt(project.process) == 0


def test_it_ends_with_events_open(project):
    started(project)
    with project.process.connect() as c:
        c.send("GET /.gale/dev?app=hello HTTP/1.1\r\nHost: x\r\n\r\n")
        c.until(b"data: ")
        assert interrupt(project.process) == 0


def test_the_terminal_is_calm(project):
    started(project)
    project.save(source("two").replace("(void)req;", ""))
    project.wait_for("<h1>two</h1>")
    project.save(source("two").replace("(void)req;", "x;"))
    project.wait_for("does not build")
    project.process.wait_for_log("does not build")
    said = project.process.stderr()
    assert "\033" not in said and "time=" not in said, said
    assert "gale dev serves" in said and f"http://127.0.0.1:{project.process.port}" in said
    assert "● hello is live  built in " in said
    assert "warning: unused parameter" in said
    assert "hello.c:6:5: error: " in said and "       6 |     x;\n         |     ^" in said
    assert "  200  GET /  " in project.process.stdout()
    assert ".gale" not in project.process.stdout()


@pytest.mark.parametrize("env,has_colour", [({}, True), ({"NO_COLOR": "1"}, False),
                                            ({"TERM": "dumb"}, False)])
def test_colours(project, env, has_colour):
    project.save("broken\n")
    g = project.process = project.gale(wait=False, args=["version"])
    g.wait()
    seen = terminal(g, ["dev", str(project.file), "--control", g.control, "--listen",
                        f"127.0.0.1:{g.port}"], env)
    g.wait_until_serving()
    project.wait_for("does not build")
    wait_for(lambda: "error:" in seen() and "500" in seen(), "the error in the terminal")
    assert ("\033[31m" in seen()) == has_colour
    with Connection(g.control) as c:
        c.request("POST", "/stop", {"Connection": "close"})
    g.wait()


def test_editors_that_write_in_place_slowly(project):
    started(project)
    with project.file.open("r+") as file:
        file.truncate(0)
        file.flush()
        time.sleep(0.2)
        file.write(source("two"))
    project.wait_for("<h1>two</h1>")
    assert "does not build" not in project.process.stderr()


def test_a_restart_in_the_same_folder(project):
    started(project)
    assert interrupt(project.process) == 0
    in_place(project.file, source("two"))
    project.start(name="again")
    project.wait_for("<h1>two</h1>")
