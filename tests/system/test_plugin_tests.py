"""gale test: tests of plugins, run as whoever writes a plugin would."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLUGIN = r"""
#include <gale/gale.h>
#include <errno.h>
static struct gale_app *mine;
static const char *const keys[] = {"greeting", 0};
static int is(struct gale_str a, const char *b)
{
    size_t i = 0;
    while (b[i] && i < a.len && a.at[i] == b[i]) i++;
    return i == a.len && !b[i];
}
static int open_it(struct gale_app *app, void **state)
{
    (void)state;
    mine = app;
    if (is((struct gale_str){gale_setting(app, "greeting", ""), 6}, "refuse")) {
        gale_log(app, GALE_ERROR, "such a greeting is refused");
        return -EINVAL;
    }
    return 0;
}
static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    gale_log(mine, GALE_INFO, "asked for %s", gale_request_path(req).at);
    if (is(gale_request_below(req), "/crash"))
        return *(volatile int *)0;
    if (is(gale_request_below(req), "/hang"))
        return gale_sleep(60000);
    if (is(gale_request_below(req), "/stream")) {
        gale_response_puts(res, "a;");
        gale_sleep(10);
        return gale_response_puts(res, "b;");
    }
    return gale_reply(res, 200, "text/plain", "%s, %s\n", gale_setting(mine, "greeting", "hello"),
                      gale_request_query(req, "name", "world"));
}
GALE_PLUGIN(p) { p->name = "x"; p->keys = keys; p->open = open_it; p->serve = serve; }
"""

TESTS = r"""
#include <gale/testing.h>
#include <string.h>

static void greets(struct gale_test *t)
{
    const struct gale_answer *a = gale_fetch(t, "GET", "/?name=you", NULL, NULL);
    GALE_EXPECT_INT(t, a->status, 200);
    GALE_EXPECT_TEXT(t, a->body.at, "hello, you\n");
}
static void greets_in_its_own_way(struct gale_test *t)
{
    GALE_EXPECT_TEXT(t, gale_fetch(t, "GET", "/s/", NULL, NULL)->body.at, "good = day, world\n");
}
static void is_wrong(struct gale_test *t)
{
    const struct gale_answer *a = gale_fetch(t, "GET", "/", NULL, NULL);
    GALE_EXPECT_INT(t, a->status, 404);
    GALE_EXPECT_TEXT(t, a->body.at, "other");
    GALE_REQUIRE(t, a->is_declined);
    GALE_EXPECT(t, !"reached");
}
static void crashes(struct gale_test *t) { gale_fetch(t, "GET", "/crash", NULL, NULL); }
static void hangs(struct gale_test *t) { gale_fetch(t, "GET", "/hang", NULL, NULL); }
static void does_not_open(struct gale_test *t) { (void)t; }
static void leaves(struct gale_test *t)
{
    struct gale_fetch f;
    memset(&f, 0, sizeof(f));
    f.target = "/hang";
    f.leave_ms = 10;
    GALE_EXPECT(t, !gale_fetch_with(t, &f)->is_whole);
}
static void streams(struct gale_test *t)
{
    const struct gale_answer *a = gale_fetch(t, "GET", "/stream", NULL, NULL);
    GALE_EXPECT_INT(t, a->flushes, 1);
    GALE_EXPECT_TEXT(t, a->body.at, "a;b;");
}
static const struct gale_test_case cases[] = {
    GALE_TEST(greets),
    GALE_TEST_AT(greets_in_its_own_way, "/s", "greeting = good = day"),
    GALE_TEST(is_wrong),
    GALE_TEST(crashes),
    GALE_TEST(hangs),
    GALE_TEST_WITH(does_not_open, "greeting = refuse"),
    GALE_TEST(leaves),
    GALE_TEST(streams),
    GALE_TESTS_END
};
GALE_TESTS(cases)
"""


def gale_test(build, *arguments):
    return subprocess.run([str(build / "gale"), "test", *map(str, arguments)], timeout=120,
                          capture_output=True, text=True)


@pytest.fixture
def pair(plugin, tmp_path):
    plugin(PLUGIN, tmp_path / "x.so", flags=["-std=gnu99"])
    plugin(TESTS, tmp_path / "x_test.so", flags=["-std=c99"])
    return tmp_path / "x.so"


def lines_of(output, name):
    """The lines behind the one of that test."""
    match = re.search(rf"^(\w+) +{name} +[\d.]+ ms\n((?: {{8}}.*\n)*)", output, re.M)
    assert match, output
    return match.group(1), match.group(2)


def test_each_test_has_its_line(build, pair):
    done = gale_test(build, pair, "--timeout", "2")
    assert done.returncode == 1 and done.stderr == ""
    for name in ("greets", "greets in its own way", "leaves", "streams"):
        assert lines_of(done.stdout, name) == ("ok", "")
    word, text = lines_of(done.stdout, "is wrong")
    assert word == "FAIL" and "reached" not in text
    assert re.search(r":\d+: a->status is 200, expected 404\n", text)
    assert 'a->body.at is "hello, world\\n", expected "other"\n' in text
    assert "a->is_declined does not hold" in text and 'asked for /"' in text
    word, text = lines_of(done.stdout, "crashes")
    assert word == "CRASH" and "serve" in text
    assert "killed by SIGSEGV" in text or "AddressSanitizer" in text
    assert lines_of(done.stdout, "hangs")[0] == "LATE"
    word, text = lines_of(done.stdout, "does not open")
    assert word == "FAIL" and "such a greeting is refused" in text
    assert re.search(r"^4 of 8 passed \(\d+ ms\)\n$", done.stdout, re.M)


def test_filters(build, pair):
    done = gale_test(build, pair, "--filter", "own way", "--filter", "streams", "--verbose")
    assert done.returncode == 0 and "2 of 2 passed" in done.stdout
    assert "asked for /s/" in done.stdout
    done = gale_test(build, pair, "--filter", "elephant")
    assert done.returncode == 2 and "names none of the tests" in done.stderr


def test_what_is_not_there_is_said(build, pair, hello):
    done = gale_test(build)
    assert done.returncode == 2 and "gale test FILE.so" in done.stderr
    done = gale_test(build, pair.with_name("none.so"))
    assert done.returncode == 2 and "none.so: No such file" in done.stderr
    done = gale_test(build, hello.with_suffix(".c"))
    assert done.returncode == 2 and "build the plugin, and name the .so" in done.stderr
    alone = pair.with_name("alone.so")
    alone.write_bytes(pair.read_bytes())
    done = gale_test(build, alone)
    assert done.returncode == 2 and "alone_test.so: No such file" in done.stderr
    done = gale_test(build, pair, hello)
    assert done.returncode == 2 and "is a plugin, not its tests" in done.stderr
    done = gale_test(build, pair, "--timeout", "soon")
    assert done.returncode == 2 and "no number of seconds" in done.stderr
    done = gale_test(build, pair, "--set", "greting=x", "--filter", "greets")
    assert done.returncode == 1 and "did you mean 'set greeting'?" in done.stdout


@pytest.mark.parametrize("name", ["hello", "form"])
def test_the_examples_pass(build, name):
    done = gale_test(build, build / "examples" / f"{name}.so")
    assert done.returncode == 0, done.stdout


def test_an_example_tests_itself(build, tmp_path):
    folder = tmp_path / "hello"
    shutil.copytree(ROOT / "examples/plugins/hello", folder)
    # A gale with sanitizers has them for its plugins, too: only the plain one takes plain ones.
    done = subprocess.run(["make", "-C", str(folder), "test", f"GALE={(build / 'gale').resolve()}",
                           f"GALE_CFLAGS=-I{ROOT}/include"], capture_output=True, text=True)
    assert done.returncode == 0 and "2 of 2 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("compiler,standard", [("cc", "c99"), ("cc", "c17"), ("c++", "c++98"),
                                               ("c++", "c++20")])
def test_tests_may_be_written_in(build, pair, tmp_path, compiler, standard):
    source = tmp_path / ("t.c" if compiler == "cc" else "t.cc")
    source.write_text(TESTS)
    subprocess.run([compiler, f"-std={standard}", "-shared", "-fPIC", "-fvisibility=hidden",
                    "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT}/include",
                    "-o", str(tmp_path / "t.so"), str(source)], check=True)
    done = gale_test(build, pair, tmp_path / "t.so", "--filter", "greets")
    assert done.returncode == 0 and "2 of 2 passed" in done.stdout
