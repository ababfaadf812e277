/* Finding the end of a head: refused at the very byte that suffices, limits exact. */
#include "unit.h"

#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/http_parse.h"

/* Feeds byte by byte. The status, or 0; *out_at is how many bytes it took. */
static int feed(struct gale_str text, const struct http_limits *limits, size_t *out_at)
{
    struct http_scan scan = {0};
    struct http_refusal refusal = {0};
    for (*out_at = 1; *out_at <= text.len; ++*out_at) {
        long n = http_scan(&scan, text.at, *out_at, limits, &refusal);
        if (n < 0)
            return refusal.status;
        if (n > 0)
            return 0;
    }
    return -1;
}

/* The same in steps of any size must refuse with the same status. */
static void check(struct gale_str text, const struct http_limits *limits, int status, size_t at)
{
    size_t is_at;
    int is_status = feed(text, limits, &is_at);
    ck_assert_msg(is_status == status && is_at == at, "%.40s: %d at %zu, not %d at %zu", text.at,
                  is_status, is_at, status, at);
    for (size_t step = 2; step <= text.len; step++) {
        struct http_scan scan = {0};
        struct http_refusal refusal = {0};
        long n = 0;
        for (size_t end = step; n == 0; end += step) {
            size_t len = end < text.len ? end : text.len;
            n = http_scan(&scan, text.at, len, limits, &refusal);
            if (len == text.len)
                break;
        }
        ck_assert_msg(n < 0 ? refusal.status == status : n > 0 && status == 0,
                      "%.40s: %ld, %d in steps of %zu", text.at, n, refusal.status, step);
    }
}

static const struct http_limits usual = {8192, 65536, 100};

START_TEST(refuses_at_once)
{
    static const struct {
        struct gale_str text;
        int status;
        size_t at;
    } rows[] = {
        {STR("\x16\x03\x01"), 400, 1},
        {STR("\0GET"), 400, 1},
        {STR(" GET"), 400, 1},
        {STR("\n\n"), 400, 1},
        {STR("\r\r"), 400, 2},
        {STR("\r\n\r\n\r\n"), 400, 5},
        {STR("\r\n\n"), 400, 3},
        {STR("\r\n(GET"), 400, 3},
        {STR("FOO / HTTP/1.1\r\nHost: a\r\n"), 501, 16},
        {STR("GET / HTTP/2.0\r\nHost: a\r\n"), 505, 16},
        {STR("GET /\r\nHost: a\r\n"), 400, 7},
        {STR("GET / HTTP/1.1\nHost: a\n"), 400, 15},
        {STR("GET / HTTP/1.1\r\nHost: a\nmore"), 400, 24},
        {STR("GET / HTTP/1.1\r\n\nmore"), 400, 17},
        {STR("\r\n\r\nGET / HTTP/1.1\r\n\r\nmore"), 0, 22},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i].text, &usual, rows[i].status, rows[i].at);
}
END_TEST

START_TEST(hints_at_tls)
{
    struct http_scan scan = {0};
    struct http_refusal refusal = {0};
    ck_assert_int_eq(http_scan(&scan, "\x16", 1, &usual, &refusal), -1);
    ck_assert_ptr_nonnull(strstr(refusal.why, "TLS"));
}
END_TEST

START_TEST(first_bytes)
{
    for (int c = 0; c < 256; c++) {
        struct http_scan scan = {0};
        struct http_refusal refusal = {0};
        char first = (char)c;
        bool is_good = http_is_token((struct gale_str){&first, 1}) || c == '\r';
        ck_assert_int_eq(http_scan(&scan, &first, 1, &usual, &refusal), is_good ? 0 : -1);
    }
}
END_TEST

static void add_repeated(struct buffer *buffer, char c, size_t count)
{
    memset(buffer_reserve(buffer, count), c, count);
    buffer->len += count;
    buffer->at[buffer->len] = 0;
}

START_TEST(limits_the_target)
{
    struct http_limits limits = {100, 1000, 10};
    for (size_t len = 99; len < 300; len++) {
        struct buffer text = {0};
        buffer_add_text(&text, "\r\nGET ");
        add_repeated(&text, '/', len);
        buffer_add_text(&text, " HTTP/1.1\r\n\r\n");
        size_t line = text.len - 2;
        bool is_early = line - 2 > 100 + 64; /* then the line's end isn't waited for */
        check(buffer_str(&text), &limits, len <= 100 ? 0 : 414,
              len <= 100 ? text.len
              : is_early ? 2 + 100 + 64 + 1
                         : line);
        buffer_finish(&text);
    }
}
END_TEST

/* A request line that never ends, of whatever kind, is refused when its target must be too long. */
START_TEST(limits_the_request_line)
{
    struct http_limits limits = {100, 1000, 10};
    static const char kinds[] = "A \t/\x01\xFF";
    for (size_t i = 0; i < sizeof(kinds) - 1; i++) {
        struct buffer text = {0};
        buffer_add_text(&text, "G");
        add_repeated(&text, kinds[i], 500);
        check(buffer_str(&text), &limits, 414, 100 + 64 + 1);
        buffer_finish(&text);
    }
}
END_TEST

START_TEST(limits_the_head)
{
    struct http_limits limits = {100, 300, 10};
    for (size_t len = 290; len < 320; len++) {
        for (int lines = 1; lines < 10; lines += 4) {
            struct buffer text = {0};
            buffer_add_text(&text, "GET / HTTP/1.1\r\n");
            for (int i = 1; i < lines; i++)
                buffer_add_text(&text, "A: b\r\n");
            buffer_add_text(&text, "B:");
            add_repeated(&text, 'x', len - text.len - 4);
            buffer_add_text(&text, "\r\n\r\nGET");
            check(buffer_str(&text), &limits, len <= 300 ? 0 : 431, len <= 300 ? len : 301);
            buffer_finish(&text);
        }
    }
}
END_TEST

/* Where a head may be shorter than a request line, the line's status counts while it lasts. */
START_TEST(limits_that_cross)
{
    struct http_limits limits = {1000, 50, 10};
    struct buffer text = {0};
    buffer_add_text(&text, "GET /");
    add_repeated(&text, 'x', 2000);
    check(buffer_str(&text), &limits, 414, 51);
    buffer_finish(&text);
    buffer_add_text(&text, "GET / HTTP/1.1\r\n");
    add_repeated(&text, 'x', 2000);
    check(buffer_str(&text), &limits, 431, 51);
    buffer_finish(&text);
}
END_TEST

START_TEST(methods)
{
    static const char known[] = "GET POST HEAD PUT DELETE OPTIONS PATCH TRACE PROPFIND PROPPATCH "
                                "MKCOL COPY MOVE LOCK UNLOCK SEARCH REPORT MKCALENDAR ACL BIND "
                                "REBIND UNBIND MKACTIVITY CHECKOUT MERGE LINK UNLINK";
    static const char unknown[] = "CONNECT PURGE SOURCE NOTIFY SUBSCRIBE UNSUBSCRIBE M-SEARCH PRI "
                                  "QUERY get Get GE GETS HEADER G FOO BREW";
    struct gale_str rest = STR(known);
    while (rest.at)
        ck_assert(http_is_known_method(str_cut(&rest, ' ')));
    rest = STR(unknown);
    while (rest.at)
        ck_assert(!http_is_known_method(str_cut(&rest, ' ')));
    ck_assert(!http_is_known_method(STR("")));
}
END_TEST

/* A megabyte that comes byte by byte: minutes if each call began at the start again. */
START_TEST(is_linear)
{
    struct http_limits limits = {1 << 20, 4 << 20, 10};
    struct buffer text = {0};
    size_t at;
    buffer_add_text(&text, "GET /");
    add_repeated(&text, 'x', 1 << 19);
    buffer_add_text(&text, " HTTP/1.1\r\nA: ");
    add_repeated(&text, 'x', 1 << 19);
    buffer_add_text(&text, "\r\n\r\n");
    ck_assert_int_eq(feed(buffer_str(&text), &limits, &at), 0);
    ck_assert_uint_eq(at, text.len);
    buffer_finish(&text);
}
END_TEST

UNIT_MAIN(refuses_at_once, hints_at_tls, first_bytes, limits_the_target, limits_the_request_line,
          limits_the_head, limits_that_cross, methods, is_linear)
