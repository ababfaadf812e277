/* Which answers get the script, and that nothing else of them changes (dev_front.c). */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "app/dev_front.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/test_front.h"

static const char script[] = "<script src=\"/.gale/dev.js?app=&amp;at=7.0\"></script>\n";

static struct gale_str stamp_of(void *data, struct exchange *exchange)
{
    (void)exchange;
    return str_of(data);
}

static int (*app)(struct gale_request *req, struct gale_response *res);
static const char *stamp;

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    dev_front_attach(exchange_of_request(req), stamp_of, (void *)stamp);
    return app(req, res);
}

static int page(struct gale_request *req, struct gale_response *res)
{
    ck_assert_ptr_null(gale_request_header(req, "If-None-Match", NULL));
    gale_response_header(res, "Cache-Control", "max-age=60");
    return gale_reply(res, 200, "text/html; charset=utf-8", "<p>");
}

static int stream(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_header(res, "Content-Type", "Text/HTML");
    gale_response_puts(res, "<p>one");
    gale_response_flush(res);
    return gale_response_puts(res, "<p>two");
}

static int with_length(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_header(res, "Content-Length", "3");
    return gale_reply(res, 404, "text/html", "<p>");
}

static int text(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    return gale_reply(res, 200, "text/plain", "<p>");
}

static int packed(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_header(res, "Content-Encoding", "gzip");
    return gale_reply(res, 200, "text/html", "<p>");
}

static int part(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    return gale_reply(res, 206, "text/html", "<p>");
}

static int nothing(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_header(res, "Content-Type", "text/html");
    return gale_response_status(res, 204);
}

static int strict(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_header(res, "Content-Security-Policy", "default-src 'none'");
    return gale_reply(res, 200, "text/html", "<p>");
}

static int nonce(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_header(res, "Content-Security-Policy", "script-src 'nonce-a\"b'");
    return gale_reply(res, 200, "text/html", "<p>");
}

#define BROWSER "text/html,application/xhtml+xml,*/*;q=0.8"

static const struct {
    const char *method, *accept, *dest;
    int (*app)(struct gale_request *req, struct gale_response *res);
    const char *stamp, *before;
    bool has_script;
    int64_t announced; /* without the script */
} rows[] = {
    {"GET", BROWSER, NULL, page, "7.0", "<p>", true, 3},
    {"GET", BROWSER, "document", page, "7.0", "<p>", true, 3},
    {"GET", BROWSER, "iframe", page, "7.0", "<p>", true, 3},
    {"GET", BROWSER, "document", stream, "7.0", "<p>one<p>two", true, -1},
    {"GET", BROWSER, NULL, with_length, "7.0", "<p>", true, 3},
    {"GET", BROWSER, NULL, page, "", "<p>", false, 3},
    {"GET", BROWSER, "empty", with_length, "7.0", "<p>", false, 3},
    {"GET", "*/*", NULL, with_length, "7.0", "<p>", false, 3},
    {"GET", NULL, NULL, with_length, "7.0", "<p>", false, 3},
    {"GET", "application/json", NULL, with_length, "7.0", "<p>", false, 3},
    {"POST", BROWSER, NULL, with_length, "7.0", "<p>", false, 3},
    {"HEAD", BROWSER, NULL, with_length, "7.0", "", false, 3},
    {"GET", BROWSER, NULL, text, "7.0", "<p>", false, 3},
    {"GET", BROWSER, NULL, packed, "7.0", "<p>", false, 3},
    {"GET", BROWSER, NULL, part, "7.0", "<p>", false, 3},
    {"GET", BROWSER, NULL, nothing, "7.0", "", false, 0},
    {"GET", BROWSER, NULL, strict, "7.0", "<p>", false, 3},
};

static void ask(struct test_front *front, size_t i)
{
    app = rows[i].app;
    stamp = rows[i].stamp;
    test_front_init(front, rows[i].method, "/");
    if (rows[i].accept)
        test_front_header(front, "Accept", rows[i].accept);
    if (rows[i].dest)
        test_front_header(front, "Sec-Fetch-Dest", rows[i].dest);
    test_front_header(front, "If-None-Match", rows[i].app == page ? "\"x\"" : "");
    ck_assert_int_eq(test_front_serve(front, serve, NULL), 0);
}

START_TEST(adds_where_it_may)
{
    log_set_fd(-1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        char expected[512];
        size_t more = rows[i].has_script ? strlen(script) : 0;
        ask(&front, i);
        snprintf(expected, sizeof(expected), "%s%s", rows[i].before, more ? script : "");
        ck_assert_str_eq(front.body.at ? front.body.at : "", expected);
        ck_assert_int_eq(front.announced,
                         rows[i].announced < 0 ? -1 : rows[i].announced + (int64_t)more);
        ck_assert(front.is_finished && !front.is_cut);
        const char *cache = test_front_find(&front, "Cache-Control");
        if (more)
            ck_assert_str_eq(cache, "no-store");
        test_front_finish(&front);
    }
}
END_TEST

static int asset(struct gale_request *req, struct gale_response *res)
{
    const char *cache = gale_request_header(req, "X-Cache", NULL);
    if (cache)
        gale_response_header(res, "Cache-Control", cache);
    return gale_reply(res, 200, "text/css", "a {}");
}

START_TEST(browsers_ask_for_everything_again)
{
    static const struct {
        const char *method, *header, *value, *cache, *expected;
    } assets[] = {
        {"GET", "Sec-Fetch-Dest", "style", NULL, "no-cache"},
        {"GET", "Sec-Fetch-Dest", "image", "max-age=31536000, immutable", "no-cache"},
        {"GET", "User-Agent", "Mozilla/5.0 (X11)", NULL, "no-cache"},
        {"GET", "Sec-Fetch-Dest", "style", "private, no-store", "private, no-store"},
        {"GET", "User-Agent", "curl/7.88.1", NULL, NULL},
        {"GET", "User-Agent", "curl/7.88.1", "max-age=60", "max-age=60"},
        {"POST", "Sec-Fetch-Dest", "empty", "max-age=60", "max-age=60"},
    };
    app = asset;
    for (size_t i = 0; i < ARRAY_LEN(assets); i++) {
        struct test_front front;
        test_front_init(&front, assets[i].method, "/");
        test_front_header(&front, assets[i].header, assets[i].value);
        if (assets[i].cache)
            test_front_header(&front, "X-Cache", assets[i].cache);
        ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
        const char *cache = test_front_find(&front, "Cache-Control");
        ck_assert_pstr_eq(cache, assets[i].expected);
        ck_assert_str_eq(front.body.at, "a {}");
        test_front_finish(&front);
    }
}
END_TEST

START_TEST(escapes_a_nonce)
{
    struct test_front front;
    app = nonce;
    stamp = "7.0";
    test_front_init(&front, "GET", "/");
    test_front_header(&front, "Accept", "text/html");
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    ck_assert_ptr_nonnull(strstr(front.body.at, " nonce=\"a&quot;b\"></script>"));
    test_front_finish(&front);
}
END_TEST

UNIT_MAIN(adds_where_it_may, browsers_ask_for_everything_again, escapes_a_nonce)
