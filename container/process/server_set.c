/* server_set.c - together they are up, down or ending. */
#include "process/server_set.h"

#include <stdlib.h>

#include "base/board.h"
#include "base/memory.h"

/* Who dies faster than this is waited for is not worth waiting for. */
enum { DOWN_MS = 500, BACKLOG = 1024 };

/* ---- up and down ---- */

static void on_waiting(void *data, unsigned events)
{
    struct server_set *set = data;
    (void)events;
    hidden_socket_refuse(&set->socket);
}

static void watch_socket(struct server_set *set)
{
    (void)ioloop_watch(set->loop, set->socket.listen_fd, IOLOOP_READ, on_waiting, set);
}

static void set_down(struct server_set *set, bool is_down)
{
    if (set->is_down == is_down)
        return;
    set->is_down = is_down;
    board_add(set->metrics[SERVERS_DOWN], is_down ? 1 : -1);
    if (is_down)
        watch_socket(set);
    else
        ioloop_forget(set->loop, set->socket.listen_fd);
}

void server_set_process_started(struct server_set *set, const struct server_process *process)
{
    set->running++;
    board_add(set->metrics[SERVERS_RUNNING], 1);
    board_add(set->metrics[SERVERS_RESTARTS], process->restarts > 0);
    set_down(set, false);
}

void server_set_process_ended(struct server_set *set, const struct server_process *process)
{
    set->running--;
    board_add(set->metrics[SERVERS_RUNNING], -1);
    if (!set->is_ending)
        server_set_process_waits(set, process);
    else if (!set->running)
        ioloop_defer(set->loop, &set->ended);
}

void server_set_process_waits(struct server_set *set, const struct server_process *process)
{
    if (!set->running && process->delay_ms >= DOWN_MS)
        set_down(set, true);
}

/* ---- life ---- */

struct server_set *server_set_create(struct ioloop *loop, const struct server_plan *plan)
{
    struct server_set *set = memory_zalloc(sizeof(*set));
    size_t count = (size_t)plan->servers.processes;
    list_init(&set->link);
    set->loop = loop;
    set->plan = *plan;
    set->socket = (struct hidden_socket){-1, -1};
    set->log.app = set->plan.app;
    for (int i = 0; i < SERVERS_METRICS; i++)
        set->metrics[i] = servers_metric((enum servers_metric)i, set->plan.app);
    set->processes = memory_zalloc(count * sizeof(*set->processes));
    for (size_t i = 0; i < count; i++)
        server_process_init(&set->processes[i], set, (unsigned)i);
    return set;
}

int server_set_start(struct server_set *set)
{
    int r = hidden_socket_open(BACKLOG, &set->socket);
    for (int64_t i = 0; i < set->plan.servers.processes && r == 0; i++)
        r = server_process_start(&set->processes[i]);
    return r;
}

void server_set_resume(struct server_set *set, const struct hidden_socket *socket, bool is_down,
                       bool is_ending)
{
    set->socket = *socket;
    set->is_down = is_down;
    set->is_ending = is_ending;
    if (is_down)
        watch_socket(set);
}

void server_set_resume_process(struct server_set *set, const struct server_process *as,
                               struct gale_str said)
{
    set->running += as->state == SERVER_RUNNING || as->state == SERVER_ENDING;
    server_process_resume(&set->processes[as->place], as, said);
}

void server_set_resumed(struct server_set *set, bool has_new_board)
{
    if (set->is_ending && !set->running)
        ioloop_defer(set->loop, &set->ended);
    if (!has_new_board)
        return;
    board_add(set->metrics[SERVERS_RUNNING], (int64_t)set->running);
    board_add(set->metrics[SERVERS_DOWN], set->is_down);
}

void server_set_destroy(struct server_set *set)
{
    list_remove(&set->link);
    ioloop_undefer(set->loop, &set->ended);
    set_down(set, false);
    for (int64_t i = 0; i < set->plan.servers.processes; i++)
        server_process_close(&set->processes[i]);
    board_add(set->metrics[SERVERS_RUNNING], -(int64_t)set->running);
    hidden_socket_close(&set->socket);
    server_plan_finish(&set->plan);
    free(set->processes);
    free(set);
}

void server_set_end(struct server_set *set, int64_t grace_ms)
{
    set->is_ending = true;
    set_down(set, false);
    /* It also wakes whoever has left the group and would accept for ever. */
    hidden_socket_close(&set->socket);
    for (int64_t i = 0; i < set->plan.servers.processes; i++)
        server_process_end(&set->processes[i], grace_ms);
    if (!set->running)
        ioloop_defer(set->loop, &set->ended);
}
