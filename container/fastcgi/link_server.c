/* link_server.c - the life of a session; serve_one is one request from REQUEST to its last record.
 */
#include "fastcgi/link_server.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>

#include <gale/plugin.h>

#include "base/arena.h"
#include "base/memory.h"
#include "http/http_server.h"
#include "net/transport_unix.h"

enum { ARENA_FIRST = 8 * 1024 };

static void on_idle_readable(void *data, unsigned events);

static struct http_server *http_of(const struct link_session *session)
{
    return session->server->http;
}

static void close_session(struct link_session *session)
{
    struct link_server *server = session->server;
    iostream_close(&session->stream);
    list_remove(&session->link);
    server->session_count--;
    tcp_server_release(&server->http->tcp);
    if (server->is_single)
        tcp_server_suspend(&server->http->tcp, false);
    free(session);
}

/* ---- the front leaves ---- */

/* Nobody waits for the answer: unlike a client, the front never ends its sending side alone. */
static void on_hangup(void *data, unsigned events)
{
    struct link_session *session = data;
    (void)events;
    iostream_on_hangup(&session->stream, NULL, NULL);
    if (session->task)
        task_cancel(session->task, -ECANCELED);
}

static void before_park(void *data)
{
    struct link_session *session = data;
    if (session->current)
        iostream_on_hangup(&session->stream, on_hangup, session);
    if (session->stream.is_sending) /* it is that write which waits */
        return;
    if (session->current)
        response_push(&session->current->exchange.res);
    (void)iostream_push(&session->stream); /* an error sticks in the stream */
}

/* ---- one request ---- */

/* What is left of an earlier body is passed over. */
int link_next_record(struct link_session *session, uint8_t wanted)
{
    struct fcgi_reader *reader = &session->reader;
    for (;;) {
        int r = fcgi_read_record(reader, -1);
        if (r <= 0 || reader->record.type == wanted)
            return r;
        if (reader->record.type == LINK_FAILED && wanted == FCGI_STDIN)
            return 1;
    }
}

/* A verdict that leaves the answer to the front, with the fields that the app has set. */
static int put_verdict(struct exchange *exchange, int verdict)
{
    struct link_exchange *x = container_of(exchange, struct link_exchange, exchange);
    const struct link_answer answer = {
        .value = verdict, .detail = exchange->req.body_error, .elsewhere = exchange->elsewhere};
    int r =
        link_put_block(&x->session->stream, LINK_VERDICT, link_answer_encode(&answer, exchange));
    request_finish(&exchange->req);
    response_release(&exchange->res);
    return r;
}

/* As long as nothing has left, the front can do what it would do for an app of its own: ask the
 * next one, send an error page, say in the log what happened. */
static int conclude(struct exchange *exchange, int verdict)
{
    bool is_open = exchange->res.state == RESPONSE_HEAD && !exchange->res.error;
    return verdict != GALE_OK && is_open ? put_verdict(exchange, verdict)
                                         : exchange_finish(exchange, verdict);
}

static void serve(struct link_exchange *x)
{
    struct link_session *session = x->session;
    struct http_server *http = http_of(session);
    http_server_label(&x->exchange);
    session->current = x;
    task_set_label(session->task, &x->exchange.label);
    int verdict = http->serve(http->data, &x->exchange.req, &x->exchange.res);
    /* A deadline has ended the app's time, not the link's. */
    if (task_cancelled(session->task) == -ETIMEDOUT)
        task_reset(session->task);
    (void)conclude(&x->exchange, verdict);
    http->answered++;
    task_set_label(session->task, NULL);
    session->current = NULL;
    iostream_on_hangup(&session->stream, NULL, NULL);
}

/* Reads a request: 1, 0 at the end, or -errno. */
static int read_request(struct link_exchange *x)
{
    struct link_session *session = x->session;
    struct gale_str block = {0};
    int r = link_next_record(session, LINK_REQUEST);
    if (r > 0)
        r = link_read_block(&session->reader, x->exchange.arena, &block);
    else if (r == 0)
        r = -ENODATA;
    return r < 0 ? r : link_request_decode(block, &x->exchange, &x->local);
}

/* The front closes it once it has read this; a request that crosses it is served all the same, so
 * that no request is ever sent to nobody. */
static void leave(struct link_session *session)
{
    char *to = session->is_leaving ? NULL : iostream_reserve(&session->stream, FCGI_HEADER_SIZE);
    if (!to)
        return;
    fcgi_record_encode((unsigned char *)to, LINK_LEAVE, LINK_ID, 0, false, NULL);
    iostream_commit(&session->stream, FCGI_HEADER_SIZE);
    session->is_leaving = true;
}

static bool serve_one(struct link_session *session)
{
    alignas(16) char first[ARENA_FIRST];
    struct arena arena;
    struct link_exchange x = {.session = session};
    arena_init(&arena, first, sizeof(first));
    exchange_init(&x.exchange, &link_front, &arena);
    http_server_prepare(http_of(session), &x.exchange);
    int r = read_request(&x);
    if (r == 0 && session->server->is_single)
        leave(session); /* before the front could think of another request here */
    if (r == 0)
        serve(&x);
    session->is_unread = x.is_wanted && !x.is_input_ended;
    arena_finish(&arena);
    return r == 0 && !session->is_broken && !session->stream.error;
}

/* ---- between requests ---- */

static void become_idle(struct link_session *session)
{
    session->is_active = false;
    session->task = NULL;
    iostream_on_readable(&session->stream, on_idle_readable, session);
}

/* The rest of a body that the app did not read, at the most. */
static bool has_more(struct link_session *session)
{
    (void)fcgi_reader_settle(&session->reader);
    return iostream_buffered(&session->stream).len > 0;
}

/* Where nothing is left to be read, closing loses nothing of what was sent. */
static bool ends_at_once(struct link_session *session)
{
    return session->server->is_single && !session->is_unread &&
           iostream_flush(&session->stream) == 0;
}

static void run(void *data)
{
    struct link_session *session = data;
    struct task *task = task_current();
    bool goes_on;
    session->task = task;
    task_set_park_hook(task, before_park, session);
    while ((goes_on = serve_one(session)) && has_more(session))
        task_reset(task);
    if (goes_on && http_of(session)->is_draining)
        leave(session);
    goes_on = goes_on && !ends_at_once(session) && iostream_push(&session->stream) == 0;
    task_set_park_hook(task, NULL, NULL);
    if (goes_on)
        become_idle(session);
    else
        close_session(session);
}

/* No task is left: the front says so to its client. */
static void overloaded(struct link_session *session)
{
    alignas(16) char first[ARENA_FIRST];
    struct arena arena;
    struct link_exchange x = {.session = session};
    arena_init(&arena, first, sizeof(first));
    exchange_init(&x.exchange, &link_front, &arena);
    iostream_consume(&session->stream, iostream_buffered(&session->stream).len);
    (void)put_verdict(&x.exchange, -EAGAIN);
    leave(session);
    (void)iostream_push(&session->stream);
    arena_finish(&arena);
    become_idle(session);
}

static void on_idle_readable(void *data, unsigned events)
{
    struct link_session *session = data;
    (void)events;
    ssize_t n = iostream_fill(&session->stream, IOBUF_SIZE);
    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EMSGSIZE)) {
        close_session(session);
        return;
    }
    iostream_on_readable(&session->stream, NULL, NULL);
    session->is_active = true;
    if (http_server_spawn(http_of(session), run, session) < 0)
        overloaded(session);
}

/* ---- the server ---- */

void link_server_init(struct link_server *server, struct http_server *http)
{
    *server = (struct link_server){.http = http};
    list_init(&server->sessions);
}

void link_server_accept(struct link_server *server, int fd)
{
    struct link_session *session = memory_zalloc(sizeof(*session));
    session->server = server;
    /* How long a client may take is the front's to say. */
    iostream_init(&session->stream, server->http->loop, fd, &transport_unix, -1);
    fcgi_reader_init(&session->reader, &session->stream);
    list_append(&server->sessions, &session->link);
    server->session_count++;
    if (server->is_single)
        tcp_server_suspend(&server->http->tcp, true);
    become_idle(session);
}

void link_server_drain(struct link_server *server)
{
    list_each (&server->sessions, link) {
        struct link_session *session = container_of(link, struct link_session, link);
        if (session->is_active)
            continue;
        leave(session);
        (void)iostream_push(&session->stream);
    }
}

bool link_server_is_empty(const struct link_server *server)
{
    return server->session_count == 0;
}

size_t link_server_close(struct link_server *server)
{
    size_t cut = 0;
    list_each (&server->sessions, link) {
        struct link_session *session = container_of(link, struct link_session, link);
        if (!session->is_active)
            close_session(session);
        else if (session->current)
            http_server_log_cut(&session->current->exchange.label, cut++);
    }
    return cut;
}
