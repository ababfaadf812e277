/* upstream_connection.c - opening, keeping and closing. */
#include "adapters/fastcgi/upstream_connection.h"

#include <stdlib.h>

#include "app/app.h"
#include "base/board.h"
#include "base/memory.h"
#include "net/tcp_client.h"
#include "net/transport.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "adapters/fastcgi/upstream.h"

enum { LOOK_MS = 250 };

static struct upstream_connection *of_link(struct list *link)
{
    return container_of(link, struct upstream_connection, link);
}

/* ---- while idle ---- */

static void leave_idle(struct upstream_connection *connection)
{
    if (list_is_empty(&connection->link))
        return;
    list_remove(&connection->link);
    connection->upstream->idle_count--;
    timer_stop(connection->stream.loop, &connection->timer);
    iostream_on_readable(&connection->stream, NULL, NULL);
}

/* Whatever a server says between two requests, the connection is of no more use. */
static void on_idle_readable(void *data, unsigned events)
{
    (void)events;
    upstream_close(data);
}

static int64_t left_ms(const struct upstream_connection *connection)
{
    const struct fastcgi_settings *settings = connection->upstream->fastcgi->settings;
    return connection->opened_ms + settings->keep_alive_age_ms -
           ioloop_now_ms(connection->stream.loop);
}

static void start_timer(struct upstream_connection *connection)
{
    int64_t ms = left_ms(connection);
    timer_start(connection->stream.loop, &connection->timer, ms < LOOK_MS ? ms : LOOK_MS);
}

static void on_look(void *data)
{
    struct upstream_connection *connection = data;
    if (left_ms(connection) <= 0 || board_sum(connection->upstream->late) > 0)
        upstream_close(connection);
    else
        start_timer(connection);
}

struct upstream_connection *upstream_take_idle(struct upstream *upstream)
{
    if (list_is_empty(&upstream->idle))
        return NULL;
    struct upstream_connection *connection = of_link(upstream->idle.next);
    leave_idle(connection);
    return connection;
}

void upstream_close_idle(struct upstream *upstream)
{
    while (!list_is_empty(&upstream->idle))
        upstream_close(of_link(upstream->idle.next));
}

/* ---- life ---- */

int upstream_connect(struct upstream *upstream, struct upstream_connection **out_connection)
{
    const struct fastcgi_settings *settings = upstream->fastcgi->settings;
    int fd = tcp_connect_text(upstream->address, settings->connect_timeout_ms);
    if (fd < 0)
        return fd;
    struct upstream_connection *connection = memory_zalloc(sizeof(*connection));
    connection->upstream = upstream;
    connection->opened_ms = ioloop_now_ms(ioloop_current());
    connection->timer = (struct timer){.fn = on_look, .data = connection};
    list_init(&connection->link);
    iostream_init(&connection->stream, ioloop_current(), fd, &transport_plain,
                  (int32_t)settings->read_timeout_ms);
    fcgi_reader_init(&connection->reader, &connection->stream);
    upstream->open_count++;
    board_add(upstream->connections, 1);
    *out_connection = connection;
    return 0;
}

void upstream_set_late(struct upstream_connection *connection, bool is_late)
{
    if (connection->is_late != is_late)
        board_add(connection->upstream->late, is_late ? 1 : -1);
    connection->is_late = is_late;
}

void upstream_close(struct upstream_connection *connection)
{
    leave_idle(connection);
    upstream_set_late(connection, false);
    iostream_close(&connection->stream);
    connection->upstream->open_count--;
    board_add(connection->upstream->connections, -1);
    free(connection);
}

void upstream_give_back(struct upstream_connection *connection)
{
    struct upstream *upstream = connection->upstream;
    bool is_well = !connection->stream.error && !connection->stream.is_ended &&
                   iostream_unsent(&connection->stream) == 0 &&
                   fcgi_reader_settle(&connection->reader) &&
                   fcgi_reader_is_clean(&connection->reader);
    if (!is_well || left_ms(connection) <= 0 || upstream->idle_count >= upstream->keep_max ||
        board_sum(upstream->late) > 0 || upstream->fastcgi->app->is_draining) {
        upstream_close(connection);
        return;
    }
    connection->is_kept = true;
    list_prepend(&upstream->idle, &connection->link);
    upstream->idle_count++;
    iostream_on_readable(&connection->stream, on_idle_readable, connection);
    start_timer(connection);
}
