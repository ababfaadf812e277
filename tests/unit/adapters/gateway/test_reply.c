/* Header blocks of programs: where they end in any split, what they say, what is refused. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adapters/gateway/reply.h"
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/test_front.h"

/* Feeds the text in pieces of `step` bytes. */
static long scan(const char *text, size_t len, size_t step)
{
    size_t searched = 0;
    for (size_t have = step < len ? step : len;; have = have + step < len ? have + step : len) {
        long r = reply_scan(&searched, text, have);
        if (r != 0 || have == len)
            return r;
    }
}

START_TEST(ends_at_the_first_empty_line)
{
    static const struct {
        const char *text;
        long end;
    } rows[] = {
        {"", 0},
        {"\n", 1},
        {"\r\n", 2},
        {"\r", 0},
        {"A: b\n\nbody", 6},
        {"A: b\r\n\r\nbody\n\n", 8},
        {"A: b\r\n\nbody", 7},
        {"A: b\n\r\nbody", 7},
        {"A: b\r\r\n", 0},
        {"A: b\n \n", 0},
        {"A: b\n\r\r\n\n", 9},
        {"A: b", 0},
        {"\nA: b\n\n", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t step = 1; step < 12; step++)
            ck_assert_msg(scan(rows[i].text, strlen(rows[i].text), step) == rows[i].end, "row %zu",
                          i);
}
END_TEST

START_TEST(has_a_limit)
{
    static char text[REPLY_HEAD_MAX + 10];
    memset(text, 'a', sizeof(text));
    ck_assert_int_eq(scan(text, REPLY_HEAD_MAX - 1, 1000), 0);
    ck_assert_int_eq(scan(text, REPLY_HEAD_MAX, 1000), -EMSGSIZE);
    ck_assert_int_eq(scan(text, sizeof(text), sizeof(text)), -EMSGSIZE);
    memcpy(text + REPLY_HEAD_MAX - 2, "\n\n", 2);
    ck_assert_int_eq(scan(text, sizeof(text), 777), REPLY_HEAD_MAX);
    memcpy(text + REPLY_HEAD_MAX - 2, "a\n\n", 3);
    ck_assert_int_eq(scan(text, sizeof(text), sizeof(text)), -EMSGSIZE);
}
END_TEST

/* "200 (OK) len=5 A=b C=d redirect=/x file=/f accel=/a", or "! why". */
static const char *parse(const char *text, size_t len, bool nph, struct arena *arena)
{
    struct reply reply;
    const char *why = "?";
    char *copy = memcpy(arena_alloc(arena, len + 1), text, len);
    int r = reply_parse(copy, len, nph, arena, &reply, &why);
    memset(copy, '#', len); /* nothing may still be needed of it */
    if (r < 0) {
        ck_assert_int_eq(r, -EBADMSG);
        return arena_printf(arena, "! %s", why).at;
    }
    struct gale_str out = arena_printf(arena, "%d", reply.status);
    if (reply.reason.len)
        out = arena_printf(arena, "%s (%.*s)", out.at, (int)reply.reason.len, reply.reason.at);
    if (reply.length >= 0)
        out = arena_printf(arena, "%s len=%lld", out.at, (long long)reply.length);
    for (size_t i = 0; i < reply.count; i++)
        out = arena_printf(arena, "%s %s=%s", out.at, reply.fields[i].name.at,
                           reply.fields[i].value.at);
    if (reply.kind == REPLY_LOCAL_REDIRECT)
        out = arena_printf(arena, "%s redirect=%s", out.at, reply.location.at);
    if (reply.send_file.len)
        out = arena_printf(arena, "%s file=%s", out.at, reply.send_file.at);
    if (reply.accel.len)
        out = arena_printf(arena, "%s accel=%s", out.at, reply.accel.at);
    return out.at;
}

struct row {
    const char *text, *said;
};

static void check_rows(const struct row *rows, size_t count, bool nph)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(parse(rows[i].text, strlen(rows[i].text), nph, &arena), rows[i].said);
    arena_finish(&arena);
}

START_TEST(reads_what_programs_write)
{
    static const struct row rows[] = {
        {"Content-Type: text/plain\n\n", "200 Content-Type=text/plain"},
        {"content-type:text/plain\r\nX-A:  b \t\r\n\r\n", "200 content-type=text/plain X-A=b"},
        {"Status: 404 Not Found\nA: b\n\n", "404 (Not Found) A=b"},
        {"A: b\nstatus: 599\n\n", "599 A=b"},
        {"Status: 204\n\n", "204"},
        {"Status: 200 \n\n", "200"},
        {"Status: 418  I'm a\tteapot \n\n", "418 (I'm a\tteapot)"},
        {"Status: 500 \xc3\xa4\n\n", "500 (\xc3\xa4)"},
        {"Content-Length: 0\n\n", "200 len=0"},
        {"Content-Length: 12\nA: b\n\n", "200 len=12 A=b"},
        {"Set-Cookie: a=1\nSet-Cookie: b=2\n\n", "200 Set-Cookie=a=1 Set-Cookie=b=2"},
        {"Empty:\n\n", "200 Empty="},
        {"High: \xff\xc3\xa4\n\n", "200 High=\xff\xc3\xa4"},
        {"Server: x\nDate: y\n\n", "200 Server=x Date=y"},
        /* of the connection */
        {"A: b\nConnection: close\nKeep-Alive: 5\nTE: x\nUpgrade: h2c\nTrailer: t\n\n", "200 A=b"},
        {"A: b\nConnection: a, x-y\nConnection: C\nX-Y: 1\nc: 2\nD: 3\n\n", "200 D=3"},
        /* redirects */
        {"Location: /x?y=1\n\n", "302 Location=/x?y=1 redirect=/x?y=1"},
        {"Location: /x#y\n\n", "302 Location=/x#y"},
        {"Location: http://a/b\n\n", "302 Location=http://a/b"},
        {"Location: //a/b\n\n", "302 Location=//a/b"},
        {"Location: x.html\n\n", "302 Location=x.html"},
        {"Location: /x\nSet-Cookie: a=1\n\n", "302 Location=/x Set-Cookie=a=1"},
        {"Status: 301\nLocation: /x\n\n", "301 Location=/x"},
        {"Location: http://a/\nStatus: 200 OK\n\n", "200 (OK) Location=http://a/"},
        /* files */
        {"X-Sendfile: /f\nA: b\n\n", "200 A=b file=/f"},
        {"X-Accel-Redirect: /a\n\n", "200 accel=/a"},
    };
    check_rows(rows, ARRAY_LEN(rows), false);
}
END_TEST

START_TEST(refuses_what_has_no_meaning)
{
    static const struct row rows[] = {
        {"\n", "! no field at all"},
        {"hello\n\n", "! a line without a colon among its fields"},
        {"HTTP/1.1 200 OK\nA: b\n\n", "! a line without a colon among its fields"},
        {"A : b\n\n", "! a line whose field name is no token"},
        {": b\n\n", "! a line whose field name is no token"},
        {"A: b\n folded: c\n\n", "! a line whose field name is no token"},
        {"<a href=\"http://x\">\n\n", "! a line whose field name is no token"},
        {"A: b\rC: d\n\n", "! a control byte in a field"},
        {"A: \x7f\n\n", "! a control byte in a field"},
        {"A\r: b\n\n", "! a line whose field name is no token"},
        {"Status:\n\n", "! its status is none of 200 to 599"},
        {"Status: OK\n\n", "! its status is none of 200 to 599"},
        {"Status: 2000\n\n", "! its status is none of 200 to 599"},
        {"Status: 20\n\n", "! its status is none of 200 to 599"},
        {"Status: +20\n\n", "! its status is none of 200 to 599"},
        {"Status: 100 Continue\n\n", "! its status is none of 200 to 599"},
        {"Status: 600\n\n", "! its status is none of 200 to 599"},
        {"Status: 200OK\n\n", "! its status is none of 200 to 599"},
        {"Status: 200\nStatus: 200\n\n", "! two statuses"},
        {"Content-Length: -1\n\n", "! its Content-Length is not a number"},
        {"Content-Length: 1 2\n\n", "! its Content-Length is not a number"},
        {"Content-Length: 0x10\n\n", "! its Content-Length is not a number"},
        {"Content-Length:\n\n", "! its Content-Length is not a number"},
        {"Content-Length: 9223372036854775808\n\n", "! its Content-Length is not a number"},
        {"Content-Length: 5\nContent-Length: 5\n\n", "! two Content-Length fields"},
        {"Transfer-Encoding: chunked\n\n",
         "! a Transfer-Encoding, which is the server's to choose"},
        {"Transfer-Encoding:\n\n", "! a Transfer-Encoding, which is the server's to choose"},
        {"Content-Type: a/b\ncontent-type: a/b\n\n", "! two Content-Type fields"},
        {"Location: /a\nLocation: /b\n\n", "! two Location fields"},
        {"Location:\n\n", "! an empty Location"},
        {"X-Sendfile: a\nX-Sendfile: b\n\n", "! a field twice that there may be one of"},
        {"X-Accel-Redirect:\n\n", "! an empty field"},
    };
    struct arena arena;
    check_rows(rows, ARRAY_LEN(rows), false);
    arena_init(&arena, NULL, 0);
    ck_assert_str_eq(parse("A: b\0c\n\n", 8, false, &arena), "! a control byte in a field");
    arena_finish(&arena);
}
END_TEST

START_TEST(reads_status_lines_of_nph_programs)
{
    static const struct row rows[] = {
        {"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "200 (OK) A=b"},
        {"HTTP/1.0 404\n\n", "404"},
        {"HTTP/1.0 302 Found\nLocation: /x\n\n", "302 (Found) Location=/x"},
        {"HTTP/1.1 200 OK\nConnection: close\n\n", "200 (OK)"},
        {"Content-Type: a\n\n", "! no status line, with which an nph- program begins"},
        {"\n", "! no status line, with which an nph- program begins"},
        {"HTTP/1.1\nA: b\n\n", "! no status line, with which an nph- program begins"},
        {"HTTP/1.1 100 Continue\n\n", "! its status is none of 200 to 599"},
        {"HTTP/1.1 200 OK\nStatus: 404\n\n", "! two statuses"},
        {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
         "! a Transfer-Encoding, which is the server's to choose"},
    };
    check_rows(rows, ARRAY_LEN(rows), true);
}
END_TEST

START_TEST(counts_fields)
{
    struct arena arena;
    struct buffer text = {0};
    arena_init(&arena, NULL, 0);
    for (int i = 0; i < REPLY_FIELDS_MAX; i++)
        buffer_printf(&text, "A%d: b\n", i);
    buffer_add_text(&text, "\n");
    ck_assert_int_eq(strncmp(parse(text.at, text.len, false, &arena), "200 A0=b", 8), 0);
    text.len--;
    buffer_add_text(&text, "More: x\n\n");
    ck_assert_str_eq(parse(text.at, text.len, false, &arena), "! too many fields");
    buffer_finish(&text);
    arena_finish(&arena);
}
END_TEST

static const char *applied;

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct reply reply;
    const char *why;
    (void)data;
    ck_assert_int_eq(
        reply_parse(applied, strlen(applied), false, exchange_of_request(req)->arena, &reply, &why),
        0);
    ck_assert_int_eq(reply_apply(&reply, res), 0);
    ck_assert_int_eq(gale_response_puts(res, "hello"), 0);
    return 0;
}

START_TEST(sets_the_response)
{
    struct test_front front;
    applied = "Status: 201\nSet-Cookie: a=1\nSet-Cookie: b=2\nContent-Length: 5\n\n";
    test_front_init(&front, "GET", "/");
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    ck_assert_int_eq(front.status, 201);
    ck_assert_str_eq(front.head.at, "Set-Cookie: a=1\nSet-Cookie: b=2\nContent-Length: 5\n");
    ck_assert_str_eq(front.body.at, "hello");
    ck_assert(front.is_finished && !front.is_cut);
    test_front_finish(&front);

    applied = "Content-Length: 6\n\n"; /* counted */
    test_front_init(&front, "GET", "/");
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    ck_assert(front.is_cut);
    test_front_finish(&front);
}
END_TEST

UNIT_MAIN(ends_at_the_first_empty_line, has_a_limit, reads_what_programs_write,
          refuses_what_has_no_meaning, reads_status_lines_of_nph_programs, counts_fields,
          sets_the_response)
