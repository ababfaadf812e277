/* Pages about builds, excerpts of sources, and that nothing in them is taken for HTML (dev_page.c,
 * dev_source.c). */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/dev_page.h"
#include "app/dev_source.h"
#include "app/dev_state.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"

static char path[] = "/tmp/gale-page-XXXXXX";

static void write_source(const char *text)
{
    strcpy(path, "/tmp/gale-page-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* ---- excerpts ---- */

static const struct {
    const char *source;
    unsigned line, column, width;
    bool is_visual;
    const char *parts[4]; /* what the excerpt holds */
} excerpts[] = {
    {"int x;\n",
     1,
     5,
     1,
     false,
     {"<b class=it><u>1</u><i class=k>int</i> x;</b>", "<em>^</em>", "<u></u>    <em>"}},
    {"\tif (a < b) /* \"c\" & d */\n",
     1,
     6,
     5,
     false,
     {"\t<i class=k>if</i> (a &lt; b) <i class=c>/* &quot;c&quot; &amp; d */</i>",
      "<u></u>\t    <em>^~~~~</em>"}},
    {"\tx\n", 1, 9, 1, true, {"<u></u>\t<em>^"}},
    {"  \tx\n", 1, 9, 1, true, {"<u></u>  \t<em>^"}},
    {"s = \"\xC3\xA4\"; z\n", 1, 11, 1, false, {"<u></u>         <em>^"}},
    {"/* a\n b */ int\n",
     2,
     0,
     1,
     false,
     {"<i class=c>/* a</i>", "<i class=c> b */</i> <i class=k>int</i>"}},
    {"#include <x.h>\nchar c = '\\'';\n",
     2,
     0,
     1,
     false,
     {"<i class=p>#include</i> &lt;x.h&gt;", "= <i class=s>&#39;\\&#39;&#39;</i>;"}},
    {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", 6, 1, 1, false, {"<u>2</u>", "<u>9</u>"}},
    {"\"open\n", 1, 99, 3, false, {"<i class=s>&quot;open</i>"}},
    {"a\x1B[31m\r\n", 1, 1, 1, false, {"a\xEF\xBF\xBD[<i class=n>31m</i></b>"}},
};

START_TEST(shows_lines)
{
    for (size_t i = 0; i < ARRAY_LEN(excerpts); i++) {
        struct buffer out = {0};
        write_source(excerpts[i].source);
        const struct dev_place place = {
            path,   excerpts[i].line, excerpts[i].column, excerpts[i].width, excerpts[i].is_visual,
            {"", 0}};
        ck_assert(dev_source_excerpt(&out, &place));
        for (size_t p = 0; p < 4 && excerpts[i].parts[p]; p++)
            ck_assert_msg(strstr(out.at, excerpts[i].parts[p]), "%s has no %s", out.at,
                          excerpts[i].parts[p]);
        unlink(path);
        buffer_finish(&out);
    }
}
END_TEST

START_TEST(shows_no_line_that_is_not_there)
{
    struct buffer out = {0};
    write_source("one\n");
    const struct dev_place beyond = {path, 2, 1, 1, false, {"", 0}};
    const struct dev_place folder = {"/tmp", 1, 1, 1, false, {"", 0}};
    const struct dev_place nothing = {"/nowhere/x.c", 1, 1, 1, false, {"", 0}};
    buffer_add_text(&out, "kept");
    ck_assert(!dev_source_excerpt(&out, &beyond));
    ck_assert(!dev_source_excerpt(&out, &folder));
    ck_assert(!dev_source_excerpt(&out, &nothing));
    ck_assert_str_eq(out.at, "kept");
    unlink(path);
    buffer_finish(&out);
}
END_TEST

/* ---- pages ---- */

static void has(const struct buffer *page, const char *part)
{
    ck_assert_msg(strstr(page->at, part), "%s has no %s", page->at, part);
}

START_TEST(broken)
{
    struct buffer page = {0}, text = {0};
    const struct dev_app app = {
        "hello",
        DEV_BROKEN,
        false,
        true,
        1,
        250,
        "/nowhere",
        "cc <b>.c",
        "/nowhere/a.c:3:4: error: no <script>alert(1)</script>\na.c:2:1: note: see \"here\"\n"
        "b.c:9: warning: w\n",
        {0}};
    dev_page_trouble(&page, &app);
    has(&page, "<h1>hello does not build</h1>");
    has(&page, "1 error · 1 warning · <code>cc &lt;b&gt;.c</code> · 0.25 s");
    has(&page, "<h2>no &lt;script&gt;alert(1)&lt;/script&gt;</h2>");
    has(&page, "<code>a.c:3:4</code>");
    has(&page, "<b>note</b>see &quot;here&quot;<code>a.c:2:1</code>");
    has(&page, "<section class=warning><h2>w</h2><p class=where><code>b.c:9</code>");
    ck_assert_ptr_null(strstr(page.at, "<script>alert"));
    dev_text_trouble(&text, &app);
    ck_assert(
        str_starts_with(buffer_str(&text), STR("hello does not build\n\n/nowhere/a.c:3:4: ")));
    buffer_finish(&page);
    buffer_finish(&text);
}
END_TEST

START_TEST(without_places)
{
    struct buffer page = {0};
    const struct dev_app app = {"hello",      DEV_BROKEN,        false, true, 1, 0, "/nowhere",
                                "cc hello.c", "cc: not found\n", {0}};
    dev_page_trouble(&page, &app);
    has(&page, "<details open><summary>");
    has(&page, "<pre>cc: not found\n</pre>");
    buffer_finish(&page);
}
END_TEST

START_TEST(refused_and_first)
{
    struct buffer page = {0};
    struct dev_app app = {"hello",
                          DEV_REFUSED,
                          false,
                          true,
                          1,
                          0,
                          "/nowhere",
                          "cc hello.c",
                          "it <failed>: EIO; it said: no & more",
                          {0}};
    dev_page_trouble(&page, &app);
    has(&page, "<h1>hello does not start</h1>");
    has(&page, "<h2>it &lt;failed&gt;: EIO</h2>");
    has(&page, "<pre class=words>no &amp; more</pre>");
    page.len = 0;
    app.stage = DEV_FIRST;
    dev_page_trouble(&page, &app);
    has(&page, "<h1>hello is being built</h1>");
    buffer_finish(&page);
}
END_TEST

START_TEST(configurations)
{
    struct buffer page = {0};
    struct dev_conf_state conf = {1, "gale.ini", "/nowhere", "gale.ini:3: <what>?\nx.ini:1: no"};
    dev_page_conf(&page, &conf);
    has(&page, "<h1>gale.ini is refused</h1>");
    has(&page, "2 errors · the configuration before it goes on");
    has(&page, "<h2>&lt;what&gt;?</h2><p class=where><code>gale.ini:3</code>");
    page.len = 0;
    conf.text = "gale.ini: No such file";
    dev_page_conf(&page, &conf);
    has(&page, "<details open><summary>What is wrong</summary><pre>gale.ini: No such file</pre>");
    buffer_finish(&page);
}
END_TEST

START_TEST(failed)
{
    struct buffer page = {0};
    const struct dev_request request = {STR("GET /?a=<b>"), STR("12"),
                                        STR("time=1 level=error pid=2 msg=\"<i> \\\"q\\\" \\\\n\" "
                                            "id=12 n=3\ntime=1 level=info msg=x\n")};
    dev_page_failure(&page, STR("shop"), 500, &request);
    has(&page, "<h1>shop answered 500 Internal Server Error</h1>");
    has(&page, "<code>GET /?a=&lt;b&gt;</code>");
    has(&page, "<span class=error>&lt;i&gt; &quot;q&quot; \\n <small>n=3</small></span>\n"
               "<span class=info>x</span>");
    page.len = 0;
    const struct dev_request silent = {STR("GET /"), STR("12"), STR("")};
    dev_page_failure(&page, STR("shop"), 500, &silent);
    has(&page, "Nothing was logged for it");
    buffer_finish(&page);
}
END_TEST

START_TEST(crashed)
{
    struct buffer page = {0}, text = {0};
    char stack[256];
    write_source("int a;\nint b = *(int *)0;\n");
    snprintf(stack, sizeof(stack), "serve<x>\t%s\t2\nmain\t\t\nlast", path);
    struct dev_app app = {"hello", DEV_LIVE,
                          false,   true,
                          0,       0,
                          "/tmp",  "cc",
                          "",      {"12", "SIGSEGV: it read <0x0>", stack, "the whole & report\n"}};
    const struct dev_request request = {STR("GET /"), STR("12"), STR("")};
    dev_page_crash(&page, &app, &request);
    has(&page, "<h1>hello crashed</h1>");
    has(&page, "<h2>SIGSEGV: it read &lt;0x0&gt;</h2>");
    has(&page, "<b>0</b><var>serve&lt;x&gt;</var><code>gale-page-");
    has(&page, "<b class=it><u>2</u><i class=k>int</i> b = ");
    ck_assert_ptr_null(strstr(page.at, "<b>1</b>")); /* below is gale */
    has(&page, "the whole &amp; report");
    dev_text_crash(&text, &app);
    app.crash.stack = "f\t\t\nlast";
    dev_page_crash(&page, &app, &request);
    has(&page, "<b>0</b><var>f</var></p>\n<p class=note><b>1</b><var>last</var></p>");
    ck_assert_str_eq(text.at, "hello crashed\n\nthe whole & report\n\n");
    page.len = 0; /* a recursion, and what of it is not there */
    app.crash.stack = "f\t\t\t0\nf\t\t\t1\nf\t\t\t8000\ng\t\t\t9000\n";
    dev_page_crash(&page, &app, &request);
    has(&page, "<b>0</b><var>f</var></p>\n<p class=fold>… 8,000 frames more like this; 999 frames "
               "are left out</p>\n<p class=note><b>9000</b><var>g</var></p>");
    unlink(path);
    buffer_finish(&page);
    buffer_finish(&text);
}
END_TEST

UNIT_MAIN(shows_lines, shows_no_line_that_is_not_there, broken, without_places, refused_and_first,
          configurations, failed, crashed)
