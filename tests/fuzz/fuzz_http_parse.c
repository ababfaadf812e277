/* Heads: the same outcome at every split, views in place, a head written anew from what was
 * understood is understood in the same way, and so does http-parser when it sees all of it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"
#include "http/http_parse.h"
#include "tests/unit/http/whole_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    int status; /* 0 served, -1 when bytes are missing */
    size_t start, len;
};

/* The bytes up to each of the two ends, and after `from` one by one. */
static struct outcome scan(struct gale_str input, size_t from, const struct http_limits *limits)
{
    struct http_scan scan = {0};
    struct http_refusal refusal = {0};
    long n = 0;
    for (size_t end = from; end <= input.len && n == 0; end++) {
        char *copy = malloc(end + 1);
        memcpy(copy, input.at, end);
        n = http_scan(&scan, copy, end, limits, &refusal);
        free(copy);
    }
    assert(n >= 0 || (refusal.status >= 400 && refusal.why));
    int status = n < 0 ? refusal.status : n > 0 ? 0 : -1;
    return (struct outcome){status, n > 0 ? scan.start : 0, n > 0 ? (size_t)n : 0};
}

static void check_view(struct gale_str view, const char *data, size_t len)
{
    assert(view.at >= data && view.at + view.len < data + len && view.at[view.len] == 0);
    assert(!memchr(view.at, 0, view.len));
}

static void check_head(const struct http_request_head *head, const char *data, size_t len,
                       size_t lines)
{
    check_view(head->method, data, len);
    check_view(head->target, data, len);
    assert(http_is_known_method(head->method) && head->target.len);
    assert(head->minor >= 0 && head->minor <= 9);
    assert(head->header_count + 2 == lines); /* no line went by unseen */
    for (size_t i = 0; i < head->header_count; i++) {
        struct gale_str value = head->headers[i].value;
        check_view(head->headers[i].name, data, len);
        check_view(value, data, len);
        assert(http_is_token(head->headers[i].name) && http_is_field_value(value));
        assert(str_equals(value, str_trim(value)));
    }
    assert(!head->is_chunked || (!head->has_length && head->minor > 0));
    assert(head->host.len || head->minor == 0);
    assert(head->has_length || !head->content_length);
}

static void write_head(const struct http_request_head *head, struct buffer *out)
{
    buffer_add_str(out, head->method);
    buffer_add_text(out, " ");
    buffer_add_str(out, head->target);
    buffer_printf(out, " HTTP/1.%d\r\n", head->minor);
    for (size_t i = 0; i < head->header_count; i++) {
        buffer_add_str(out, head->headers[i].name);
        buffer_add_text(out, ":");
        buffer_add_str(out, head->headers[i].value);
        buffer_add_text(out, "\r\n");
    }
    buffer_add_text(out, "\r\n");
}

static size_t count_lines(struct gale_str text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    return lines;
}

/* Returns the status, and for a good head its canonical form. */
static int parse(struct gale_str text, const struct http_limits *limits, struct buffer *out)
{
    struct http_request_head head;
    struct http_refusal refusal = {0};
    struct arena arena;
    char *copy = malloc(text.len);
    memcpy(copy, text.at, text.len);
    arena_init(&arena, NULL, 0);
    int r = http_parse_request_head(copy, text.len, limits, &arena, &head, &refusal);
    assert(r == 0 || (r == -1 && refusal.status >= 400 && refusal.why));
    if (r == 0) {
        assert(whole_parser_agrees(text.at, text.len, &head));
        check_head(&head, copy, text.len, count_lines(text));
        write_head(&head, out);
        buffer_printf(out, "%.*s %llu %d%d%d%d%d", (int)head.host.len, head.host.at,
                      (unsigned long long)head.content_length, head.has_length, head.is_chunked,
                      head.is_keep_alive, head.expects_continue, head.is_upgrade);
    }
    arena_finish(&arena);
    free(copy);
    return refusal.status;
}

static void check_round_trip(const struct buffer *once, const struct http_limits *limits)
{
    struct buffer twice = {0};
    const char *end = memmem(once->at, once->len, "\r\n\r\n", 4);
    struct gale_str head = {once->at, (size_t)(end - once->at) + 4};
    assert(scan(head, head.len, limits).len == head.len);
    assert(parse(head, limits, &twice) == 0);
    assert(str_equals(buffer_str(once), buffer_str(&twice)));
    buffer_finish(&twice);
}

static void check(struct gale_str input, const struct http_limits *limits)
{
    struct outcome whole = scan(input, input.len, limits);
    size_t step = input.len > 64 ? input.len / 16 : 1;
    for (size_t from = 1; from < input.len; from += step) {
        struct outcome split = scan(input, from, limits);
        assert(split.status == whole.status && split.len == whole.len);
        assert(split.start == whole.start);
    }
    if (whole.status != 0)
        return;
    assert(whole.start <= 4 && whole.len <= input.len);
    assert(whole.len - whole.start <= limits->max_head);
    struct gale_str head = {input.at + whole.start, whole.len - whole.start};
    struct buffer once = {0};
    if (parse(head, limits, &once) == 0)
        check_round_trip(&once, limits);
    buffer_finish(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_limits usual = {8192, 65536, 100}, tight = {16, 120, 3},
                                    crossed = {100, 40, 1};
    struct gale_str input = {(const char *)data, size};
    if (!size || size > 4096)
        return 0;
    check(input, &usual);
    check(input, &tight);
    check(input, &crossed);
    return 0;
}
