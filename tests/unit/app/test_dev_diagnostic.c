/* What gcc, clang, ld, go, rustc and make say, read back as places (dev_diagnostic.c). */
#include "app/dev_diagnostic.h"

#include "base/macros.h"
#include "base/str.h"
#include "unit.h"

struct expected {
    enum dev_kind kind;
    const char *file;
    unsigned line, column, width;
    bool is_visual;
    const char *message;
};

static const struct {
    const char *text;
    struct expected expected[4]; /* up to one without a file */
} cases[] = {
    {"", {{0}}},
    {"make: *** [Makefile:5: hello.so] Error 1\n", {{0}}},
    {"make[1]: Entering directory '/x'\ncollect2: error: ld returned 1 exit status\n", {{0}}},
    {"a.c: In function 'f':\n"
     "a.c:4:9: error: unknown type name 'retrn'\n"
     "    4 |         retrn x;\n"
     "      |         ^~~~~\n"
     "a.c:2:11: note: previous definition\n"
     "    2 | int f(int x)\n"
     "      |       ~~~~^\n"
     "a.c:5:1: warning: control reaches end [-Wreturn-type]\n",
     {{DEV_ERROR, "a.c", 4, 9, 5, true, "unknown type name 'retrn'"},
      {DEV_NOTE, "a.c", 2, 11, 1, true, "previous definition"},
      {DEV_WARNING, "a.c", 5, 1, 1, false, "control reaches end [-Wreturn-type]"}}},
    {"a.c:4:2: error: use of 'retrn'\n\tretrn x;\n\t^~~~~\n\treturn\n3 errors generated.\n",
     {{DEV_ERROR, "a.c", 4, 2, 5, false, "use of 'retrn'"}}},
    {"In file included from /x/b.c:1:\n                 from /x/c.c:2:\n"
     "/x/a.h:3:10: fatal error: nope.h: No such file or directory\n",
     {{DEV_ERROR, "/x/a.h", 3, 10, 1, false, "nope.h: No such file or directory"}}},
    {"/usr/bin/ld: /tmp/cc.o: in function `k':\n/x/b.c:2: warning: undefined reference to `h'\n"
     "/usr/bin/ld: /x/b.c:3: undefined reference to `h'\n"
     "/x/c.c:2: multiple definition of `k'; /tmp/cc.o:/x/b.c:2: first defined here\n",
     {{DEV_WARNING, "/x/b.c", 2, 0, 1, false, "undefined reference to `h'"},
      {DEV_ERROR, "/x/b.c", 3, 0, 1, false, "undefined reference to `h'"},
      {DEV_ERROR, "/x/c.c", 2, 0, 1, false,
       "multiple definition of `k'; /tmp/cc.o:/x/b.c:2: first defined here"}}},
    {"error[E0308]: mismatched types\n --> src/d.rs:1:26\n  |\n"
     "error: aborting due to previous error\n\nwarning: unused\n  --> src/d.rs:7:3\n",
     {{DEV_ERROR, "src/d.rs", 1, 26, 1, false, "mismatched types"},
      {DEV_WARNING, "src/d.rs", 7, 3, 1, false, "unused"}}},
    {"# command-line-arguments\n./e.go:2:15: x declared but not used\n",
     {{DEV_ERROR, "./e.go", 2, 15, 1, false, "x declared but not used"}}},
    {"t.cc:5:7:   required from here\n",
     {{DEV_NOTE, "t.cc", 5, 7, 1, false, "required from here"}}},
    {"x.c:99999999999999999999: error: a\n:1:2: error: b\nx.c:1:2:\n", {{0}}},
    {"x.c:0: error: a\nx.c:0:7: error: b\nerror: c\n --> x.rs:0:1\n", {{0}}},
};

static void is_same(const struct dev_diagnostic *found, const struct expected *expected)
{
    ck_assert_int_eq(found->kind, expected->kind);
    ck_assert(str_equals(found->file, str_of(expected->file)));
    ck_assert_uint_eq(found->line, expected->line);
    ck_assert_uint_eq(found->column, expected->column);
    ck_assert_uint_eq(found->width, expected->width);
    ck_assert_int_eq(found->is_visual, expected->is_visual);
    ck_assert(str_equals(found->message, str_of(expected->message)));
}

START_TEST(reads)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct gale_str rest = str_of(cases[i].text);
        struct dev_diagnostic found;
        const struct expected *expected = cases[i].expected;
        for (; expected->file; expected++) {
            ck_assert(dev_diagnostic_next(&rest, &found));
            is_same(&found, expected);
        }
        ck_assert(!dev_diagnostic_next(&rest, &found));
    }
}
END_TEST

START_TEST(counts)
{
    struct gale_str text = str_of(cases[3].text);
    ck_assert_uint_eq(dev_diagnostic_count(text, DEV_ERROR), 1);
    ck_assert_uint_eq(dev_diagnostic_count(text, DEV_WARNING), 1);
    ck_assert_uint_eq(dev_diagnostic_count(text, DEV_NOTE), 1);
}
END_TEST

UNIT_MAIN(reads, counts)
