/* CGI programs that behave and that do not, seen from the client: the adapter, its runs (cgi_run.c)
 * and the feeding of their input (cgi_feed.c). */
#include "stage.h"

#include "adapters/cgi/cgi_run.h"

static const struct {
    const char *name, *script, *target;
    int status;
    const char *body; /* NULL: an error page */
} rows[] = {
    {"hello", "echo; echo never", NULL, 502, NULL}, /* an empty header block */
    {"ok", "printf 'A: b\\n\\nhello'", NULL, 200, "hello"},
    {"slow-head", "printf 'A: '; sleep 0.05; printf 'b\\n\\nhello'", NULL, 200, "hello"},
    {"crlf", "printf 'Status: 404\\r\\nA: b\\r\\n\\r\\nx'", NULL, 404, "x"},
    {"info", "printf 'A: b\\n\\n%s|%s' \"$PATH_INFO\" \"$QUERY_STRING\"", "/c/info/a%2Fb?q", 200,
     "/a/b|q"},
    {"args", "printf 'A: b\\n\\n%s' $#", "/c/args?a+b+-s", 200, "0"},
    {"cwd", "printf 'A: b\\n\\n%s' \"${PWD##*/}\"", NULL, 200, "bin"},
    {"late", "printf 'A: b\\n\\n'; sleep 0.05; printf 1; sleep 0.05; printf 2", NULL, 200, "12"},
    {"bad-exit", "printf 'A: b\\n\\nhello'; exit 3", NULL, 200, "hello"},
    {"silent", "exit 0", NULL, 502, NULL},
    {"silent-error", "exit 1", NULL, 502, NULL},
    {"half-head", "printf 'A: b\\n'", NULL, 502, NULL},
    {"no-head", "echo '<html>'; echo; echo x", NULL, 502, NULL},
    {"coding", "printf 'Transfer-Encoding: chunked\\n\\n0\\r\\n\\r\\n'", NULL, 502, NULL},
    {"too-short", "printf 'Content-Length: 6\\n\\nhello'", NULL, 502, NULL},
    {"too-long", "printf 'Content-Length: 4\\n\\nhello'", NULL, 502, NULL},
    {"crash", "printf 'A: b\\n\\nhello'; kill -SEGV $$", NULL, 502, NULL},
    {"killed", "kill -9 $$", NULL, 502, NULL},
    {"nph-ok", "printf 'HTTP/1.0 201 Made\\r\\nA: b\\r\\n\\r\\nhello'", NULL, 201, "hello"},
    {"nph-bad", "printf 'A: b\\r\\n\\r\\nhello'", NULL, 502, NULL},
    {"redirect", "printf 'Location: /c/ok\\n\\n'", NULL, 200, "hello"},
    {"away", "printf 'Location: http://x/\\n\\nbye'", NULL, 302, "bye"},
    {"round", "printf 'Location: /c/round\\n\\n'", NULL, 508, NULL},
    {"closed", "printf 'A: b\\n\\nhello'; exec >&- 2>&-; sleep 0.4", NULL, 200, "hello"},
    {"left", "printf 'A: b\\n\\nhello'; sleep 100 & exit 0", NULL, 200, "hello"},
    {"flood", "head -c 300000 /dev/zero | tr '\\0' 'e' >&2; printf 'A: b\\n\\nhello'", NULL, 200,
     "hello"},
};

static void ask_all(void *data)
{
    (void)data;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char target[64];
        snprintf(target, sizeof(target), "/c/%s", rows[i].name);
        int status = ask(rows[i].target ? rows[i].target : target);
        ck_assert_msg(status == rows[i].status, "%s: %d", rows[i].name, status);
        if (rows[i].body)
            ck_assert_msg(strcmp(body(), rows[i].body) == 0, "%s: %s", rows[i].name, body());
        ck_assert_msg(front.is_finished && !front.is_cut, "%s", rows[i].name);
        test_front_finish(&front);
    }
}

static void put_rows(void)
{
    stage_folder();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        put_script(rows[i].name, rows[i].script);
}

START_TEST(answers_for_programs_of_all_kinds)
{
    put_rows();
    stage_open("cgi = bin\ngrace = 100ms");
    stage_run(ask_all, NULL);
    stage_close();
    stage_remove_folder();
}
END_TEST

/* With one place only, each has to be given back, also before a redirect. */
START_TEST(needs_one_place_only)
{
    put_rows();
    stage_open("cgi = bin\ngrace = 100ms\nprocesses = 1\nqueue = 1");
    stage_run(ask_all, NULL);
    stage_close();
    stage_remove_folder();
}
END_TEST

static void ask_for_what_is_not_run(void *data)
{
    (void)data;
    static const struct {
        const char *target;
        int status;
    } paths[] = {{"/c/none", 404},       {"/c", 404},      {"/c/text", 403},
                 {"/c/no-shebang", 502}, {"/c/lost", 502}, {"/c/denied", 403}};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        ck_assert_msg(ask(paths[i].target) == paths[i].status, "%s: %d", paths[i].target,
                      front.status);
        test_front_finish(&front);
    }
    ck_assert_int_eq(ask("/c/sub?x=1"), 301);
    ck_assert_str_eq(test_front_find(&front, "Location"), "./sub/?x=1");
    test_front_finish(&front);
    ck_assert_int_eq(ask("//evil/../../c/s%75b"), 301);
    ck_assert_str_eq(test_front_find(&front, "Location"), "./s%75b/");
    test_front_finish(&front);
    ask_begin("POST", "/c/sub");
    ck_assert_int_eq(ask_end(), 308);
    test_front_finish(&front);
    ck_assert_int_eq(ask("/c/sub/"), 200);
    ck_assert_str_eq(body(), "index");
    test_front_finish(&front);
}

START_TEST(says_why_it_runs_nothing)
{
    stage_folder();
    put_file("bin/text", 0644, "#!/bin/sh\n");
    put_file("bin/no-shebang", 0755, "hello\n");
    put_file("bin/lost", 0755, "#!/nowhere/sh\n");
    put_file("bin/denied", 0755, "#!/etc/passwd\n");
    ck_assert_int_eq(mkdir(in_top("bin/sub"), 0755), 0);
    put_file("bin/sub/index.sh", 0755, "#!/bin/sh\nprintf 'A: b\\n\\nindex'\n");
    stage_open("cgi = bin\nindex = index.sh");
    stage_run(ask_for_what_is_not_run, NULL);
    stage_close();
    stage_remove_folder();
}
END_TEST

/* ---- bodies ---- */

static char upload[3000000];

static void ask_with_bodies(void *data)
{
    static const size_t sizes[] = {0, 1, 100, 16384, 16385, 65536, 70000, 300000, sizeof(upload)};
    (void)data;
    for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
        size_t size = sizes[i / 2];
        char expected[64];
        ask_begin("POST", "/c/count");
        if (i % 2)
            test_front_chunked(&front, upload, size, 10000);
        else
            test_front_body(&front, upload, size, 10000);
        ck_assert_int_eq(ask_end(), 200);
        snprintf(expected, sizeof(expected), "%zu of %zu", size, size);
        ck_assert_str_eq(body(), expected);
        test_front_finish(&front);
        ask_begin("POST", "/c/cat");
        test_front_body(&front, upload, size, 0);
        ck_assert_int_eq(ask_end(), 200);
        ck_assert_uint_eq(front.body.len, size);
        ck_assert(!size || memcmp(front.body.at, upload, size) == 0);
        test_front_finish(&front);
        ask_begin("POST", "/c/deaf"); /* reads nothing of it */
        test_front_body(&front, upload, size, 0);
        ck_assert_int_eq(ask_end(), 200);
        ck_assert_str_eq(body(), "whatever");
        test_front_finish(&front);
    }
}

START_TEST(passes_bodies_both_ways)
{
    for (size_t i = 0; i < sizeof(upload); i++)
        upload[i] = (char)(i * 7 + i / 1000);
    stage_folder();
    put_script("count", "n=$(wc -c); printf 'A: b\\n\\n%s of %s' $n $CONTENT_LENGTH");
    put_script("cat", "printf 'A: b\\n\\n'; exec cat");
    put_script("deaf", "printf 'A: b\\n\\nwhatever'");
    stage_open("cgi = bin\n");
    stage_run(ask_with_bodies, NULL);
    stage_close();
    stage_remove_folder();
}
END_TEST

static void ask_with_broken_body(void *data)
{
    (void)data;
    for (int i = 0; i < 2; i++) { /* it breaks before the program starts, and while it runs */
        ask_begin("POST", "/c/count");
        test_front_body(&front, upload, 100000, 0);
        front.input.len = i ? 50000 : 100;
        front.input_error = -ETIMEDOUT;
        ck_assert_int_eq(ask_end(), 408);
        test_front_finish(&front);
        ask_begin("POST", "/c/begun"); /* the same after the answer began */
        test_front_body(&front, upload, 100000, 0);
        front.input.len = 50000;
        front.input_error = -ECONNRESET;
        (void)ask_end();
        ck_assert(front.is_cut || front.status == 400);
        test_front_finish(&front);
    }
}

START_TEST(tells_a_broken_body)
{
    stage_folder();
    put_script("count", "n=$(wc -c); printf 'A: b\\n\\n%s' $n");
    put_script("begun", "printf 'A: b\\n\\n'; head -c 40000 /dev/zero; exec cat");
    stage_open("cgi = bin\ngrace = 100ms");
    stage_run(ask_with_broken_body, NULL);
    stage_close();
    stage_remove_folder();
}
END_TEST

/* ---- time ---- */

static void ask_for_the_late(void *data)
{
    static const struct {
        const char *target;
        int status; /* 0: cut */
    } paths[] = {{"/c/hang", 504},
                 {"/c/half", 504},
                 {"/c/stubborn", 504},
                 {"/c/begun", 0},
                 {"/c/endless", 0}};
    (void)data;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        int status = ask(paths[i].target);
        if (paths[i].status)
            ck_assert_msg(status == paths[i].status, "%s: %d", paths[i].target, status);
        else
            ck_assert_msg(front.is_cut, "%s: %d", paths[i].target, status);
        test_front_finish(&front);
    }
}

START_TEST(ends_what_takes_too_long)
{
    stage_folder();
    put_script("hang", "sleep 100");
    put_script("half", "printf 'A: b\\n\\nhello'; sleep 100");
    put_script("stubborn", "trap '' TERM; sleep 100 & while :; do sleep 0.01; done");
    put_script("begun", "printf 'A: b\\n\\n'; head -c 40000 /dev/zero; sleep 100");
    put_script(
        "endless",
        "printf 'A: b\\n\\n'; head -c 40000 /dev/zero; while :; do echo x; sleep 0.01; done");
    stage_open("cgi = bin\nread_timeout = 200ms\ngrace = 50ms\nrun_timeout = 1s");
    stage_run(ask_for_the_late, NULL);
    stage_close();
    stage_remove_folder();
}
END_TEST

struct visitor {
    struct task *task;
    bool is_over;
};

static void ask_and_leave(void *data)
{
    struct visitor *visitor = data;
    visitor->task = task_current();
    (void)ask("/c/hang");
    visitor->is_over = true;
    test_front_finish(&front);
}

/* The client goes: the program is ended, and nobody waits for that. */
START_TEST(ends_what_nobody_waits_for)
{
    struct visitor visitor = {0};
    stage_folder();
    put_script("hang", "echo > started; trap '' TERM; while :; do sleep 0.01; done");
    stage_open("cgi = bin\ngrace = 100ms");
    ck_assert_int_eq(task_spawn(loop, ask_and_leave, &visitor, 0, NULL), 0);
    int64_t until = clock_mono_ms() + 20000;
    while (access(in_top("bin/started"), F_OK) < 0 && clock_mono_ms() < until)
        ck_assert_int_eq(ioloop_turn(loop, 10), 0);
    task_cancel(visitor.task, -ECANCELED);
    ck_assert_int_eq(ioloop_turn(loop, 0), 0);
    ck_assert(visitor.is_over);
    struct cgi *cgi = apps[0].state;
    ck_assert(!list_is_empty(&cgi->runs));
    while (!list_is_empty(&cgi->runs) && clock_mono_ms() < until)
        ck_assert_int_eq(ioloop_turn(loop, 10), 0);
    ck_assert(list_is_empty(&cgi->runs));
    stage_close();
    stage_remove_folder();
}
END_TEST

/* What still runs when the worker ends goes with it. */
START_TEST(leaves_nothing_when_it_closes)
{
    struct visitor visitor = {0};
    stage_folder();
    put_script("hang", "trap '' TERM; while :; do sleep 0.01; done");
    stage_open("cgi = bin\ngrace = 1h");
    ck_assert_int_eq(task_spawn(loop, ask_and_leave, &visitor, 0, NULL), 0);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(ioloop_turn(loop, 10), 0);
    task_cancel(visitor.task, -ECANCELED);
    ck_assert_int_eq(ioloop_turn(loop, 0), 0);
    ck_assert(visitor.is_over);
    stage_close();
    stage_remove_folder();
}
END_TEST

static void ask_twice(void *data)
{
    struct visitor *visitor = data;
    visitor->task = task_current();
    struct test_front mine;
    test_front_init(&mine, "GET", "/c/hang");
    ck_assert_int_eq(test_front_serve(&mine, router_serve, &router), 0);
    visitor->is_over = mine.status == 503 && test_front_find(&mine, "Retry-After");
    test_front_finish(&mine);
}

START_TEST(sends_away_whom_it_has_no_room_for)
{
    struct visitor first = {0}, second = {0}, third = {0};
    stage_folder();
    put_script("hang", "sleep 100");
    stage_open("cgi = bin\ngrace = 50ms\nprocesses = 1\nqueue = 1\nqueue_timeout = 100ms");
    ck_assert_int_eq(task_spawn(loop, ask_twice, &first, 0, NULL), 0);
    ck_assert_int_eq(task_spawn(loop, ask_twice, &second, 0, NULL), 0);
    ck_assert_int_eq(task_spawn(loop, ask_twice, &third, 0, NULL), 0);
    ck_assert(!first.is_over && !second.is_over && third.is_over); /* the queue is full */
    int64_t until = clock_mono_ms() + 20000;
    while (!second.is_over && clock_mono_ms() < until) /* it waited for too long */
        ck_assert_int_eq(ioloop_turn(loop, 10), 0);
    ck_assert(second.is_over && !first.is_over);
    task_cancel(first.task, -ECANCELED);
    while (task_count() && clock_mono_ms() < until)
        ck_assert_int_eq(ioloop_turn(loop, 10), 0);
    stage_close();
    stage_remove_folder();
}
END_TEST

UNIT_MAIN(answers_for_programs_of_all_kinds, needs_one_place_only, says_why_it_runs_nothing,
          passes_bodies_both_ways, tells_a_broken_body, ends_what_takes_too_long,
          ends_what_nobody_waits_for, leaves_nothing_when_it_closes,
          sends_away_whom_it_has_no_room_for)
