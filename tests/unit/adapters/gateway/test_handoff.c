/* Files and apps that replies name: found, confined, with conditions and ranges. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/gateway/handoff.h"
#include "adapters/gateway/reply.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"
#include "http/test_front.h"

static char top[] = "/tmp/gale-test-XXXXXX";
static struct handoff handoff;
static char head[512];
static const char *why;

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct reply reply;
    (void)data;
    ck_assert_int_eq(
        reply_parse(head, strlen(head), false, exchange_of_request(req)->arena, &reply, &why), 0);
    return handoff_serve(&handoff, &reply, req, res, &why);
}

static struct test_front front;

/* `format` is the header block, %s in it the test's folder; field: "Name: value" or NULL. */
static int ask(const char *method, const char *field, const char *format)
{
    snprintf(head, sizeof(head), format, top);
    test_front_init(&front, method, "/");
    if (field) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(field, ":"), field);
        test_front_header(&front, name, strchr(field, ':') + 2);
    }
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    return front.status;
}

static void put(const char *name, const char *text)
{
    char path[300];
    struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
    snprintf(path, sizeof(path), "%s/%s", top, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(futimens(fd, times), 0);
    close(fd);
}

static void begin(void)
{
    char accel[64], other[64];
    const char *path;
    ck_assert_ptr_nonnull(mkdtemp(top));
    snprintf(accel, sizeof(accel), "%s/accel", top);
    snprintf(other, sizeof(other), "%s/accel/deep", top);
    ck_assert_int_eq(mkdir(accel, 0755) | mkdir(other, 0755), 0);
    put("file", "0123456789");
    put("accel/a b", "accel");
    put("accel/deep/c", "deep");
    ck_assert_int_eq(symlinkat("/etc/passwd", AT_FDCWD, strcat(accel, "/out")), 0);
    accel[strlen(accel) - 4] = 0;
    struct setting_pair pairs[] = {{.name = "/internal", .value = accel},
                                   {.name = "/internal/d/", .value = other}};
    ck_assert_int_eq(handoff_open(&handoff, top, &(struct setting_pairs){pairs, 2}, &path), 0);
    /* the configuration's texts live as long as the app; here they do not */
    handoff.folders[1].path = handoff.folders[2].path = top;
}

static void end(void)
{
    char command[64];
    handoff_close(&handoff);
    snprintf(command, sizeof(command), "rm -r %s", top);
    ck_assert_int_eq(system(command), 0);
    strcpy(top, "/tmp/gale-test-XXXXXX");
}

START_TEST(finds_files_and_nothing_else)
{
    static const struct {
        const char *head;
        int status;
        const char *body, *why;
    } rows[] = {
        {"X-Sendfile: file\n\n", 200, "0123456789", NULL},
        {"X-Sendfile: %s/file\n\n", 200, "0123456789", NULL},
        {"X-Sendfile: %s/../../etc/passwd\n\n", 403, NULL,
         "it names a file that may not be read or lies outside"},
        {"X-Sendfile: /etc/passwd\n\n", 403, NULL,
         "an X-Sendfile outside of the app's `sendfile` folder"},
        {"X-Sendfile: %s\n\n", 403, NULL, "an X-Sendfile outside of the app's `sendfile` folder"},
        {"X-Sendfile: %sfile\n\n", 403, NULL,
         "an X-Sendfile outside of the app's `sendfile` folder"},
        {"X-Sendfile: nothing\n\n", 404, NULL, "it names a file that does not exist"},
        {"X-Sendfile: accel\n\n", 403, NULL, "it names what is no file"},
        {"X-Accel-Redirect: /internal/a b\n\n", 200, "accel", NULL},
        {"X-Accel-Redirect: /internal/a%%20b?x=1\n\n", 200, "accel", NULL},
        {"X-Accel-Redirect: /internal/d/c\n\n", 200, "deep", NULL},
        {"X-Accel-Redirect: /internal/x/../d/c\n\n", 200, "deep", NULL},
        {"X-Accel-Redirect: /internal/out\n\n", 403, NULL,
         "it names a file that may not be read or lies outside"},
        {"X-Accel-Redirect: /internal/d\n\n", 404, NULL, "it names a file that does not exist"},
    };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_msg(ask("GET", NULL, rows[i].head) == rows[i].status, "row %zu: %d", i,
                      front.status);
        if (rows[i].body)
            ck_assert_str_eq(front.body.at, rows[i].body);
        ck_assert_msg(rows[i].why ? why && strcmp(why, rows[i].why) == 0 : !why, "row %zu: %s", i,
                      why);
        test_front_finish(&front);
    }
    end();
}
END_TEST

START_TEST(keeps_the_fields_of_the_reply)
{
    begin();
    ask("GET", NULL,
        "X-Sendfile: file\nContent-Type: text/x\nContent-Length: 3\nSet-Cookie: a=1\n\n");
    ck_assert_str_eq(test_front_find(&front, "Content-Type"), "text/x");
    ck_assert_str_eq(test_front_find(&front, "Set-Cookie"), "a=1");
    ck_assert_str_eq(test_front_find(&front, "Last-Modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
    ck_assert_ptr_nonnull(test_front_find(&front, "ETag"));
    ck_assert_int_eq(front.announced, 10);
    test_front_finish(&front);
    ask("GET", NULL, "X-Sendfile: file\nStatus: 404\nETag: \"mine\"\n\n");
    ck_assert_int_eq(front.status, 404);
    ck_assert_str_eq(test_front_find(&front, "ETag"), "\"mine\"");
    ck_assert_str_eq(front.body.at, "0123456789");
    test_front_finish(&front);
    end();
}
END_TEST

START_TEST(answers_conditions_and_ranges)
{
    static const struct {
        const char *method, *field;
        int status;
        const char *body, *range;
        int length;
    } rows[] = {
        {"GET", "Range: bytes=2-4", 206, "234", "bytes 2-4/10", 3},
        {"GET", "Range: bytes=-1", 206, "9", "bytes 9-9/10", 1},
        {"GET", "Range: bytes=10-", 416, "", "bytes */10", 0},
        {"GET", "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT", 304, "", NULL, 0},
        {"GET", "If-Match: \"other\"", 412, "", NULL, 0},
        {"HEAD", "X: y", 200, "", NULL, 10},
        {"POST", "Range: bytes=2-4", 200, "0123456789", NULL, 10},
    };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(ask(rows[i].method, rows[i].field, "X-Sendfile: file\n\n"),
                         rows[i].status);
        ck_assert_str_eq(front.body.at ? front.body.at : "", rows[i].body);
        ck_assert_int_eq(front.announced, rows[i].length);
        const char *range = test_front_find(&front, "Content-Range");
        ck_assert_msg(rows[i].range ? range && strcmp(range, rows[i].range) == 0 : !range,
                      "row %zu: %s", i, range);
        ck_assert(front.is_finished);
        test_front_finish(&front);
    }
    end();
}
END_TEST

START_TEST(names_the_folder_that_is_missing)
{
    struct setting_pair pair = {.name = "/x", .value = "/nowhere"};
    struct setting_pairs none = {0};
    const char *path;
    ck_assert_int_eq(handoff_open(&handoff, NULL, &(struct setting_pairs){&pair, 1}, &path),
                     -ENOENT);
    ck_assert_str_eq(path, "/nowhere");
    ck_assert_int_eq(handoff_open(&handoff, "/etc/passwd", &none, &path), -ENOTDIR);
    ck_assert_str_eq(path, "/etc/passwd");
    ck_assert_int_eq(handoff_open(&handoff, NULL, &none, &path), 0);
    handoff_close(&handoff);
    handoff_close(&handoff);
}
END_TEST

UNIT_MAIN(finds_files_and_nothing_else, keeps_the_fields_of_the_reply,
          answers_conditions_and_ranges, names_the_folder_that_is_missing)
