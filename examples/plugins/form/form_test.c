/* The tests of form: `make test`, or gale test form.so. */
#include <gale/testing.h>
#include <string.h>

static void shows_the_form(struct gale_test *t)
{
    const struct gale_answer *a = gale_fetch(t, "GET", "/", NULL, NULL);
    GALE_EXPECT_INT(t, a->status, 200);
    GALE_EXPECT_CONTAINS(t, a->body.at, "<form method=\"post\"");
}

static void shows_what_was_sent(struct gale_test *t)
{
    const struct gale_answer *a =
        gale_fetch(t, "POST", "/", "Content-Type: application/x-www-form-urlencoded\n",
                   "name=%3CAnn%3E&more=a%26b");
    GALE_REQUIRE(t, a->status == 200);
    GALE_EXPECT_CONTAINS(t, a->body.at, "<dt>name</dt><dd>&lt;Ann&gt;</dd>");
    GALE_EXPECT_CONTAINS(t, a->body.at, "<dd>a&amp;b</dd>");
}

/* However it is cut on the way. */
static void takes_files_in_pieces(struct gale_test *t)
{
    static const char body[] =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\r\n"
        "twelve bytes\r\n--b--\r\n";
    struct gale_fetch fetch;
    size_t piece;
    memset(&fetch, 0, sizeof(fetch));
    fetch.method = "POST";
    fetch.headers = "Content-Type: multipart/form-data; boundary=b\n";
    fetch.body = body;
    fetch.body_len = sizeof(body) - 1;
    fetch.is_chunked = 1;
    for (piece = 1; piece < 20; piece++) {
        const struct gale_answer *a;
        fetch.piece = piece;
        a = gale_fetch_with(t, &fetch);
        GALE_EXPECT_CONTAINS(t, a->body.at, "x.txt, 12 bytes, kept in memory");
    }
}

static void refuses_what_is_no_form(struct gale_test *t)
{
    const struct gale_answer *a =
        gale_fetch(t, "POST", "/", "Content-Type: multipart/form-data; boundary=b\n", "--b\r\nx");
    GALE_EXPECT_INT(t, a->status, 400);
    a = gale_fetch(t, "POST", "/", "Content-Type: text/plain\n", "x");
    GALE_EXPECT_INT(t, a->status, 415);
    a = gale_fetch(t, "PUT", "/", NULL, "x");
    GALE_EXPECT_INT(t, a->status, 405);
    GALE_EXPECT_TEXT(t, gale_answer_header(t, a, "Allow", NULL), "GET, HEAD, POST");
}

static const struct gale_test_case cases[] = {
    GALE_TEST(shows_the_form),
    GALE_TEST(shows_what_was_sent),
    GALE_TEST(takes_files_in_pieces),
    GALE_TEST(refuses_what_is_no_form),
    GALE_TESTS_END,
};
GALE_TESTS(cases)
