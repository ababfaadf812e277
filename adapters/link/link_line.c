/* link_line.c - opening, keeping and closing lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/link/link_private.h"
#include "app/app.h"
#include "app/config.h"
#include "base/board.h"
#include "base/memory.h"
#include "base/str.h"
#include "net/tcp_client.h"
#include "net/transport_unix.h"

enum { KEPT_MS = 30 * 1000, CONNECT_MS = 30 * 1000 };

static struct link_line *of_link(struct list *link)
{
    return container_of(link, struct link_line, link);
}

/* The slot of a worker of the app from number *at on, or NULL; *at is then behind it. */
static const struct board_slot *next_worker(const struct link *owner, unsigned *at,
                                            uint32_t *out_state)
{
    struct board *board = board_current();
    unsigned used = board ? board_used(board) : 0;
    while (*at < used) {
        const struct board_slot *slot = board_slot(board, (*at)++);
        *out_state = atomic_load_explicit(&slot->state, memory_order_acquire);
        if (*out_state != BOARD_FREE && strcmp(slot->group, owner->app->config->name) == 0)
            return slot;
    }
    return NULL;
}

bool link_has_workers(const struct link *owner, unsigned from, unsigned to)
{
    uint32_t state;
    for (unsigned at = 0; next_worker(owner, &at, &state);)
        if (state >= from && state <= to)
            return true;
    return false;
}

bool link_has_at_hand(const struct link *owner, const char *request_id)
{
    const struct board_slot *slot;
    uint32_t state;
    for (unsigned at = 0; (slot = next_worker(owner, &at, &state));)
        if (slot->request[0] && strncmp(slot->request_id, request_id, BOARD_ID - 1) == 0)
            return true;
    return false;
}

/* ---- while idle ---- */

/* Its worker leaves, or has gone: whatever it says, the line is of no more use. */
static void on_idle_readable(void *data, unsigned events)
{
    struct link_line *line = data;
    (void)events;
    list_remove(&line->link);
    link_line_close(line);
}

static struct link_line *take_idle(struct link *owner)
{
    struct list *link = list_pop(&owner->idle);
    struct link_line *line = link ? of_link(link) : NULL;
    if (line)
        iostream_on_readable(&line->stream, NULL, NULL);
    return line;
}

/* A worker that leaves says so on each line before the board says that it does. Its line would do,
 * but whoever has seen the end of a reload expects the new code. */
struct link_line *link_line_take(struct link *owner)
{
    struct link_line *line;
    bool looks = link_has_workers(owner, BOARD_DRAINING, BOARD_DRAINING);
    while ((line = take_idle(owner)) && looks && iostream_fill(&line->stream, 1) != -EAGAIN)
        link_line_close(line);
    return line;
}

void link_line_close_idle(struct link *owner)
{
    struct link_line *line;
    while ((line = take_idle(owner)))
        link_line_close(line);
}

/* The one used last is taken first, so those that are too many sink to the end. */
void link_line_on_timer(void *data)
{
    struct link *owner = data;
    int64_t now_ms = ioloop_now_ms(ioloop_current());
    while (!list_is_empty(&owner->idle)) {
        struct link_line *line = of_link(owner->idle.prev);
        if (now_ms - line->used_ms < KEPT_MS)
            break;
        on_idle_readable(line, 0);
    }
    if (!list_is_empty(&owner->idle))
        timer_start(ioloop_current(), &owner->timer, KEPT_MS);
}

/* ---- life ---- */

int link_line_open(struct link *owner, struct link_line **out_line)
{
    int fd = tcp_connect_text(str_of(owner->settings->address), CONNECT_MS);
    if (fd < 0)
        return fd;
    struct link_line *line = memory_zalloc(sizeof(*line));
    line->owner = owner;
    list_init(&line->link);
    iostream_init(&line->stream, ioloop_current(), fd, &transport_unix, -1);
    fcgi_reader_init(&line->reader, &line->stream);
    *out_line = line;
    return 0;
}

void link_line_close(struct link_line *line)
{
    iostream_close(&line->stream);
    free(line);
}

void link_line_give_back(struct link_line *line)
{
    struct link *owner = line->owner;
    bool is_well = !line->is_leaving && !line->stream.error && !line->stream.is_ended &&
                   iostream_unsent(&line->stream) == 0 && fcgi_reader_settle(&line->reader) &&
                   fcgi_reader_is_clean(&line->reader);
    if (!is_well || owner->app->is_draining) {
        link_line_close(line);
        return;
    }
    line->is_kept = true;
    line->used_ms = ioloop_now_ms(line->stream.loop);
    list_prepend(&owner->idle, &line->link);
    iostream_on_readable(&line->stream, on_idle_readable, line);
    if (!timer_is_running(&owner->timer))
        timer_start(line->stream.loop, &owner->timer, KEPT_MS);
}
