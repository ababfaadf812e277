/* The chunked coding: every row whole, byte by byte, cut in two anywhere, and with more behind. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/chunked.h"

enum { MORE = 1 }; /* neither an error nor the end: bytes are missing */

struct result {
    int status; /* 0 done, MORE, or -errno */
    size_t used;
    struct buffer body;
};

/* Decodes all of data, or up to the end of the body or a fault. */
static void feed(struct chunked *chunked, const char *data, size_t len, struct result *result)
{
    size_t at = 0;
    while (at < len && result->status == MORE) {
        struct gale_str piece = {NULL, 77};
        long n = chunked_decode(chunked, data + at, len - at, &piece);
        if (n < 0) {
            result->status = (int)n;
            return;
        }
        ck_assert(n > 0 && (size_t)n <= len - at);
        ck_assert(piece.at >= data + at && piece.at + piece.len <= data + at + n);
        buffer_add_str(&result->body, piece);
        at += (size_t)n;
        result->used += (size_t)n;
        if (chunked_is_done(chunked))
            result->status = 0;
    }
}

/* In pieces of `step` bytes, but the first of `first`. */
static struct result decode(struct gale_str text, size_t first, size_t step)
{
    struct chunked chunked;
    struct result result = {.status = MORE};
    chunked_init(&chunked);
    for (size_t at = 0, n = first; at < text.len && result.status == MORE; at += n, n = step) {
        n = n < text.len - at ? n : text.len - at;
        char *copy = malloc(n); /* exact, so that ASan sees a byte read too many */
        memcpy(copy, text.at + at, n);
        feed(&chunked, copy, n, &result);
        free(copy);
    }
    if (result.status < 0) { /* a fault stays one */
        struct gale_str piece;
        ck_assert_int_eq(chunked_decode(&chunked, "0\r\n\r\n", 5, &piece), result.status);
        ck_assert(!chunked_is_done(&chunked));
    }
    return result;
}

static void check(struct gale_str text, size_t first, size_t step, int status, struct gale_str body,
                  size_t used)
{
    struct result result = decode(text, first, step);
    ck_assert_msg(result.status == status, "%.60s (%zu, %zu): %d", text.at, first, step,
                  result.status);
    if (status >= 0) {
        ck_assert_msg(result.used == used, "%.60s: used %zu", text.at, result.used);
        ck_assert(str_equals(buffer_str(&result.body), body));
    }
    buffer_finish(&result.body);
}

/* The same whole, cut in two at every place, and byte by byte. */
static void check_all(struct gale_str text, int status, struct gale_str body, size_t used)
{
    for (size_t cut = 1; cut <= text.len; cut++)
        check(text, cut, text.len, status, body, used);
    check(text, 1, 1, status, body, used);
}

START_TEST(decodes)
{
    static const struct {
        struct gale_str text, body;
    } rows[] = {
        {STR("0\r\n\r\n"), STR("")},
        {STR("000\r\n\r\n"), STR("")},
        {STR("1\r\nx\r\n0\r\n\r\n"), STR("x")},
        {STR("4\r\nfoo=\r\n3\r\nbar\r\n0\r\n\r\n"), STR("foo=bar")},
        {STR("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), STR("01234567890123456789")},
        {STR("0a\r\n0123456789\r\n0\r\n\r\n"), STR("0123456789")},
        {STR("00000000000000000000000000000001\r\nx\r\n0\r\n\r\n"), STR("x")},
        {STR("3;a=b\r\nabc\r\n0\r\n\r\n"), STR("abc")},
        {STR("3;a=\"q;\\\"\";b\r\nabc\r\n0;last\r\n\r\n"), STR("abc")},
        {STR("3 ;a\r\nabc\r\n0 \t;\r\n\r\n"), STR("abc")},
        {STR("3; a = b\t\r\nabc\r\n0\r\n\r\n"), STR("abc")},
        {STR("3;\r\nabc\r\n0\r\n\r\n"), STR("abc")},
        {STR("3;\xC3\xA9\r\nabc\r\n0\r\n\r\n"), STR("abc")},
        {STR("4\r\n\r\n\r\n\r\n0\r\n\r\n"), STR("\r\n\r\n")},
        {STR("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), STR("0\r\n\r\n")},
        {STR("2\r\n\0\xFF\r\n0\r\n\r\n"), STR("\0\xFF")},
        {STR("0\r\nHost: evil\r\n\r\n"), STR("")},
        {STR("0\r\nContent-Length: 5\r\nX:\r\nY: \tz \r\n\r\n"), STR("")},
        {STR("1\r\nx\r\n0\r\nExpires: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n"), STR("x")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer more = {0};
        check_all(rows[i].text, 0, rows[i].body, rows[i].text.len);
        /* what follows is the next request's and stays untouched */
        buffer_add_str(&more, rows[i].text);
        buffer_add_text(&more, "GET / HTTP/1.1\r\n");
        check_all(buffer_str(&more), 0, rows[i].body, rows[i].text.len);
        buffer_finish(&more);
        /* and no part of it is all of it */
        for (size_t len = 1; len < rows[i].text.len; len++) {
            struct result result = decode((struct gale_str){rows[i].text.at, len}, len, len);
            ck_assert_int_eq(result.status, MORE);
            ck_assert_uint_eq(result.used, len);
            buffer_finish(&result.body);
        }
    }
}
END_TEST

START_TEST(refuses)
{
    static const struct {
        struct gale_str text;
        int status;
    } rows[] = {
        {STR("\r\n"), -EBADMSG},
        {STR("\n"), -EBADMSG},
        {STR(";a\r\n"), -EBADMSG},
        {STR("-3\r\nabc\r\n"), -EBADMSG},
        {STR("+3\r\nabc\r\n"), -EBADMSG},
        {STR("0x3\r\nabc\r\n"), -EBADMSG},
        {STR(" 3\r\nabc\r\n"), -EBADMSG},
        {STR("3 \r\nabc\r\n"), -EBADMSG},
        {STR("3 a\r\nabc\r\n"), -EBADMSG},
        {STR("3 3;a\r\nabc\r\n"), -EBADMSG},
        {STR("3\t\r\nabc\r\n"), -EBADMSG},
        {STR("3\t\r\nabc\r\n"), -EBADMSG},
        {STR("1_a\r\n"), -EBADMSG},
        {STR("3.\r\nabc\r\n"), -EBADMSG},
        {STR("3,3\r\nabc\r\n"), -EBADMSG},
        {STR("g\r\n"), -EBADMSG},
        {STR("3\nabc\r\n"), -EBADMSG},
        {STR("3\r\nabc\n0\r\n\r\n"), -EBADMSG},
        {STR("3\r\nabcd\r\n"), -EBADMSG},
        {STR("3\r\nab\r\n0\r\n\r\n"), -EBADMSG},
        {STR("3\r\nabc0\r\n\r\n"), -EBADMSG},
        {STR("3\r\nabc\r0\r\n\r\n"), -EBADMSG},
        {STR("3\r\nabc\r\n\r\n0\r\n\r\n"), -EBADMSG},
        {STR("3\r\r\nabc"), -EBADMSG},
        {STR("3\rabc"), -EBADMSG},
        {STR("3;a\nabc\r\n"), -EBADMSG},
        {STR("3;a\rb\r\nabc"), -EBADMSG},
        {STR("3;a\0b\r\nabc"), -EBADMSG},
        {STR("3;a\x7F\r\nabc"), -EBADMSG},
        {STR("3\0\r\nabc"), -EBADMSG},
        {STR("0\r\n\n"), -EBADMSG},
        {STR("0\r\n\rx"), -EBADMSG},
        {STR("0\n\r\n"), -EBADMSG},
        {STR("0\r\nA: b\n\r\n"), -EBADMSG},
        {STR("0\r\nA: b\r\n c\r\n\r\n"), -EBADMSG},
        {STR("0\r\n A: b\r\n\r\n"), -EBADMSG},
        {STR("0\r\nA : b\r\n\r\n"), -EBADMSG},
        {STR("0\r\n: b\r\n\r\n"), -EBADMSG},
        {STR("0\r\nA\r\n\r\n"), -EBADMSG},
        {STR("0\r\nA: \0\r\n\r\n"), -EBADMSG},
        {STR("0\r\nA: b\rc\r\n\r\n"), -EBADMSG},
        {STR("0\r\n\xE9: b\r\n\r\n"), -EBADMSG},
        {STR("10000000000000000\r\n"), -EMSGSIZE},
        {STR("fffffffffffffffff\r\n"), -EMSGSIZE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_all(rows[i].text, rows[i].status, STR(""), 0);
}
END_TEST

START_TEST(reads_the_largest_size)
{
    struct chunked chunked;
    struct gale_str piece;
    chunked_init(&chunked);
    ck_assert_int_eq(chunked_decode(&chunked, "ffffffffffffffff\r\nabc", 21, &piece), 21);
    ck_assert(str_equals(piece, STR("abc")));
    ck_assert_uint_eq(chunked.left, UINT64_MAX - 3);
}
END_TEST

static void add_repeated(struct buffer *buffer, char c, size_t count)
{
    memset(buffer_reserve(buffer, count), c, count);
    buffer->len += count;
    buffer->at[buffer->len] = 0;
}

/* "1;xxx\r\n" of `len` bytes, as the first and as a later chunk. */
START_TEST(limits_a_size_line)
{
    for (size_t len = CHUNKED_LINE_MAX - 1; len <= CHUNKED_LINE_MAX + 1; len++) {
        for (int is_later = 0; is_later < 2; is_later++) {
            struct buffer text = {0};
            buffer_add_text(&text, is_later ? "3\r\nabc\r\n1;" : "1;");
            add_repeated(&text, 'x', len - 4);
            buffer_add_text(&text, "\r\nz\r\n0\r\n\r\n");
            bool is_fine = len <= CHUNKED_LINE_MAX;
            for (size_t step = 1; step <= text.len; step = step * 3 + 1)
                check(buffer_str(&text), step, step, is_fine ? 0 : -EMSGSIZE,
                      is_later ? STR("abcz") : STR("z"), text.len);
            buffer_finish(&text);
        }
    }
}
END_TEST

START_TEST(limits_leading_zeros)
{
    struct buffer text = {0};
    add_repeated(&text, '0', 100000);
    check(buffer_str(&text), 100, 100, -EMSGSIZE, STR(""), 0);
    buffer_finish(&text);
}
END_TEST

/* The trailer's bytes, its empty line among them, in one field and in many. */
START_TEST(limits_the_trailer)
{
    for (size_t len = CHUNKED_TRAILER_MAX - 1; len <= CHUNKED_TRAILER_MAX + 1; len++) {
        for (size_t line = 8; line <= 8192; line *= 32) {
            struct buffer text = {0};
            buffer_add_text(&text, "0\r\n");
            size_t rest = len - 2;
            while (rest) {
                size_t n = rest < line + 8 ? rest : line;
                buffer_add_text(&text, "A:");
                add_repeated(&text, 'v', n - 4);
                buffer_add_text(&text, "\r\n");
                rest -= n;
            }
            buffer_add_text(&text, "\r\n");
            ck_assert_uint_eq(text.len, len + 3);
            for (size_t step = 1; step <= text.len; step = step * 5 + 1)
                check(buffer_str(&text), step, step, len <= CHUNKED_TRAILER_MAX ? 0 : -EMSGSIZE,
                      STR(""), text.len);
            buffer_finish(&text);
        }
    }
}
END_TEST

/* A byte a chunk is a way to stream; a long extension on each of them is an attack. */
START_TEST(limits_overhead)
{
    static const struct {
        int extension, size, count, status;
    } rows[] = {
        {0, 1, 20000, MORE},      {10, 1, 20000, MORE},     {100, 1, 150, MORE},
        {100, 1, 300, -EMSGSIZE}, {4000, 1, 4, MORE},       {4000, 1, 5, -EMSGSIZE},
        {100, 50, 20000, MORE},   {4000, 2048, 1000, MORE}, {4000, 100, 100, -EMSGSIZE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer text = {0};
        for (int n = 0; n < rows[i].count; n++) {
            buffer_printf(&text, "%x;", rows[i].size);
            add_repeated(&text, 'x', (size_t)rows[i].extension);
            buffer_add_text(&text, "\r\n");
            add_repeated(&text, 'd', (size_t)rows[i].size);
            buffer_add_text(&text, "\r\n");
        }
        struct result result = decode(buffer_str(&text), 1000, 1000);
        ck_assert_msg(result.status == rows[i].status, "row %zu: %d", i, result.status);
        buffer_finish(&result.body);
        buffer_finish(&text);
    }
}
END_TEST

START_TEST(writes_heads)
{
    static const struct {
        uint64_t size;
        const char *text;
    } rows[] = {
        {0, "0\r\n"},
        {1, "1\r\n"},
        {15, "f\r\n"},
        {16, "10\r\n"},
        {0xABC, "abc\r\n"},
        {16384, "4000\r\n"},
        {UINT64_MAX, "ffffffffffffffff\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[18];
        size_t len = chunked_head(out, rows[i].size);
        ck_assert(str_equals((struct gale_str){out, len}, str_of(rows[i].text)));
    }
}
END_TEST

START_TEST(tells_what_is_announced)
{
    static const struct {
        const char *text;
        uint64_t announced;
    } rows[] = {{"", 0},           {"ff", 0},
                {"ff\r", 0},       {"ff\r\n", 255},
                {"5\r\nab", 3},    {"5\r\nabcde", 0},
                {"0\r\n", 0},      {"0\r\n\r\n", 0},
                {"ff;x\r\n", 255}, {"1\r\na\r\n8\r\n", 8}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct chunked chunked;
        struct gale_str rest = str_of(rows[i].text), piece;
        chunked_init(&chunked);
        while (rest.len) {
            long n = chunked_decode(&chunked, rest.at, rest.len, &piece);
            ck_assert_int_gt(n, 0);
            rest = (struct gale_str){rest.at + n, rest.len - (size_t)n};
        }
        ck_assert_uint_eq(chunked_announced(&chunked), rows[i].announced);
    }
}
END_TEST

UNIT_MAIN(decodes, refuses, reads_the_largest_size, limits_a_size_line, limits_leading_zeros,
          limits_the_trailer, limits_overhead, tells_what_is_announced, writes_heads)
