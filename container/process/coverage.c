/* coverage.c - looking at the board, watching and unwatching. */
#include "process/coverage.h"

#include <stdlib.h>

#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/port_group.h"
#include "net/tcp_server.h"
#include "process/listeners.h"
#include "process/worker_arguments.h"

struct covered {
    struct tcp_listener *listener; /* borrowed from the server; NULL: retired */
    int place;
};

bool coverage_is_alive(struct board *board, unsigned place, int64_t now_ms)
{
    for (unsigned i = 0; i < BOARD_SLOTS; i++) {
        struct board_slot *slot = board_slot(board, i);
        uint32_t state = atomic_load_explicit(&slot->state, memory_order_relaxed);
        if (state != BOARD_SERVING || slot->group[0] || slot->place != place)
            continue;
        int64_t heartbeat = atomic_load_explicit(&slot->heartbeat_ms, memory_order_relaxed);
        if (now_ms - heartbeat <= COVERAGE_STALE_MS)
            return true;
    }
    return false;
}

static bool is_own(const struct coverage *coverage, const struct covered *socket)
{
    return socket->place == LISTENER_SHARED || (unsigned)socket->place == coverage->place;
}

static void check(struct coverage *coverage)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < coverage->count; i++) {
        struct covered *socket = &coverage->sockets[i];
        if (!socket->listener)
            continue;
        bool is_mine = is_own(coverage, socket);
        if (socket->place == LISTENER_SHARED)
            tcp_listener_look(socket->listener);
        bool wanted =
            is_mine || !coverage_is_alive(coverage->board, (unsigned)socket->place, now_ms);
        if (wanted == socket->listener->is_watched)
            continue;
        if (!is_mine)
            log_debug(wanted ? "covers for a place without a worker" : "stops to cover for a place",
                      LOG_NUMBER("place", socket->place));
        tcp_listener_watch(socket->listener, wanted);
    }
}

static void on_timer(void *data)
{
    struct coverage *coverage = data;
    check(coverage);
    timer_start(coverage->loop, &coverage->timer, COVERAGE_CHECK_MS);
}

void coverage_init(struct coverage *coverage, struct board *board, struct tcp_server *server,
                   unsigned place, const struct worker_socket *sockets, size_t count)
{
    *coverage =
        (struct coverage){.loop = server->loop, .board = board, .place = place, .count = count};
    coverage->timer = (struct timer){.fn = on_timer, .data = coverage};
    coverage->sockets = memory_zalloc((count + 1) * sizeof(*coverage->sockets));
    for (size_t i = 0; i < count; i++) {
        struct tcp_listener *listener = tcp_server_add(server, sockets[i].fd, false);
        listener->is_shared = sockets[i].place == LISTENER_SHARED;
        coverage->sockets[i] = (struct covered){listener, sockets[i].place};
    }
}

/* All workers of a generation start at the same moment: nobody is missed before the first check. */
void coverage_start(struct coverage *coverage)
{
    coverage->is_on = true;
    for (size_t i = 0; i < coverage->count; i++)
        if (coverage->sockets[i].listener && is_own(coverage, &coverage->sockets[i]))
            tcp_listener_watch(coverage->sockets[i].listener, true);
    timer_start(coverage->loop, &coverage->timer, COVERAGE_CHECK_MS);
}

void coverage_retire(struct coverage *coverage, unsigned place)
{
    for (size_t i = 0; i < coverage->count; i++) {
        struct covered *socket = &coverage->sockets[i];
        if (!socket->listener || socket->place < (int)place)
            continue;
        tcp_listener_close(socket->listener);
        socket->listener = NULL;
    }
}

size_t coverage_queued(const struct coverage *coverage)
{
    size_t sum = 0;
    for (size_t i = 0; i < coverage->count; i++) {
        const struct covered *socket = &coverage->sockets[i];
        int queued = socket->listener ? port_group_queued(socket->listener->fd) : 0;
        sum += queued > 0 ? (size_t)queued : 0;
    }
    return sum;
}

void coverage_finish(struct coverage *coverage)
{
    if (coverage->loop)
        timer_stop(coverage->loop, &coverage->timer);
    free(coverage->sockets);
    coverage->sockets = NULL;
    coverage->count = 0;
    coverage->is_on = false;
}
