/* Fields that concern the message: what each says, and what they mean together. Heads as they
 * come over the wire are in http_cases.h; here are the pieces. */
#include "unit.h"

#include "base/macros.h"
#include "base/str.h"
#include "http/http_field.h"

/* Takes the fields, "name: value" up to a NULL; the status, or 0. */
static int take(int minor, const char *const *fields, struct http_request_head *head)
{
    struct http_fields state = {0};
    struct http_refusal refusal = {0};
    *head = (struct http_request_head){.minor = minor, .host = STR("")};
    for (; *fields; fields++) {
        struct gale_str value = str_of(*fields);
        struct http_header header = {.name = str_cut(&value, ':')};
        header.value = str_trim(value);
        if (http_fields_take(&state, head, &header, &refusal) < 0)
            return refusal.status;
    }
    return http_fields_conclude(&state, head, &refusal) < 0 ? refusal.status : 0;
}

START_TEST(nothing_said)
{
    struct http_request_head head;
    ck_assert_int_eq(take(0, (const char *const[]){NULL}, &head), 0);
    ck_assert(!head.is_keep_alive && !head.has_length && !head.is_chunked && !head.is_upgrade);
    ck_assert_uint_eq(head.host.len, 0);
    ck_assert_int_eq(take(1, (const char *const[]){NULL}, &head), 400);
}
END_TEST

START_TEST(only_these_names_count)
{
    static const char *const rows[] = {
        "Hosts: b c",
        "Hos: b c",
        "Xost: b c",
        "Expects: x",
        "Expec: x",
        "Upgradf: x",
        "Connectiox: close",
        "Content-Lengtx: x",
        "Transfer-Encodinx: x",
        "x: y",
        ": y",
        "a-name-that-is-longer-than-all-of-them: x",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request_head head;
        const char *const fields[] = {"Host: a", rows[i], NULL};
        ck_assert_msg(take(1, fields, &head) == 0, "%s", rows[i]);
        ck_assert(head.is_keep_alive && !head.has_length && !head.is_chunked);
    }
}
END_TEST

START_TEST(all_together)
{
    struct http_request_head head;
    const char *const fields[] = {"HOST: a:1",  "CONTENT-LENGTH: 12",  "EXPECT: 100-continue",
                                  "UPGRADE: x", "CONNECTION: upgrade", "CONNECTION: close",
                                  NULL};
    ck_assert_int_eq(take(1, fields, &head), 0);
    ck_assert(str_equals(head.host, STR("a:1")));
    ck_assert(head.has_length && head.content_length == 12 && head.expects_continue);
    ck_assert(head.is_upgrade && !head.is_keep_alive && !head.is_chunked);
}
END_TEST

/* http-parser refuses these before gale sees them; gale would by itself, too. */
START_TEST(does_not_lean_on_http_parser)
{
    static const struct {
        const char *a, *b;
        int status;
    } rows[] = {
        {"Content-Length: 3", "Content-Length: 3", 400},
        {"Content-Length: 3", "Transfer-Encoding: chunked", 400},
        {"Transfer-Encoding: chunked", "Content-Length: 3", 400},
        {"Content-Length: +3", NULL, 400},
        {"Content-Length:", NULL, 400},
        {"Content-Length: 18446744073709551616", NULL, 400},
        {"Content-Length: 18446744073709551615", NULL, 0},
        {"Transfer-Encoding: gzip", NULL, 400},
        {"Transfer-Encoding: gzip, chunked", NULL, 501},
        {"Transfer-Encoding: chunked, gzip", NULL, 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request_head head;
        const char *const fields[] = {"Host: a", rows[i].a, rows[i].b, NULL};
        ck_assert_int_eq(take(1, fields, &head), rows[i].status);
    }
}
END_TEST

UNIT_MAIN(nothing_said, only_these_names_count, all_together, does_not_lean_on_http_parser)
