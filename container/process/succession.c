/* succession.c - pairs of sockets. */
#include "process/succession.h"

#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "net/message_socket.h"
#include "process/channel.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/worker_process.h"

static void send_end(struct worker_process *worker, enum channel_kind kind, int fd)
{
    struct channel_message message;
    channel_message_init(&message, kind, 0);
    message.fds[message.fd_count++] = fd;
    worker_process_tell(worker, &message);
    close(fd);
}

/* Without a pair nothing is handed over: connections end with their next answer. */
static void connect_pair(struct worker_process *old, struct worker_process *successor)
{
    int pair[2];
    int r = message_socket_pair(pair);
    if (r < 0) {
        log_warn("idle connections cannot be handed over", LOG_ERRNO(r));
        return;
    }
    send_end(successor, CHANNEL_TAKE, pair[0]);
    send_end(old, CHANNEL_GIVE, pair[1]);
}

static bool can_give(const struct worker_process *worker)
{
    return worker->pid && (worker->state == WORKER_SERVING || worker->state == WORKER_ENDING);
}

/* Connects a worker with its successor if that serves; `only`: if it is that one. */
static void connect_one(struct worker_process *old, const struct generation *live,
                        const struct worker_process *only)
{
    struct worker_process *successor = &live->workers[old->place % live->size];
    if (can_give(old) && successor->state == WORKER_SERVING && (!only || successor == only))
        connect_pair(old, successor);
}

static void connect_all(struct group *group, const struct worker_process *only)
{
    const struct generation *live = group->live;
    if (!group_is_front(group)) /* clients come to the front alone */
        return;
    list_each (&group->generations, link) {
        struct generation *old = container_of(link, struct generation, link);
        bool is_old = old != live && old != group->next && !old->is_hurried;
        for (unsigned i = 0; is_old && i < old->size; i++)
            connect_one(&old->workers[i], live, only);
        list_each (&old->leaving, at)
            if (is_old || old == live)
                connect_one(container_of(at, struct worker_process, link), live, only);
    }
}

void succession_begin(struct group *group)
{
    connect_all(group, NULL);
}

void succession_join(struct worker_process *successor)
{
    connect_all(successor->generation->group, successor);
}

bool succession_is_over(const struct group *group)
{
    list_each (&group->generations, link) {
        const struct generation *old = container_of(link, struct generation, link);
        bool is_old = old != group->live && old != group->next && !old->is_hurried;
        for (unsigned i = 0; is_old && i < old->size; i++)
            if (can_give(&old->workers[i]) && !old->workers[i].has_passed)
                return false;
    }
    return true;
}
