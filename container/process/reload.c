/* reload.c - one reload at a time, and who waits for which. */
#include "process/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "loop/task.h"
#include "process/dev_master.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/notify.h"
#include "process/succession.h"

enum {
    ROOM_MS = 500,   /* how long a reload waits for generations to end before the oldest is cut */
    SETTLE_MS = 200, /* and for idle clients to be with their new worker */
};

struct waiter {
    struct list link;
    struct task *task;
    bool is_done;
    struct reload_result result;
};

void reloads_init(struct reloads *reloads)
{
    *reloads = (struct reloads){0};
    list_init(&reloads->current);
    list_init(&reloads->queued);
}

void reloads_finish(struct reloads *reloads)
{
    free(reloads->last_failure);
    free(reloads->note);
    reloads->last_failure = reloads->note = NULL;
}

static void prepare(void *data);

static void prepare_again(struct master *master)
{
    struct reloads *reloads = &master->reloads;
    reloads->again = (struct timer){.fn = prepare, .data = master};
    timer_start(master->loop, &reloads->again, RELOAD_AGAIN_MS);
}

/* Somebody may be at writing a plugin's file: then it is tried again for a while. And rather than
 * cutting generations that are about to end, they are waited for. */
static void prepare(void *data)
{
    struct master *master = data;
    struct reloads *reloads = &master->reloads;
    scoped_free char *why = NULL;
    bool is_passing;
    int64_t waited_ms = clock_mono_ms() - reloads->begun_ms;
    if (groups_are_full(master) && waited_ms < ROOM_MS)
        prepare_again(master);
    else if (generation_load(master, &why, &is_passing) == MASTER_STOPPED)
        groups_start(master);
    else if (is_passing && waited_ms < RELOAD_PATIENCE_MS)
        prepare_again(master);
    else {
        rollback_cancel(master);
        reload_done(master, why);
    }
}

static void begin(struct master *master)
{
    struct reloads *reloads = &master->reloads;
    reloads->is_running = true;
    reloads->is_queued = false;
    reloads->asked_ms = reloads->queued_ms;
    list_splice(&reloads->current, &reloads->queued);
    reloads->begun_ms = clock_mono_ms();
    notify("RELOADING=1");
    dev_master_reload_begins(master->dev);
    prepare(master);
}

void reload_ask(struct master *master)
{
    struct reloads *reloads = &master->reloads;
    if (!reloads->is_queued)
        reloads->queued_ms = clock_mono_ms();
    reloads->is_queued = true;
    /* While the first generation starts there is nothing to replace yet. */
    if (!reloads->is_running && master->front->live)
        begin(master);
}

int reload_wait(struct master *master, struct reload_result *out_result)
{
    struct waiter waiter = {.task = task_current()};
    if (master->stop != MASTER_RUNS)
        return -ESHUTDOWN;
    list_append(&master->reloads.queued, &waiter.link);
    reload_ask(master);
    int r = 0;
    while (!waiter.is_done && (r = task_park(-1)) == 0)
        ;
    list_remove(&waiter.link);
    if (!waiter.is_done)
        return r;
    *out_result = waiter.result;
    return 0;
}

static void record(struct reloads *reloads, const char *why)
{
    free(reloads->last_failure);
    reloads->last_failure = why ? memory_copy(why, strlen(why)) : NULL;
    reloads->last_failure_ms = clock_mono_ms();
}

static void answer(struct master *master, struct list *waiters, const char *why)
{
    const char *text = why ? why : master->reloads.note;
    struct list *link;
    while ((link = list_pop(waiters))) {
        struct waiter *waiter = container_of(link, struct waiter, link);
        waiter->is_done = true;
        waiter->result =
            (struct reload_result){.is_ok = !why,
                                   .generation = master->live_number,
                                   .ms = clock_mono_ms() - master->reloads.asked_ms,
                                   .text = text ? memory_copy(text, strlen(text)) : NULL};
        task_wake(waiter->task, false);
    }
}

static void on_settled(void *data)
{
    reload_done(data, NULL);
}

void reload_settle(struct master *master)
{
    struct reloads *reloads = &master->reloads;
    reloads->settling = (struct timer){.fn = on_settled, .data = master};
    timer_start(master->loop, &reloads->settling, SETTLE_MS);
    reload_look(master);
}

void reload_look(struct master *master)
{
    if (timer_is_running(&master->reloads.settling) && succession_is_over(master->front))
        reload_done(master, NULL);
}

void reload_note(struct master *master, const char *note)
{
    free(master->reloads.note);
    master->reloads.note = note ? memory_copy(note, strlen(note)) : NULL;
}

void reload_done(struct master *master, const char *why)
{
    struct reloads *reloads = &master->reloads;
    timer_stop(master->loop, &reloads->again);
    timer_stop(master->loop, &reloads->settling);
    if (reloads->is_running) {
        record(reloads, why);
        dev_master_reload_ended(master->dev, why);
        if (why && master->stop == MASTER_RUNS && !master->dev)
            log_error("the reload is refused; everything stays as it was", LOG_TEXT("why", why));
        answer(master, &reloads->current, why);
        reloads->is_running = false;
        notify("READY=1");
    }
    if (master->stop != MASTER_RUNS)
        answer(master, &reloads->queued, "gale is stopping");
    else if (reloads->is_queued)
        begin(master);
    else
        rollback_look(master);
}
