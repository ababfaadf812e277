/* So many at once, so many in the line, first come first served, and other workers' holdings. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adapters/gateway/governor.h"
#include "base/board.h"
#include "base/clock.h"
#include "loop/task.h"

static struct ioloop *loop;
static struct governor governor;
static char trace[64];

struct visitor {
    char name;
    int64_t timeout_ms;
    int result;
    struct task *task;
};

static void enter(void *data)
{
    struct visitor *visitor = data;
    visitor->task = task_current();
    visitor->result = 99;
    visitor->result = governor_enter(&governor, visitor->timeout_ms);
    trace[strlen(trace)] = visitor->result == 0 ? visitor->name : '!';
    visitor->task = NULL;
}

static void begin(uint64_t limit, uint64_t queue)
{
    static int number;
    char labels[32];
    snprintf(labels, sizeof(labels), "app=\"%d\"", number++);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    governor_init(&governor, "test_processes", labels, limit, queue);
    memset(trace, 0, sizeof(trace));
}

static void end(void)
{
    ck_assert_uint_eq(task_count(), 0);
    ck_assert(!timer_is_running(&governor.timer));
    ck_assert_int_eq(board_sum(governor.gauge), 0);
    ck_assert_int_eq(board_sum(governor.waiting), 0);
    ioloop_destroy(loop);
}

static struct visitor visit(char name, int64_t timeout_ms)
{
    return (struct visitor){.name = name, .timeout_ms = timeout_ms};
}

static void come(struct visitor *visitor)
{
    ck_assert_int_eq(task_spawn(loop, enter, visitor, 0, NULL), 0);
}

static void turns(int n)
{
    while (n-- > 0)
        ck_assert_int_eq(ioloop_turn(loop, 0), 0);
}

START_TEST(lets_so_many_in)
{
    struct visitor a = visit('a', -1), b = visit('b', -1), c = visit('c', -1), d = visit('d', -1);
    struct visitor e = visit('e', -1);
    begin(2, 2);
    come(&a);
    come(&b);
    come(&c);
    come(&d);
    come(&e); /* finds the line full */
    ck_assert_str_eq(trace, "ab!");
    ck_assert_int_eq(e.result, -EBUSY);
    ck_assert_int_eq(board_sum(governor.gauge), 2);
    ck_assert_int_eq(board_sum(governor.waiting), 2);
    governor_leave(&governor);
    turns(2);
    ck_assert_str_eq(trace, "ab!c");
    governor_leave(&governor);
    governor_leave(&governor);
    turns(2);
    ck_assert_str_eq(trace, "ab!cd");
    governor_leave(&governor);
    end();
}
END_TEST

START_TEST(has_no_limit_when_zero)
{
    struct visitor visitors[50];
    begin(0, 0);
    for (int i = 0; i < 50; i++) {
        visitors[i] = visit('x', 0);
        come(&visitors[i]);
        ck_assert_int_eq(visitors[i].result, 0);
    }
    ck_assert_int_eq(board_sum(governor.gauge), 50);
    for (int i = 0; i < 50; i++)
        governor_leave(&governor);
    end();
}
END_TEST

START_TEST(nobody_overtakes)
{
    struct visitor a = visit('a', -1), b = visit('b', -1), c = visit('c', -1);
    begin(1, 10);
    come(&a);
    come(&b);
    governor_leave(&governor); /* the place is b's now, though b has not run yet */
    come(&c);
    turns(2);
    ck_assert_str_eq(trace, "ab");
    governor_leave(&governor);
    turns(2);
    ck_assert_str_eq(trace, "abc");
    governor_leave(&governor);
    end();
}
END_TEST

START_TEST(who_gives_up_takes_no_place)
{
    struct visitor a = visit('a', -1), b = visit('b', 0), c = visit('c', -1), d = visit('d', -1);
    begin(1, 10);
    come(&a);
    come(&b);
    ck_assert_int_eq(b.result, -ETIMEDOUT);
    come(&c);
    come(&d);
    task_cancel(c.task, -ECANCELED);
    governor_leave(&governor);
    turns(2);
    ck_assert_int_eq(c.result, -ECANCELED);
    ck_assert_int_eq(d.result, 0);
    governor_leave(&governor);
    turns(2);
    end();
}
END_TEST

START_TEST(waits_only_so_long)
{
    struct visitor a = visit('a', -1), b = visit('b', 10);
    begin(1, 10);
    come(&a);
    come(&b);
    int64_t until = clock_mono_ms() + 20000;
    while (b.result == 99 && clock_mono_ms() < until)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(b.result, -ETIMEDOUT);
    governor_leave(&governor);
    end();
}
END_TEST

START_TEST(notices_what_others_give_back)
{
    struct visitor a = visit('a', -1);
    begin(1, 10);
    board_add(governor.gauge, 1); /* as another worker would */
    come(&a);
    turns(2);
    ck_assert_int_eq(a.result, 99);
    board_add(governor.gauge, -1);
    int64_t until = clock_mono_ms() + 20000;
    while (a.result == 99 && clock_mono_ms() < until)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(a.result, 0);
    governor_leave(&governor);
    end();
}
END_TEST

UNIT_MAIN(lets_so_many_in, has_no_limit_when_zero, nobody_overtakes, who_gives_up_takes_no_place,
          waits_only_so_long, notices_what_others_give_back)
