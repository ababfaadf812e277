/* test_crashes.c - crashes looked into by a process, which is this program: crashes.c and
 * crash_symbols.c. */
#include "process/crashes.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/board.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/crash.h"
#include "process/crash_private.h"
#include "process/crash_symbols.h"
#include "process/json.h"
#include "unit.h"

static struct ioloop *loop;
static struct crashes crashes;
static int told;
static char place[256];

static void on_told(void *data, const struct crash *crash)
{
    struct buffer text = {0};
    (void)data;
    told++;
    buffer_add_text(&text, "");
    crash_print_place(crash, &text);
    snprintf(place, sizeof(place), "%s", text.at);
    buffer_finish(&text);
}

static void begin(void)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    log_set_fd(-1);
    crashes_init(&crashes, loop);
    told = 0;
}

static void end(void)
{
    crashes_finish(&crashes);
    ioloop_destroy(loop);
}

static void wait_until_told(int count)
{
    int64_t late_ms = clock_mono_ms() + 20000;
    while (told < count) {
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
        ck_assert_int_lt(clock_mono_ms(), late_ms);
    }
}

static __attribute__((noinline)) int write_here(struct crash_record *record)
{
    crash_stack_write_from(record, __builtin_return_address(0));
    crash_maps_write(record);
    while (crash_maps_hash(record))
        ;
    record->stage = CRASH_WRITTEN;
    return __LINE__;
}

static void add(const char *app, const struct crash_record *from)
{
    static const struct crash_facts facts = {.generation = 1, .signal = SIGSEGV, .served_ms = -1};
    struct crash_record record = {.stage = CRASH_WRITTEN, .signal = SIGSEGV};
    if (from)
        memcpy(&record, from, sizeof(record));
    snprintf(record.app, sizeof(record.app), "%s", app);
    crashes_add(&crashes, crash_create(&facts, &record), NULL, on_told, NULL);
    ck_assert_int_eq(told, 0);
}

START_TEST(finds_lines_of_source)
{
    static struct crash_record record;
    char expected[64];
    begin();
    (void)write_here(&record);
    int line = __LINE__ - 1;
    ck_assert_uint_ge(record.frame_total, 2);
    add("shop", &record);
    wait_until_told(1);
    snprintf(expected, sizeof(expected), "test_crashes.c:%d", line);
    ck_assert_msg(strstr(place, expected), "%s", place);
    end();
}
END_TEST

START_TEST(believes_no_file_that_was_replaced)
{
    static struct crash_record record;
    begin();
    (void)write_here(&record);
    for (size_t i = 0; i < CRASH_MODULES; i++)
        record.modules[i].head ^= 1;
    add("shop", &record);
    wait_until_told(1);
    ck_assert_ptr_null(strstr(place, ".c:"));
    ck_assert_ptr_nonnull(strstr(place, "0x"));
    end();
}
END_TEST

static size_t count_kept(void)
{
    struct buffer text = {0};
    struct json json = {.out = &text};
    size_t count = 0;
    json_open(&json, NULL, '{');
    crashes_write(&crashes, &json);
    json_close(&json, '}');
    for (const char *at = text.at; (at = strstr(at, "\"app\"")); at++)
        count++;
    buffer_finish(&text);
    return count;
}

START_TEST(keeps_the_last_of_each_app)
{
    begin();
    add("a", NULL);
    add("b", NULL);
    add("a", NULL);
    wait_until_told(3);
    ck_assert_uint_eq(count_kept(), 2);
    const struct crash_report *newest = container_of(crashes.kept.next, struct crash_report, link);
    ck_assert_str_eq(newest->app, "a");
    ck_assert_uint_eq(newest->count, 2);
    ck_assert_int_eq(
        board_sum(board_metric(BOARD_COUNTER, "gale_worker_crashes_total", "app=\"a\"", "")), 2);
    end();
}
END_TEST

START_TEST(keeps_a_limited_number)
{
    char app[16];
    begin();
    for (int i = 0; i < CRASHES_KEPT + 5; i++) {
        snprintf(app, sizeof(app), "app%d", i);
        add(app, NULL);
    }
    wait_until_told(CRASHES_KEPT + 5);
    ck_assert_uint_eq(count_kept(), CRASHES_KEPT);
    end();
}
END_TEST

static char *write_all(const struct crashes *from)
{
    struct buffer text = {0};
    struct json json = {.out = &text};
    json_open(&json, NULL, '{');
    crashes_write(from, &json);
    json_close(&json, '}');
    return buffer_steal(&text);
}

/* Ages are those of now. */
static void blank_ages(char *text)
{
    for (char *at = text; (at = strstr(at, "\"age_ms\":")) != NULL;)
        for (at += strlen("\"age_ms\":"); *at >= '0' && *at <= '9'; at++)
            *at = ' ';
}

START_TEST(another_goes_on_with_what_is_known)
{
    struct crashes other;
    begin();
    add("a", NULL);
    add("b", NULL);
    add("a", NULL);
    wait_until_told(3);
    crashes_init(&other, loop);
    list_each (&crashes.kept, link)
        crashes_restore(&other, container_of(link, struct crash_report, link));
    scoped_free char *before = write_all(&crashes), *after = write_all(&other);
    blank_ages(before);
    blank_ages(after);
    ck_assert_str_eq(before, after);
    crashes_finish(&other);
    end();
}
END_TEST

START_TEST(tells_what_it_knows_by_now)
{
    static struct crash_record record;
    begin();
    (void)write_here(&record);
    add("shop", &record);
    add("other", NULL);
    crashes_conclude(&crashes);
    ck_assert_int_eq(told, 2);
    ck_assert_uint_eq(count_kept(), 2);
    end();
}
END_TEST

START_TEST(ends_while_it_asks)
{
    static struct crash_record record;
    begin();
    (void)write_here(&record);
    for (int i = 0; i < CRASHES_PENDING + 3; i++)
        add("shop", &record);
    end();
    ck_assert_int_eq(told, 0);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {finds_lines_of_source,
                                  believes_no_file_that_was_replaced,
                                  keeps_the_last_of_each_app,
                                  keeps_a_limited_number,
                                  another_goes_on_with_what_is_known,
                                  tells_what_it_knows_by_now,
                                  ends_while_it_asks,
                                  NULL};
    if (argc > 1 && strcmp(argv[1], "symbols") == 0)
        return crash_symbols_main(argc, argv);
    return unit_run(__FILE__, tests);
}
