/* Cookies: what clients send in every shape, and nothing written that is read otherwise. */
#include "unit.h"

#include <errno.h>
#include <time.h>
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/cookie.h"
#include "http/http_parse.h"

enum { COOKIES_MAX = 4 };

static struct cookies parse(struct gale_str field, struct arena *arena)
{
    struct http_header header = {STR("Cookie"), field};
    struct cookies cookies;
    cookies_parse(&header, 1, arena, &cookies);
    return cookies;
}

START_TEST(reads_what_clients_send)
{
    static const struct {
        struct gale_str field;
        size_t count;
        struct cookie cookies[COOKIES_MAX];
    } rows[] = {
        {STR(""), 0, {{STR(""), STR("")}}},
        {STR(" ; ;; "), 0, {{STR(""), STR("")}}},
        {STR("="), 0, {{STR(""), STR("")}}},
        {STR("chips=ahoy; vienna=finger"),
         2,
         {{STR("chips"), STR("ahoy")}, {STR("vienna"), STR("finger")}}},
        {STR("a=1;b=2"), 2, {{STR("a"), STR("1")}, {STR("b"), STR("2")}}},
        /* a semicolon splits even within quotes, and then the quotes do not stand round it all */
        {STR("keebler=\"E=mc2; L=\\\"Loves\\\"; fudge=\\012;\""),
         4,
         {{STR("keebler"), STR("\"E=mc2")},
          {STR("L"), STR("\\\"Loves\\\"")},
          {STR("fudge"), STR("\\012")},
          {STR(""), STR("\"")}}},
        {STR("foo=\"a;b\""), 2, {{STR("foo"), STR("\"a")}, {STR(""), STR("b\"")}}},
        {STR("keebler=E=mc2"), 1, {{STR("keebler"), STR("E=mc2")}}},
        {STR("key:term=value:term"), 1, {{STR("key:term"), STR("value:term")}}},
        {STR("a=b; c=[; d=r"),
         3,
         {{STR("a"), STR("b")}, {STR("c"), STR("[")}, {STR("d"), STR("r")}}},
        {STR("abc=def; unnamed; django_language=en"),
         3,
         {{STR("abc"), STR("def")},
          {STR(""), STR("unnamed")},
          {STR("django_language"), STR("en")}}},
        {STR("=z"), 1, {{STR(""), STR("z")}}},
        {STR("a="), 1, {{STR("a"), STR("")}}},
        {STR("\ta = b c \t;"), 1, {{STR("a"), STR("b c")}}},
        {STR("/=exception;"), 1, {{STR("/"), STR("exception")}}},
        {STR("  =  b  ;  ;  =  ;   c  =  ;  "), 2, {{STR(""), STR("b")}, {STR("c"), STR("")}}},
        {STR("saint=Andr\xC3\xA9; raw=\xE9"),
         2,
         {{STR("saint"), STR("Andr\xC3\xA9")}, {STR("raw"), STR("\xE9")}}},
        {STR("a=1,b=2"), 1, {{STR("a"), STR("1,b=2")}}},
        {STR("$Version=1; a=b; $Path=/"),
         3,
         {{STR("$Version"), STR("1")}, {STR("a"), STR("b")}, {STR("$Path"), STR("/")}}},
        {STR("\"a\"=b"), 1, {{STR("\"a\""), STR("b")}}},
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cookies cookies = parse(rows[i].field, &arena);
        ck_assert_msg(cookies.count == rows[i].count, "row %zu: %zu", i, cookies.count);
        for (size_t n = 0; n < cookies.count; n++) {
            const struct cookie *have = &cookies.at[n], *want = &rows[i].cookies[n];
            ck_assert_msg(str_equals(have->name, want->name), "row %zu: %s", i, have->name.at);
            ck_assert_msg(str_equals(have->value, want->value), "row %zu: %s", i, have->value.at);
            ck_assert_int_eq(have->name.at[have->name.len], 0);
            ck_assert_int_eq(have->value.at[have->value.len], 0);
        }
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(unquotes_only_whole_values)
{
    static const struct {
        struct gale_str sent, meant;
    } rows[] = {
        {STR("\"\""), STR("")},
        {STR("\""), STR("\"")},
        {STR("a\"b\""), STR("a\"b\"")},
        {STR("\"b\"a"), STR("\"b\"a")},
        {STR("\"a"), STR("\"a")},
        {STR("a\""), STR("a\"")},
        {STR("\"a=b\""), STR("a=b")},
        {STR("\" a \""), STR(" a ")},
        {STR("\"\\\"\""), STR("\"")},
        {STR("\"a\\\"b\\\"c\""), STR("a\"b\"c")},
        {STR("\"\\\\\""), STR("\\")},
        {STR("\"\\n\""), STR("n")},
        {STR("\"\\042\""), STR("\"")},
        {STR("\"\\377\""), STR("\xFF")},
        {STR("\"\\000\""), STR("\0")},
        {STR("\"\\400\""), STR("400")},
        {STR("\"\\378\""), STR("378")},
        {STR("\"\\42\""), STR("42")},
        {STR("\"\\04\""), STR("04")},
        {STR("\"\\\\042\""), STR("\\042")},
        {STR("\"\\\\\\042\""), STR("\\\"")},
        {STR("\"a\\\""), STR("a\\")}, /* a backslash with nothing behind it */
        {STR("\"\\\""), STR("\\")},
        {STR("\\042"), STR("\\042")}, /* not quoted, no escapes */
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str field = arena_printf(&arena, "a=%s", rows[i].sent.at);
        struct cookies cookies = parse(field, &arena);
        ck_assert_uint_eq(cookies.count, 1);
        ck_assert_msg(str_equals(cookies.at[0].value, rows[i].meant), "row %zu: %s", i,
                      cookies.at[0].value.at);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(joins_fields_and_the_last_wins)
{
    static const struct http_header headers[] = {
        {STR("Host"), STR("a=0")},
        {STR("cookie"), STR("a=1; b=2; a=3")},
        {STR("Cookies"), STR("a=4")},
        {STR("COOKIE"), STR("")},
        {STR("Cookie"), STR("c=5; b=6; A=7; x")},
    };
    struct arena arena;
    struct cookies cookies;
    arena_init(&arena, NULL, 0);
    cookies_parse(headers, ARRAY_LEN(headers), &arena, &cookies);
    ck_assert_uint_eq(cookies.count, 7);
    ck_assert_str_eq(cookies_find(&cookies, STR("a"))->value.at, "3");
    ck_assert_str_eq(cookies_find(&cookies, STR("b"))->value.at, "6");
    ck_assert_str_eq(cookies_find(&cookies, STR("A"))->value.at, "7");
    ck_assert_str_eq(cookies_find(&cookies, STR(""))->value.at, "x");
    ck_assert_ptr_null(cookies_find(&cookies, STR("d")));
    cookies_parse(headers, 1, &arena, &cookies);
    ck_assert_uint_eq(cookies.count, 0);
    ck_assert_ptr_null(cookies_find(&cookies, STR("a")));
    cookies_parse(NULL, 0, &arena, &cookies);
    ck_assert_uint_eq(cookies.count, 0);
    arena_finish(&arena);
}
END_TEST

#define NAMED .name = STR("a")

START_TEST(builds)
{
    static const struct {
        struct cookie_settings settings;
        const char *text;
    } rows[] = {
        {{NAMED}, "a="},
        {{NAMED, .value = STR("b")}, "a=b"},
        {{NAMED, .value = STR("a=b")}, "a=a=b"},
        {{NAMED, .value = STR("a;b")}, "a=\"a\\073b\""},
        {{NAMED, .value = STR("a b,\"c\\")}, "a=\"a b\\054\\042c\\134\""},
        {{NAMED, .value = STR("\"b\"")}, "a=\"\\042b\\042\""},
        {{NAMED, .value = STR("\xC3\xA9")}, "a=\"\\303\\251\""},
        {{NAMED, .path = STR("/")}, "a=; Path=/"},
        {{NAMED, .has_max_age = true, .max_age = 10}, "a=; Max-Age=10"},
        {{NAMED, .has_max_age = true, .max_age = INT64_MIN}, "a=; Max-Age=-9223372036854775808"},
        {{NAMED, .max_age = 10, .expires = 10}, "a="},
        {{NAMED, .has_expires = true}, "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"},
        {{NAMED, .has_expires = true, .expires = 253402300799},
         "a=; Expires=Fri, 31 Dec 9999 23:59:59 GMT"},
        {{NAMED, .is_secure = true, .same_site = COOKIE_SAME_SITE_NONE},
         "a=; Secure; SameSite=None"},
        {{NAMED, .same_site = COOKIE_SAME_SITE_LAX}, "a=; SameSite=Lax"},
        {{.name = STR("__Host-a"), .path = STR("/"), .is_secure = true},
         "__Host-a=; Path=/; Secure"},
        {{.name = STR("__Secure-a"), .is_secure = true, .domain = STR("x.org")},
         "__Secure-a=; Domain=x.org; Secure"},
        {{.name = STR("n"),
          .value = STR("v"),
          .path = STR("/p"),
          .domain = STR("d.org"),
          .has_max_age = true,
          .max_age = 864000,
          .has_expires = true,
          .expires = 1359312200,
          .is_secure = true,
          .is_http_only = true,
          .same_site = COOKIE_SAME_SITE_STRICT},
         "n=v; Path=/p; Domain=d.org; Max-Age=864000; Expires=Sun, 27 Jan 2013 18:43:20 GMT; "
         "Secure; HttpOnly; SameSite=Strict"},
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str text = {0};
        ck_assert_int_eq(cookie_build(&rows[i].settings, &arena, &text), 0);
        ck_assert_str_eq(text.at, rows[i].text);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(refuses_to_build)
{
    static const struct cookie_settings rows[] = {
        {.name = STR("")},
        {.name = STR("a b")},
        {.name = STR("a=b")},
        {.name = STR("a;b")},
        {.name = STR("a\0b")},
        {.name = STR("a\x7F")},
        {.name = STR("\xC3\xA9")},
        {NAMED, .value = STR("a\nb")},
        {NAMED, .value = STR("a\r")},
        {NAMED, .value = STR("\0")},
        {NAMED, .value = STR("\t")},
        {NAMED, .value = STR("\x7F")},
        {NAMED, .path = STR("/;")},
        {NAMED, .path = STR("/\n")},
        {NAMED, .path = STR("/\0")},
        {NAMED, .path = STR("/ ")},
        {NAMED, .path = STR("/\xC3\xA9")},
        {NAMED, .domain = STR("a; Secure")},
        {NAMED, .domain = STR("a;Secure")},
        {NAMED, .domain = STR("\r\nX: y")},
        {NAMED, .has_expires = true, .expires = -1},
        {NAMED, .has_expires = true, .expires = 253402300800},
        {NAMED, .has_expires = true, .expires = INT64_MAX},
        {NAMED, .same_site = COOKIE_SAME_SITE_NONE},
        {NAMED, .same_site = (enum cookie_same_site)4},
        {.name = STR("__Secure-a")},
        {.name = STR("__SECURE-a")},
        {.name = STR("__Host-a"), .path = STR("/")},
        {.name = STR("__Host-a"), .is_secure = true},
        {.name = STR("__Host-a"), .is_secure = true, .path = STR("/a")},
        {.name = STR("__host-a"), .is_secure = true, .path = STR("/"), .domain = STR("a.org")},
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str text = STR("untouched");
        ck_assert_msg(cookie_build(&rows[i], &arena, &text) == -EINVAL, "row %zu", i);
        ck_assert_str_eq(text.at, "untouched");
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(reads_back_what_it_built)
{
    char all[256];
    size_t len = 0;
    for (int c = 255; c >= ' '; c--)
        if (c != 0x7f)
            all[len++] = (char)c;
    struct cookie_settings settings = {.name = STR("n"), .value = {all, len}};
    struct arena arena;
    struct gale_str text;
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(cookie_build(&settings, &arena, &text), 0);
    struct cookies cookies = parse(text, &arena);
    ck_assert_uint_eq(cookies.count, 1);
    ck_assert(str_equals(cookies.at[0].value, settings.value));
    arena_finish(&arena);
}
END_TEST

static double seconds_for(const char *piece, size_t times)
{
    size_t len = strlen(piece);
    char *text = malloc(len * times + 4);
    memcpy(text, "a=\"", 3);
    for (size_t i = 0; i < times; i++)
        memcpy(text + 3 + i * len, piece, len);
    text[len * times + 3] = '"';
    struct arena arena;
    arena_init(&arena, NULL, 0);
    clock_t start = clock();
    parse((struct gale_str){text, len * times + 4}, &arena);
    double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
    arena_finish(&arena);
    free(text);
    return spent;
}

START_TEST(takes_linear_time)
{
    static const char *const pieces[] = {"\\", "\\042", "\\\"", ";", "a=b;", " ", "=", "\""};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        double once = seconds_for(pieces[i], 100000);
        ck_assert_msg(seconds_for(pieces[i], 400000) < 12 * once + 0.2, "of %s", pieces[i]);
    }
}
END_TEST

UNIT_MAIN(reads_what_clients_send, unquotes_only_whole_values, joins_fields_and_the_last_wins,
          builds, refuses_to_build, reads_back_what_it_built, takes_linear_time)
