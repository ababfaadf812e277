"""gale dev with a configuration: that is watched like the sources, and what is wrong in it is told."""
import pytest

from developing import BROWSER, EDITORS, Project, source
from harness import wait_for

BUILD = "cc -shared -fPIC $GALE_CFLAGS -o {0}.so {0}.c"
LIVE = "● gale.ini is live"
REFUSED = "● gale.ini is refused"


class Conf(Project):
    """A project with a gale.ini, whose first app is hello at /."""

    def __init__(self, gale, folder):
        super().__init__(gale, folder)
        self.ini = self.folder / "gale.ini"

    def app(self, name, mount, build=True, *more):
        lines = [f"[app {name}]", f"mount = {mount}", f"plugin = ./{name}.so",
                 *([f"build = {BUILD.format(name)}"] if build else []), *more]
        return "\n".join(lines) + "\n\n"

    def text(self, *apps):
        return f"[server]\nlisten = 127.0.0.1:{self.process.port}\n\n" + "".join(apps)

    def begin(self, *apps):
        self.save(source("one"))
        g = self.process = self.gale(wait=False, args=["version"])
        g.wait()
        self.ini.write_text(self.text(*(apps or [self.app("hello", "/")])))
        g.start(args=["dev", str(self.ini), "--control", g.control])
        g.wait_until_serving()
        self.wait_for("<h1>one</h1>")
        return self

    def said(self, text, times=1):
        wait_for(lambda: self.process.stderr().count(text) >= times, f"{text!r} in the terminal")
        assert self.process.stderr().count(text) == times, self.process.stderr()


@pytest.fixture
def conf(gale, tmp_path):
    return Conf(gale, tmp_path)


@pytest.mark.parametrize("how", EDITORS, ids=lambda how: how.__name__)
def test_a_save_is_taken_in(conf, how):
    conf.begin()
    how(conf.ini, conf.text(conf.app("hello", "/there")))
    wait_for(lambda: conf.page("/").status == 404, "the app to be elsewhere")
    assert "<h1>one</h1>" in conf.page("/there").text
    conf.said(LIVE)
    conf.save(source("two"))
    conf.wait_for("<h1>two</h1>", "/there")


def test_the_same_again_is_no_news(conf):
    conf.begin()
    text = conf.ini.read_text()
    conf.ini.write_text(text)
    conf.ini.write_text(text + "; a comment\n")
    conf.said(LIVE)


def test_what_is_wrong_is_shown_and_goes_away(conf):
    """Pages tell; programs, and what is built meanwhile, go on with the configuration before."""
    conf.begin()
    right = conf.ini.read_text()
    conf.ini.write_text(right.replace("mount = /", "mout = /"))
    page = conf.wait_for("gale.ini is refused")
    assert page.status == 500 and page.header("Content-Type") == "text/html; charset=utf-8"
    assert "gale.ini:5" in page.text and "did you mean" in page.text
    assert "<b class=it><u>5</u>mout = /</b>" in page.text
    assert "/.gale/dev.js" in page.text
    assert conf.get("/").text == "<h1>one</h1>\n"
    asset = conf.get("/", {**BROWSER, "Sec-Fetch-Dest": "style"})
    assert asset.text == "<h1>one</h1>\n"
    conf.save(source("two"))
    conf.wait_for("<h1>two</h1>", headers={})
    assert "is refused" in conf.page().text
    conf.said(REFUSED)
    said = conf.process.stderr()
    assert "gale.ini:5: error: " in said and "       5 | mout = /\n" in said
    done = conf.process.command("reload", "--control", conf.process.control)
    assert done.returncode != 0 and "gale.ini:5:" in done.stderr, done
    conf.said(REFUSED)
    conf.ini.write_text(right)
    conf.wait_for("<h1>two</h1>")
    conf.said(LIVE)


def test_a_file_that_goes_and_comes(conf):
    conf.begin()
    right = conf.ini.read_text()
    conf.ini.unlink()
    conf.wait_for("No such file")
    assert conf.get("/").text == "<h1>one</h1>\n"
    conf.ini.write_text(right)
    conf.wait_for("<h1>one</h1>")


def test_an_app_that_is_new(conf):
    conf.begin()
    (conf.folder / "other.c").write_text(source("other"))
    conf.ini.write_text(conf.text(conf.app("hello", "/"), conf.app("other", "/other")))
    conf.wait_for("<h1>other</h1>", "/other")
    (conf.folder / "other.c").write_text(source("another"))
    conf.wait_for("<h1>another</h1>", "/other")
    (conf.folder / "other.c").write_text("nothing")
    conf.wait_for("other does not build", "/other")
    conf.ini.write_text(conf.text(conf.app("hello", "/")))
    conf.wait_for("<h1>one</h1>", "/other")
    conf.save(source("two"))
    conf.wait_for("<h1>two</h1>")


def test_another_build_command(conf):
    conf.begin()
    conf.ini.write_text(conf.text(conf.app("hello", "/").replace("build = cc", "build = cc -DX=1")))
    conf.said(LIVE)
    conf.save(source("two") + "#ifndef X\n#error no X\n#endif\n")
    conf.wait_for("<h1>two</h1>")


def test_a_setting_that_the_plugin_comes_to_know(conf):
    """Refused when the plugin opens; taken in once the plugin is another one."""
    conf.begin()
    conf.ini.write_text(conf.text(conf.app("hello", "/", True, "set soup = pea")))
    assert "set soup" in conf.wait_for("gale.ini is refused").text
    assert conf.get("/").text == "<h1>one</h1>\n"
    conf.save(source("two").replace("GALE_PLUGIN(p)\n{", """static const char *const keys[] = {"soup", 0};

GALE_PLUGIN(p)
{
    p->keys = keys;"""))
    conf.wait_for("<h1>two</h1>")
    conf.said(REFUSED)
    conf.said(LIVE)


OPENS = ("GALE_PLUGIN(p)\n{", """static int open_it(struct gale_app *app, void **state)
{
    gale_log(app, GALE_ERROR, "no soup");
    *state = NULL;
    return -2;
}

GALE_PLUGIN(p)
{
    p->open = open_it;""")


def test_an_app_that_does_not_open_holds_up_nobody(conf):
    """Neither other apps nor the configuration; it is told once, and only of itself."""
    (conf.folder / "other.c").write_text(source("other"))
    conf.begin(conf.app("hello", "/"), conf.app("other", "/other"))
    conf.wait_for("<h1>other</h1>", "/other")
    conf.save(source("two").replace(*OPENS))
    assert "no soup" in conf.wait_for("hello does not start").text
    for text in ("another", "a third"):
        (conf.folder / "other.c").write_text(source(text))
        conf.wait_for(f"<h1>{text}</h1>", "/other")
        assert "hello does not start" in conf.page().text
    conf.ini.write_text(conf.text(conf.app("hello", "/"), conf.app("other", "/there")))
    conf.wait_for("<h1>a third</h1>", "/there")
    conf.said(LIVE)
    conf.said("does not open")
    conf.save(source("three"))
    conf.wait_for("<h1>three</h1>")


def test_two_that_do_not_open(conf):
    """Built by one save, told of one after the other; a third goes live."""
    for name in ("other", "third"):
        (conf.folder / f"{name}.c").write_text(source(name))
    conf.begin(*(conf.app(name, mount) for name, mount in (
        ("hello", "/"), ("other", "/other"), ("third", "/third"))))
    for name in ("other", "third"):
        conf.wait_for(f"<h1>{name}</h1>", f"/{name}")
    conf.save(source("two").replace(*OPENS))
    (conf.folder / "other.c").write_text(source("two").replace(*OPENS))
    (conf.folder / "third.c").write_text(source("two"))
    conf.wait_for("<h1>two</h1>", "/third")
    conf.wait_for("other does not start", "/other")
    conf.wait_for("hello does not start")
    conf.said("does not open", 2)


def test_an_app_that_opens_with_the_new_configuration(conf):
    conf.begin()
    conf.save(source("two").replace("GALE_PLUGIN(p)\n{", """static int open_it(struct gale_app *app, void **state)
{
    *state = NULL;
    return gale_setting(app, "soup", NULL) ? 0 : -2;
}

static const char *const keys[] = {"soup", 0};

GALE_PLUGIN(p)
{
    p->open = open_it;
    p->keys = keys;"""))
    conf.wait_for("hello does not start")
    conf.ini.write_text(conf.text(conf.app("hello", "/", True, "set soup = pea")))
    conf.wait_for("<h1>two</h1>")


def test_a_command_that_makes_the_same_again(conf):
    """What was saved may be a file that the app reads: it is opened anew, and nothing is said."""
    (conf.folder / "text").write_text("one")
    conf.save(source("X").replace("#include", "#include <stdio.h>\n#include", 1).replace(
        "(void)req;", "(void)req; FILE *in = state; char text[9] = {0}; rewind(in);\n"
        "    (void)!fread(text, 1, 8, in);").replace('"<h1>X</h1>\\n"', '"<h1>%s</h1>\\n", text')
        .replace("GALE_PLUGIN(p)\n{", """static int open_it(struct gale_app *app, void **state)
{
    *state = fopen(gale_setting_path(app, "text", "text"), "r");
    return *state ? 0 : -2;
}

GALE_PLUGIN(p)
{
    p->open = open_it;"""))
    text = conf.file.read_text()
    assert "open_it" in text and "fread" in text and ", text)" in text
    conf.save = lambda _: None
    conf.begin()
    conf.said("● hello is live")
    new = conf.folder / "text.new"
    new.write_text("two")
    new.rename(conf.folder / "text")
    conf.wait_for("<h1>two</h1>")
    conf.said("● hello is live")


def test_a_tool_that_was_sent_elsewhere(conf):
    """It tells files from there; and what is told once is not told again in full."""
    part = conf.folder / "part"
    part.mkdir()
    (part / "Makefile").write_text(
        "../hello.so: in/hello.c\n\tcc -shared -fPIC $(GALE_CFLAGS) -o $@ $<\n")
    (part / "in").mkdir()
    conf.file = part / "in/hello.c"
    conf.begin(conf.app("hello", "/").replace(BUILD.format("hello"), "make -C part"))
    conf.save(source("one").replace("return gale", "retrn gale"))
    page = conf.wait_for("hello does not build").text
    assert "part/in/hello.c:7:5" in page and "<b class=it><u>7</u>" in page
    conf.said("part/in/hello.c:7:5: error")
    (conf.folder / "notes.txt").write_text("buy soup")
    conf.said("● hello still does not build")
    conf.said("part/in/hello.c:7:5: error")


def test_a_folder_that_was_missing(conf):
    conf.begin()
    conf.ini.write_text(conf.text(conf.app("hello", "/"), "[app tools]\nmount = /t\ncgi = tools\n"))
    conf.wait_for("gale.ini is refused")
    (conf.folder / "tools").mkdir()
    conf.wait_for("<h1>one</h1>")


def test_files_that_are_included(conf):
    conf.begin()
    (conf.folder / "parts").mkdir()
    conf.ini.write_text("include = parts/*.ini\n" + conf.text(conf.app("hello", "/")))
    conf.said(LIVE)
    (conf.folder / "other.c").write_text(source("other"))
    part = conf.folder / "parts/other.ini"
    part.write_text(conf.app("other", "/other").replace("./", "./"))
    conf.wait_for("<h1>other</h1>", "/other")
    part.write_text(conf.app("other", "/there"))
    conf.wait_for("<h1>other</h1>", "/there")
    part.write_text("nothing\n")
    assert "parts/other.ini:1" in conf.wait_for("gale.ini is refused").text


# ---- files that are served as they are ----

SITE = "[app site]\nmount = /site\nplugin = files\nset root = site\n"


def stamp(conf, path="/"):
    """What the script in the page compares with what it is told."""
    return conf.page(path).text.split("at=")[1].split('"')[0]


def test_files_of_a_site(conf):
    """Every page is loaded anew, since any may have them in it; nothing is built for it."""
    (conf.folder / "site/css").mkdir(parents=True)
    (conf.folder / "site/index.html").write_text("<h1>site</h1>")
    conf.begin(conf.app("hello", "/"), SITE)
    for name in ("index.html", "css/new.css"):
        before, generation = stamp(conf), conf.process.status()["generation"]
        (conf.folder / "site" / name).write_text("<h1>another</h1>")
        conf.said(f"● site has changed  {name}")
        wait_for(lambda: stamp(conf) != before, "another stamp")
        assert stamp(conf, "/site/") == stamp(conf)
        assert conf.process.status()["generation"] == generation
    conf.ini.write_text(conf.text(conf.app("hello", "/"), SITE.replace("= site\n", "= other\n")))
    conf.wait_for("gale.ini is refused")
    (conf.folder / "site").rename(conf.folder / "other")
    conf.ini.write_text(conf.ini.read_text() + "\n")
    conf.wait_for("<h1>another</h1>", "/site/")
    (conf.folder / "other/x.css").write_text("")
    conf.said("● site has changed  x.css")


def test_a_site_with_too_many_folders(conf):
    for i in range(1001):
        (conf.folder / f"site/{i}").mkdir(parents=True)
    conf.begin(conf.app("hello", "/"), SITE)
    conf.said("● site has too many folders to watch")
    (conf.folder / "site/a.css").write_text("")
    conf.said("● site has changed")
    conf.said("too many")


def test_what_a_page_has_in_it_is_asked_for_again(conf):
    (conf.folder / "site").mkdir()
    (conf.folder / "site/a.css").write_text("a {}")
    conf.begin(conf.app("hello", "/"), SITE + "set max_age = 1h\n")
    style = conf.get("/site/a.css", {"Accept": "text/css", "Sec-Fetch-Dest": "style"})
    assert style.header("Cache-Control") == "no-cache" and style.text == "a {}"
    again = conf.get("/site/a.css", {"Accept": "text/css", "Sec-Fetch-Dest": "style",
                                     "If-None-Match": style.header("ETag")})
    assert again.status == 304
    assert "max-age" in conf.get("/site/a.css").header("Cache-Control")
