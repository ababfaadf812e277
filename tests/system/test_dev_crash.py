"""gale dev when the app crashes: the page with the report, the terminal, and that it goes on."""
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from developing import BROWSER, Project, interrupt, source
from harness import wait_for


@pytest.fixture
def project(gale, tmp_path):
    return Project(gale, tmp_path)


# Where gale itself was built with ASan, this is to be an ordinary crash all the same.
ENV = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"}
CRASHING = source("one").replace("static int serve", """static int first_of(const int *values)
{
    return values[0];
}

static int serve""").replace("(void)req;", """const int *none = NULL;
    if (gale_request_query(req, "crash", NULL))
        return first_of(none);""")

OVERFLOW = source("one").replace("#include", "#include <stdlib.h>\n#include", 1).replace(
    "static int serve", """static int sum(const int *values, int count)
{
    int total = 0;
    for (int i = 0; i <= count; i++)
        total += values[i];
    return total;
}

static int serve""").replace("(void)req;", """int *values = calloc(3, sizeof(*values));
    if (gale_request_query(req, "crash", NULL) && sum(values, 3))
        return 400;
    free(values);""")


def test_a_crash_is_shown(project):
    project.save(CRASHING)
    project.start(env=ENV)
    project.wait_for("<h1>one</h1>")
    page = project.page("/?crash=1")
    assert page.status == 502
    assert "hello crashed" in page.text and "SIGSEGV" in page.text
    assert "GET /?crash=1" in page.text
    text = project.get("/?crash=1", {"Accept": "*/*"})
    assert text.status == 502 and text.text.startswith("hello crashed\n")
    assert project.wait_for("<h1>one</h1>").status == 200
    project.process.wait_for_log("● hello crashed")
    assert "time=" not in project.process.stderr()


def test_the_terminal_shows_own_lines_only(project):
    """Neither gale's way to the app nor that of abort() through libc; and a recursion once."""
    project.save(source("one").replace("#include", "#include <assert.h>\n#include", 1).replace(
        "static int serve", """static int deeper(int left)
{
    assert(left > 0);
    return deeper(left - 1) + 1;
}

static int serve""").replace("(void)req;", """if (gale_request_query(req, "crash", NULL))
        return deeper(9);"""))
    project.start(env=ENV)
    project.wait_for("<h1>one</h1>")
    for _ in range(4):
        assert project.page("/?crash=1").status == 502
    wait_for(lambda: project.process.stderr().count("    serve  hello.c:") == 4, "four reports")
    log = project.process.stderr()
    for line in ["    deeper  hello.c:6\n", "    deeper  hello.c:7\n", "    serve  hello.c:"]:
        assert log.count(line) == 4, log
    assert "router.c" not in log and "pthread_kill" not in log and "again and again" not in log


def test_a_recursion_without_end(project):
    """Its source is shown once, and how deep it was."""
    project.save(source("one").replace("static int serve", """static int deeper(int level)
{
    volatile int here = level;
    return deeper(here + 1) + here;
}

static int serve""").replace("(void)req;", """if (gale_request_query(req, "crash", NULL))
        return deeper(0);"""))
    project.start(env=ENV)
    project.wait_for("<h1>one</h1>")
    page = project.page("/?crash=1").text.split("<details>")[0]
    assert "overflow" in page
    assert page.count("<var>deeper</var>") <= 2 and page.count("<pre class=source>") <= 3
    assert re.search(r"<p class=fold>… \d+,\d\d\d frames more like this</p>", page), page
    project.process.wait_for_log("frames more like this")


def test_others_requests_survive(project):
    """The front is another process: a kept connection goes on."""
    project.save(CRASHING)
    g = project.start(env=ENV)
    project.wait_for("<h1>one</h1>")
    with g.connect() as c:
        assert c.request("GET", "/").status == 200
        assert c.request("GET", "/?crash=1").status == 502
        wait_for(lambda: c.request("GET", "/").status == 200, "the app to be back")


def has_asan(compiler="cc", library="libasan.so"):
    if not shutil.which(compiler):
        return False
    where = subprocess.run([compiler, f"-print-file-name={library}"], capture_output=True, text=True)
    return "/" in where.stdout


def has_asan_of_clang():
    return (has_asan("clang", f"libclang_rt.asan-{platform.machine()}.so")
            or has_asan("clang", "libclang_rt.asan.so"))


# Two runtimes in one process are one too many.
needs_clang = pytest.mark.skipif(not has_asan_of_clang() or "asan" in os.environ.get("BUILD", ""),
                                 reason="no clang with a shared ASan, or gale itself has gcc's")


@pytest.mark.skipif(not has_asan(), reason="the compiler has no libasan")
def test_asan_in_one_click(project):
    project.save(OVERFLOW)
    project.start("hello.c", "--asan", env={"ASAN_OPTIONS": ""})
    project.wait_for("<h1>one</h1>")
    page = project.page("/?crash=1")
    assert page.status == 502
    assert "AddressSanitizer: heap-buffer-overflow" in page.text
    assert "READ of size 4" in page.text
    assert "sum</var><code>hello.c:8" in page.text and "<b class=it><u>8</u>" in page.text
    assert "link_server" not in page.text.split("<details>")[0]
    assert "0 bytes to the right of 12-byte region" in page.text \
        or "0 bytes after 12-byte region" in page.text
    assert "AddressSanitizer" in project.get("/?crash=1", {"Accept": "*/*"}).text
    assert project.wait_for("<h1>one</h1>").status == 200
    project.save(OVERFLOW.replace("i <= count", "i < count"))
    wait_for(lambda: project.page("/?crash=1").status == 200, "the mended one")
    assert not list(Path(project.folder / ".gale/asan").glob("asan-report*"))


@pytest.mark.skipif(not has_asan(), reason="the compiler has no libasan")
def test_use_after_free_in_a_waiting_request(project):
    """On a task's own stack, after it has waited."""
    project.save(source("one").replace("#include", "#include <stdlib.h>\n#include", 1)
                 .replace("(void)req;", """char *name = malloc(8);
    free(name);
    gale_sleep(10);
    if (gale_request_query(req, "crash", NULL))
        name[0] = 'x';"""))
    project.start("hello.c", "--asan", env={"ASAN_OPTIONS": ""})
    project.wait_for("<h1>one</h1>")
    assert "heap-use-after-free" in project.get("/?crash=1", BROWSER).text


@needs_clang
@pytest.mark.parametrize("name,compiler", [("hello.c", "CC"), ("hello.cc", "CXX"), (".", "CC")])
def test_asan_of_clang(project, name, compiler):
    """A file, one in C++, and a Makefile that has no idea of it."""
    project.file = project.folder / (name if name != "." else "hello.c")
    project.save(OVERFLOW.replace("= calloc", "= (int *)calloc"))
    if name == ".":
        (project.folder / "Makefile").write_text(
            "hello.so: hello.c\n\t$(CC) -g -shared -fPIC $(GALE_CFLAGS) -o $@ $<\n")
    value = "clang++" if compiler == "CXX" else "clang"
    project.start(name, "--asan", env={"ASAN_OPTIONS": "", compiler: value})
    project.wait_for("<h1>one</h1>")
    page = project.page("/?crash=1").text
    assert "AddressSanitizer: heap-buffer-overflow" in page and "READ of size 4" in page
    assert "router.c" not in page.split("<details>")[0]
    assert "hello.c" in page and project.wait_for("<h1>one</h1>").status == 200


@pytest.mark.skipif(not has_asan(), reason="the compiler has no libasan")
def test_asan_and_make(project):
    """What make finds from the other kind of build is made anew, once."""
    log = project.folder.parent / "made"
    (project.folder / "Makefile").write_text(
        "hello.so: hello.o other.o\n\tcc -shared $(GALE_CFLAGS) -o $@ $^\n"
        f"%.o: %.c\n\techo $< >>{log}\n\tcc -g -fPIC $(GALE_CFLAGS) -c -o $@ $<\n")
    (project.folder / "other.c").write_text("int other;\n")

    def made():
        text, _ = log.read_text(), log.write_text("")
        return sorted(text.split())

    for turn, options in enumerate([[], ["--asan"], [], ["--asan"]]):
        project.save(OVERFLOW)
        project.start(".", *options, env={"ASAN_OPTIONS": ""}, name=f"turn{turn}")
        project.wait_for("<h1>one</h1>")
        assert made() == ["hello.c", "other.c"]
        assert (project.page("/?crash=1").status == 502) == bool(options)
        project.save(OVERFLOW.replace("one", "two"))
        project.wait_for("<h1>two</h1>")
        assert made() == ["hello.c"]
        assert interrupt(project.process) == 0
    assert "libasan" in subprocess.run(["readelf", "-d", str(project.folder / "hello.so")],
                                       capture_output=True, text=True).stdout
