/* Output in any split as a response: whole ones, wrong ones, those that lead elsewhere. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adapters/gateway/answer.h"
#include "adapters/gateway/handoff.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"
#include "http/test_front.h"

static struct handoff handoff;
static const char *output;
static size_t step;
static const char *why;
static bool is_authorizer, is_granted;

/* Feeds the output in pieces, as an adapter would. */
static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct answer answer;
    size_t len = strlen(output);
    int r = 0;
    (void)data;
    answer_begin(&answer, req, res, &handoff);
    answer.is_authorizer = is_authorizer;
    for (size_t at = 0; at < len && r == 0; at += step)
        r = answer_take(&answer, output + at, at + step < len ? step : len - at);
    ck_assert(r == 0 || r == -EBADMSG);
    int verdict = r < 0 ? 502 : answer_end(&answer);
    why = answer.why;
    is_granted = answer.is_granted;
    if (is_granted) {
        answer_pass_variables(&answer);
        answer_finish(&answer);
        return gale_reply(res, 200, "text/plain", "%s/%s", gale_request_variable(req, "WHO", "-"),
                          gale_request_variable(req, "Empty", "-"));
    }
    answer_finish(&answer);
    return verdict;
}

static struct test_front front;

static void ask(const char *method, const char *text, size_t piece)
{
    static const struct setting_pairs none;
    const char *path;
    output = text;
    step = piece;
    ck_assert_int_eq(handoff_open(&handoff, NULL, &none, &path), 0);
    test_front_init(&front, method, "/");
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    handoff_close(&handoff);
}

static const char *body(void)
{
    return front.body.at ? front.body.at : "";
}

START_TEST(answers_what_is_whole)
{
    static const struct {
        const char *method, *output;
        int status;
        const char *body;
        int length; /* announced; -1: not */
    } rows[] = {
        {"GET", "A: b\n\nhello", 200, "hello", 5},
        {"GET", "A: b\n\n", 200, "", 0},
        {"GET", "Status: 201\n\nhello\n\nyou", 201, "hello\n\nyou", 10},
        {"GET", "Content-Length: 5\n\nhello", 200, "hello", 5},
        {"GET", "Location: http://x/\n\nhello", 302, "hello", 5},
        {"HEAD", "A: b\n\nhello", 200, "", 5},
        {"HEAD", "Content-Length: 7\n\n", 200, "", 7},
        {"HEAD", "Content-Length: 7\n\nhel", 200, "", 7},
        {"HEAD", "Content-Length: 3\n\nhel", 200, "", 3},
        {"GET", "Status: 304\nContent-Length: 9\n\n", 304, "", 9},
        {"GET", "Status: 204\n\nbody", 204, "", 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t piece = 1; piece < 40; piece += 3) {
            ask(rows[i].method, rows[i].output, piece);
            ck_assert_int_eq(front.status, rows[i].status);
            ck_assert_str_eq(body(), rows[i].body);
            ck_assert_int_eq(front.announced, rows[i].length);
            ck_assert_msg(front.is_finished && !front.is_cut, "row %zu", i);
            ck_assert_ptr_null(why);
            test_front_finish(&front);
        }
    }
}
END_TEST

START_TEST(refuses_what_is_not)
{
    static const struct {
        const char *method, *output, *why;
    } rows[] = {
        {"GET", "", "it ended without an answer"},
        {"GET", "A: b\n", "it ended within its header block"},
        {"GET", "A: b", "it ended within its header block"},
        {"GET", "\nhello", "no field at all"},
        {"GET", "<html>\n\nhello", "a line without a colon among its fields"},
        {"GET", "Content-Length: 6\n\nhello", "its body is shorter than its Content-Length"},
        {"GET", "Content-Length: 4\n\nhello", "its body is longer than its Content-Length"},
        {"HEAD", "Content-Length: 4\n\nhello", "its body is longer than its Content-Length"},
        {"GET", "X-Sendfile: a\n\n", "an X-Sendfile, but the app has no `sendfile = FOLDER`"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t piece = 1; piece < 40; piece += 3) {
            ask(rows[i].method, rows[i].output, piece);
            ck_assert_int_eq(front.status, 502);
            ck_assert_msg(why && strcmp(why, rows[i].why) == 0, "row %zu: %s", i, why);
            ck_assert(front.is_finished); /* the error page is whole */
            test_front_finish(&front);
        }
    }
}
END_TEST

START_TEST(cuts_what_was_begun)
{
    static char text[100000];
    static const char *const heads[] = {"Content-Length: 99999\n\n", "Content-Length: 40000\n\n"};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        memset(text, 'x', sizeof(text) - 1);
        memcpy(text, heads[i], strlen(heads[i]));
        ask("GET", text, 32768);
        ck_assert_int_eq(front.status, 200);
        ck_assert(front.is_cut && !front.is_finished);
        ck_assert_int_eq(strncmp(why, "its body is", 11), 0);
        test_front_finish(&front);
    }
}
END_TEST

START_TEST(limits_the_header_block)
{
    static char text[REPLY_HEAD_MAX + 100];
    memset(text, 'x', sizeof(text) - 1);
    ask("GET", text, 5000);
    ck_assert_int_eq(front.status, 502);
    ck_assert_str_eq(why, "its header block is too large");
    test_front_finish(&front);
}
END_TEST

START_TEST(an_authorizer_grants_by_200)
{
    static const struct {
        const char *output;
        int status;
        const char *body;
        bool is_granted;
    } rows[] = {
        {"Status: 200\nVariable-WHO: ann\nVariable-Empty:\nVariable-: x\n\n", 200, "ann/", true},
        {"Status: 200\nvariable-WHO: a\nVARIABLE-WHO: b\n\nbody", 200, "b/-", true},
        {"Status: 200\nVariable-who: a\nWHO: c\nX-Sendfile: /etc/passwd\n\n", 200, "-/-", true},
        {"Content-Type: a/b\n\nbody", 200, "-/-", true},
        {"Status: 403\nVariable-WHO: ann\n\nno", 403, "no", false},
        {"Status: 201\n\nno", 201, "no", false},
        {"Status: 204\n\n", 204, "", false},
        {"Location: http://login/\n\n", 302, "", false},
    };
    is_authorizer = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t piece = 1; piece < 40; piece += 3) {
            ask("GET", rows[i].output, piece);
            ck_assert_int_eq(front.status, rows[i].status);
            ck_assert_str_eq(body(), rows[i].body);
            ck_assert(is_granted == rows[i].is_granted);
            test_front_finish(&front);
        }
    }
    ask("GET", "Status: 200\nVariable-WHO: ann\n", 100);
    ck_assert(front.status == 502 && !is_granted);
    test_front_finish(&front);
}
END_TEST

UNIT_MAIN(answers_what_is_whole, refuses_what_is_not, cuts_what_was_begun, limits_the_header_block,
          an_authorizer_grants_by_200)
