/* Forms as an app asks for them. */
#include "unit.h"

#include <errno.h>
#include <gale/gale.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/test_front.h"

static int ask_all(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str name, value;
    struct gale_file file;
    (void)data;
    ck_assert_int_eq(gale_request_form_nth(req, STR("a"), 1, &value), 0);
    ck_assert_str_eq(value.at, "2");
    ck_assert_int_eq(gale_request_form_nth(req, STR("a"), 2, &value), -ENOENT);
    ck_assert_int_eq(gale_request_form_nth(req, STR("A"), 0, &value), -ENOENT);
    ck_assert_str_eq(gale_request_form(req, "a", "x"), "1");
    ck_assert_str_eq(gale_request_form(req, "z", "x"), "x");
    ck_assert_ptr_null(gale_request_form(req, "z", NULL));
    ck_assert_int_eq(gale_request_form_at(req, 1, &name, &value), 0);
    ck_assert_str_eq(name.at, "b");
    ck_assert_int_eq(gale_request_form_at(req, 3, &name, &value), -ENOENT);
    ck_assert_int_eq(gale_request_file_at(req, 0, &file), 0);
    ck_assert_str_eq(file.field.at, "f");
    ck_assert_str_eq(file.filename.at, "x.txt");
    ck_assert_str_eq(file.data.at, "hello");
    ck_assert_int_eq(gale_request_file_at(req, 1, &file), 0);
    ck_assert_int_ge(file.fd, 0); /* gone with the request */
    ck_assert_int_eq(gale_request_file_at(req, 2, &file), -ENOENT);
    ck_assert_int_eq(gale_request_form_read(req), 0);
    return gale_reply(res, 200, "text/plain", "ok");
}

static const char body[] = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
                           "--b\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n"
                           "--b\r\nContent-Disposition: form-data; name=f; filename=x.txt\r\n\r\n"
                           "hello\r\n"
                           "--b\r\nContent-Disposition: form-data; name=f; filename=y.txt\r\n\r\n"
                           "hello again\r\n"
                           "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n2\r\n--b--\r\n";

START_TEST(answers_every_question)
{
    struct test_front front;
    test_front_init(&front, "POST", "/");
    front.exchange.form_memory = 8;
    test_front_header(&front, "Content-Type", "multipart/form-data; boundary=b");
    test_front_body(&front, body, sizeof(body) - 1, 5);
    ck_assert_int_eq(test_front_serve(&front, ask_all, NULL), 0);
    ck_assert_int_eq(front.status, 200);
    test_front_finish(&front);
}
END_TEST

static int ask_in_vain(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str name, value;
    struct gale_file file;
    int expected = *(int *)data;
    (void)res;
    ck_assert_int_eq(gale_request_form_read(req), expected);
    ck_assert_int_eq(gale_request_form_read(req), expected); /* it stays so */
    ck_assert_int_eq(gale_request_form_nth(req, STR("a"), 0, &value), expected);
    ck_assert_int_eq(gale_request_form_at(req, 0, &name, &value), expected);
    ck_assert_int_eq(gale_request_file_at(req, 0, &file), expected);
    ck_assert_str_eq(gale_request_form(req, "a", "x"), "x");
    return GALE_OK;
}

START_TEST(keeps_the_answer_when_there_is_none)
{
    static const struct {
        const char *type;
        int expected;
    } rows[] = {{"text/plain", -ENOENT}, {"multipart/form-data", -EBADMSG}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        int expected = rows[i].expected;
        test_front_init(&front, "POST", "/");
        test_front_header(&front, "Content-Type", rows[i].type);
        test_front_body(&front, body, sizeof(body) - 1, 5);
        ck_assert_int_eq(test_front_serve(&front, ask_in_vain, &expected), 0);
        /* what is no form was not even read, so an app may decline it */
        ck_assert(front.exchange.req.is_body_touched == (expected != -ENOENT));
        test_front_finish(&front);
    }
}
END_TEST

UNIT_MAIN(answers_every_question, keeps_the_answer_when_there_is_none)
