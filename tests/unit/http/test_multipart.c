/* Multipart bodies: the same answer in every split, and one meaning or a refusal.
 *
 * A sink writes down what it hears: "<name|filename|type>data." for a part with a file name,
 * "[name|type]data." for one without. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "base/arena.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/multipart.h"

static const struct multipart_limits LIMITS = {.max_parts = 3, .max_head = 200};

struct record {
    struct buffer text;
    size_t calls;
    int fail_at; /* the call that returns -EIO; 0: none */
};

static int called(struct record *record)
{
    record->calls++;
    return (int)record->calls == record->fail_at ? -EIO : 0;
}

static int record_begin(void *context, const struct multipart_part *part)
{
    struct record *record = context;
    ck_assert_int_eq(part->name.at[part->name.len], 0);
    ck_assert_int_eq(part->filename.at[part->filename.len], 0);
    ck_assert_int_eq(part->content_type.at[part->content_type.len], 0);
    ck_assert(part->is_file || !part->filename.len);
    if (part->is_file)
        buffer_printf(&record->text, "<%s|%s|%s>", part->name.at, part->filename.at,
                      part->content_type.at);
    else
        buffer_printf(&record->text, "[%s|%s]", part->name.at, part->content_type.at);
    return called(record);
}

static int record_data(void *context, const char *at, size_t len)
{
    struct record *record = context;
    ck_assert_uint_gt(len, 0);
    buffer_add(&record->text, at, len);
    return called(record);
}

static int record_end(void *context)
{
    struct record *record = context;
    buffer_add_text(&record->text, ".");
    return called(record);
}

static const struct multipart_sink RECORD = {record_begin, record_data, record_end};

/* Feeds `first` bytes, then pieces of `size`. Returns what the whole came to. */
static int run(struct gale_str boundary, struct gale_str body, size_t first, size_t size,
               struct record *record)
{
    struct multipart multipart;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    multipart_init(&multipart, boundary, &LIMITS, &arena);
    multipart_set_sink(&multipart, &RECORD, record);
    int r = 0;
    for (size_t at = 0, n = first; at < body.len && r == 0; at += n, n = size) {
        n = n < body.len - at ? n : body.len - at;
        char *piece = memcpy(malloc(n + 1), body.at + at, n); /* alone, so that ASan sees */
        r = multipart_feed(&multipart, piece, n);
        free(piece);
    }
    int end = multipart_finish(&multipart);
    ck_assert(r == 0 || r == end);
    ck_assert_int_eq(multipart_finish(&multipart), end);
    ck_assert(end == 0 || multipart_feed(&multipart, "x", 1) == end);
    ck_assert(!multipart.why == (end == 0 || end == -EIO));
    arena_finish(&arena);
    return end;
}

/* The result and the record of a body, the same in every split. */
static int run_all_splits(struct gale_str body, struct buffer *out_text)
{
    struct record whole = {0};
    int r = run(STR("b"), body, body.len, body.len, &whole);
    for (size_t first = 0; first < body.len; first++) {
        for (size_t size = 1; size < 4; size++) {
            struct record split = {0};
            ck_assert_int_eq(run(STR("b"), body, first, size == 3 ? body.len : size, &split), r);
            ck_assert_msg(str_equals(buffer_str(&split.text), buffer_str(&whole.text)),
                          "split at %zu by %zu: %s, not %s", first, size,
                          split.text.at ? split.text.at : "", whole.text.at);
            buffer_finish(&split.text);
        }
    }
    *out_text = whole.text;
    return r;
}

#define F     "Content-Disposition: form-data; name=\"f\"\r\n"
#define BEGIN "--b\r\n"
#define END   "\r\n--b--\r\n"

START_TEST(reads_parts)
{
    static const struct {
        struct gale_str body;
        const char *heard;
    } rows[] = {
        {STR(BEGIN F "\r\nhello" END), "[f|]hello."},
        {STR("--b--"), ""},
        {STR("--b--\r\n"), ""},
        {STR("\r\n--b--\r\nepilogue\r\n--b\r\n"), ""},
        {STR("preamble\r\n--b\r\n" F "\r\nx" END), "[f|]x."},
        {STR("a--b\r\nb\r\n-\r\n\r\r\n--b\r\n" F "\r\nx" END), "[f|]x."},
        {STR(BEGIN F "\r\nx\r\n--b--"), "[f|]x."},
        {STR(BEGIN F "\r\nx\r\n--b-- \t"), "[f|]x."},
        {STR(BEGIN F "\r\nx\r\n--b-- \r\n"), "[f|]x."},
        {STR(BEGIN F "\r\nx\r\n--b--\r\n\r\n--b\r\njunk\0"), "[f|]x."},
        {STR("--b \t\r\n" F "\r\nx\r\n--b\t\r\n" F "\r\ny" END), "[f|]x.[f|]y."},
        {STR(BEGIN F "\r\nx\r\n--b\r\n" F "\r\ny\r\n--b\r\n" F "\r\nz" END), "[f|]x.[f|]y.[f|]z."},
        /* empty data, with a CRLF of its own and with that of the empty line */
        {STR(BEGIN F "\r\n" END), "[f|]."},
        {STR(BEGIN F "\r\n--b--"), "[f|]."},
        {STR(BEGIN F "\r\n--b\r\n" F "\r\n" END), "[f|].[f|]."},
        /* what almost is a delimiter is data */
        {STR(BEGIN F "\r\n-" END), "[f|]-."},
        {STR(BEGIN F "\r\n--" END), "[f|]--."},
        {STR(BEGIN F "\r\n--x--b" END), "[f|]--x--b."},
        {STR(BEGIN F "\r\n\r\n" END), "[f|]\r\n."},
        {STR(BEGIN F "\r\n\r\n\r\n-\r\n--\r\n--c\r\n --b\r\n" END),
         "[f|]\r\n\r\n-\r\n--\r\n--c\r\n --b\r\n."},
        {STR(BEGIN F "\r\n\r" END), "[f|]\r."},
        {STR(BEGIN F "\r\n\r\r\r\n-\r\r\n--\r" END), "[f|]\r\r\r\n-\r\r\n--\r."},
        {STR(BEGIN F "\r\n\n--b--\n\r--b--\r" END), "[f|]\n--b--\n\r--b--\r."},
        {STR(BEGIN F "\r\n\r\n--B--" END), "[f|]\r\n--B--."},
        {STR(BEGIN F "\r\na\xFF\x80" END), "[f|]a\xFF\x80."},
        /* fields */
        {STR(BEGIN "content-DISPOSITION:form-data;name=f\r\n\r\nx" END), "[f|]x."},
        {STR(BEGIN "Content-Disposition: Form-Data ;  NAME=\"f\" ;\r\n\r\nx" END), "[f|]x."},
        {STR(BEGIN "X: y\r\n" F "Content-Type: text/plain;charset=\"x\" \r\n\r\nx" END),
         "[f|text/plain;charset=\"x\"]x."},
        {STR(BEGIN F "Content-Transfer-Encoding: BINARY\r\n\r\nx" END), "[f|]x."},
        {STR(BEGIN F "Content-Length: 17\r\n\r\nx" END), "[f|]x."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer heard;
        ck_assert_msg(run_all_splits(rows[i].body, &heard) == 0, "row %zu", i);
        ck_assert_str_eq(heard.at ? heard.at : "", rows[i].heard);
        buffer_finish(&heard);
    }
}
END_TEST

START_TEST(reads_names)
{
    static const struct {
        const char *params, *heard;
    } rows[] = {
        {"name=\"f\"; filename=\"ab.txt\"", "<f|ab.txt|>."},
        {"name=f; filename=ab.txt", "<f|ab.txt|>."},
        {"filename=ab.txt;name=f", "<f|ab.txt|>."},
        {"name=\"f\"; filename=\"\"", "<f||>."},
        {"name=\"f\"; filename=\"a;b.txt\"", "<f|a;b.txt|>."},
        {"name=\"f\"; filename=\"a\\\"b.txt\"", "<f|a\"b.txt|>."},
        {"name=\"f\"; filename=\"a\\\";b.txt\"", "<f|a\";b.txt|>."},
        {"name=\"f\"; filename=\"a;\\\"b.txt\"", "<f|a;\"b.txt|>."},
        {"name=\"f\"; filename=\"a\\\";\\\".txt\"", "<f|a\";\".txt|>."},
        {"name=\"f\"; filename=\"a\\\\\\\"b.txt\"", "<f|a\\\"b.txt|>."},
        {"name=\"f\"; filename=\"a\\b.txt\"", "<f|a\\b.txt|>."},
        {"name=\"f\"; filename=\"a b\tc\"", "<f|a b\tc|>."},
        {"name=\"f\"; filename=\" \"", "<f| |>."},
        {"name=\"f\"; filename=\"a%22b%0D.txt\"", "<f|a%22b%0D.txt|>."},
        {"name=\"f\"; filename=\"../../etc/passwd\"", "<f|../../etc/passwd|>."},
        {"name=\"f\"; filename=\"\xE6\xB5\x8B\xE8\xAF\x95.txt\"",
         "<f|\xE6\xB5\x8B\xE8\xAF\x95.txt|>."},
        {"name=\"\xE6\xB5\x8B\"", "[\xE6\xB5\x8B|]."},
        {"name=\"a\\\"b;c\"", "[a\"b;c|]."},
        {"name=\"f\"; filename=\"ab.txt\"; filename*=UTF-8''%C3%A1b.txt", "<f|\xC3\xA1"
                                                                          "b.txt|>."},
        {"name=\"f\"; filename*=utf-8'en'%c3%A1b.txt; filename=ab.txt", "<f|\xC3\xA1"
                                                                        "b.txt|>."},
        {"name=\"f\"; filename*=UTF-8''", "<f||>."},
        {"name=\"f\"; filename*=UTF-8''a'b", "<f|a'b|>."},
        {"name*=utf-8''%66", "[f|]."},
        {"name=\"f\"; filename=a; filename*0=b; size=3", "<f|a|>."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer body = {0}, heard;
        buffer_printf(&body, BEGIN "Content-Disposition: form-data; %s\r\n\r\n" END,
                      rows[i].params);
        ck_assert_msg(run_all_splits(buffer_str(&body), &heard) == 0, "row %zu", i);
        ck_assert_str_eq(heard.at, rows[i].heard);
        buffer_finish(&heard);
        buffer_finish(&body);
    }
}
END_TEST

START_TEST(refuses)
{
#define D "Content-Disposition: form-data; "
    static const struct {
        struct gale_str body;
        int result;
        const char *heard;
    } rows[] = {
        /* no final boundary */
        {STR(""), -EBADMSG, ""},
        {STR("hello"), -EBADMSG, ""},
        {STR("--b"), -EBADMSG, ""},
        {STR("--b-"), -EBADMSG, ""},
        {STR("--b--\r"), -EBADMSG, ""},
        {STR(BEGIN), -EBADMSG, ""},
        {STR(BEGIN F), -EBADMSG, ""},
        {STR(BEGIN F "\r\n"), -EBADMSG, "[f|]"},
        {STR(BEGIN F "\r\nx"), -EBADMSG, "[f|]x"},
        {STR(BEGIN F "\r\nx\r\n--b\r\n"), -EBADMSG, "[f|]x."},
        {STR(BEGIN F "\r\nx--b--\r\n"), -EBADMSG, "[f|]x--b--"}, /* no CRLF before it: data */
        {STR(BEGIN F "\r\nx\n--b--\n"), -EBADMSG, "[f|]x\n--b--\n"},
        {STR(BEGIN F "\r\nx\r\n--B--\r\n"), -EBADMSG, "[f|]x\r\n--B--"},
        /* something behind a boundary */
        {STR("--bc\r\n"), -EBADMSG, ""},
        {STR("--b\n" F "\nx\n--b--"), -EBADMSG, ""},
        {STR("--b\r\r\n"), -EBADMSG, ""},
        {STR("--b -\r\n"), -EBADMSG, ""},
        {STR("--b -- \r\n"), -EBADMSG, ""},
        {STR("--b-x"), -EBADMSG, ""},
        {STR("--b--x"), -EBADMSG, ""},
        {STR("--b---"), -EBADMSG, ""},
        {STR("--b--\n"), -EBADMSG, ""},
        {STR("--b--\rx"), -EBADMSG, ""},
        {STR("--b\0\r\n"), -EBADMSG, ""},
        {STR(BEGIN F "\r\nx\r\n--bb--"), -EBADMSG, "[f|]x."},
        /* headers */
        {STR(BEGIN F "--b--\r\n"), -EBADMSG, ""}, /* no empty line */
        {STR(BEGIN F "--b\r\n" F "\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN "\r\nx" END), -EBADMSG, ""}, /* no disposition */
        {STR(BEGIN "Content-Type: text/plain\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F F "\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "Content-Encoding: gzip\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "Content-Encoding:\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "Content-Transfer-Encoding: base64\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "nonsense\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F ": x\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "X : x\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F " folded\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN " " F "\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "X: a\rb\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "X: a\r\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "X: a\nY: b\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "X: a\0\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN F "\nx" END), -EBADMSG, ""},
        /* dispositions */
        {STR(BEGIN "Content-Disposition: attachment; name=f\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN "Content-Disposition: form-datax; name=f\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN "Content-Disposition: form-data name=f\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN "Content-Disposition: \r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN "Content-Disposition: form-data\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=\"\"\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "filename=x\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; name=f\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename=f; FILENAME=g\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=\"f\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename=\"a\\\"\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename=\"a\rb\"\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename=\"a\0b\"\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename=\"a\bb\"\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename=\"a\x7F\"\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=UTF-8''%00\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=UTF-8''%0d%0a\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=UTF-8''%4\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=UTF-8''%\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=UTF-8''%zz\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=UTF-8'x\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=x\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=KOI8-R''x\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=\"UTF-8''x\"\r\n\r\nx" END), -EBADMSG, ""},
        {STR(BEGIN D "name=f; filename*=UTF-8''x; filename*=UTF-8''y\r\n\r\nx" END), -EBADMSG, ""},
        /* limits: 3 parts, 200 bytes of header */
        {STR(BEGIN F "\r\n\r\n" BEGIN F "\r\n\r\n" BEGIN F "\r\n\r\n" BEGIN F "\r\n" END),
         -EMSGSIZE, "[f|].[f|].[f|]."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer heard;
        int r = run_all_splits(rows[i].body, &heard);
        ck_assert_msg(r == rows[i].result, "row %zu: %d", i, r);
        ck_assert_msg(strcmp(heard.at ? heard.at : "", rows[i].heard) == 0, "row %zu: %s", i,
                      heard.at);
        buffer_finish(&heard);
    }
}
END_TEST

START_TEST(limits_the_header)
{
    static const size_t fixed = sizeof(F "X: \r\n\r\n") - 1;
    for (size_t len = 190; len <= 210; len++) {
        struct buffer body = {0}, heard;
        buffer_printf(&body, BEGIN F "X: %*s\r\n\r\n" END, (int)(len - fixed), "x");
        ck_assert_int_eq(run_all_splits(buffer_str(&body), &heard), len <= 200 ? 0 : -EMSGSIZE);
        buffer_finish(&heard);
        buffer_finish(&body);
    }
    struct buffer heard; /* many short fields count, too */
    ck_assert_int_eq(run_all_splits(STR(BEGIN F "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                                                "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                                                "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                                                "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                                                "\r\nx" END),
                                    &heard),
                     -EMSGSIZE);
    buffer_finish(&heard);
}
END_TEST

START_TEST(stops_when_the_sink_fails)
{
    static const struct gale_str body = STR(BEGIN F "\r\nx" END);
    for (int fail_at = 1; fail_at <= 3; fail_at++) {
        for (size_t first = 0; first < body.len; first++) {
            struct record record = {.fail_at = fail_at};
            ck_assert_int_eq(run(STR("b"), body, first, 1, &record), -EIO);
            ck_assert_uint_eq(record.calls, (size_t)fail_at);
            buffer_finish(&record.text);
        }
    }
}
END_TEST

START_TEST(finds_the_boundary)
{
#define TEN "0123456789"
#define B70 TEN TEN TEN TEN TEN TEN TEN
    static const struct {
        const char *type, *boundary; /* NULL: -EINVAL */
    } rows[] = {
        {"multipart/form-data; boundary=b", "b"},
        {"multipart/form-data; boundary=\"b\"", "b"},
        {"Multipart/Form-Data;BOUNDARY=b;", "b"},
        {"multipart/form-data ; charset=utf-8 ; boundary=\"a b;c,d\"; x=y", "a b;c,d"},
        {"multipart/form-data; boundary=----=_Part_0:'()+/?.", "----=_Part_0:'()+/?."},
        {"multipart/form-data; boundary=*****", "*****"},
        {"multipart/form-data; boundary=" B70, B70},
        {"multipart/form-data; boundary=" B70 "x", NULL},
        {"multipart/form-data", NULL},
        {"multipart/form-data;", NULL},
        {"multipart/form-data; boundary", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"b", NULL},
        {"multipart/form-data; boundary=\"b\"c", NULL},
        {"multipart/form-data; boundary=\"b \"", NULL},
        {"multipart/form-data; boundary=\"b\\\"c\"", NULL},
        {"multipart/form-data; boundary=b\\c", NULL},
        {"multipart/form-data; boundary=b c", NULL},
        {"multipart/form-data; boundary=\"b\tc\"", NULL},
        {"multipart/form-data; boundary=\xC3\xA9", NULL},
        {"multipart/form-data; boundary=b; boundary=b", NULL},
        {"multipart/form-data; boundary=b; junk", NULL},
        {"multipart/form-data, boundary=b", NULL},
        {"multipart/form-data boundary=b", NULL},
        {"multipart/form-dataxyz; boundary=b", NULL},
        {"multipart/mixed; boundary=b", NULL},
        {"; boundary=b", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str boundary = STR("untouched");
        int r = multipart_boundary(str_of(rows[i].type), &boundary);
        ck_assert_msg(r == (rows[i].boundary ? 0 : -EINVAL), "row %zu", i);
        ck_assert(str_equals(boundary, str_of(rows[i].boundary ? rows[i].boundary : "untouched")));
    }
}
END_TEST

START_TEST(hands_data_on_in_few_pieces)
{
    static char data[100000];
    for (size_t i = 0; i < sizeof(data); i++) /* full of beginnings of delimiters */
        data[i] = "\r\n--boundar\r\n--\r\r\n"[i % 17];
    struct buffer body = {0};
    buffer_add_text(&body, "--boundary\r\n" F "\r\n");
    buffer_add(&body, data, sizeof(data));
    buffer_add_text(&body, "\r\n--boundary--");
    static const size_t sizes[] = {1000000, 4096, 1000, 17};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct record record = {0};
        ck_assert_int_eq(run(STR("boundary"), buffer_str(&body), sizes[i], sizes[i], &record), 0);
        ck_assert_uint_eq(record.text.len, strlen("[f|]") + sizeof(data) + strlen("."));
        ck_assert_int_eq(memcmp(record.text.at + strlen("[f|]"), data, sizeof(data)), 0);
        /* at most what was held back and what came, a feed */
        ck_assert_uint_le(record.calls, 2 + 2 * (body.len / sizes[i] + 1));
        buffer_finish(&record.text);
    }
    buffer_finish(&body);
}
END_TEST

static double seconds_for(const char *piece, size_t times, size_t feed)
{
    struct buffer body = {0};
    buffer_add_text(&body, "--bb\r\n" F "\r\n");
    for (size_t i = 0; i < times; i++)
        buffer_add_text(&body, piece);
    struct record record = {0};
    clock_t start = clock();
    run(STR("bb"), buffer_str(&body), feed, feed, &record);
    double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
    buffer_finish(&record.text);
    buffer_finish(&body);
    return spent;
}

START_TEST(takes_linear_time)
{
    static const char *const pieces[] = {"\r", "\n", "\r\n", "\r\n--b", "-", "\r\n--", "a"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (size_t feed = 50; feed < 10000000; feed *= 50) {
            double once = seconds_for(pieces[i], 50000, feed);
            ck_assert_msg(seconds_for(pieces[i], 200000, feed) < 12 * once + 0.3,
                          "piece %zu by %zu", i, feed);
        }
    }
}
END_TEST

UNIT_MAIN(reads_parts, reads_names, refuses, limits_the_header, stops_when_the_sink_fails,
          finds_the_boundary, hands_data_on_in_few_pieces, takes_linear_time)
