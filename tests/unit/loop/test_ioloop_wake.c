/* What reaches the loop from outside: posts, stops and signals. */
#include "on_pollers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include "base/clock.h"
#include "loop/ioloop_private.h"
#include "loop/timer.h"

static char trace[64];
static int calls;

static void note(void *data)
{
    strncat(trace, data, 1);
}

static void count(void *data)
{
    (void)data;
    calls++;
}

static void stop(void *data)
{
    (void)data;
    ioloop_stop(loop);
}

static void abort_test(void *data)
{
    ck_abort_msg("%s", (const char *)data);
}

/* Runs the loop until something stops it, and fails if nothing does. */
static void run_at_most_30_s(void)
{
    struct timer limit = {.fn = abort_test, .data = "the loop was not woken"};
    timer_start(loop, &limit, 30000);
    ck_assert_int_eq(ioloop_run(loop), 0);
    timer_stop(loop, &limit);
}

/* ---- posts ---- */

START_TEST(posts_run_in_order)
{
    loop_open();
    for (const char *name = "abcde"; *name; name++)
        ck_assert(ioloop_post(loop, note, (void *)name));
    turns(2);
    ck_assert_str_eq(trace, "abcde");
    loop_close();
}
END_TEST

START_TEST(a_burst_of_posts_wakes_once)
{
    loop_open();
    uint64_t times = 0;
    for (int i = 0; i < 1000; i++)
        ck_assert(ioloop_post(loop, count, NULL));
    ck_assert_int_eq(read(loop->wake_fd, &times, sizeof(times)), sizeof(times));
    ck_assert_uint_eq(times, 1);
    ck_assert_int_eq(write(loop->wake_fd, &times, sizeof(times)), sizeof(times));
    turns(1);
    ck_assert_int_eq(calls, 1000);
    loop_close();
}
END_TEST

static int posts_left = 5;

static void post_again(void *data)
{
    calls++;
    if (--posts_left)
        ck_assert(ioloop_post(loop, post_again, data));
}

START_TEST(a_post_made_by_a_post_comes_in_another_turn)
{
    loop_open();
    ck_assert(ioloop_post(loop, post_again, NULL));
    for (int i = 1; i <= 5; i++) {
        ck_assert_int_eq(ioloop_turn(loop, 30000), 0);
        ck_assert_int_eq(calls, i);
    }
    ck_assert_int_eq(ioloop_turn(loop, 0), 0);
    ck_assert_int_eq(calls, 5);
    loop_close();
}
END_TEST

static void *post_late(void *data)
{
    usleep(20000); /* the loop most likely sleeps by now; right either way */
    ck_assert(ioloop_post(loop, stop, NULL));
    return data;
}

static void *stop_late(void *data)
{
    usleep(20000);
    ioloop_stop(loop);
    return data;
}

static void check_a_thread_wakes_the_loop(void *(*thread_fn)(void *))
{
    loop_open();
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, thread_fn, NULL), 0);
    run_at_most_30_s();
    pthread_join(thread, NULL);
    loop_close();
}

START_TEST(a_thread_posts_to_a_sleeping_loop)
{
    check_a_thread_wakes_the_loop(post_late);
}
END_TEST

START_TEST(a_thread_stops_a_sleeping_loop)
{
    check_a_thread_wakes_the_loop(stop_late);
}
END_TEST

enum { THREADS = 4, POSTS = 2000 };

static struct {
    int next[THREADS];
    int total;
} seen;

struct numbered {
    int thread, number;
};

static struct numbered numbered[THREADS][POSTS];

static void take_number(void *data)
{
    struct numbered *post = data;
    ck_assert_int_eq(post->number, seen.next[post->thread]++); /* each thread's are in order */
    if (++seen.total == THREADS * POSTS)
        ioloop_stop(loop);
}

static void *post_numbers(void *data)
{
    struct numbered *posts = data;
    for (int i = 0; i < POSTS; i++)
        ck_assert(ioloop_post(loop, take_number, &posts[i]));
    return NULL;
}

START_TEST(threads_lose_no_post)
{
    loop_open();
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < POSTS; i++)
            numbered[t][i] = (struct numbered){t, i};
        ck_assert_int_eq(pthread_create(&threads[t], NULL, post_numbers, numbered[t]), 0);
    }
    run_at_most_30_s();
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    ck_assert_int_eq(seen.total, THREADS * POSTS);
    loop_close();
}
END_TEST

/* ---- the end of posting ---- */

static void post_refused(void *data)
{
    ck_assert(!ioloop_post(loop, abort_test, data));
    calls++;
}

START_TEST(an_accepted_post_runs_and_a_late_one_is_refused)
{
    loop_open();
    ck_assert(ioloop_post(loop, count, NULL));
    ck_assert(ioloop_post(loop, post_refused, "refused, but called"));
    loop_close();
    ck_assert_int_eq(calls, 2);
}
END_TEST

static atomic_int accepted;
static atomic_bool is_refusing;

static void *post_until_refused(void *data)
{
    while (ioloop_post(loop, count, NULL)) {
        atomic_fetch_add(&accepted, 1);
        if (atomic_load(&accepted) > 1000)
            atomic_store(&is_refusing, true);
    }
    return data;
}

START_TEST(posts_race_with_the_end)
{
    loop_open();
    pthread_t threads[2];
    for (int t = 0; t < 2; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, post_until_refused, NULL), 0);
    while (!atomic_load(&is_refusing))
        turns(1);
    ioloop_refuse_posts(loop); /* as ioloop_destroy does, but the threads may still ask */
    for (int t = 0; t < 2; t++)
        pthread_join(threads[t], NULL);
    ck_assert_int_eq(calls, atomic_load(&accepted));
    /* Nothing was left for the end, so nothing is run twice. */
    atomic_store(&loop->posts, NULL);
    loop_close();
    ck_assert_int_eq(calls, atomic_load(&accepted));
}
END_TEST

/* ---- signals ---- */

static void raise_signal(int number)
{
    ck_assert_int_eq(kill(getpid(), number), 0);
}

START_TEST(signals_are_callbacks)
{
    loop_open();
    ck_assert_int_eq(ioloop_on_signal(loop, SIGUSR1, note, "1"), 0);
    ck_assert_int_eq(ioloop_on_signal(loop, SIGTERM, note, "t"), 0);
    ck_assert_int_eq(ioloop_on_signal(loop, SIGHUP, note, "h"), 0);
    turns(1);
    ck_assert_str_eq(trace, "");
    raise_signal(SIGTERM);
    turns(1);
    raise_signal(SIGUSR1);
    turns(1);
    raise_signal(SIGHUP);
    turns(2);
    ck_assert_str_eq(trace, "t1h");
    ck_assert_int_eq(ioloop_on_signal(loop, SIGHUP, note, "H"), 0); /* replaced */
    raise_signal(SIGHUP);
    turns(2);
    ck_assert_str_eq(trace, "t1hH");
    loop_close();
}
END_TEST

START_TEST(a_signal_wakes_and_stops)
{
    loop_open();
    ck_assert_int_eq(ioloop_on_signal(loop, SIGINT, stop, NULL), 0);
    raise_signal(SIGINT);
    run_at_most_30_s();
    loop_close();
}
END_TEST

static void take_both_away(void *data)
{
    strncat(trace, data, 1);
    ck_assert_int_eq(ioloop_on_signal(loop, SIGUSR1, NULL, NULL), 0);
    ck_assert_int_eq(ioloop_on_signal(loop, SIGUSR2, NULL, NULL), 0);
}

START_TEST(a_handler_taken_away_is_not_called)
{
    loop_open();
    ck_assert_int_eq(ioloop_on_signal(loop, SIGUSR1, NULL, NULL), 0); /* there is none yet */
    ck_assert_int_eq(ioloop_on_signal(loop, SIGUSR1, take_both_away, "1"), 0);
    ck_assert_int_eq(ioloop_on_signal(loop, SIGUSR2, take_both_away, "2"), 0);
    raise_signal(SIGUSR1);
    raise_signal(SIGUSR2);
    turns(2);
    ck_assert_uint_eq(strlen(trace), 1); /* both came at once, the first took the other away */
    raise_signal(SIGUSR1);               /* and is still no death */
    turns(2);
    ck_assert_uint_eq(strlen(trace), 1);
    loop_close();
}
END_TEST

START_TEST(signals_that_cannot_be_had)
{
    loop_open();
    static const int numbers[] = {-1, 0, SIGKILL, SIGSTOP, 32, 65, 1000};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        ck_assert_int_eq(ioloop_on_signal(loop, numbers[i], count, NULL), -EINVAL);
    loop_close();
}
END_TEST

UNIT_MAIN_ON_POLLERS(posts_run_in_order, a_burst_of_posts_wakes_once,
                     a_post_made_by_a_post_comes_in_another_turn, a_thread_posts_to_a_sleeping_loop,
                     a_thread_stops_a_sleeping_loop, threads_lose_no_post,
                     an_accepted_post_runs_and_a_late_one_is_refused, posts_race_with_the_end,
                     signals_are_callbacks, a_signal_wakes_and_stops,
                     a_handler_taken_away_is_not_called, signals_that_cannot_be_had)
