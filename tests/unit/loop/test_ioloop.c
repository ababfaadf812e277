/* The turn: what runs when, the clock, stopping, the watchdog, and forked children. */
#include "on_pollers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/log.h"
#include "loop/timer.h"

static char trace[64];

struct probe {
    struct ioloop_call call;
    const char *name;
    struct probe *defers, *undefers;
    struct ioloop_call *adds;
    int calls;
    uint64_t turn;
};

static void run(void *data)
{
    struct probe *probe = data;
    probe->calls++;
    probe->turn = ioloop_turn_number(loop);
    if (probe->name)
        strncat(trace, probe->name, 1);
    if (probe->defers)
        ioloop_defer(loop, &probe->defers->call);
    if (probe->undefers)
        ioloop_undefer(loop, &probe->undefers->call);
    if (probe->adds)
        ioloop_on_turn_end(loop, probe->adds);
}

/* Completes the probe in its place. */
static struct ioloop_call *call_of(struct probe *probe)
{
    probe->call.fn = run;
    probe->call.data = probe;
    return &probe->call;
}

static void stop(void *data)
{
    (void)data;
    ioloop_stop(loop);
}

/* ---- making, running, stopping ---- */

START_TEST(is_made_with_a_poller_and_is_current)
{
    struct ioloop *none = NULL;
    ck_assert_int_eq(ioloop_create(&(struct ioloop_settings){.poller = "kqueue"}, &none), -EINVAL);
    ck_assert_ptr_null(none);
    ck_assert_ptr_null(ioloop_current());
    for (int i = 0; i < 3; i++) {
        loop_open();
        ck_assert_str_eq(ioloop_poller_name(loop), poller);
        ck_assert_ptr_eq(ioloop_current(), loop);
        loop_close();
        ck_assert_ptr_null(ioloop_current());
    }
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_str_eq(ioloop_poller_name(loop), "epoll");
    loop_close();
    ioloop_destroy(NULL);
}
END_TEST

START_TEST(stops_before_during_and_runs_again)
{
    loop_open();
    struct ioloop_call call = {.fn = stop};
    ioloop_stop(loop);
    ioloop_stop(loop);
    uint64_t turn = ioloop_turn_number(loop);
    ck_assert_int_eq(ioloop_run(loop), 0);
    ck_assert_uint_eq(ioloop_turn_number(loop), turn);
    for (int i = 0; i < 3; i++) {
        ioloop_defer(loop, &call);
        ck_assert_int_eq(ioloop_run(loop), 0); /* a stop that was used up is over */
    }
    loop_close();
}
END_TEST

static void run_inside(void *data)
{
    (void)data;
    ck_assert_int_eq(ioloop_run(loop), -EBUSY);
    ck_assert_int_eq(ioloop_turn(loop, 0), -EBUSY);
    ioloop_stop(loop);
}

START_TEST(does_not_run_inside_itself)
{
    loop_open();
    struct ioloop_call call = {.fn = run_inside};
    ioloop_defer(loop, &call);
    ck_assert_int_eq(ioloop_run(loop), 0);
    loop_close();
}
END_TEST

static void *make_ten(void *data)
{
    struct ioloop *mine;
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(ioloop_create(&(struct ioloop_settings){.poller = poller}, &mine), 0);
        ck_assert_ptr_eq(ioloop_current(), mine);
        ck_assert_int_eq(ioloop_turn(mine, 0), 0);
        ioloop_destroy(mine);
    }
    return data;
}

START_TEST(threads_make_loops_of_their_own)
{
    pthread_t threads[2];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_ten, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_ptr_null(ioloop_current());
}
END_TEST

/* ---- deferred calls ---- */

START_TEST(deferred_calls_run_in_order_once)
{
    loop_open();
    struct probe a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};
    ioloop_defer(loop, call_of(&a));
    ioloop_defer(loop, call_of(&b));
    ioloop_defer(loop, call_of(&c));
    ioloop_defer(loop, call_of(&a)); /* stays where it is */
    turns(3);
    ck_assert_str_eq(trace, "abc");
    loop_close();
}
END_TEST

START_TEST(a_deferred_call_waits_for_the_next_turn)
{
    loop_open();
    struct probe first = {0}, second = {0};
    first.defers = &second;
    call_of(&second);
    ioloop_defer(loop, call_of(&first));
    ck_assert_int_eq(ioloop_turn(loop, 60000), 0); /* and does not let the loop sleep */
    ck_assert_int_eq(second.calls, 0);
    turns(1);
    ck_assert_uint_eq(second.turn, first.turn + 1);
    loop_close();
}
END_TEST

START_TEST(a_call_that_defers_itself_lets_others_in)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    send_text(fds[1], "x");
    struct probe again = {0};
    struct timer timer = {.fn = stop};
    again.defers = &again;
    ioloop_defer(loop, call_of(&again));
    timer_start(loop, &timer, 5);
    ck_assert_int_eq(ioloop_run(loop), 0);
    ck_assert_uint_eq(ioloop_turn_number(loop), (uint64_t)again.calls); /* one a turn */
    pair_close(fds);
    loop_close();
}
END_TEST

START_TEST(a_deferred_call_is_taken_back)
{
    loop_open();
    struct probe a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"}, never = {0};
    ioloop_undefer(loop, call_of(&never));
    a.undefers = &b; /* in the turn in which both are due */
    ioloop_defer(loop, call_of(&a));
    ioloop_defer(loop, call_of(&b));
    ioloop_defer(loop, call_of(&c));
    turns(2);
    ck_assert_str_eq(trace, "ac");
    a.undefers = NULL;
    ioloop_defer(loop, call_of(&a));
    ioloop_undefer(loop, call_of(&a));
    turns(1);
    ck_assert_str_eq(trace, "ac");
    loop_close();
}
END_TEST

START_TEST(the_loop_leaves_no_call_behind)
{
    struct probe call = {0}, hook = {0};
    loop_open();
    ioloop_defer(loop, call_of(&call));
    ioloop_on_turn_end(loop, call_of(&hook));
    loop_close();
    loop_open(); /* both may be used again */
    ioloop_defer(loop, call_of(&call));
    ioloop_on_turn_end(loop, call_of(&hook));
    turns(1);
    ck_assert_int_eq(call.calls, 1);
    ck_assert_int_eq(hook.calls, 1);
    loop_close();
}
END_TEST

/* ---- hooks ---- */

START_TEST(hooks_run_last_each_turn_in_their_order)
{
    loop_open();
    struct probe a = {.name = "a"}, b = {.name = "b"}, call = {.name = "-"};
    ioloop_on_turn_end(loop, call_of(&a));
    ioloop_on_turn_end(loop, call_of(&b));
    ioloop_on_turn_end(loop, call_of(&a));
    ioloop_defer(loop, call_of(&call));
    turns(3);
    ck_assert_str_eq(trace, "-ababab");
    ioloop_undefer(loop, &a.call);
    turns(1);
    ck_assert_str_eq(trace, "-abababb");
    loop_close();
}
END_TEST

START_TEST(hooks_come_and_go_inside_hooks)
{
    loop_open();
    struct probe a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"}, d = {.name = "d"};
    a.adds = call_of(&d);
    b.undefers = &c;
    ioloop_on_turn_end(loop, call_of(&a));
    ioloop_on_turn_end(loop, call_of(&b));
    ioloop_on_turn_end(loop, call_of(&c));
    turns(1);
    ck_assert_str_eq(trace, "ab");
    turns(1);
    ck_assert_str_eq(trace, "ababd");
    b.undefers = &b; /* itself */
    turns(2);
    ck_assert_str_eq(trace, "ababdabdad");
    loop_close();
}
END_TEST

/* ---- the clock ---- */

static int64_t times[3];

static void burn(void *data)
{
    times[*(int *)data] = ioloop_now_ms(loop);
    int64_t until_ms = clock_mono_ms() + 10;
    while (clock_mono_ms() < until_ms)
        ;
}

START_TEST(the_clock_stands_still_among_callbacks)
{
    loop_open();
    struct timer timers[3];
    int numbers[3] = {0, 1, 2};
    for (int i = 0; i < 3; i++) {
        timers[i] = (struct timer){.fn = burn, .data = &numbers[i]};
        timer_start(loop, &timers[i], 0);
    }
    int64_t before_ms = clock_mono_ms();
    turns(1);
    ck_assert_int_ge(times[0], before_ms);
    ck_assert_int_eq(times[0], times[1]);
    ck_assert_int_eq(times[0], times[2]);
    ck_assert_int_ge(ioloop_now_ms(loop), times[0] + 30); /* outside of a turn it does not */
    loop_close();
}
END_TEST

/* ---- the watchdog ---- */

static const char *app;

static void hold_the_loop(void *data)
{
    if (app) {
        ioloop_blame(loop, 50, app, "GET /slow", "4711");
        ioloop_blame(loop, 49, "faster", "GET /", "1");
        ioloop_blame(loop, 50, "later", NULL, NULL);
    }
    usleep(*(useconds_t *)data);
}

/* Runs one turn under the watchdog, with a callback of that length, and returns what was logged. */
static const char *logged(int64_t warn_ms, useconds_t held_us, bool is_deferred)
{
    static char text[1024];
    int log[2];
    struct ioloop_settings settings = {.poller = poller, .warn_ms = warn_ms};
    struct ioloop_call call = {.fn = hold_the_loop, .data = &held_us};
    struct timer timer = {.fn = hold_the_loop, .data = &held_us};
    ck_assert_int_eq(pipe2(log, O_CLOEXEC | O_NONBLOCK), 0);
    log_set_fd(log[1]);
    ck_assert_int_eq(ioloop_create(&settings, &loop), 0);
    if (is_deferred)
        ioloop_defer(loop, &call);
    else
        timer_start(loop, &timer, 0);
    ck_assert_int_eq(ioloop_turn(loop, 80), 0); /* without a timer it sleeps, which is no fault */
    app = NULL;
    turns(2);
    ssize_t n = read(log[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    loop_close();
    log_set_fd(STDERR_FILENO);
    close(log[0]);
    close(log[1]);
    return text;
}

static int lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

START_TEST(a_slow_turn_is_logged_once)
{
    for (int is_deferred = 0; is_deferred < 2; is_deferred++) {
        app = "hello";
        const char *text = logged(40, 60000, is_deferred);
        ck_assert_int_eq(lines(text), 1);
        ck_assert_ptr_nonnull(strstr(text, "level=warn"));
        ck_assert_ptr_nonnull(strstr(text, " app=hello request=\"GET /slow\" id=4711\n"));
        const char *ms = strstr(text, " ms=");
        ck_assert_ptr_nonnull(ms);
        ck_assert_int_ge(atoi(ms + 4), 59); /* and not the sleep of the turn */
    }
}
END_TEST

START_TEST(a_slow_turn_of_nobody_is_logged_too)
{
    app = NULL;
    const char *text = logged(20, 40000, true);
    ck_assert_int_eq(lines(text), 1);
    ck_assert_ptr_null(strstr(text, "app="));
}
END_TEST

START_TEST(sleeping_and_quick_turns_are_not_logged)
{
    app = "quick";
    ck_assert_str_eq(logged(60, 0, true), ""); /* sleeps 80 ms */
    ck_assert_str_eq(logged(0, 60000, true), "");
}
END_TEST

/* ---- forked children ---- */

static void nothing(void *data)
{
    (void)data;
}

static void nothing_io(void *data, unsigned events)
{
    (void)data;
    (void)events;
}

static void use(int how)
{
    static struct ioloop_call call = {.fn = nothing};
    static struct timer timer = {.fn = nothing};
    switch (how) {
    case 0:
        ioloop_run(loop);
        break;
    case 1:
        ioloop_turn(loop, 0);
        break;
    case 2:
        ioloop_watch(loop, 0, IOLOOP_READ, nothing_io, NULL);
        break;
    case 3:
        ioloop_forget(loop, 0);
        break;
    case 4:
        ioloop_defer(loop, &call);
        break;
    case 5:
        ioloop_post(loop, nothing, NULL);
        break;
    case 6:
        ioloop_stop(loop);
        break;
    case 7:
        timer_start(loop, &timer, 0);
        break;
    case 8:
        ioloop_destroy(loop);
        break;
    case 9:
        ioloop_on_signal(loop, SIGUSR1, nothing, NULL);
        break;
    }
}

START_TEST(use_in_a_forked_child_aborts)
{
    loop_open();
    for (int how = 0; how < 10; how++) {
        int out[2], status;
        char text[256] = "";
        ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(out[1], STDERR_FILENO);
            close(out[1]);
            use(how);
            _exit(0);
        }
        close(out[1]);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "use %d", how);
        ck_assert_int_gt(read(out[0], text, sizeof(text) - 1), 0);
        ck_assert_ptr_nonnull(strstr(text, "gale: an ioloop was used in a forked child"));
        close(out[0]);
    }
    turns(1); /* the parent's loop is as it was */
    loop_close();
}
END_TEST

START_TEST(a_forked_child_may_make_its_own)
{
    loop_open();
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct ioloop *own;
        bool works = ioloop_create(NULL, &own) == 0 && ioloop_turn(own, 0) == 0;
        ioloop_destroy(own);
        _exit(works ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    loop_close();
}
END_TEST

UNIT_MAIN_ON_POLLERS(is_made_with_a_poller_and_is_current, stops_before_during_and_runs_again,
                     does_not_run_inside_itself, threads_make_loops_of_their_own,
                     deferred_calls_run_in_order_once, a_deferred_call_waits_for_the_next_turn,
                     a_call_that_defers_itself_lets_others_in, a_deferred_call_is_taken_back,
                     the_loop_leaves_no_call_behind, hooks_run_last_each_turn_in_their_order,
                     hooks_come_and_go_inside_hooks, the_clock_stands_still_among_callbacks,
                     a_slow_turn_is_logged_once, a_slow_turn_of_nobody_is_logged_too,
                     sleeping_and_quick_turns_are_not_logged, use_in_a_forked_child_aborts,
                     a_forked_child_may_make_its_own)
