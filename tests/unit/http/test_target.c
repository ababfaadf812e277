/* Targets: what a path means, and what is refused. */
#include "unit.h"

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/http_refusal.h"
#include "http/target.h"

static char block[4096];
static struct arena arena;

static int parse(const char *method, struct gale_str text, struct target *out)
{
    struct http_refusal refusal = {0};
    arena_finish(&arena);
    arena_init(&arena, block, sizeof(block));
    int r = target_parse(str_of(method), text, &arena, out, &refusal);
    if (r == 0) {
        const struct gale_str parts[] = {out->authority, out->scheme, out->raw_path, out->query,
                                         out->path};
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
            ck_assert_int_eq(parts[i].at[parts[i].len], 0);
        return 0;
    }
    ck_assert_int_eq(r, -1);
    ck_assert(refusal.why && strlen(refusal.why) > 10);
    return refusal.status;
}

static void check_str(struct gale_str text, struct gale_str is, const char *wanted)
{
    ck_assert_msg(str_equals(is, str_of(wanted)), "%s: %s, not %s", text.at, is.at, wanted);
}

START_TEST(paths)
{
    static const struct {
        const char *target, *path;
    } rows[] = {
        {"/", "/"},
        {"//", "//"},
        {"//host/x", "//host/x"},
        {"/a/b", "/a/b"},
        {"/a//b///", "/a//b///"},
        {"/a+b", "/a+b"},
        {"/a%20b", "/a b"},
        {"/%41%5a%7E", "/AZ~"},
        {"/\xC3\xA9", "/\xC3\xA9"},
        {"/%C3%a9", "/\xC3\xA9"},
        {"/%FF", "/\xFF"},
        {"/%01%7f%0A", "/\x01\x7F\n"},
        {"/a;b=c,d:e@f!$&'()*", "/a;b=c,d:e@f!$&'()*"},
        {"/a|b\"<>\\^`{}", "/a|b\"<>\\^`{}"},
        /* what stays encoded */
        {"/a%2Fb", "/a%2Fb"},
        {"/a%2fb", "/a%2Fb"},
        {"/a%5Cb%5c", "/a%5Cb%5C"},
        {"/..%2F..%2Fetc", "/..%2F..%2Fetc"},
        {"/a/..%5c..%5cb", "/a/..%5C..%5Cb"},
        /* nothing is decoded twice */
        {"/%2541", "/%41"},
        {"/%2500", "/%00"},
        {"/%252e%252e/x", "/%2e%2e/x"},
        {"/100%25", "/100%"},
        {"/100%25/x", "/100%/x"},
        {"/%25zz", "/%zz"},
        {"/%252F", "/%252F"},
        {"/%252f", "/%252f"},
        {"/%255C", "/%255C"},
        {"/%2525", "/%2525"},
        {"/%25%32%46", "/%252F"},
        {"/%25%32F", "/%252F"},
        {"/%252%46", "/%252F"},
        {"/%25252F", "/%25252F"},
        {"/%2525%2525", "/%2525%2525"},
        {"/%25%2F", "/%%2F"},
        {"/%25%25", "/%%"},
        {"/%25%25%32%35", "/%%2525"},
        /* dot segments */
        {"/.", "/"},
        {"/./", "/"},
        {"/..", "/"},
        {"/../", "/"},
        {"/../../..", "/"},
        {"/../a", "/a"},
        {"/a/.", "/a/"},
        {"/a/./", "/a/"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/a/../b", "/b"},
        {"/a/./b", "/a/b"},
        {"/a/b/..", "/a/"},
        {"/a/b/../", "/a/"},
        {"/a/b/../..", "/"},
        {"/a/b/../../..", "/"},
        {"/a/b/../../../c", "/c"},
        {"/a/b/c/./../../g", "/a/g"},
        {"/a//../b", "/a/b"},
        {"/a//..", "/a/"},
        {"//..", "/"},
        {"//../a", "/a"},
        {"//..//a", "//a"},
        {"/a/...", "/a/..."},
        {"/a/.b", "/a/.b"},
        {"/a/..b/c", "/a/..b/c"},
        {"/a/b../c", "/a/b../c"},
        {"/.a./..b.", "/.a./..b."},
        {"/a/%2e%2e/b", "/b"},
        {"/a/%2E./b", "/b"},
        {"/a/.%2e", "/"},
        {"/a/%2e", "/a/"},
        {"/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd"},
        {"/a/..;/b", "/a/..;/b"},
        {"/a/%2e%2e%2fb", "/a/..%2Fb"},
        {"/a/%%32e/b", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct target target;
        struct gale_str text = str_of(rows[i].target);
        int status = parse("GET", text, &target);
        ck_assert_msg(status == (rows[i].path ? 0 : 400), "%s: %d", text.at, status);
        if (!rows[i].path)
            continue;
        check_str(text, target.path, rows[i].path);
        check_str(text, target.raw_path, rows[i].target);
        ck_assert(!target.has_query && !target.is_asterisk && !target.query.len);
    }
}
END_TEST

START_TEST(forms)
{
    static const struct {
        const char *method, *target, *scheme, *authority, *raw_path, *path, *query;
    } rows[] = {
        {"GET", "/a?b=c", "", "", "/a", "/a", "b=c"},
        {"GET", "/a?", "", "", "/a", "/a", ""},
        {"GET", "/?a?b", "", "", "/", "/", "a?b"},
        {"GET", "/a?/../b", "", "", "/a", "/a", "/../b"},
        {"GET", "/a?%zz%00%", "", "", "/a", "/a", "%zz%00%"},
        {"GET", "/%3Fx?y", "", "", "/%3Fx", "/?x", "y"},
        {"GET", "/%23", "", "", "/%23", "/#", NULL},
        {"GET", "/a/../b?q", "", "", "/a/../b", "/b", "q"},
        {"GET", "http://host/a?b", "http", "host", "/a", "/a", "b"},
        {"GET", "HTTP://Host:80/a", "http", "Host:80", "/a", "/a", NULL},
        {"GET", "https://[::1]:8443/", "https", "[::1]:8443", "/", "/", NULL},
        {"GET", "http://host", "http", "host", "/", "/", NULL},
        {"GET", "http://host?q", "http", "host", "/", "/", "q"},
        {"GET", "http://host/http://other/", "http", "host", "/http://other/", "/http://other/",
         NULL},
        {"GET", "/http://host/", "", "", "/http://host/", "/http://host/", NULL},
        {"OPTIONS", "http://host/", "http", "host", "/", "/", NULL},
        {"OPTIONS", "http://host?", "http", "host", "/", "/", ""},
        {"OPTIONS", "/", "", "", "/", "/", NULL},
        {"OPTIONS", "/*", "", "", "/*", "/*", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct target target;
        struct gale_str text = str_of(rows[i].target);
        ck_assert_msg(parse(rows[i].method, text, &target) == 0, "%s", text.at);
        check_str(text, target.scheme, rows[i].scheme);
        check_str(text, target.authority, rows[i].authority);
        check_str(text, target.raw_path, rows[i].raw_path);
        check_str(text, target.path, rows[i].path);
        check_str(text, target.query, rows[i].query ? rows[i].query : "");
        ck_assert_int_eq(target.has_query, rows[i].query != NULL);
        ck_assert(!target.is_asterisk);
    }
}
END_TEST

START_TEST(asterisks)
{
    static const char *const rows[] = {"*", "http://host", "https://host:1"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct target target;
        ck_assert_int_eq(parse("OPTIONS", str_of(rows[i]), &target), 0);
        ck_assert(target.is_asterisk && !target.has_query);
        check_str(str_of(rows[i]), target.path, "*");
        check_str(str_of(rows[i]), target.raw_path, "*");
    }
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        const char *method;
        struct gale_str target;
    } rows[] = {
        {"GET", STR("")},
        {"GET", STR("*")},
        {"HEAD", STR("*")},
        {"options", STR("*")},
        {"OPTIONS", STR("*/")},
        {"OPTIONS", STR("**")},
        {"OPTIONS", STR("*?a")},
        {"GET", STR("a")},
        {"GET", STR("?a")},
        {"GET", STR("host:80")},
        {"GET", STR("host/a")},
        {"GET", STR("ftp://host/a")},
        {"GET", STR("httpx://host/a")},
        {"GET", STR("http:/host/a")},
        {"GET", STR("http:host")},
        {"GET", STR("http//host")},
        {"GET", STR("http")},
        {"GET", STR("http://")},
        {"GET", STR("http:///a")},
        {"GET", STR("http://?a")},
        {"GET", STR("http://user@host/")},
        {"GET", STR("http://user:pass@host/")},
        {"GET", STR("http://host:x/")},
        {"GET", STR("http://host:70000/")},
        {"GET", STR("http://ho st/")},
        {"GET", STR("http://ho%73t/")},
        {"GET", STR("http://h\\ost/")},
        {"GET", STR("http://[::1/")},
        {"GET", STR("http://host/#a")},
        {"GET", STR("/#")},
        {"GET", STR("/a#b")},
        {"GET", STR("/a?b#c")},
        {"GET", STR("/%")},
        {"GET", STR("/%2")},
        {"GET", STR("/%zz")},
        {"GET", STR("/%4")},
        {"GET", STR("/%4g")},
        {"GET", STR("/%g4")},
        {"GET", STR("/% 4")},
        {"GET", STR("/%+4")},
        {"GET", STR("/%%41")},
        {"GET", STR("/a%?41")},
        {"GET", STR("/%00")},
        {"GET", STR("/a%00b")},
        {"GET", STR("/a b")},
        {"GET", STR("/a\tb")},
        {"GET", STR("/a\rb")},
        {"GET", STR("/a\nb")},
        {"GET", STR("/a\0b")},
        {"GET", STR("/a\x1F")},
        {"GET", STR("/a\x7F")},
        {"GET", STR("/a?\x01")},
        {"GET", STR("/a? ")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct target target;
        int status = parse(rows[i].method, rows[i].target, &target);
        ck_assert_msg(status == 400, "%s %s: %d", rows[i].method, rows[i].target.at, status);
    }
}
END_TEST

/* The view need not end in zero, and no byte behind it is read. */
START_TEST(reads_no_further_than_the_view)
{
    struct target target;
    ck_assert_int_eq(parse("GET", (struct gale_str){"/a%20b", 3}, &target), 400);
    ck_assert_int_eq(parse("GET", (struct gale_str){"/a%20b", 4}, &target), 400);
    ck_assert_int_eq(parse("GET", (struct gale_str){"/a%20b", 5}, &target), 0);
    ck_assert_int_eq(parse("GET", (struct gale_str){"/a#b", 2}, &target), 0);
    check_str(STR("/a#b"), target.path, "/a");
}
END_TEST

START_TEST(decodes_fully)
{
    static const struct {
        const char *target, *full;
    } rows[] = {
        {"/a/b", "/a/b"},       {"/a%2Fb%5cc", "/a/b\\c"}, {"/..%2F..%2fx", "/../../x"},
        {"/%252F", "/%2F"},     {"/%252f", "/%2f"},        {"/%2525", "/%25"},
        {"/%25252F", "/%252F"}, {"/%255C", "/%5C"},        {"/%2500", "/%00"},
        {"/%25%2F", "/%/"},     {"/%25%25", "/%%"},        {"/%2541", "/%41"},
        {"/100%25", "/100%"},   {"/%252", "/%2"},          {"/%25%32%35%32%46", "/%252F"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct target target;
        struct gale_str text = str_of(rows[i].target);
        ck_assert_int_eq(parse("GET", text, &target), 0);
        struct gale_str full = target_decode_fully(target.path, &arena);
        check_str(text, full, rows[i].full);
        ck_assert_int_eq(full.at[full.len], 0);
    }
    struct gale_str empty = target_decode_fully(STR(""), &arena);
    ck_assert_uint_eq(empty.len, 0);
}
END_TEST

/* Escaping every byte of a path's name gives the same path again, whatever the bytes are. */
START_TEST(round_trips_every_pair_of_bytes)
{
    static const char hex[] = "0123456789abcdef";
    for (unsigned pair = 0; pair < 65536; pair++) {
        unsigned char bytes[] = {'%', (unsigned char)(pair >> 8), (unsigned char)pair};
        char text[16] = "/";
        struct target target;
        if (!bytes[1] || !bytes[2])
            continue;
        for (int i = 0; i < 3; i++)
            memcpy(text + 1 + 3 * i, (char[]){'%', hex[bytes[i] >> 4], hex[bytes[i] & 15]}, 3);
        ck_assert_int_eq(parse("GET", str_of(text), &target), 0);
        struct gale_str full = target_decode_fully(target.path, &arena);
        ck_assert_uint_eq(full.len, 4);
        ck_assert_mem_eq(full.at + 1, bytes, 3);
    }
}
END_TEST

START_TEST(handles_long_paths_in_linear_time)
{
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    struct target target;
    for (size_t i = 0; i < SIZE; i++)
        text[i] = "/a/.."[i % 5];
    ck_assert_int_eq(parse("GET", (struct gale_str){text, SIZE - SIZE % 5}, &target), 0);
    check_str(STR("long"), target.path, "/");
    for (size_t i = 0; i < SIZE; i++)
        text[i] = "/%25%32%46%2e"[i % 13];
    ck_assert_int_eq(parse("GET", (struct gale_str){text, SIZE - SIZE % 13}, &target), 0);
    ck_assert_uint_eq(target.path.len, SIZE / 13 * 7);
    arena_finish(&arena);
    free(text);
}
END_TEST

UNIT_MAIN(paths, forms, asterisks, refusals, reads_no_further_than_the_view, decodes_fully,
          round_trips_every_pair_of_bytes, handles_long_paths_in_linear_time)
