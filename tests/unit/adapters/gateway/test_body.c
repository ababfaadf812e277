/* Bodies for programs: announced ones are streamed, others read first; errors come through. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "adapters/gateway/body.h"
#include "base/macros.h"
#include "http/test_front.h"

static const char text[] = "0123456789abcdef";
static struct {
    size_t piece, memory;
    int64_t length; /* what is known after begin */
    int begun, read;
    bool is_spooled;
    char got[64];
} seen;

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gateway_body body;
    size_t len = 0;
    ssize_t n = 0;
    (void)data;
    seen.begun = gateway_body_begin(&body, req, seen.memory);
    seen.length = body.length;
    seen.is_spooled = body.is_spooled;
    memset(seen.got, 0, sizeof(seen.got));
    while (seen.begun == 0 && (n = gateway_body_read(&body, seen.got + len, seen.piece)) > 0)
        len += (size_t)n;
    seen.read = (int)n;
    gateway_body_finish(&body);
    return gale_response_status(res, 200);
}

static struct test_front front;

static void ask(void)
{
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    test_front_finish(&front);
}

START_TEST(knows_the_length)
{
    for (seen.piece = 1; seen.piece < 20; seen.piece++) {
        for (seen.memory = 0; seen.memory < 20; seen.memory += 5) {
            test_front_init(&front, "POST", "/");
            test_front_body(&front, text, 16, 3);
            ask();
            ck_assert(seen.length == 16 && !seen.is_spooled && seen.read == 0);
            ck_assert_str_eq(seen.got, text);
            test_front_init(&front, "POST", "/");
            test_front_chunked(&front, text, 16, 3);
            ask();
            ck_assert(seen.length == 16 && seen.is_spooled && seen.read == 0);
            ck_assert_str_eq(seen.got, text);
        }
    }
}
END_TEST

START_TEST(tells_none_from_empty)
{
    seen.piece = 10;
    test_front_init(&front, "GET", "/");
    ask();
    ck_assert_int_eq(seen.length, -1);
    test_front_init(&front, "POST", "/");
    test_front_body(&front, "", 0, 0);
    ask();
    ck_assert_int_eq(seen.length, 0);
    test_front_init(&front, "POST", "/");
    test_front_chunked(&front, "", 0, 0);
    ask();
    ck_assert(seen.length == 0 && seen.is_spooled && seen.begun == 0);
}
END_TEST

START_TEST(passes_errors_on)
{
    test_front_init(&front, "POST", "/");
    test_front_chunked(&front, text, 16, 3);
    front.input_error = -EBADMSG;
    ask();
    ck_assert_int_eq(seen.begun, -EBADMSG);
    test_front_init(&front, "POST", "/");
    test_front_chunked(&front, text, 16, 3);
    front.exchange.max_body = 10;
    ask();
    ck_assert_int_eq(seen.begun, -EMSGSIZE);
    seen.memory = 0;
    setenv("TMPDIR", "/nowhere", 1);
    test_front_init(&front, "POST", "/");
    test_front_chunked(&front, text, 16, 3);
    ask();
    ck_assert_int_eq(seen.begun, -ENOENT);
}
END_TEST

UNIT_MAIN(knows_the_length, tells_none_from_empty, passes_errors_on)
