/* Lines of programs in the log: whole, attributed, no more than so many. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adapters/gateway/program_log.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"

static int fd;
static char logged[1 << 20];

static void begin(void)
{
    fd = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    log_set_fd(fd);
}

/* What was logged since, without the first fields of each line. */
static const char *end(void)
{
    ssize_t n = pread(fd, logged, sizeof(logged) - 1, 0);
    ck_assert_int_ge(n, 0);
    logged[n] = 0;
    log_set_fd(2);
    close(fd);
    char *to = logged;
    for (const char *at = logged; *at;) {
        const char *lf = strchr(at, '\n') + 1, *msg = strstr(at, "msg=");
        memmove(to, msg, (size_t)(lf - msg));
        to += lf - msg;
        at = lf;
    }
    *to = 0;
    return logged;
}

static struct program_log of_app = {.app = "tools"};

static void start_lines(struct program_lines *lines)
{
    *lines = (struct program_lines){.log = &of_app, .program = "/x.cgi", .id = STR("id1")};
}

START_TEST(cuts_lines_wherever_bytes_are_split)
{
    static const char text[] = "one\ntwo \"q\"\r\n\n\nthree\x01";
    for (size_t step = 1; step < sizeof(text); step++) {
        struct program_lines lines;
        begin();
        of_app = (struct program_log){.app = "tools"};
        start_lines(&lines);
        for (size_t at = 0; at < sizeof(text) - 1; at += step)
            program_lines_take(&lines, text + at,
                               at + step < sizeof(text) - 1 ? step : sizeof(text) - 1 - at);
        program_lines_end(&lines);
        program_lines_end(&lines);
        ck_assert_str_eq(end(),
                         "msg=stderr app=tools text=one program=/x.cgi id=id1\n"
                         "msg=stderr app=tools text=\"two \\\"q\\\"\" program=/x.cgi id=id1\n"
                         "msg=stderr app=tools text=\"three\\x01\" program=/x.cgi id=id1\n");
    }
}
END_TEST

START_TEST(cuts_what_is_too_long)
{
    struct program_lines lines;
    static char text[2 * PROGRAM_LOG_LINE_MAX + 1];
    memset(text, 'a', sizeof(text));
    begin();
    start_lines(&lines);
    lines.program = NULL;
    program_lines_take(&lines, text, sizeof(text));
    program_lines_end(&lines);
    const char *said = end();
    ck_assert_ptr_nonnull(strstr(said, "text=a program=- id=id1\n"));
    ck_assert_uint_gt(strlen(said), 2 * PROGRAM_LOG_LINE_MAX);
}
END_TEST

START_TEST(counts_a_flood)
{
    struct program_lines lines;
    begin();
    of_app = (struct program_log){.app = "tools"};
    start_lines(&lines);
    for (int i = 0; i < 100000; i++)
        program_lines_take(&lines, "x\n", 2);
    program_lines_end(&lines);
    const char *said = end();
    size_t count = 0, dropped = 0;
    for (const char *at = said; (at = strstr(at, "msg=stderr")); at++)
        count++;
    for (const char *at = said; (at = strstr(at, " lines=")); at += 7)
        dropped += strtoul(at + 7, NULL, 10);
    ck_assert_uint_eq(count + dropped, 100000);
    ck_assert_uint_ge(count, PROGRAM_LOG_LINES);
    ck_assert_uint_lt(count, 100000);
}
END_TEST

START_TEST(says_seldom_that_something_was_left_out)
{
    struct program_lines lines;
    size_t notices = 0, seconds;
    time_t from = time(NULL);
    begin();
    of_app = (struct program_log){.app = "tools"};
    start_lines(&lines);
    for (int i = 0; i < 20000; i++) { /* requests */
        program_lines_take(&lines, "x\n", 2);
        program_lines_end(&lines);
    }
    seconds = (size_t)(time(NULL) - from) + 2;
    const char *said = end();
    for (const char *at = said; (at = strstr(at, " lines=")); at++)
        notices++;
    ck_assert(notices > 0 && notices <= 3 * seconds);
}
END_TEST

UNIT_MAIN(cuts_lines_wherever_bytes_are_split, cuts_what_is_too_long, counts_a_flood,
          says_seldom_that_something_was_left_out)
