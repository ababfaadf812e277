/* server_process.c - from start to end, and again. */
#include "process/server_process.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/server_set.h"

/* Who has lived so long and exits with 0 has not failed but done its share of requests. */
enum { ORDERLY_MS = 1000 };

const char *server_state_name(enum server_state state)
{
    static const char *const names[] = {"waiting", "running", "ending", "gone"};
    return names[state];
}

static void on_again(void *data);

void server_process_init(struct server_process *process, struct server_set *set, unsigned place)
{
    *process = (struct server_process){.set = set, .place = place, .child.pidfd = -1};
    process->output.fd = -1;
    process->again = (struct timer){.fn = on_again, .data = process};
}

/* ---- its end ---- */

static bool is_orderly(const struct server_process *process, int64_t lived_ms)
{
    return process->child.status == 0 && lived_ms >= ORDERLY_MS;
}

/* A program that goes to the background, as daemons do, looks as if it had ended. */
static void log_end(const struct server_process *process, int64_t lived_ms)
{
    static const char orderly[] = "a process of an app's `command` has ended; another follows",
                      failed[] = "a process of an app's `command` has ended unexpectedly",
                      daemon[] =
                          "a process of an app's `command` has ended at once; it has to stay "
                          "in the foreground and to accept on descriptor 0";
    bool is_failed = process->delay_ms > 0;
    const char *last = process->output.last;
    char ended[64];
    log_line(is_failed ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
             !is_failed              ? orderly
             : process->child.status ? failed
                                     : daemon,
             LOG_TEXT("app", process->set->plan.app), LOG_NUMBER("process", process->child.pid),
             LOG_TEXT("ended", child_process_describe(process->child.status, ended, sizeof(ended))),
             LOG_TEXT("said", *last ? last : "-"), LOG_NUMBER("lived_ms", lived_ms),
             LOG_NUMBER("restart_in_ms", process->delay_ms), (struct log_field){0});
}

static void wait_for_turn(struct server_process *process, int64_t lived_ms)
{
    struct ioloop *loop = process->set->loop;
    process->state = SERVER_WAITING;
    process->delay_ms = is_orderly(process, lived_ms)
                            ? 0
                            : backoff_next(&process->backoff, lived_ms, BACKOFF_MAX_MS);
    timer_start(loop, &process->again, process->delay_ms);
}

static void on_end(void *data)
{
    struct server_process *process = data;
    int64_t lived_ms = clock_mono_ms() - process->started_ms;
    bool was_ending = process->state == SERVER_ENDING;
    server_output_close(&process->output);
    child_process_kill(&process->child, SIGKILL); /* what it has forked */
    child_process_close(&process->child);
    if (was_ending) {
        process->state = SERVER_GONE;
    } else {
        wait_for_turn(process, lived_ms);
        log_end(process, lived_ms);
    }
    server_set_process_ended(process->set, process);
}

/* ---- its beginning ---- */

static int spawn(struct server_process *process, int output)
{
    const struct server_plan *plan = &process->set->plan;
    const struct child_options options = {
        .program = plan->servers.program,
        .argv = plan->servers.argv,
        .envp = plan->servers.envp,
        .folder = plan->servers.folder,
        .in = process->set->socket.listen_fd,
        .out = output,
        .err = output,
        .has_user = plan->identity.is_changed,
        .uid = plan->identity.uid,
        .gid = plan->identity.gid,
        .groups = plan->groups,
        .group_count = plan->group_count,
    };
    return child_process_spawn(&process->child, &options);
}

static void watch(struct server_process *process)
{
    struct server_set *set = process->set;
    server_output_watch(&process->output, set->loop, &set->log, set->plan.servers.program,
                        process->child.pid);
    child_process_watch(&process->child, set->loop, on_end, process);
}

int server_process_start(struct server_process *process)
{
    struct server_set *set = process->set;
    int output = server_output_open(&process->output);
    if (output < 0)
        return output;
    int r = spawn(process, output);
    close(output);
    if (r < 0) {
        server_output_close(&process->output);
        return r;
    }
    process->state = SERVER_RUNNING;
    process->started_ms = clock_mono_ms();
    watch(process);
    server_set_process_started(set, process);
    return 0;
}

static void on_again(void *data)
{
    struct server_process *process = data;
    process->restarts++;
    int r = server_process_start(process);
    if (r == 0)
        return;
    process->delay_ms = backoff_next(&process->backoff, 0, BACKOFF_MAX_MS);
    log_error("a process of an app's `command` cannot be started",
              LOG_TEXT("app", process->set->plan.app),
              LOG_TEXT("program", process->set->plan.servers.program),
              LOG_NUMBER("restart_in_ms", process->delay_ms), LOG_ERRNO(r));
    timer_start(process->set->loop, &process->again, process->delay_ms);
    server_set_process_waits(process->set, process);
}

/* ---- under another program ---- */

void server_process_resume(struct server_process *process, const struct server_process *as,
                           struct gale_str said)
{
    struct server_set *set = process->set;
    struct timer again = process->again;
    *process = *as;
    process->set = set;
    process->again = again;
    if (process->state == SERVER_WAITING)
        timer_start(set->loop, &process->again, process->delay_ms);
    if (process->state != SERVER_RUNNING && process->state != SERVER_ENDING)
        return;
    watch(process);
    server_output_resume(&process->output, said);
    if (process->state == SERVER_ENDING)
        child_process_resume_end(&process->child, set->plan.servers.grace_ms);
}

/* ---- orders ---- */

void server_process_end(struct server_process *process, int64_t grace_ms)
{
    timer_stop(process->set->loop, &process->again);
    if (process->state == SERVER_WAITING)
        process->state = SERVER_GONE;
    if (process->state == SERVER_GONE)
        return;
    process->state = SERVER_ENDING;
    child_process_end(&process->child, grace_ms);
    if (!grace_ms)
        child_process_kill(&process->child, SIGKILL);
}

void server_process_close(struct server_process *process)
{
    timer_stop(process->set->loop, &process->again);
    if (process->state == SERVER_RUNNING || process->state == SERVER_ENDING) {
        child_process_kill(&process->child, SIGKILL);
        child_process_close(&process->child);
        server_output_close(&process->output);
    }
    process->state = SERVER_GONE;
}
