/* Timers: the heap by itself, then in a loop. */
#include "on_pollers.h"

#include "base/clock.h"
#include "loop/timer.h"

static uint64_t seed = 1;

static unsigned roll(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

/* ---- the heap ---- */

static void check_heap(const struct timer_heap *heap)
{
    for (size_t i = 0; i < heap->len; i++) {
        ck_assert_uint_eq(heap->at[i]->index, i + 1);
        if (i > 0)
            ck_assert_int_le(heap->at[(i - 1) / 4]->deadline_ms, heap->at[i]->deadline_ms);
    }
}

START_TEST(heap_keeps_order_under_random_use)
{
    enum { TIMERS = 300, STEPS = 20000 };
    struct timer_heap heap = {0};
    static struct timer timers[TIMERS];
    size_t running = 0;
    for (int i = 0; i < STEPS; i++) {
        struct timer *timer = &timers[roll(TIMERS)];
        running -= timer_is_running(timer);
        if (roll(3)) {
            timer_heap_put(&heap, timer, roll(100));
            running++;
        } else {
            timer_heap_remove(&heap, timer);
        }
        ck_assert_uint_eq(heap.len, running);
        if (i % 100 == 0)
            check_heap(&heap);
    }
    const struct timer *before = NULL, *timer;
    while ((timer = timer_heap_pop_due(&heap, 100, UINT64_MAX))) {
        ck_assert(!timer_is_running(timer));
        ck_assert(!before || before->deadline_ms < timer->deadline_ms ||
                  (before->deadline_ms == timer->deadline_ms && before->order < timer->order));
        before = timer;
        running--;
    }
    ck_assert_uint_eq(running, 0);
    timer_heap_finish(&heap);
}
END_TEST

START_TEST(heap_gives_only_what_is_due)
{
    struct timer_heap heap = {0};
    struct timer a = {0}, b = {0};
    ck_assert_int_eq(timer_heap_wait_ms(&heap, 0), -1);
    ck_assert_ptr_null(timer_heap_pop_due(&heap, INT64_MAX, UINT64_MAX));
    timer_heap_put(&heap, &a, 100);
    ck_assert_int_eq(timer_heap_wait_ms(&heap, 40), 60);
    ck_assert_int_eq(timer_heap_wait_ms(&heap, 140), 0);
    ck_assert_ptr_null(timer_heap_pop_due(&heap, 99, UINT64_MAX));
    timer_heap_put(&heap, &b, 100);
    uint64_t order_end = heap.next_order;
    ck_assert_ptr_eq(timer_heap_pop_due(&heap, 100, order_end), &a);
    timer_heap_put(&heap, &a, 100); /* starts anew: after b, and not before order_end */
    ck_assert_ptr_eq(timer_heap_pop_due(&heap, 100, order_end), &b);
    ck_assert_ptr_null(timer_heap_pop_due(&heap, 100, order_end));
    ck_assert_ptr_eq(timer_heap_pop_due(&heap, 100, heap.next_order), &a);
    timer_heap_remove(&heap, &a); /* stopped already: nothing happens */
    timer_heap_finish(&heap);
}
END_TEST

/* ---- in a loop ---- */

struct probe {
    struct timer timer;
    int fired;
    struct timer *stops, *restarts;
    int64_t delay_ms;
    uint64_t turn;
    int64_t at_ms;
};

static char trace[64];

static void fire(void *data)
{
    struct probe *probe = data;
    probe->fired++;
    probe->turn = ioloop_turn_number(loop);
    probe->at_ms = clock_mono_ms();
    if (probe->stops)
        timer_stop(loop, probe->stops);
    if (probe->restarts)
        timer_start(loop, probe->restarts, probe->delay_ms);
}

static struct probe probe_of(void)
{
    return (struct probe){.timer.fn = fire};
}

static void start(struct probe *probe, int64_t delay_ms)
{
    probe->timer.data = probe;
    timer_start(loop, &probe->timer, delay_ms);
}

static void turn_until(const int *what, int value)
{
    for (int i = 0; i < 1000 && *what < value; i++)
        ck_assert_int_eq(ioloop_turn(loop, 1000), 0);
    ck_assert_int_eq(*what, value);
}

START_TEST(fires_once_and_not_too_soon)
{
    loop_open();
    struct probe probe = probe_of();
    int64_t began_ms = clock_mono_ms();
    start(&probe, 30);
    ck_assert(timer_is_running(&probe.timer));
    turn_until(&probe.fired, 1);
    ck_assert_int_ge(probe.at_ms - began_ms, 30);
    ck_assert(!timer_is_running(&probe.timer));
    timer_stop(loop, &probe.timer); /* after it fired: nothing */
    turns(3);
    ck_assert_int_eq(probe.fired, 1);
    loop_close();
}
END_TEST

START_TEST(sleeps_until_it_is_due)
{
    loop_open();
    struct probe probe = probe_of();
    start(&probe, 40);
    uint64_t before = ioloop_turn_number(loop);
    turn_until(&probe.fired, 1);
    ck_assert_uint_le(ioloop_turn_number(loop) - before, 3); /* no spinning towards the deadline */
    loop_close();
}
END_TEST

START_TEST(a_running_timer_moves)
{
    loop_open();
    struct probe probe = probe_of();
    start(&probe, 100000);
    start(&probe, 1);
    turn_until(&probe.fired, 1);
    start(&probe, 1);
    start(&probe, 100000);
    ck_assert_int_eq(ioloop_turn(loop, 20), 0);
    ck_assert_int_eq(ioloop_turn(loop, 0), 0);
    ck_assert_int_eq(probe.fired, 1);
    loop_close();
}
END_TEST

START_TEST(one_stopped_in_the_same_turn_does_not_fire)
{
    loop_open();
    struct probe first = probe_of(), second = probe_of();
    start(&second, 2);
    start(&first, 1);
    first.stops = &second.timer;
    usleep(5000); /* both are due now */
    turns(3);
    ck_assert_int_eq(first.fired, 1);
    ck_assert_int_eq(second.fired, 0);
    loop_close();
}
END_TEST

static void note(void *data)
{
    strncat(trace, data, 1);
}

START_TEST(fires_by_deadline_then_by_start)
{
    loop_open();
    static const struct {
        char *name;
        int delay_ms;
    } rows[] = {{"c", 1}, {"f", 3}, {"a", 0}, {"d", 1}, {"e", 2}, {"b", -5}};
    struct timer timers[ARRAY_LEN(rows)] = {0};
    struct probe probe = probe_of();
    start(&probe, 0);
    turns(1); /* all delays count from one reading of the clock, inside of one turn */
    probe.restarts = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        timers[i] = (struct timer){.fn = note, .data = rows[i].name};
        timer_heap_put(ioloop_timers(loop), &timers[i],
                       probe.at_ms + (rows[i].delay_ms > 0 ? rows[i].delay_ms : 0));
    }
    usleep(5000);
    turns(1);
    ck_assert_str_eq(trace, "abcdef");
    loop_close();
}
END_TEST

START_TEST(no_delay_means_the_next_turn)
{
    loop_open();
    struct probe first = probe_of(), second = probe_of();
    first.restarts = &second.timer;
    second.timer.data = &second;
    start(&first, 0);
    turns(4);
    ck_assert_int_eq(second.fired, 1);
    ck_assert_uint_eq(second.turn, first.turn + 1);
    loop_close();
}
END_TEST

static void start_now(void *data)
{
    struct probe *probe = data;
    start(probe, 0);
    probe->turn = ioloop_turn_number(loop);
}

START_TEST(also_from_a_deferred_call)
{
    loop_open();
    struct probe probe = probe_of();
    struct ioloop_call call = {.fn = start_now, .data = &probe};
    ioloop_defer(loop, &call);
    turns(1);
    uint64_t started = probe.turn;
    ck_assert_int_eq(probe.fired, 0);
    turns(1);
    ck_assert_int_eq(probe.fired, 1);
    ck_assert_uint_eq(probe.turn, started + 1);
    loop_close();
}
END_TEST

static void count_read(void *data, unsigned events)
{
    (void)events;
    ++*(int *)data;
}

START_TEST(restarting_without_delay_does_not_hold_the_turn)
{
    loop_open();
    int fds[2], reads = 0;
    pair_open(fds);
    send_text(fds[1], "x");
    ck_assert_int_eq(ioloop_watch(loop, fds[0], IOLOOP_READ, count_read, &reads), 0);
    struct probe a = probe_of(), b = probe_of();
    a.restarts = &a.timer;
    b.restarts = &b.timer;
    start(&a, 0);
    start(&b, 0);
    turns(10);
    ck_assert_int_eq(reads, 10);
    ck_assert_int_eq(a.fired, 10);
    ck_assert_int_eq(b.fired, 10);
    pair_close(fds);
    loop_close();
}
END_TEST

START_TEST(stops_and_restarts_itself)
{
    loop_open();
    struct probe probe = probe_of();
    probe.stops = &probe.timer;
    start(&probe, 0);
    turns(3);
    ck_assert_int_eq(probe.fired, 1);
    probe.restarts = &probe.timer;
    probe.delay_ms = 1;
    start(&probe, 0);
    turn_until(&probe.fired, 4);
    timer_stop(loop, &probe.timer);
    loop_close();
}
END_TEST

START_TEST(two_thousand_stopped)
{
    loop_open();
    static struct probe probes[2000];
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        probes[i] = probe_of();
        start(&probes[i], roll(5));
    }
    for (size_t i = 0; i < ARRAY_LEN(probes); i++)
        timer_stop(loop, &probes[i].timer);
    usleep(6000);
    turns(2);
    for (size_t i = 0; i < ARRAY_LEN(probes); i++)
        ck_assert_int_eq(probes[i].fired, 0);
    loop_close();
}
END_TEST

START_TEST(the_longest_delay_is_no_overflow)
{
    loop_open();
    struct probe probe = probe_of();
    start(&probe, INT64_MAX);
    ck_assert_int_eq(ioloop_turn(loop, 5), 0);
    ck_assert_int_eq(probe.fired, 0);
    loop_close();
    ck_assert(!timer_is_running(&probe.timer)); /* the loop leaves no timer behind */
}
END_TEST

UNIT_MAIN_ON_POLLERS(heap_keeps_order_under_random_use, heap_gives_only_what_is_due,
                     fires_once_and_not_too_soon, sleeps_until_it_is_due, a_running_timer_moves,
                     one_stopped_in_the_same_turn_does_not_fire, fires_by_deadline_then_by_start,
                     no_delay_means_the_next_turn, also_from_a_deferred_call,
                     restarting_without_delay_does_not_hold_the_turn, stops_and_restarts_itself,
                     two_thousand_stopped, the_longest_delay_is_no_overflow)
