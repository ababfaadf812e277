/* Bodies into fields and files, in any split. */
#include "unit.h"

#include <errno.h>
#include <gale/gale.h>
#include <string.h>
#include <unistd.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/form.h"
#include "http/test_front.h"

static const char multipart[] = "multipart/form-data; boundary=b";
static const char urlencoded[] = "application/x-www-form-urlencoded";

/* The form as text: "name=value\n", "name<filename,type>content\n". */
static struct buffer shown;

static void show_file(const struct gale_file *file)
{
    char content[256] = "";
    struct gale_str data = file->data;
    if (file->fd >= 0) {
        ssize_t n = read(file->fd, content, sizeof(content));
        data = (struct gale_str){content, n > 0 ? (size_t)n : 0};
    }
    ck_assert_int_eq(file->size, data.len);
    buffer_printf(&shown, "%s<%s,%s>%s", file->field.at, file->filename.at, file->type.at,
                  file->fd >= 0 ? "FILE:" : "");
    buffer_add_str(&shown, data);
    buffer_add_text(&shown, "\n");
}

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct form form = {0};
    (void)res;
    shown.len = 0;
    buffer_add_text(&shown, "");
    int r = form_read(req, &form);
    for (size_t i = 0; i < form.field_count; i++)
        buffer_printf(&shown, "%s=%s\n", form.fields[i].name.at, form.fields[i].value.at);
    for (size_t i = 0; i < form.file_count; i++)
        show_file(&form.files[i]);
    form_finish(&form);
    *(int *)data = r;
    return r < 0 ? r : GALE_OK;
}

/* Sends a body in pieces; returns the status of the answer. */
static int send_form(const char *type, struct gale_str body, size_t piece, uint64_t form_memory,
                     int *out_result)
{
    struct test_front front;
    test_front_init(&front, "POST", "/");
    front.exchange.form_memory = form_memory;
    front.exchange.max_body = 100000;
    if (type)
        test_front_header(&front, "Content-Type", type);
    test_front_chunked(&front, body.at, body.len, piece);
    ck_assert_int_eq(test_front_serve(&front, serve, out_result), 0);
    int status = front.status;
    test_front_finish(&front);
    return status;
}

#define PART(head, body) "--b\r\nContent-Disposition: form-data; " head "\r\n\r\n" body "\r\n"

START_TEST(reads_forms_in_any_split)
{
    static const struct {
        const char *type, *body, *shown;
    } rows[] = {
        {urlencoded, "a=1&b=x+y%21&a=2&c", "a=1\nb=x y!\na=2\nc=\n"},
        {"Application/X-WWW-Form-Urlencoded ; charset=utf-8", "a=%C3%A9", "a=\xC3\xA9\n"},
        {urlencoded, "", ""},
        {multipart,
         PART("name=\"a\"", "1") PART("name=a", "") PART("name=\"b c\"", "x\r\ny") "--b--",
         "a=1\na=\nb c=x\r\ny\n"},
        {multipart,
         PART("name=f; filename=\"x.txt\"\r\nContent-Type: text/plain", "12345")
             PART("name=g; filename=\"y\"", "1234567890\r\n--c") PART("name=a", "7") "--b--\r\n",
         "a=7\nf<x.txt,text/plain>12345\ng<y,>FILE:1234567890\r\n--c\n"},
        /* a file input left alone is none; an empty file is one */
        {multipart, PART("name=f; filename=\"\"", "") PART("name=g; filename=\"e\"", "") "--b--",
         "g<e,>\n"},
        {multipart, "--b--", ""},
    };
    static const size_t pieces[] = {0, 1, 2, 3, 7, 50};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t j = 0; j < ARRAY_LEN(pieces); j++) {
            int r = 1;
            struct gale_str body = str_of(rows[i].body);
            ck_assert_int_eq(send_form(rows[i].type, body, pieces[j], 8, &r), 200);
            ck_assert_int_eq(r, 0);
            ck_assert_str_eq(shown.at ? shown.at : "", rows[i].shown);
        }
    }
    buffer_finish(&shown);
}
END_TEST

START_TEST(tells_the_client_what_is_wrong)
{
    static const struct {
        const char *type, *body;
        int result, status;
    } rows[] = {
        {NULL, "a=1", -ENOENT, 500},
        {"text/plain", "a=1", -ENOENT, 500},
        {"multipart/mixed; boundary=b", "--b--", -ENOENT, 500},
        {"application/x-www-form-urlencodedx", "a=1", -ENOENT, 500},
        {"multipart/form-data", "--b--", -EBADMSG, 400},
        {multipart, "", -EBADMSG, 400},
        {multipart, PART("name=a", "1"), -EBADMSG, 400},
        {multipart, PART("name=f; filename=x", "1234567890123"), -EBADMSG, 400},
        {multipart, "--b\r\nX: y\r\n\r\n1\r\n--b--", -EBADMSG, 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int r = 1;
        int status = send_form(rows[i].type, str_of(rows[i].body), 3, 8, &r);
        ck_assert_msg(r == rows[i].result && status == rows[i].status, "row %zu: %d %d", i, r,
                      status);
    }
    buffer_finish(&shown);
}
END_TEST

START_TEST(has_limits)
{
    struct buffer body = {0};
    int r = 1;
    for (int i = 0; i < 1001; i++)
        buffer_add_text(&body, "a&");
    ck_assert_int_eq(send_form(urlencoded, buffer_str(&body), 0, 8, &r), 413);
    ck_assert_int_eq(r, -EMSGSIZE);
    body.len = 0;
    for (int i = 0; i < 65; i++)
        buffer_add_text(&body, PART("name=f; filename=x", "123456789"));
    buffer_add_text(&body, "--b--");
    ck_assert_int_eq(send_form(multipart, buffer_str(&body), 0, 8, &r), 413);
    ck_assert_int_eq(r, -EMSGSIZE);
    ck_assert_int_eq(send_form(multipart, buffer_str(&body), 0, 9, &r), 200);
    body.len = 0;
    for (int i = 0; i < 60000; i++) /* beyond max_body */
        buffer_add_text(&body, "a=");
    ck_assert_int_eq(send_form(urlencoded, buffer_str(&body), 0, 8, &r), 413);
    ck_assert_int_eq(r, -EMSGSIZE);
    buffer_finish(&body);
    buffer_finish(&shown);
}
END_TEST

static int read_first(void *data, struct gale_request *req, struct gale_response *res)
{
    struct form form = {0};
    struct gale_str body;
    (void)res;
    ck_assert_int_eq(gale_request_body(req, &body), 0);
    *(int *)data = form_read(req, &form);
    return GALE_OK;
}

START_TEST(wants_the_whole_body)
{
    struct test_front front;
    int r = 1;
    test_front_init(&front, "POST", "/");
    test_front_header(&front, "Content-Type", urlencoded);
    test_front_body(&front, "a=1", 3, 0);
    ck_assert_int_eq(test_front_serve(&front, read_first, &r), 0);
    ck_assert_int_eq(r, -EALREADY);
    test_front_finish(&front);
    form_finish(NULL);
}
END_TEST

START_TEST(passes_on_what_reading_fails_with)
{
    static const int errors[] = {-ETIMEDOUT, -ECONNRESET, -EBADMSG};
    static const int statuses[] = {408, 0, 400};
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct test_front front;
        int r = 1;
        test_front_init(&front, "POST", "/");
        test_front_header(&front, "Content-Type", multipart);
        test_front_chunked(&front, "--b\r\n", 5, 0);
        front.input_error = errors[i];
        ck_assert_int_eq(test_front_serve(&front, serve, &r), 0);
        ck_assert_int_eq(r, errors[i]);
        ck_assert_int_eq(front.status, statuses[i]);
        test_front_finish(&front);
    }
    buffer_finish(&shown);
}
END_TEST

UNIT_MAIN(reads_forms_in_any_split, tells_the_client_what_is_wrong, has_limits,
          wants_the_whole_body, passes_on_what_reading_fails_with)
