/* Tasks that lock, queue, wait and cancel one another at random (always the same): nothing that is
 * shared gets lost or is had twice. */
#include "task_fixture.h"

#include <errno.h>

enum { TASKS = 60, STEPS = 200, PERMITS = 3 };

static struct task *alive[TASKS];
static struct task_lock lock;
static struct task_semaphore semaphore;
static struct task_queue queue;
static struct task_line line;
static struct task_group group;
static int owners, permits;
static size_t put, got;

static unsigned dice(unsigned sides)
{
    static unsigned long long state = 42;
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(state >> 33) % sides;
}

static int64_t some_ms(void)
{
    static const int64_t choice[] = {0, 1, 2, -1};
    return choice[dice(4)];
}

static void use_lock(void)
{
    if (task_lock_acquire(&lock, some_ms()) < 0)
        return;
    ck_assert_int_eq(owners++, 0);
    (void)task_yield();
    ck_assert_int_eq(--owners, 0);
    ck_assert_int_eq(task_lock_release(&lock), 0);
}

static void use_semaphore(void)
{
    if (task_semaphore_acquire(&semaphore, some_ms()) < 0)
        return;
    ck_assert_int_le(++permits, PERMITS);
    (void)task_sleep(dice(2));
    permits--;
    task_semaphore_release(&semaphore);
}

static void use_queue(void)
{
    void *item;
    size_t number = 1 + dice(1000);
    if (dice(2) == 0 && task_queue_put(&queue, (void *)number, some_ms()) == 0)
        put += number;
    if (task_queue_get(&queue, &item, dice(3)) == 0)
        got += (size_t)item;
}

static void disturb(void)
{
    struct task *other = alive[dice(TASKS)];
    task_line_wake(&line, dice(3));
    if (!other)
        return;
    switch (dice(5)) {
    case 0:
        task_cancel(other, -ECANCELED);
        break;
    case 1:
        task_set_deadline(other, dice(3));
        break;
    case 2:
        task_reset(other);
        break;
    default:
        task_wake(other, dice(2)); /* a wake that it does not expect */
    }
}

static void storm(void *data)
{
    size_t self = (size_t)data;
    alive[self] = task_current();
    for (int step = 0; step < STEPS; step++) {
        switch (dice(6)) {
        case 0:
            use_lock();
            break;
        case 1:
            use_semaphore();
            break;
        case 2:
            use_queue();
            break;
        case 3:
            (void)task_line_wait(&line, some_ms());
            break;
        case 4:
            (void)task_yield();
            break;
        default:
            disturb();
        }
        if (dice(4) == 0)
            task_reset(task_current());
    }
    alive[self] = NULL;
}

static void empty_queue(void)
{
    void *item;
    while (task_queue_get(&queue, &item, 0) == 0)
        got += (size_t)item;
}

START_TEST(nothing_gets_lost)
{
    open_loop();
    task_lock_init(&lock);
    task_semaphore_init(&semaphore, PERMITS);
    task_queue_init(&queue, 4);
    task_line_init(&line);
    task_group_init(&group);
    for (size_t i = 0; i < TASKS; i++)
        ck_assert_int_eq(task_spawn(loop, storm, (void *)i, 0, &group), 0);
    for (int i = 0; i < 100000 && !task_group_is_empty(&group); i++) {
        ck_assert_int_eq(ioloop_turn(loop, 1), 0);
        task_line_wake(&line, SIZE_MAX); /* those who wait for ever */
        if (queue.len == queue.cap)
            empty_queue();
    }
    ck_assert(task_group_is_empty(&group));
    empty_queue();
    ck_assert_ptr_null(lock.owner);
    ck_assert_int_eq(permits, 0);
    ck_assert_uint_eq(semaphore.count, PERMITS);
    ck_assert_uint_eq(put, got);
    task_queue_finish(&queue);
    close_loop();
}
END_TEST

UNIT_MAIN(nothing_gets_lost)
