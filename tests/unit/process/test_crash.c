/* test_crash.c - crashes made of records, and what people read of them: crash.c and crash_text.c.
 */
#include "process/crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "process/json.h"
#include "unit.h"

static const struct crash_facts facts = {
    .generation = 3, .place = 1, .pid = 4711, .served_ms = 12345, .signal = SIGSEGV};

static struct crash_record record;

/* A record of a read near NULL in a plugin, called by the program. */
static void begin(void)
{
    record = (struct crash_record){
        .stage = CRASH_WRITTEN,
        .signal = SIGSEGV,
        .code = SEGV_MAPERR,
        .tid = 4711,
        .address = 16,
        .has_address = true,
        .access = CRASH_READ,
        .app = "shop",
        .request = "GET /crash",
        .request_id = "77",
        .frame_total = 3,
        .module_count = 2,
        .frames = {{0x1010, 0x10, 1, true},
                   {0x1020, 0x20, 0, false},
                   {0x30, 0, CRASH_NO_MODULE, 0}},
        .modules = {{.path = "/srv/shop.so"}, {.path = "/lib/libc.so.6"}},
    };
}

static struct crash *make(const char *symbols)
{
    struct crash *crash = crash_create(&facts, &record);
    crash_add_symbols(crash, symbols, strlen(symbols));
    return crash;
}

static void check_text(void (*print)(const struct crash *, struct buffer *),
                       const struct crash *crash, const char *expected)
{
    struct buffer text = {0};
    buffer_add_text(&text, "");
    print(crash, &text);
    ck_assert_str_eq(text.at, expected);
    buffer_finish(&text);
}

static const char symbols[] = "0\tmemcpy\t4\t\t0\n"
                              "1\tinner\t0\tshop.c\t12\n"
                              "1\tserve\t64\tshop.c\t30\n";

START_TEST(finds_the_culprit)
{
    begin();
    struct crash *crash = make(symbols);
    const struct crash_line *culprit = crash_culprit(crash);
    ck_assert_str_eq(culprit->function, "inner");
    ck_assert_str_eq(crash_file(crash, culprit), "/srv/shop.so");
    ck_assert_str_eq(crash_app(crash), "shop");
    check_text(crash_print_place, crash, "shop.c:12");
    check_text(crash_print_what, crash,
               "SIGSEGV: it read address 0x10, a part of what a NULL pointer points to");
    crash_free(crash);
}
END_TEST

START_TEST(prints_a_report)
{
    begin();
    struct crash *crash = make(symbols);
    check_text(crash_print, crash,
               "what      SIGSEGV: it read address 0x10, a part of what a NULL pointer points to\n"
               "where     shop.c:12 in inner\n"
               "app       shop\n"
               "plugin    /srv/shop.so\n"
               "request   GET /crash, id 77\n"
               "worker    1 of generation 3, pid 4711, which had served for 12.3 s\n"
               "stack, innermost first:\n"
               "  #0   memcpy+0x4                    libc.so.6\n"
               "  #1   inner                         shop.c:12  shop.so\n"
               "  #1   serve                         shop.c:30  shop.so\n");
    crash_free(crash);
}
END_TEST

START_TEST(does_without_symbols)
{
    begin();
    struct crash *crash = make("");
    check_text(crash_print_place, crash, "0x20 (shop.so)");
    ck_assert_uint_eq(crash->line_count, 3);
    crash_free(crash);
    crash = make("0\tmemcpy\n99\tx\t0\tf\t1\nrubbish\n\n\t\t\t\t\n2\tlast\t1\t\t0\n0\tf\t0\t\tx\n");
    ck_assert_uint_eq(crash->line_count, 3);
    ck_assert_str_eq(crash->lines[2].function, "last");
    crash_free(crash);
}
END_TEST

START_TEST(trusts_no_record)
{
    memset(&record, 0xFF, sizeof(record));
    record.stage = CRASH_WRITTEN;
    struct crash *crash = make(symbols);
    struct buffer text = {0};
    ck_assert_uint_eq(crash->frame_count, CRASH_FRAMES);
    crash_print(crash, &text);
    ck_assert_uint_gt(text.len, 0);
    buffer_finish(&text);
    crash_free(crash);
}
END_TEST

START_TEST(keeps_both_ends_of_a_recursion)
{
    enum { TOTAL = 1000, RING = CRASH_FRAMES - CRASH_INNER };
    begin();
    for (uint32_t n = 0; n < TOTAL; n++) {
        uint32_t at = n < CRASH_FRAMES ? n : CRASH_INNER + (n - CRASH_INNER) % RING;
        record.frames[at] = (struct crash_frame){.address = n, .module = CRASH_NO_MODULE};
    }
    record.frame_total = TOTAL;
    struct crash *crash = make("");
    for (uint32_t i = 0; i < CRASH_FRAMES; i++)
        ck_assert_uint_eq(crash->record.frames[i].address, crash_depth(crash, i));
    ck_assert_uint_eq(crash_depth(crash, CRASH_FRAMES - 1), TOTAL - 1);
    crash_free(crash);
}
END_TEST

START_TEST(knows_copies_by_their_originals)
{
    begin();
    struct crash *crash = crash_create(&facts, &record);
    crash_name_module(crash, 0, "/original/shop.so");
    ck_assert_str_eq(crash_file(crash, crash_culprit(crash)), "/original/shop.so");
    ck_assert_str_eq(crash->record.modules[0].path, "/srv/shop.so"); /* where symbols are */
    crash_free(crash);
    snprintf(record.modules[0].path, CRASH_PATH, "/memfd:shop.so (deleted)");
    crash = crash_create(&facts, &record);
    crash_name_module(crash, 0, "/original/shop.so");
    ck_assert_str_eq(crash->record.modules[0].path, "/original/shop.so");
    crash_set_app(crash, "another");
    ck_assert_str_eq(crash_app(crash), "another");
    crash_free(crash);
}
END_TEST

/* What each kind of end is called, and the sentence about it. */
static const struct {
    struct crash_record record;
    struct crash_facts facts;
    const char *name, *text;
} ends[] = {
    {{.stage = 2, .signal = SIGSEGV, .has_address = true, .access = CRASH_EXECUTE, .code = 1},
     {0},
     "SIGSEGV",
     "SIGSEGV: it jumped to address 0x0, a NULL pointer"},
    {{.stage = 2, .signal = SIGSEGV, .code = SI_KERNEL},
     {0},
     "SIGSEGV",
     "SIGSEGV: it used a pointer that can't be one, overwritten or never set"},
    {{.stage = 2, .signal = SIGSEGV, .code = 1, .is_task_overflow = true},
     {0},
     "SIGSEGV",
     "SIGSEGV: the task's stack overflowed; use less of it, or raise the plugin's stack_size"},
    {{.stage = 2, .signal = SIGSEGV, .code = 0, .sender = 99},
     {.pid = 5},
     "SIGSEGV",
     "SIGSEGV: sent by process 99"},
    {{.stage = 2, .signal = SIGABRT, .message = "free(): invalid pointer\n"},
     {0},
     "SIGABRT",
     "SIGABRT: free(): invalid pointer"},
    {{.stage = 2, .signal = SIGABRT, .exception = "St9exception"},
     {0},
     "SIGABRT",
     "SIGABRT: nobody caught the C++ exception St9exception"},
    {{.stage = 2, .signal = SIGABRT}, {0}, "SIGABRT", "SIGABRT: abort() was called"},
    {{.stage = 2, .signal = SIGFPE, .code = FPE_INTDIV},
     {0},
     "SIGFPE",
     "SIGFPE: a division by zero"},
    {{.stage = 2, .cause = CRASH_EXIT, .status = 3},
     {0},
     "exit(3)",
     "exit(3) was called, which ends the worker and all that it serves"},
    {{0}, {0}, "exit", "exit: it ended by _exit()"},
    {{0},
     {.signal = SIGKILL, .memory = 300 << 20},
     "SIGKILL",
     "SIGKILL: killed from outside, perhaps for lack of memory; it held 300 MiB when last "
     "looked at"},
    {{0},
     {.signal = SIGKILL, .is_out_of_memory = true},
     "SIGKILL",
     "SIGKILL: the kernel's OOM killer, for lack of memory"},
    {{.stage = 2, .signal = SIGABRT, .sender = 1},
     {.by = CRASH_BY_WATCHDOG, .silent_ms = 30250, .signal = SIGABRT},
     "stuck",
     "stuck: its loop had not turned for 30.2 s"},
};

START_TEST(says_what_happened)
{
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char name[32];
        struct crash *crash = crash_create(&ends[i].facts, &ends[i].record);
        ck_assert_str_eq(crash_name(crash, name, sizeof(name)), ends[i].name);
        check_text(crash_print_what, crash, ends[i].text);
        crash_free(crash);
    }
}
END_TEST

START_TEST(takes_the_type_of_an_exception)
{
    begin();
    struct crash *crash = make("64\tstd::exception\t0\t\t0\n");
    ck_assert_str_eq(crash->exception, "std::exception");
    crash_free(crash);
}
END_TEST

START_TEST(writes_json)
{
    struct buffer text = {0};
    struct json json = {.out = &text};
    begin();
    struct crash *crash = make(symbols);
    crash_write(crash, &json);
    ck_assert_ptr_nonnull(strstr(text.at, "\"what\":\"SIG"));
    ck_assert_ptr_nonnull(strstr(text.at, "\"at\":\"shop.c:12\""));
    ck_assert_ptr_nonnull(strstr(text.at, "\"function\":\"serve\""));
    buffer_finish(&text);
    crash_free(crash);
}
END_TEST

UNIT_MAIN(finds_the_culprit, prints_a_report, does_without_symbols, trusts_no_record,
          keeps_both_ends_of_a_recursion, says_what_happened, knows_copies_by_their_originals,
          takes_the_type_of_an_exception, writes_json)
