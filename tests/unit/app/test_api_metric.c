/* Figures of an app, and reading everybody's. */
#include "unit.h"

#include <errno.h>
#include <gale/metric.h>
#include <pthread.h>
#include <unistd.h>
#include "base/board.h"
#include "base/clock.h"
#include "loop/ioloop.h"
#include "made_up.h"

static const char conf[] = "[app shop]\nmount = /\nmade = 1\n";

static int find(void *data, const struct gale_sample *sample)
{
    struct gale_sample *wanted = data;
    if (strcmp(sample->name, wanted->name) != 0)
        return 0;
    *wanted = *sample;
    return 1;
}

static int64_t value_of(const char *name, int is_counter)
{
    struct gale_sample sample = {.name = name};
    ck_assert_int_eq(gale_metrics_each(find, &sample), 1);
    ck_assert_str_eq(sample.labels, "app=\"shop\"");
    ck_assert_str_eq(sample.help, "A help.");
    ck_assert_int_eq(sample.is_counter, is_counter);
    return sample.value;
}

static int counter;

static void *count(void *data)
{
    (void)data;
    for (int i = 0; i < 1000; i++)
        gale_metric_add(counter, 1);
    return NULL;
}

START_TEST(counts_on_any_thread)
{
    struct made_up made;
    struct gale_app *app;
    struct ioloop *loop;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    made_up_parse(&made, conf);
    ck_assert_int_eq(apps_open(made.config, &app), 0);
    counter = gale_counter(app, "shop_orders_total", "A help.");
    int gauge = gale_gauge(app, "shop_open", "A help.");
    ck_assert_int_ge(counter, 0);
    ck_assert_int_ge(gauge, 0);
    ck_assert_int_eq(gale_counter(app, "shop_orders_total", "A help."), counter);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count, NULL), 0);
    count(NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(value_of("shop_orders_total", 1), 4000);
    gale_metric_set(gauge, 7);
    gale_metric_add(gauge, -2);
    ck_assert_int_eq(value_of("shop_open", 0), 5);
    apps_close(app, 1);
    made_up_finish(&made);
    ioloop_destroy(loop);
}
END_TEST

START_TEST(refuses_names_and_ignores_errors)
{
    struct made_up made;
    struct gale_app *app;
    made_up_parse(&made, conf);
    ck_assert_int_eq(apps_open(made.config, &app), 0);
    static const char *const wrong[] = {"", "1a", "a-b", "a b", "a:b", "\xC3\xA9"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_int_eq(gale_counter(app, wrong[i], "x"), -EINVAL);
        ck_assert_int_eq(gale_gauge(app, wrong[i], "x"), -EINVAL);
    }
    ck_assert_int_eq(gale_counter(app, NULL, "x"), -EINVAL);
    ck_assert_int_ge(gale_counter(app, "without_help", NULL), 0);
    ck_assert_int_eq(gale_gauge(app, "without_help", NULL), -EINVAL);
    gale_metric_add(-EINVAL, 5);
    gale_metric_set(-ENOSPC, 5);
    gale_metric_add(1 << 20, 5);
    gale_metric_set(1 << 20, 5);
    apps_close(app, 1);
    made_up_finish(&made);
}
END_TEST

static int show(void *data, const struct gale_worker *worker)
{
    char *out = data;
    size_t len = strlen(out);
    snprintf(out + len, 256 - len, "%d:%u:%d:%s ", worker->pid, worker->place,
             (int)worker->generation, worker->state);
    ck_assert_int_ge(worker->age_ms, 5000);
    ck_assert_int_ge(worker->heartbeat_ms, 10);
    ck_assert_int_lt(worker->heartbeat_ms, 60000);
    return worker->place == 3;
}

START_TEST(lists_workers)
{
    struct board *board;
    int fd;
    char out[256] = "";
    ck_assert_int_eq(gale_workers_each(show, out), 0); /* no board, nobody */
    ck_assert_int_eq(board_create(&board, &fd), 0);
    static const uint32_t states[] = {BOARD_STARTING, BOARD_READY, BOARD_SERVING, BOARD_DRAINING,
                                      BOARD_SERVING};
    for (unsigned i = 0; i < ARRAY_LEN(states); i++) {
        ck_assert_int_eq(board_claim(board), (int)i);
        struct board_slot *slot = board_slot(board, i);
        slot->state = states[i];
        slot->pid = 100 + (int)i;
        slot->place = i;
        slot->generation = 2;
        slot->started_ms = clock_mono_ms() - 5000;
        slot->heartbeat_ms = clock_mono_ms() - 10;
    }
    ck_assert_int_eq(gale_workers_each(show, out), 1); /* stops when told */
    ck_assert_str_eq(out, "100:0:2:starting 101:1:2:ready 102:2:2:serving 103:3:2:draining ");
    board_detach(board);
    close(fd);
}
END_TEST

UNIT_MAIN(counts_on_any_thread, refuses_names_and_ignores_errors, lists_workers)
