/* worker_recycle.c - counting, and now and then a look at /proc/self/statm. */
#include "process/worker_recycle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/app.h"
#include "app/config.h"
#include "base/board.h"
#include "base/macros.h"
#include "process/worker_private.h"

uint64_t worker_recycle_limit(uint64_t limit, uint64_t chance)
{
    return limit - chance % (limit / 10 + 1);
}

static uint64_t chance(void)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
        number = (uint64_t)getpid();
    return number;
}

/* The second number: pages in memory. */
static uint64_t read_memory(int statm)
{
    char text[128];
    unsigned long long pages = 0;
    ssize_t n = statm < 0 ? -1 : pread(statm, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = 0;
    (void)sscanf(text, "%*u %llu", &pages);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Its successor tries once more, at growing intervals: opening may take long or block, which here
 * would hold up whoever is served. */
static void look_at_apps(struct worker_recycle *recycle)
{
    const struct worker *worker = recycle->worker;
    const char *app = apps_find_closed(worker->apps, worker->config->app_count);
    bool is_serving =
        atomic_load_explicit(&board_mine->state, memory_order_relaxed) == BOARD_SERVING;
    char why[96];
    if (!app || !is_serving)
        return;
    snprintf(why, sizeof(why), "could not open the app %s", app);
    worker_leave(recycle->worker, why);
}

static void on_look(void *data)
{
    struct worker_recycle *recycle = data;
    uint64_t memory = read_memory(recycle->statm);
    char why[96];
    atomic_store_explicit(&board_mine->memory, memory, memory_order_relaxed);
    timer_start(recycle->worker->loop, &recycle->timer, RECYCLE_LOOK_MS);
    look_at_apps(recycle);
    if (!recycle->max_memory || memory <= recycle->max_memory)
        return;
    snprintf(why, sizeof(why), "holds %llu MiB (max_memory)", (unsigned long long)(memory >> 20));
    worker_leave(recycle->worker, why);
}

void worker_recycle_count(struct worker_recycle *recycle)
{
    uint64_t requests = recycle->worker->http.answered;
    char why[96];
    if (!recycle->max_requests || requests < recycle->max_requests)
        return;
    recycle->max_requests = 0;
    snprintf(why, sizeof(why), "has served %llu requests (max_requests)",
             (unsigned long long)requests);
    worker_leave(recycle->worker, why);
}

void worker_recycle_start(struct worker_recycle *recycle, struct worker *worker)
{
    const struct server_settings *server = &worker->config->server;
    *recycle = (struct worker_recycle){
        .worker = worker,
        .max_requests = worker_recycle_limit((uint64_t)server->max_requests, chance()),
        .max_memory = worker_recycle_limit(server->max_memory, chance()),
        .statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC),
    };
    recycle->timer = (struct timer){.fn = on_look, .data = recycle};
    timer_start(worker->loop, &recycle->timer, 0);
}

void worker_recycle_stop(struct worker_recycle *recycle)
{
    if (!recycle->worker)
        return;
    timer_stop(recycle->worker->loop, &recycle->timer);
    if (recycle->statm >= 0)
        close(steal_fd(&recycle->statm));
}
