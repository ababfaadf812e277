/* Lines that can't be forged, gathering, dropping and saying so. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/macros.h"

static int fd[2];
static char got[1 << 20];

static void begin(void)
{
    ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    log_set_fd(fd[1]);
}

static void finish(void)
{
    log_set_fd(-1);
    close(fd[0]);
    close(fd[1]);
}

/* Everything written so far, zero-terminated. */
static size_t take(void)
{
    size_t len = 0;
    for (ssize_t n; (n = read(fd[0], got + len, sizeof(got) - 1 - len)) > 0;)
        len += (size_t)n;
    got[len] = 0;
    return len;
}

/* The line after "msg=", with its newline. */
static const char *message(void)
{
    take();
    char *at = strstr(got, " msg=");
    return at ? at + 5 : got;
}

START_TEST(writes_a_line)
{
    begin();
    log_error("plugin refused", LOG_TEXT("app", "hello"), LOG_NUMBER("n", -42),
              LOG_ERRNO(-ECONNRESET));
    take();
    int year, end = 0;
    long pid;
    ck_assert_int_eq(sscanf(got, "time=%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ level=error pid=%ld %n",
                            &year, &pid, &end),
                     2);
    ck_assert_int_ge(year, 2024);
    ck_assert_int_eq(pid, getpid());
    ck_assert_str_eq(got + end, "msg=\"plugin refused\" app=hello n=-42 error=ECONNRESET\n");
    finish();
}
END_TEST

START_TEST(values_cannot_forge_a_line)
{
    static const struct {
        struct gale_str value;
        const char *logged;
    } rows[] = {
        {STR("plain/value-1.2,[]{}:;'"), "plain/value-1.2,[]{}:;'"},
        {STR(""), "\"\""},
        {STR("two words"), "\"two words\""},
        {STR("a=b"), "\"a=b\""},
        {STR("say \"hi\""), "\"say \\\"hi\\\"\""},
        {STR("\""), "\"\\\"\""},
        {STR("C:\\x"), "\"C:\\\\x\""},
        {STR("x\ntime=1 level=error"), "\"x\\ntime=1 level=error\""},
        {STR("\r\t"), "\"\\r\\t\""},
        {STR("a\0b"), "\"a\\x00b\""},
        {STR("\x1B[31m"), "\"\\x1B[31m\""},
        {STR("\x7F"), "\"\\x7F\""},
        {STR("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F"},
        {STR("\xC3"), "\"\\xC3\""},
        {STR("\xFFz"), "\"\\xFFz\""},
        {STR("\xC2\x9B"
             "31m"),
         "\"\\xC2\\x9B31m\""}, /* CSI in one character */
        {STR("a\xE2\x80\xA8"
             "b"),
         "\"a\\xE2\\x80\\xA8b\""}, /* line separator */
        {STR("a\xE2\x80\xAE"
             "b"),
         "\"a\\xE2\\x80\\xAEb\""}, /* right to left */
        {STR("\xED\xA0\x80"), "\"\\xED\\xA0\\x80\""},
        {STR("\xF0\x9F\x90\x8B"), "\xF0\x9F\x90\x8B"},
    };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[128];
        log_info("m", LOG_STR("v", rows[i].value));
        snprintf(expected, sizeof(expected), "m v=%s\n", rows[i].logged);
        ck_assert_str_eq(message(), expected);
    }
    log_info("from a\nplugin");
    ck_assert_str_eq(message(), "\"from a\\nplugin\"\n");
    finish();
}
END_TEST

START_TEST(long_values_and_lines_are_cut)
{
    static char text[10000];
    begin();
    memset(text, 'x', sizeof(text));
    log_info("m", LOG_STR("v", ((struct gale_str){text, 2048})), LOG_NUMBER("n", 1));
    ck_assert_str_eq(message() + 2 + 2 + 2048, " n=1\n");
    log_info("m", LOG_STR("v", ((struct gale_str){text, 2049})), LOG_NUMBER("n", 1));
    ck_assert_str_eq(message() + 2 + 3 + 2048, "...\" n=1\n");

    memset(text, '\n', sizeof(text)); /* each takes two bytes: 4096 of them */
    log_info("m", LOG_STR("v", ((struct gale_str){text, 2048})), LOG_NUMBER("n", 1));
    size_t len = take();
    ck_assert_uint_le(len, 4096);
    ck_assert_uint_ge(len, 4096 - 16);
    ck_assert_str_eq(got + len - 12, "\\n\" cut=yes\n");
    finish();
}
END_TEST

/* Whatever the lengths of the fields, a line ends in one newline and has no half pair. */
START_TEST(any_cut_leaves_a_sound_line)
{
    static char text[4096];
    begin();
    memset(text, 'x', sizeof(text));
    for (size_t len = 1900; len < 2049; len++) {
        struct gale_str value = {text, len};
        log_info("m", LOG_STR("a", value), LOG_STR("b", value), LOG_TEXT("c", "1 2"),
                 LOG_TEXT("long_key", "1"));
        size_t n = take();
        ck_assert_uint_le(n, 4096);
        ck_assert_int_eq(got[n - 1], '\n');
        ck_assert_ptr_eq(strchr(got, '\n'), got + n - 1);
        bool is_cut = strcmp(got + n - 9, " cut=yes\n") == 0;
        ck_assert(is_cut || strcmp(got + n - 20, " c=\"1 2\" long_key=1\n") == 0);
        const char *quote = strstr(got, " c=\"");
        if (quote)
            ck_assert_ptr_nonnull(strchr(quote + 4, '"'));
        ck_assert_ptr_null(strstr(got, "= "));
    }
    finish();
}
END_TEST

START_TEST(levels)
{
    begin();
    ck_assert(log_is_on(LOG_LEVEL_INFO));
    ck_assert(!log_is_on(LOG_LEVEL_DEBUG));
    log_debug("silent");
    ck_assert_uint_eq(take(), 0);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("heard");
    ck_assert_str_eq(message(), "heard\n");
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("silent");
    ck_assert_uint_eq(take(), 0);
    finish();
}
END_TEST

START_TEST(origin_stands_on_every_line)
{
    begin();
    log_set_origin("worker", "3");
    log_info("one");
    take();
    ck_assert_ptr_nonnull(strstr(got, " worker=3 msg=one\n"));
    log_set_origin("worker", NULL);
    log_info("two");
    take();
    ck_assert_ptr_null(strstr(got, "worker"));
    finish();
}
END_TEST

START_TEST(gathered_lines_wait_for_the_flush)
{
    begin();
    log_gather();
    log_gather();
    log_info("one");
    log_info("two");
    ck_assert_uint_eq(take(), 0);
    log_flush();
    take();
    ck_assert_ptr_nonnull(strstr(got, "msg=one\n"));
    ck_assert_ptr_nonnull(strstr(got, "msg=two\n"));
    log_flush();
    ck_assert_uint_eq(take(), 0);
    log_info("three");
    finish(); /* log_set_fd writes to the descriptor that it leaves */
}
END_TEST

START_TEST(dropped_lines_are_counted_and_announced_once)
{
    begin();
    log_gather();
    char filler[1000];
    memset(filler, 'x', sizeof(filler));
    for (int i = 0; i < 1000; i++) {
        log_info("filler", LOG_STR("v", ((struct gale_str){filler, sizeof(filler)})));
        log_flush();
    }
    uint64_t dropped = log_dropped();
    ck_assert_uint_gt(dropped, 0);
    size_t lines = 0;
    for (size_t n = 1; n;) {
        n = take();
        for (size_t i = 0; i < n; i++)
            lines += got[i] == '\n';
        char expected[64];
        snprintf(expected, sizeof(expected),
                 "level=warn pid=%d msg=\"log lines were dropped\" count", (int)getpid());
        if (strstr(got, expected)) {
            ck_assert_uint_eq(strtoul(strstr(got, "count=") + 6, NULL, 10), dropped);
            lines--;
        }
        log_flush();
    }
    ck_assert_uint_eq(lines + dropped, 1000);
    log_info("after");
    log_flush();
    take();
    ck_assert_ptr_null(strstr(got, "dropped"));
    ck_assert_uint_eq(log_dropped(), dropped);
    finish();
}
END_TEST

static void *log_many(void *data)
{
    for (int i = 0; i < 200; i++)
        log_info("thread", LOG_TEXT("name", data), LOG_NUMBER("i", i));
    return NULL;
}

START_TEST(threads_do_not_mix_their_lines)
{
    pthread_t threads[3];
    static char *const names[] = {"a", "b", "c"};
    begin();
    log_gather();
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, log_many, names[i]);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    log_flush();
    size_t lines = 0;
    take();
    for (char *line = got; *line; line = strchr(line, '\n') + 1, lines++)
        ck_assert_int_eq(strncmp(strstr(line, " msg="), " msg=thread name=", 17), 0);
    ck_assert_uint_eq(lines, 600);
    finish();
}
END_TEST

static char heard[256];

static void hear(const char *line, size_t len)
{
    snprintf(heard, sizeof(heard), "%.*s", (int)len, line);
}

START_TEST(errors_are_told)
{
    begin();
    log_on_error(hear);
    log_error("first", LOG_NUMBER("n", 1));
    log_warn("second");
    ck_assert_ptr_nonnull(strstr(heard, "level=error"));
    ck_assert_str_eq(strstr(heard, " msg="), " msg=first n=1");
    log_on_error(NULL);
    log_error("third");
    ck_assert_ptr_null(strstr(heard, "third"));
    take();
    finish();
}
END_TEST

START_TEST(lines_of_a_report_follow_their_event)
{
    begin();
    log_lines(LOG_LEVEL_ERROR, "what   it \"read\"\n\n\x1b[1mred\xff\n");
    take();
    ck_assert_str_eq(got, "  what   it \"read\"\n\n  \\x1B[1mred\\xFF\n");
    log_lines(LOG_LEVEL_DEBUG, "unheard\n");
    ck_assert_uint_eq(take(), 0);
    finish();
}
END_TEST

static char hooked[4096];

static void keep(const char *line, size_t len)
{
    memcpy(hooked, line, len);
    hooked[len] = 0;
}

START_TEST(short_lines_are_for_people)
{
    begin();
    log_on_line(keep);
    log_use_short_lines();
    log_error("no \x1B[31m file", LOG_TEXT("app", "a b"), LOG_NUMBER("generation", 3),
              LOG_TEXT("id", "x"));
    log_info("that is all");
    take();
    ck_assert_str_eq(got, "  error  no \\x1B[31m file app=\"a b\"\n  that is all\n");
    ck_assert_ptr_nonnull(strstr(hooked, " level=info "));
    log_error("x", LOG_TEXT("id", "y"));
    ck_assert_ptr_nonnull(strstr(hooked, " level=error "));
    ck_assert_ptr_nonnull(strstr(hooked, " msg=x id=y"));
    log_on_line(NULL);
    finish();
}
END_TEST

START_TEST(names_errors)
{
    ck_assert_str_eq(log_errno_name(-ECONNRESET), "ECONNRESET");
    ck_assert_str_eq(log_errno_name(ECONNRESET), "ECONNRESET");
    ck_assert_str_eq(log_errno_name(-4711), "error 4711");
    ck_assert_str_eq(log_errno_name(INT32_MIN), "error 2147483648");
}
END_TEST

UNIT_MAIN(writes_a_line, values_cannot_forge_a_line, long_values_and_lines_are_cut,
          any_cut_leaves_a_sound_line, levels, origin_stands_on_every_line,
          gathered_lines_wait_for_the_flush, dropped_lines_are_counted_and_announced_once,
          threads_do_not_mix_their_lines, errors_are_told, lines_of_a_report_follow_their_event,
          short_lines_are_for_people, names_errors)
