/* Whole heads: every row of http_cases.h, however its bytes are split and whatever follows. */
#include "unit.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/http_parse.h"
#include "http_cases.h"
#include "whole_parser.h"

enum { WAITS = -1 };

static const struct http_limits limits = {8192, 65536, 100};

/* What became of some bytes. */
struct outcome {
    int status; /* 0 served, WAITS when bytes are missing */
    size_t len; /* of the head */
    char meaning[1024];
};

static void check_view(struct gale_str view, const char *data, size_t len)
{
    ck_assert(view.at >= data && view.at + view.len < data + len);
    ck_assert_int_eq(view.at[view.len], 0);
}

static void check_views(const struct http_request_head *head, const char *data, size_t len)
{
    check_view(head->method, data, len);
    check_view(head->target, data, len);
    if (head->host.len)
        check_view(head->host, data, len);
    ck_assert_int_eq(head->host.at[head->host.len], 0);
    for (size_t i = 0; i < head->header_count; i++) {
        check_view(head->headers[i].name, data, len);
        check_view(head->headers[i].value, data, len);
    }
}

static void describe(const struct http_request_head *head, struct buffer *out)
{
    buffer_printf(out, "%s %s %d %s", head->method.at, head->target.at, head->minor,
                  head->host.len ? head->host.at : "-");
    if (head->has_length)
        buffer_printf(out, " length=%llu", (unsigned long long)head->content_length);
    ck_assert(head->has_length || !head->content_length);
    buffer_add_text(out, head->is_chunked ? " chunked" : "");
    buffer_add_text(out, head->is_keep_alive ? " keep" : "");
    buffer_add_text(out, head->expects_continue ? " continue" : "");
    buffer_add_text(out, head->is_upgrade ? " upgrade" : "");
    for (size_t i = 0; i < head->header_count; i++)
        buffer_printf(out, "|%s=%s", head->headers[i].name.at, head->headers[i].value.at);
    if (!head->header_count)
        buffer_add_text(out, "|");
}

/* In memory of exactly its size, so that ASan sees a byte read too many. */
static void parse(const char *data, size_t len, struct outcome *outcome)
{
    struct http_request_head head;
    struct http_refusal refusal = {0};
    struct buffer meaning = {0};
    struct arena arena;
    char *copy = malloc(len);
    memcpy(copy, data, len);
    arena_init(&arena, NULL, 0);
    if (http_parse_request_head(copy, len, &limits, &arena, &head, &refusal) == 0) {
        check_views(&head, copy, len);
        ck_assert_msg(whole_parser_agrees(data, len, &head), "%.*s", (int)len, data);
        describe(&head, &meaning);
        ck_assert_uint_lt(meaning.len, sizeof(outcome->meaning));
        memcpy(outcome->meaning, meaning.at, meaning.len + 1);
    } else {
        ck_assert(refusal.status >= 400 && strlen(refusal.why) > 10);
        outcome->status = refusal.status;
    }
    arena_finish(&arena);
    buffer_finish(&meaning);
    free(copy);
}

/* Bytes arrive up to each of `ends`, in another place in memory each time. */
static void receive(struct gale_str input, const size_t *ends, size_t count,
                    struct outcome *outcome)
{
    struct http_scan scan = {0};
    struct http_refusal refusal = {0};
    long n = 0;
    *outcome = (struct outcome){.status = WAITS};
    for (size_t i = 0; i < count && n == 0; i++) {
        char *copy = malloc(ends[i]);
        memcpy(copy, input.at, ends[i]);
        n = http_scan(&scan, copy, ends[i], &limits, &refusal);
        free(copy);
    }
    if (n < 0) {
        ck_assert(refusal.status >= 400 && strlen(refusal.why) > 10);
        outcome->status = refusal.status;
    } else if (n > 0) {
        outcome->status = 0;
        outcome->len = (size_t)n;
        parse(input.at + scan.start, outcome->len - scan.start, outcome);
    }
}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
    return a->status == b->status && a->len == b->len && strcmp(a->meaning, b->meaning) == 0;
}

/* The same whole, cut in two anywhere, and byte by byte. */
static struct outcome receive_all(struct gale_str input)
{
    struct outcome whole, split;
    receive(input, (size_t[]){input.len}, 1, &whole);
    for (size_t cut = 1; cut < input.len; cut++) {
        receive(input, (size_t[]){cut, input.len}, 2, &split);
        ck_assert_msg(is_same(&whole, &split), "%s: cut at %zu: %d, not %d", input.at, cut,
                      split.status, whole.status);
    }
    size_t *ends = malloc(input.len * sizeof(*ends));
    for (size_t i = 0; i < input.len; i++)
        ends[i] = i + 1;
    receive(input, ends, input.len, &split);
    ck_assert_msg(is_same(&whole, &split), "%s: byte by byte", input.at);
    free(ends);
    return whole;
}

static void check_meaning(const struct http_case *row, const struct outcome *outcome)
{
    ck_assert_msg(outcome->status == row->status, "%s: %d, not %d", row->input.at, outcome->status,
                  row->status);
    if (row->status)
        return;
    bool is_full = strchr(row->meaning, '|') != NULL;
    size_t len = is_full ? strlen(outcome->meaning) : strcspn(outcome->meaning, "|");
    ck_assert_msg(strlen(row->meaning) == len && !memcmp(outcome->meaning, row->meaning, len),
                  "%s: %s, not %s", row->input.at, outcome->meaning, row->meaning);
}

static void with_neighbours(const struct http_case *row, const char *before, struct gale_str after)
{
    struct buffer text = {0};
    buffer_add_text(&text, before);
    buffer_add_str(&text, row->input);
    buffer_add_str(&text, after);
    struct outcome outcome = receive_all(buffer_str(&text));
    check_meaning(row, &outcome);
    if (!row->status)
        ck_assert_uint_eq(outcome.len, strlen(before) + row->input.len);
    buffer_finish(&text);
}

START_TEST(every_row)
{
    for (size_t i = 0; i < ARRAY_LEN(http_cases); i++)
        with_neighbours(&http_cases[i], "", STR(""));
}
END_TEST

START_TEST(every_row_with_more_behind)
{
    static const struct gale_str more[] = {
        STR("GET /next HTTP/1.1\r\n\r\n"),
        STR("\r\n"),
        STR("\n"),
        STR(" x: y\r\n\r\n"),
        STR("\0\xFF"),
    };
    for (size_t i = 0; i < ARRAY_LEN(http_cases); i++)
        for (size_t k = 0; k < ARRAY_LEN(more); k++)
            with_neighbours(&http_cases[i], "", more[k]);
}
END_TEST

START_TEST(every_row_after_empty_lines)
{
    for (size_t i = 0; i < ARRAY_LEN(http_cases); i++) {
        if (http_cases[i].input.at[0] == '\r')
            continue;
        with_neighbours(&http_cases[i], "\r\n", STR(""));
        with_neighbours(&http_cases[i], "\r\n\r\n", STR("x"));
    }
}
END_TEST

/* No part of a good head is a head, and none of it is refused. */
START_TEST(every_prefix_waits)
{
    for (size_t i = 0; i < ARRAY_LEN(http_cases); i++) {
        struct gale_str input = http_cases[i].input;
        if (http_cases[i].status)
            continue;
        for (size_t len = 1; len < input.len; len++) {
            struct outcome outcome;
            receive((struct gale_str){input.at, len}, &len, 1, &outcome);
            ck_assert_msg(outcome.status == WAITS, "%s: %zu", input.at, len);
        }
    }
}
END_TEST

/* One byte of a good head changed to every other value: refused, waited for, or served with all
 * views in place; never the same bytes with two meanings. */
START_TEST(every_byte_changed)
{
    static const char good[] = "\r\nPOST /p?q HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n"
                               "Connection: close\r\nA:\r\n\r\n";
    for (size_t at = 0; at < sizeof(good) - 1; at++)
        for (int c = 0; c < 256; c++) {
            char text[sizeof(good)];
            memcpy(text, good, sizeof(good));
            text[at] = (char)c;
            struct outcome outcome;
            size_t ends[] = {at ? at : 1, sizeof(good) - 1};
            receive((struct gale_str){text, sizeof(good) - 1}, ends, 2, &outcome);
            bool is_control = (c < ' ' && c != '\t') || c == 0x7F;
            if (is_control && c != good[at])
                ck_assert_msg(outcome.status != 0, "%zu: %02x", at, c);
        }
}
END_TEST

/* What http_scan lets through, http-parser must know, too. */
START_TEST(every_method)
{
    struct gale_str rest = STR("GET POST HEAD PUT DELETE OPTIONS PATCH TRACE PROPFIND PROPPATCH "
                               "MKCOL COPY MOVE LOCK UNLOCK SEARCH REPORT MKCALENDAR ACL BIND "
                               "REBIND UNBIND MKACTIVITY CHECKOUT MERGE LINK UNLINK");
    while (rest.at) {
        struct gale_str method = str_cut(&rest, ' ');
        struct buffer text = {0};
        struct outcome outcome;
        ck_assert(http_is_known_method(method));
        buffer_add_str(&text, method);
        buffer_add_text(&text, " http://a/ HTTP/1.0\r\n\r\n");
        receive(buffer_str(&text), &text.len, 1, &outcome);
        ck_assert_msg(outcome.status == 0, "%s", text.at);
        buffer_finish(&text);
    }
}
END_TEST

static struct outcome receive_fields(size_t count, size_t max_headers)
{
    struct http_limits few = {8192, 1 << 20, max_headers};
    struct http_request_head head;
    struct http_refusal refusal = {0};
    struct buffer text = {0};
    struct outcome outcome = {0};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    buffer_add_text(&text, "GET / HTTP/1.0\r\n");
    for (size_t i = 0; i < count; i++)
        buffer_printf(&text, "f%zu: %zu\r\n", i, i * i);
    buffer_add_text(&text, "\r\n");
    if (http_parse_request_head(text.at, text.len, &few, &arena, &head, &refusal) < 0)
        outcome.status = refusal.status;
    for (size_t i = 0; !outcome.status && i < count; i++) {
        char name[32], value[32];
        snprintf(name, sizeof(name), "f%zu", i);
        snprintf(value, sizeof(value), "%zu", i * i);
        ck_assert_str_eq(head.headers[i].name.at, name);
        ck_assert_str_eq(head.headers[i].value.at, value);
        ck_assert_uint_eq(head.header_count, count);
    }
    arena_finish(&arena);
    buffer_finish(&text);
    return outcome;
}

START_TEST(limits_the_fields)
{
    for (size_t count = 0; count < 70; count++) {
        ck_assert_int_eq(receive_fields(count, count).status, 0);
        ck_assert_int_eq(receive_fields(count, 100).status, 0);
        ck_assert_int_eq(receive_fields(count + 1, count).status, 431);
    }
    ck_assert_int_eq(receive_fields(10000, 10000).status, 0);
}
END_TEST

/* http-parser has a limit of its own, 80 KiB for the whole process. Only gale's may count. */
START_TEST(reads_heads_beyond_http_parsers_limit)
{
    enum { SIZE = 1 << 20 };
    struct http_limits much = {SIZE, 4 * SIZE, 10};
    struct http_request_head head;
    struct http_refusal refusal = {0};
    struct http_scan scan = {0};
    struct buffer text = {0};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    buffer_add_text(&text, "GET /");
    memset(buffer_reserve(&text, SIZE), 't', SIZE);
    text.len += SIZE - 1;
    buffer_add_text(&text, " HTTP/1.1\r\nHost: a\r\nA: ");
    memset(buffer_reserve(&text, SIZE), 'v', SIZE);
    text.len += SIZE;
    buffer_add_text(&text, "\r\n\r\n");
    ck_assert_int_eq(http_scan(&scan, text.at, text.len, &much, &refusal), (long)text.len);
    ck_assert_int_eq(http_parse_request_head(text.at, text.len, &much, &arena, &head, &refusal), 0);
    ck_assert_uint_eq(head.target.len, SIZE);
    ck_assert_uint_eq(head.headers[1].value.len, SIZE);
    arena_finish(&arena);
    buffer_finish(&text);
}
END_TEST

UNIT_MAIN(every_row, every_row_with_more_behind, every_row_after_empty_lines, every_prefix_waits,
          every_byte_changed, every_method, limits_the_fields,
          reads_heads_beyond_http_parsers_limit)
