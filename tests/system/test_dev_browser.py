"""gale dev in a real browser: pages that reload, errors that come and go; pictures for the docs.

Screenshots go to BUILD/screenshots; docs/images holds some of them (make screenshots)."""
import os
import shutil
from pathlib import Path

import pytest

from browser import FOLDER, Browser
from developing import Project, interrupt, source
from harness import wait_for

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / os.environ.get("BUILD", "build") / "screenshots"

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and (FOLDER / "node_modules").exists()),
    reason="no browser is installed: make test-deps")


@pytest.fixture(scope="module")
def browser():
    with Browser(SHOTS) as b:
        yield b


@pytest.fixture
def project(gale, tmp_path):
    return Project(gale, tmp_path)


def url(project, path="/"):
    return f"http://127.0.0.1:{project.process.port}{path}"


PAGE = """#include <gale/gale.h>

/* Greets whoever asks, in the language of the house. */
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    const char *name = gale_request_query(req, "name", "world");

    (void)state;
    return gale_reply(res, 200, "text/html",
                      "<!doctype html><meta name=color-scheme content='light dark'>"
                      "<title>hello</title><body style='font: 1.2rem system-ui; margin: 4rem'>"
                      "<h1>Hello, %s!</h1><p>Change me, and save.\\n",
                      gale_request_escape(req, name));
}

GALE_PLUGIN(p)
{
    p->name = "hello";
    p->serve = serve;
}
"""


def opened(project, browser, text=PAGE, path="/", wait="Hello, world!"):
    project.save(text)
    project.start()
    project.wait_for(wait, path)
    assert browser.goto(url(project, path)) == 200
    return browser


def test_a_page_shows_what_is_saved(project, browser):
    b = opened(project, browser)
    b.shot("hello", width=880, height=420)
    for word in ("Good morning", "Good evening", "Good night"):
        project.save(PAGE.replace("Hello, %s", word + ", %s"))
        b.wait_for_text(word + ", world!")


def test_an_error_comes_and_goes(project, browser):
    b = opened(project, browser)
    project.save(PAGE.replace("gale_request_escape", "gale_request_escap"))
    b.wait_for_text("does not build")
    text = b.text()
    assert "1 error" in text and "hello.c:13:23" in text and "did you mean" in text
    assert "warning" in text and "expects argument of type" in text
    caret = "document.querySelector('.caret em').getBoundingClientRect()"
    line = ("(() => { const r = document.createRange(), n = document.createTreeWalker("
            "document.querySelector('.it'), NodeFilter.SHOW_TEXT); let t; while ((t = n.nextNode()))"
            " { const i = t.data.indexOf('gale_r'); if (i >= 0) { r.setStart(t, i); r.setEnd(t, i + 18);"
            " return r.getBoundingClientRect() } } })()")
    assert abs(b.evaluate(caret + ".left") - b.evaluate(line + ".left")) < 1.5
    assert abs(b.evaluate(caret + ".width") - b.evaluate(line + ".width")) < 1.5
    b.shot("broken", full=True, width=1040, height=720)
    project.save(PAGE)
    b.wait_for_text("Hello, world!")


def test_a_page_of_another_app_stays(project, browser):
    (project.folder / "site").mkdir()
    (project.folder / "site/index.html").write_text("<h1>the site</h1>")
    project.save(source("one"))
    g = project.process = project.gale(wait=False, args=["version"])
    g.wait()
    conf = project.folder / "gale.ini"
    conf.write_text(f"[server]\nlisten = 127.0.0.1:{g.port}\n\n"
                    "[app hello]\nmount = /hello\nplugin = ./hello.so\n"
                    'build = cc -shared -fPIC $GALE_CFLAGS -o hello.so hello.c\n\n'
                    "[app site]\nmount = /\nplugin = files\nset root = site\n")
    g.start(args=["dev", str(conf), "--control", g.control])
    g.wait_until_serving()
    project.wait_for("<h1>one</h1>", "/hello")
    browser.goto(url(project))
    browser.evaluate("window.mine = 1")
    project.save("broken")
    project.wait_for("does not build", "/hello")
    project.save(source("two"))
    project.wait_for("<h1>two</h1>", "/hello")
    browser.do("wait", script="!window.mine")  # what it is made of may have changed
    assert "the site" in browser.text()


def of_files(project):
    """gale dev with an app that serves the folder site; returns its configuration."""
    (project.folder / "site").mkdir()
    g = project.process = project.gale(wait=False, args=["version"])
    g.wait()
    conf = project.folder / "gale.ini"
    conf.write_text(f"[server]\nlisten = 127.0.0.1:{g.port}\n\n; what is to be seen\n"
                    "[app site]\nmount  = /\nplugin = files\nset root = site\n")
    g.start(args=["dev", str(conf), "--control", g.control])
    g.wait_until_serving()
    return conf


def test_a_style_sheet_of_a_site(project, browser):
    """An old one, which browsers would keep for days: it is seen when it is saved."""
    of_files(project)
    style = project.folder / "site/a.css"
    style.write_text("h1 { color: rgb(1, 2, 3) }")
    os.utime(style, (1e9, 1e9))
    (project.folder / "site/index.html").write_text(
        "<!doctype html><link rel=stylesheet href=a.css><h1>the site</h1>")
    colour = "getComputedStyle(document.querySelector('h1')).color"
    browser.goto(url(project))
    browser.do("wait", script=f"{colour} == 'rgb(1, 2, 3)'")
    for i in range(3):
        style.write_text(f"h1 {{ color: rgb({i}, 20, 30) }}")
        browser.do("wait", script=f"{colour} == 'rgb({i}, 20, 30)'")


def test_a_configuration_that_is_wrong(project, browser):
    conf = of_files(project)
    (project.folder / "site/index.html").write_text("<!doctype html><h1>the site</h1>")
    right = conf.read_text()
    browser.goto(url(project))
    conf.write_text(right.replace("plugin", "plugni"))
    browser.wait_for_text("gale.ini is refused")
    assert "did you mean" in browser.text()
    browser.shot("conf", width=1040, height=480)
    conf.write_text(right)
    browser.wait_for_text("the site")


def test_it_survives_a_restart(project, browser):
    b = opened(project, browser)
    port = project.process.port
    assert interrupt(project.process) == 0
    project.save(PAGE.replace("Hello, %s", "Welcome back, %s"))
    first = project.process
    project.process = None
    g = project.gale(wait=False, args=["version"], name="again")
    g.wait()
    g.port = port
    g.start(args=["dev", str(project.file), "--control", g.control, "--listen",
                  f"127.0.0.1:{port}"])
    project.process = g
    b.wait_for_text("Welcome back, world!")
    assert first.pid != g.pid


def test_a_plugin_that_does_not_open(project, browser):
    b = opened(project, browser)
    project.save(PAGE.replace("GALE_PLUGIN(p)\n{", """static int open_it(struct gale_app *app, void **state)
{
    *state = NULL;
    gale_log(app, GALE_ERROR, "the database greetings.db cannot be opened: no such file");
    return -2;
}

GALE_PLUGIN(p)
{
    p->open = open_it;"""))
    b.wait_for_text("does not start")
    b.wait_for_text("the database greetings.db cannot be opened")
    b.shot("refused", width=1040, height=480)
    project.save(PAGE)
    b.wait_for_text("Hello, world!")


def test_an_answer_that_fails(project, browser):
    failing = PAGE.replace("(void)state;", """if (name[0] == '?') {
        gale_log(state, GALE_WARN, "the greeting for '%s' is missing, trying the default", name);
        gale_log(state, GALE_ERROR, "greetings.db: no default greeting");
        return -5;
    }""").replace("GALE_PLUGIN(p)\n{", """static int open_it(struct gale_app *app, void **state)
{
    *state = app;
    return 0;
}

GALE_PLUGIN(p)
{
    p->open = open_it;""")
    b = opened(project, browser, failing)
    assert b.goto(url(project, "/?name=?")) == 500
    b.wait_for_text("no default greeting")
    assert "trying the default" in b.text() and "EIO" in b.text()
    b.shot("failed", width=1040, height=520)


def test_a_page_that_streams(project, browser):
    text = PAGE.replace("return gale_reply(res, 200, \"text/html\",", """gale_response_header(res, "Content-Type", "text/html");
    gale_response_puts(res, "<p>first</p>");
    gale_response_flush(res);
    gale_sleep(200);
    return gale_response_printf(res,""")
    b = opened(project, browser, text)
    b.wait_for_text("Hello, world!")
    project.save(text.replace("Hello", "Bye"))
    b.wait_for_text("Bye, world!")


@pytest.mark.parametrize("policy,reloads", [
    ("default-src 'self'", True), ("script-src 'nonce-xyz'; connect-src 'self'", True),
    ("default-src 'none'", False)], ids=["self", "nonce", "none"])
def test_pages_with_a_policy(project, browser, policy, reloads):
    text = PAGE.replace("(void)state;", "(void)state;\n    gale_response_header(res, "
                        f'"Content-Security-Policy", "{policy}");')
    before = len(browser.do("seen")["console"])
    b = opened(project, browser, text)
    b.wait_for_text("Hello, world!")
    assert bool(b.evaluate("window.galeDev")) == reloads
    if reloads:
        project.save(text.replace("Hello", "Bye"))
        b.wait_for_text("Bye, world!")
    else:
        project.process.wait_for_log("Content-Security-Policy lets no script")
    refused = [m for m in b.do("seen")["console"][before:] if "dev.js" in m or "/.gale" in m]
    assert not refused


def test_one_connection_for_a_tab(project, browser):
    """A page with pages in it has one event stream, and a frame alone has none."""
    framed = PAGE.replace("<p>Change me", "<iframe src='/?name=frame'></iframe>"
                          "<iframe src='/?name=other'></iframe><p>Change me")
    framed = framed.replace("(void)state;", "(void)state;\n    if (*name != 'w')\n        "
                            'return gale_reply(res, 200, "text/html", "<p>a frame");')
    b = opened(project, browser, framed)
    b.wait_for_text("Hello, world!")
    b.do("wait", script="frames.length == 2 && frames[1].document.readyState == 'complete'")
    seen = b.do("seen")
    assert any("/.gale/dev?" in u for u in seen["requests"])
    assert seen["framed"] and not any("/.gale/dev?" in u for u in seen["framed"])
    project.save(framed.replace("Hello", "Bye"))
    b.wait_for_text("Bye, world!")


def test_a_crash_under_asan(project, browser):
    crashing = PAGE.replace("#include <gale/gale.h>", "#include <gale/gale.h>\n#include <stdlib.h>\n"
                            "#include <string.h>").replace("""    (void)state;
    return gale_reply""", """    char *copy = malloc(strlen(name)); /* and the zero? */

    (void)state;
    strcpy(copy, name);
    return gale_reply""").replace("gale_request_escape(req, name)", "gale_request_escape(req, copy)")
    project.save(crashing)
    project.start("hello.c", "--asan", env={"ASAN_OPTIONS": ""})
    wait_for(lambda: project.page().status == 502, "the app to be there")
    assert browser.goto(url(project)) == 502
    browser.wait_for_text("hello crashed")
    text = browser.text()
    assert "AddressSanitizer: heap-buffer-overflow" in text and "hello.c:13" in text
    browser.shot("asan", full=True, width=1040, height=720)
    project.save(crashing.replace("strlen(name))", "strlen(name) + 1)"))
    browser.wait_for_text("Hello, world!")
