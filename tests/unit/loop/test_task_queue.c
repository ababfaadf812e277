/* Queues between tasks: order, limits, time-outs, hand-over. */
#include "task_fixture.h"

#include <errno.h>

static struct task_queue queue;

static char letters[] = "abcdefghijklmnopqrstuvwxyz";

/* A task that puts letters, or gets and notes them. */
struct user {
    const char *letters; /* put these; NULL: get */
    int gets;
    int64_t timeout_ms;
    int result; /* the last one */
    struct task *task;
};

static void put_all(struct user *user)
{
    for (const char *at = user->letters; *at && user->result == 0; at++)
        user->result = task_queue_put(&queue, &letters[*at - 'a'], user->timeout_ms);
}

static void get_all(struct user *user)
{
    for (int i = 0; i < user->gets && user->result == 0; i++) {
        void *item = NULL;
        user->result = task_queue_get(&queue, &item, user->timeout_ms);
        if (user->result == 0)
            note(*(char *)item);
        else
            ck_assert_ptr_null(item); /* untouched */
    }
}

static void use(void *data)
{
    struct user *user = data;
    user->task = task_current();
    if (user->letters)
        put_all(user);
    else
        get_all(user);
}

static void open_queue(size_t cap)
{
    open_loop();
    task_queue_init(&queue, cap);
}

static void close_queue(void)
{
    run_all();
    ck_assert(list_is_empty(&queue.readers.waiters));
    ck_assert(list_is_empty(&queue.writers.waiters));
    task_queue_finish(&queue);
    close_loop();
}

START_TEST(keeps_the_order)
{
    struct user put = {.letters = letters, .timeout_ms = -1};
    struct user some = {.gets = 5, .timeout_ms = -1}, rest = {.gets = 41, .timeout_ms = -1};
    open_queue(0);
    spawn(use, &put);
    spawn(use, &some);
    put.letters = "zyxwvutsrqponmlkjihgf"; /* the ring grows with its head inside */
    spawn(use, &put);
    spawn(use, &rest);
    ck_assert_str_eq(trace, "abcdefghijklmnopqrstuvwxyzzyxwvutsrqponmlkjihg");
    ck_assert_uint_eq(queue.len, 1);
    close_queue();
}
END_TEST

START_TEST(full_and_empty)
{
    struct user put = {.letters = "abc"}, get = {.gets = 3};
    open_queue(2);
    spawn(use, &put);
    ck_assert_int_eq(put.result, -ETIMEDOUT);
    spawn(use, &get);
    ck_assert_int_eq(get.result, -ETIMEDOUT);
    ck_assert_str_eq(trace, "ab");
    /* without a task, too */
    void *item;
    ck_assert_int_eq(task_queue_put(&queue, letters, 0), 0);
    ck_assert_int_eq(task_queue_get(&queue, &item, 0), 0);
    ck_assert_ptr_eq(item, letters);
    ck_assert_int_eq(task_queue_get(&queue, &item, 0), -ETIMEDOUT);
    close_queue();
}
END_TEST

START_TEST(writers_wait)
{
    struct user a = {.letters = "abc", .timeout_ms = -1}, b = {.letters = "de", .timeout_ms = -1};
    struct user late = {.letters = "x", .timeout_ms = 1};
    struct user gone = {.letters = "y", .timeout_ms = -1};
    struct user one = {.gets = 1, .timeout_ms = -1}, rest = {.gets = 4, .timeout_ms = -1};
    open_queue(2);
    spawn(use, &a);
    spawn(use, &late);
    spawn(use, &gone);
    spawn(use, &b);
    while (late.result == 0)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(late.result, -ETIMEDOUT);
    task_cancel(gone.task, -ECANCELED);
    spawn(use, &one);
    ck_assert_uint_eq(queue.len, 2); /* c came in with that */
    spawn(use, &rest);
    run_all();
    ck_assert_str_eq(trace, "abcde"); /* x and y never were in it */
    ck_assert_int_eq(gone.result, -ECANCELED);
    close_queue();
}
END_TEST

START_TEST(readers_wait)
{
    struct user first = {.gets = 1, .timeout_ms = -1}, second = {.gets = 1, .timeout_ms = 10000};
    struct user late = {.gets = 1, .timeout_ms = 1}, gone = {.gets = 1, .timeout_ms = -1};
    struct user put = {.letters = "ab", .timeout_ms = -1};
    open_queue(1);
    spawn(use, &late);
    spawn(use, &first);
    spawn(use, &gone);
    spawn(use, &second);
    while (late.result == 0)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(late.result, -ETIMEDOUT);
    task_cancel(gone.task, -ECANCELED);
    spawn(use, &put);
    ck_assert_uint_eq(queue.len, 0); /* handed over */
    task_cancel(second.task, -ECANCELED);
    run_all();
    ck_assert_str_eq(trace, "ab");
    ck_assert_int_eq(second.result, 0);
    ck_assert_int_eq(gone.result, -ECANCELED);
    close_queue();
}
END_TEST

START_TEST(producer_and_consumers)
{
    for (size_t cap = 1; cap < 6; cap++) {
        struct user put = {.letters = letters, .timeout_ms = -1};
        struct user get[2] = {{.gets = 13, .timeout_ms = -1}, {.gets = 13, .timeout_ms = -1}};
        open_queue(cap);
        spawn(use, &get[0]);
        spawn(use, &put);
        spawn(use, &get[1]);
        run_all();
        ck_assert_uint_eq(strlen(trace), 26);
        for (const char *at = letters; *at; at++)
            ck_assert_ptr_nonnull(strchr(trace, *at));
        close_queue();
    }
}
END_TEST

START_TEST(cancelled_users)
{
    struct user put = {.letters = "abc", .timeout_ms = -1}, get = {.gets = 9, .timeout_ms = -1};
    open_queue(1);
    spawn(use, &put);
    task_cancel(put.task, -ECANCELED);
    turns(1);
    ck_assert_int_eq(put.result, -ECANCELED);
    spawn(use, &get);
    task_cancel(get.task, -ETIMEDOUT);
    turns(1);
    ck_assert_int_eq(get.result, -ETIMEDOUT);
    ck_assert_str_eq(trace, "a");
    close_queue();
}
END_TEST

UNIT_MAIN(keeps_the_order, full_and_empty, writers_wait, readers_wait, producer_and_consumers,
          cancelled_users)
