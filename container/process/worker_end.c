/* worker_end.c - telling a crash from an end that was asked for, and saying which. */
#include "process/worker_end.h"

#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/board.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "process/copies.h"
#include "process/crash.h"
#include "process/exit_text.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/worker_process.h"

static struct master *master_of(const struct worker_process *worker)
{
    return worker->generation->master;
}

static const struct board_slot *slot_of(const struct worker_process *worker)
{
    return board_slot(master_of(worker)->board, (unsigned)worker->slot);
}

/* ---- in words ---- */

/* What the worker's slot says it was at. */
static void describe_work(const struct worker_process *worker, struct buffer *how)
{
    const struct board_slot *slot = slot_of(worker);
    if (worker->state == WORKER_STARTING && slot->app[0])
        buffer_printf(how, " while it opened the app %.*s", (int)sizeof(slot->app), slot->app);
    else if (slot->request[0])
        buffer_printf(how, " while app %.*s served \"%.*s\"%s%.*s", (int)sizeof(slot->app),
                      slot->app, (int)sizeof(slot->request), slot->request,
                      slot->request_id[0] ? ", request " : "", (int)sizeof(slot->request_id),
                      slot->request_id);
}

static char *describe(const struct worker_process *worker, const siginfo_t *info)
{
    static const char overflow[] =
        ": the task's stack overflowed; use less of it, or raise the plugin's stack_size";
    struct buffer how = {0};
    char end[64];
    if (worker->by == CRASH_BY_START_TIME)
        buffer_add_text(&how, "did not open its apps within start_timeout and was killed");
    else if (worker->by == CRASH_BY_WATCHDOG)
        buffer_printf(&how, "was stuck for %lld ms and was killed", (long long)worker->silent_ms);
    else
        buffer_add_text(&how, exit_text(info, end, sizeof(end)));
    describe_work(worker, &how);
    if (slot_of(worker)->crash.is_task_overflow)
        buffer_add_text(&how, overflow);
    return buffer_steal(&how);
}

/* ---- crashes ---- */

/* Whether it ended as nobody had asked it to. */
static bool is_crash(const struct worker_process *worker, const siginfo_t *info)
{
    bool has_record = slot_of(worker)->crash.stage != CRASH_NONE;
    if (worker->by != CRASH_BY_ITSELF || has_record)
        return true;
    if (info->si_code != CLD_EXITED)
        return !worker->is_killed;
    return worker->state != WORKER_ENDING && !worker->gave_up;
}

/* Texts of the board may lack their end: both sides have the same size. */
static void copy(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);
    memcpy(out, text, len);
    out[len] = 0;
}

/* What a module is a copy of, and whose plugin it is, where only one app has it. */
static const char *find_original(const struct generation *generation, const char *path,
                                 const char **out_app)
{
    const char *found = NULL;
    for (size_t i = 0; i < generation->config->app_count; i++) {
        const struct copied *copied = generation->copies[i];
        const char *original = copied ? copies_original(copied, path) : NULL;
        if (!original)
            continue;
        *out_app = found ? NULL : generation->config->apps[i].name;
        found = original;
    }
    return found;
}

static void name_modules(const struct generation *generation, struct crash *crash)
{
    const char *apps[CRASH_MODULES] = {NULL};
    for (unsigned i = 0; i < crash->record.module_count; i++) {
        const char *path = crash->record.modules[i].path;
        const char *original = find_original(generation, path, &apps[i]);
        if (original)
            crash_name_module(crash, i, original);
    }
    /* A thread's work is nobody's request, but its code is somebody's. */
    for (uint32_t i = 0; i < crash->frame_count && !crash->record.app[0]; i++) {
        unsigned module = crash->record.frames[i].module;
        if (module != CRASH_NO_MODULE && apps[module])
            crash_set_app(crash, apps[module]);
    }
}

static struct crash *make_crash(const struct worker_process *worker, const siginfo_t *info,
                                const char *how)
{
    const struct board_slot *slot = slot_of(worker);
    struct crash_facts facts = {
        .generation = worker->generation->number,
        .place = worker->place,
        .pid = worker->pid,
        .served_ms = worker->serving_ms ? clock_mono_ms() - worker->serving_ms : -1,
        .by = worker->by,
        .silent_ms = worker->silent_ms,
        .is_stopped = worker->is_stopped,
        .memory = (int64_t)slot->memory,
        .signal = info->si_code == CLD_EXITED ? 0 : info->si_status,
    };
    if (facts.signal == SIGKILL && worker->by == CRASH_BY_ITSELF)
        facts.is_out_of_memory = out_of_memory_explains(&master_of(worker)->out_of_memory);
    copy(facts.group, sizeof(facts.group), worker->generation->group->name);
    /* Whatever an isolated app's worker was at, it was that app's. */
    copy(facts.app, sizeof(facts.app),
         slot->app[0] || !worker->generation->app ? slot->app : worker->generation->app->name);
    copy(facts.request, sizeof(facts.request), slot->request);
    copy(facts.request_id, sizeof(facts.request_id),
         slot->request[0] ? slot->request_id : ""); /* else it is an earlier one's */
    copy(facts.how, sizeof(facts.how), how);
    struct crash *crash = crash_create(&facts, &slot->crash);
    name_modules(worker->generation, crash);
    return crash;
}

/* ---- telling ---- */

static void tell(struct worker_process *worker)
{
    struct master *master = master_of(worker);
    char *how = worker->how;
    worker->how = NULL;
    generation_worker_ended(worker->generation, worker, how);
    reload_look(master);
    free(how);
}

/* Where it died is known now. */
static void on_told(void *data, const struct crash *crash)
{
    struct worker_process *worker = data;
    struct buffer how = {0};
    buffer_add_text(&how, worker->how);
    if (crash_culprit(crash)) {
        buffer_add_text(&how, ", at ");
        crash_print_place(crash, &how);
    }
    free(worker->how);
    worker->how = buffer_steal(&how);
    tell(worker);
}

/* A generation that serves goes on without; otherwise somebody waits for this end. */
static bool is_awaited(const struct worker_process *worker)
{
    return worker->generation->state != GENERATION_LIVE && !worker->is_leaving;
}

/* Who is killed from outside is not at fault. */
static bool is_counted(const struct worker_process *worker, const struct crash_facts *facts)
{
    bool is_outside = facts->signal == SIGKILL && facts->by == CRASH_BY_ITSELF;
    return worker->generation->state == GENERATION_LIVE &&
           (!is_outside || facts->is_out_of_memory) && !worker->is_stopped;
}

void worker_end(struct worker_process *worker, const siginfo_t *info)
{
    struct master *master = master_of(worker);
    struct crash *crash = NULL;
    worker->how = describe(worker, info);
    worker->was_busy = slot_of(worker)->request[0];
    if (is_crash(worker, info))
        crash = make_crash(worker, info, worker->how);
    /* What its loop was at; of the other requests nobody knows anything bad. */
    if (crash && crash_is_exhaustion(crash) && slot_of(worker)->request[0])
        board_condemn(master->board, crash->facts.request_id);
    worker_process_close(worker);
    struct generation *counted =
        crash && is_counted(worker, &crash->facts) ? worker->generation : NULL;
    bool is_later = crash && is_awaited(worker);
    if (crash)
        crashes_add(&master->crashes, crash, &worker->generation->identity,
                    is_later ? on_told : NULL, worker);
    if (!is_later)
        tell(worker); /* after which there may be no such worker any more */
    if (counted)
        rollback_count(master, counted);
}
