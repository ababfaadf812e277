/* Tasks: their life and what they carry. */
#include "task_fixture.h"

#include <errno.h>
#include "base/board.h"

static void note_one(void *data)
{
    ck_assert_ptr_nonnull(task_current());
    ck_assert_ptr_eq(task_loop(task_current()), loop);
    note(*(char *)data);
}

static void spawn_two(void *data)
{
    (void)data;
    spawn(note_one, "a");
    spawn(note_one, "b");
    note('-');
    ck_assert_uint_eq(task_count(), 3);
}

START_TEST(starts_at_once_or_in_the_next_turn)
{
    open_loop();
    spawn(note_one, "1");
    ck_assert_str_eq(trace, "1");
    ck_assert_uint_eq(task_count(), 0);
    spawn(spawn_two, NULL);
    ck_assert_str_eq(trace, "1-");
    ck_assert_uint_eq(task_count(), 2);
    turns(1);
    ck_assert_str_eq(trace, "1-ab");
    close_loop();
}
END_TEST

START_TEST(so_many_at_once)
{
    struct parked parked[3];
    open_loop();
    task_set_max(3);
    for (int i = 0; i < 3; i++) {
        parked[i].timeout_ms = -1;
        spawn(park, &parked[i]);
    }
    ck_assert_int_eq(task_spawn(loop, note_one, "x", 0, NULL), -EAGAIN);
    ck_assert(task_wake(parked[1].task, true));
    ck_assert_uint_eq(task_count(), 2);
    ck_assert_int_eq(task_spawn(loop, note_one, "y", 0, NULL), 0);
    task_set_max(0);
    ck_assert_int_eq(task_spawn(loop, note_one, "z", 0, NULL), -EAGAIN);
    ck_assert_str_eq(trace, "py");
    task_wake(parked[0].task, true);
    task_wake(parked[2].task, true);
    close_loop();
}
END_TEST

START_TEST(no_stack_is_an_error)
{
    open_loop();
    ck_assert_int_lt(task_spawn(loop, note_one, "x", SIZE_MAX / 4, NULL), 0);
    ck_assert_uint_eq(task_count(), 0);
    ck_assert_str_eq(trace, "");
    close_loop();
}
END_TEST

static size_t mallocs;

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#define HAS_ASAN __has_feature(address_sanitizer)
#endif

#if !HAS_ASAN
void *__libc_malloc(size_t size);
void *malloc(size_t size);

void *malloc(size_t size)
{
    mallocs++;
    return __libc_malloc(size);
}
#endif

/* Check's own assertions allocate: none in here. */
static void nothing(void *data)
{
    (void)data;
}

static void spawn_nothing(void *data)
{
    int *failed = data;
    *failed |= task_spawn(loop, nothing, NULL, 0, NULL);
    *failed |= task_yield();
}

START_TEST(starts_without_malloc)
{
    size_t before = 0;
    int failed = 0;
    open_loop();
    for (int i = 0; i < 1000; i++) {
        if (i == 10)
            before = mallocs;
        failed |= task_spawn(loop, nothing, NULL, 0, NULL);
        failed |= task_spawn(loop, spawn_nothing, &failed, 0, NULL);
        failed |= ioloop_turn(loop, 0);
    }
    ck_assert_uint_eq(mallocs, before);
    ck_assert_int_eq(failed, 0);
    close_loop();
}
END_TEST

static void labelled(void *data)
{
    const struct task_label *label = data, other = {"other", "GET /2", "id2"};
    ck_assert_str_eq(board_mine->app, "");
    task_set_label(task_current(), label);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(board_mine->app, label->app);
        ck_assert_str_eq(board_mine->request, label->request);
        ck_assert_str_eq(board_mine->request_id, label->request_id);
        ck_assert_int_eq(task_yield(), 0);
    }
    task_set_label(task_current(), &other);
    ck_assert_str_eq(board_mine->app, "other");
    ck_assert_str_eq(board_mine->request, "GET /2");
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_str_eq(board_mine->app, "other");
    task_set_label(task_current(), NULL);
    ck_assert_str_eq(board_mine->app, "");
    ck_assert_str_eq(board_mine->request, "");
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_str_eq(board_mine->app, "");
    task_set_label(task_current(), label);
}

START_TEST(labels_on_the_board)
{
    char longest[400];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    struct task_label a = {"one", "GET /1", "id1"}, b = {"two", "POST /2", "id2"};
    struct task_label cut = {longest, longest, longest}, none = {NULL, NULL, NULL};
    open_loop();
    spawn(labelled, &a);
    ck_assert_str_eq(board_mine->app, "");
    ck_assert_str_eq(board_mine->request, "");
    spawn(labelled, &b);
    run_all();
    ck_assert_str_eq(board_mine->app, "");
    spawn(labelled, &a); /* reuses the memory of one before */
    run_all();

    struct parked p = {.timeout_ms = -1};
    spawn(park, &p);
    task_set_label(p.task, &cut);
    task_wake(p.task, true);
    ck_assert_uint_eq(strlen(board_mine->request_id), sizeof(board_mine->request_id) - 1);
    spawn(park, &p);
    task_set_label(p.task, &none);
    task_wake(p.task, true);
    ck_assert_str_eq(board_mine->request_id, "");
    close_loop();
}
END_TEST

static void *globals[2];

static void catching(void *data)
{
    task_set_exception_globals(task_current(), globals);
    ck_assert_ptr_null(globals[0]);
    globals[0] = data;
    globals[1] = (char *)data + 1;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(task_yield(), 0);
        ck_assert_ptr_eq(globals[0], data);
        ck_assert_ptr_eq(globals[1], (char *)data + 1);
    }
    globals[0] = globals[1] = NULL;
    task_set_exception_globals(task_current(), NULL);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_ptr_null(globals[0]);
}

START_TEST(exception_globals_are_its_own)
{
    static char names[2][2];
    open_loop();
    spawn(catching, names[0]);
    ck_assert_ptr_null(globals[0]);
    ck_assert_ptr_null(globals[1]);
    spawn(catching, names[1]);
    for (int i = 0; i < 5; i++) {
        turns(1);
        ck_assert_ptr_null(globals[0]);
        ck_assert_ptr_null(globals[1]);
    }
    close_loop();
}
END_TEST

static void work_or_sleep(void *data)
{
    int64_t *out = data;
    ck_assert_int_ge(task_run_ns(task_current()), 0);
    if (*out)
        burn(30);
    else
        ck_assert_int_eq(task_sleep(60), 0);
    *out = task_run_ns(task_current());
}

START_TEST(counts_its_time)
{
    int64_t busy = 1, idle = 0;
    open_loop();
    spawn(work_or_sleep, &idle);
    spawn(work_or_sleep, &busy);
    run_all();
    ck_assert_int_ge(busy, 25 * 1000000);
    ck_assert_int_lt(busy, (int64_t)10 * 1000000000);
    ck_assert_int_lt(idle, 25 * 1000000);
    close_loop();
}
END_TEST

UNIT_MAIN(starts_at_once_or_in_the_next_turn, so_many_at_once, no_stack_is_an_error,
          starts_without_malloc, labels_on_the_board, exception_globals_are_its_own,
          counts_its_time)
