/* Lines of the log, found again by their request (dev_log.c). */
#include "unit.h"

#include <string.h>
#include <unistd.h>

#include "app/dev_log.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/str.h"

static void begin(void)
{
    int fd = dev_log_create();
    ck_assert_int_ge(fd, 0);
    log_set_fd(-1);
    ck_assert_int_eq(dev_log_attach(fd), 0);
    close(fd);
}

START_TEST(nothing_is_attached)
{
    struct buffer out = {0};
    dev_log_find(STR("1"), &out);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(finds_by_request)
{
    struct buffer out = {0};
    begin();
    log_error("one", LOG_TEXT("id", "abc"));
    log_info("two", LOG_TEXT("id", "xyz"));
    log_warn("three", LOG_TEXT("id", "abc"), LOG_NUMBER("n", 3));
    log_error("four");
    dev_log_find(STR("abc"), &out);
    char *first = strstr(out.at, "level=error"), *second = strstr(out.at, "level=warn");
    ck_assert(first && second && first < second);
    ck_assert_ptr_nonnull(strstr(out.at, "msg=one id=abc\n"));
    ck_assert_ptr_nonnull(strstr(out.at, "msg=three id=abc n=3\n"));
    ck_assert_ptr_null(strstr(out.at, "two"));
    out.len = 0;
    dev_log_find(STR(""), &out);
    ck_assert_uint_eq(out.len, 0);
    buffer_finish(&out);
}
END_TEST

START_TEST(keeps_the_last)
{
    struct buffer out = {0};
    begin();
    for (int i = 0; i < 2000; i++)
        log_info("line", LOG_NUMBER("n", i), LOG_TEXT("id", "r"));
    dev_log_find(STR("r"), &out);
    ck_assert_ptr_null(strstr(out.at, "n=1000 "));
    ck_assert_ptr_nonnull(strstr(out.at, "n=1999 "));
    ck_assert_ptr_nonnull(strstr(out.at, "n=1500 "));
    buffer_finish(&out);
}
END_TEST

UNIT_MAIN(nothing_is_attached, finds_by_request, keeps_the_last)
