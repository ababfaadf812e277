/* fastcgi_fixture.h - FastCGI apps from a configuration, requests to them without a socket, and a
 * server on the same loop that does what a test says. */
#pragma once
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "adapters/fastcgi/fastcgi.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "app/app.h"
#include "app/config.h"
#include "app/router.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/fcgi_stream.h"
#include "http/test_front.h"
#include "loop/task.h"
#include "net/iostream.h"
#include "net/tcp_server.h"
#include "net/transport.h"

/* ---- a server: `behave` runs on a task for each connection ---- */

struct fake {
    struct iostream stream;
    struct fcgi_reader reader;
    int number; /* of the connection, from 1 */
    /* of the request read last */
    struct buffer params, body;
    bool is_kept;
    uint16_t id;
};
typedef void fake_fn(struct fake *fake);

static struct ioloop *loop;
static struct tcp_server listener;
static struct task_group fakes;
static fake_fn *behave;
static int connections;
static char folder[64], address[128];

static inline void fake_task(void *data)
{
    struct fake *fake = data;
    behave(fake);
    iostream_close(&fake->stream);
    buffer_finish(&fake->params);
    buffer_finish(&fake->body);
    free(fake);
}

static inline void on_connection(void *data, int fd, const struct peer *peer,
                                 const struct endpoint *local)
{
    struct fake *fake = calloc(1, sizeof(*fake));
    (void)data;
    (void)peer;
    (void)local;
    fake->number = ++connections;
    iostream_init(&fake->stream, loop, fd, &transport_plain, 5000);
    fcgi_reader_init(&fake->reader, &fake->stream);
    ck_assert_int_eq(task_spawn(loop, fake_task, fake, 0, &fakes), 0);
}

/* Reads a request; false when the connection ends before one. */
static inline bool fake_read(struct fake *fake)
{
    struct gale_str piece;
    fake->params.len = fake->body.len = 0;
    while (fcgi_read_record(&fake->reader, 5000) == 1) {
        const struct fcgi_record *record = &fake->reader.record;
        struct buffer *to = record->type == FCGI_PARAMS  ? &fake->params
                            : record->type == FCGI_STDIN ? &fake->body
                                                         : NULL;
        FCGI_BeginRequestBody begin;
        if (record->type == FCGI_BEGIN_REQUEST &&
            fcgi_read_exactly(&fake->reader, &begin, sizeof(begin), 5000) == 0)
            fake->is_kept = begin.flags & FCGI_KEEP_CONN;
        fake->id = record->id;
        if (record->type == FCGI_STDIN && !record->length)
            return true;
        while (to && fcgi_read_piece(&fake->reader, 5000, &piece) > 0)
            buffer_add_str(to, piece);
    }
    return false;
}

/* The value of a variable, "" without it; valid until the next call. */
static inline const char *fake_param(struct fake *fake, const char *wanted)
{
    static char text[1024];
    struct gale_str rest = buffer_str(&fake->params), name, value;
    text[0] = 0;
    while (fcgi_pair_decode(&rest, SIZE_MAX, &name, &value) == 1)
        if (str_equals(name, str_of(wanted)))
            snprintf(text, sizeof(text), "%.*s", (int)value.len, value.at);
    return text;
}

static inline void fake_out(struct fake *fake, const char *text)
{
    (void)fcgi_put(&fake->stream, FCGI_STDOUT, fake->id, text, strlen(text));
}

static inline void fake_end(struct fake *fake, int protocol_status)
{
    FCGI_EndRequestBody body = {.protocolStatus = (unsigned char)protocol_status};
    (void)fcgi_put(&fake->stream, FCGI_STDOUT, fake->id, NULL, 0);
    (void)fcgi_put(&fake->stream, FCGI_END_REQUEST, fake->id, &body, sizeof(body));
    (void)iostream_flush(&fake->stream);
}

/* ---- apps ---- */

static struct config *config;
static struct gale_app *apps;
static struct router router;
static struct arena arena;
static struct setting_errors errors;

static inline void read_config(const char *text)
{
    static const struct adapter *const adapters[] = {&fastcgi_adapter, NULL};
    arena_init(&arena, NULL, 0);
    struct gale_str all = arena_printf(&arena, "[app f]\nmount = /app\n%s\n", text);
    errors = (struct setting_errors){.arena = &arena};
    config = config_parse("(test)", all, adapters, &errors);
}

static inline void open_loop(void)
{
    struct endpoint endpoint;
    signal(SIGPIPE, SIG_IGN);
    log_set_fd(-1);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    snprintf(folder, sizeof(folder), "/tmp/gale-fastcgi-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(address, sizeof(address), "unix:%s/socket", folder);
    tcp_server_init(&listener, loop, on_connection, NULL);
    task_group_init(&fakes);
    ck_assert_int_eq(endpoint_parse(str_of(address), &endpoint), 0);
    int fd = tcp_listen(&endpoint, false, 0, 16);
    ck_assert_int_ge(fd, 0);
    tcp_server_add(&listener, fd, true);
    connections = 0;
}

/* `keys` of the app, to which `fastcgi = ` the server is added. */
static inline void open_app(const char *keys, fake_fn *server)
{
    char text[2048];
    behave = server;
    open_loop();
    snprintf(text, sizeof(text), "fastcgi = %s\n%s", address, keys);
    read_config(text);
    ck_assert_msg(errors.len == 0, "%s", errors.len ? errors.items[0].text : "");
    ck_assert_int_eq(apps_open(config, &apps), 0);
    router_init(&router, apps, config->app_count);
}

static inline struct fastcgi *app_state(void)
{
    return apps[0].state;
}

/* Turns until `condition`, 10 s at most. */
#define turn_until(condition)                                                                      \
    for (int turns_ = 0; !(condition); turns_++) {                                                 \
        ck_assert_msg(turns_ < 2000, "waited in vain for %s", #condition);                         \
        ioloop_turn(loop, 5);                                                                      \
    }

static inline void close_app(void)
{
    char path[128];
    apps_drain(apps, config->app_count);
    tcp_server_stop(&listener);
    task_group_cancel(&fakes);
    turn_until(task_count() == 0);
    router_finish(&router);
    apps_close(apps, config->app_count);
    config_close(config);
    arena_finish(&arena);
    ioloop_destroy(loop);
    snprintf(path, sizeof(path), "%s/socket", folder);
    unlink(path);
    rmdir(folder);
}

/* ---- requests ---- */

struct asking {
    struct test_front *front;
    bool is_done;
    int refused;
};

static inline void ask_task(void *data)
{
    struct asking *asking = data;
    asking->refused = test_front_serve(asking->front, router_serve, &router);
    asking->is_done = true;
}

static inline void ask(struct test_front *front)
{
    struct asking asking = {.front = front};
    ck_assert_int_eq(task_spawn(loop, ask_task, &asking, 0, NULL), 0);
    turn_until(asking.is_done);
    ck_assert_int_eq(asking.refused, 0);
}

/* The status of a request without a body; its answer stays in *front, to be finished. */
static inline int get(struct test_front *front, const char *target)
{
    test_front_init(front, "GET", target);
    ask(front);
    return front->status;
}
