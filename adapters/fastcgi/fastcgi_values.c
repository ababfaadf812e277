/* fastcgi_values.c - how many connections a server takes, asked of it before any is kept.
 *
 * A kept connection holds one of a server's processes. Were all of them held so, everybody else
 * would wait for a process that does nothing. So GET_VALUES is asked once, on a connection of its
 * own, and all workers together keep fewer than the answer. A server that does not say (php-fpm
 * does not) is taken at the configuration's word, and so is one that says 1: libfcgi says that of
 * each of its processes, however many there are. Should there be only one after all, connections
 * are closed for those who wait (upstream_connection.h). */
#include <errno.h>
#include <sched.h>

#include "app/app.h"
#include "app/config.h"
#include "base/log.h"
#include "base/str.h"
#include "loop/task.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "adapters/fastcgi/upstream_connection.h"

enum {
    ANSWER_MAX = 512,
    ANSWER_MS = 5000,
    RECORDS_MAX = 16, /* looked at, for one that is the answer */
};

static int send_question(struct upstream_connection *connection)
{
    unsigned char pair[2 + sizeof(FCGI_MAX_CONNS) - 1];
    (void)fcgi_pair_encode(pair, STR(FCGI_MAX_CONNS), STR(""));
    int r = fcgi_put(&connection->stream, FCGI_GET_VALUES, 0, pair, sizeof(pair));
    /* libfcgi answers a question when it sees another record's header. */
    if (r == 0)
        r = fcgi_put(&connection->stream, FCGI_GET_VALUES, 0, NULL, 0);
    return r < 0 ? r : iostream_push(&connection->stream);
}

/* The number in the answer: 0 when it has none. */
static int read_answer(struct upstream_connection *connection, uint64_t *out_count)
{
    struct fcgi_reader *reader = &connection->reader;
    char text[ANSWER_MAX];
    struct gale_str name, value;
    int r, records = 0;
    do
        r = fcgi_read_record(reader, ANSWER_MS);
    while (r > 0 && reader->record.type != FCGI_GET_VALUES_RESULT && ++records < RECORDS_MAX);
    if (r <= 0 || records == RECORDS_MAX)
        return r < 0 ? r : -ENODATA;
    size_t len = reader->record.length < ANSWER_MAX ? reader->record.length : ANSWER_MAX;
    r = fcgi_read_exactly(reader, text, len, ANSWER_MS);
    struct gale_str rest = {text, len};
    while (r == 0 && fcgi_pair_decode(&rest, ANSWER_MAX, &name, &value) == 1)
        if (str_equals(name, STR(FCGI_MAX_CONNS)))
            r = str_to_u64(value, out_count);
    return r;
}

static int ask(struct upstream *upstream, uint64_t *out_count)
{
    struct upstream_connection *connection;
    int r = upstream_connect(upstream, &connection);
    if (r < 0)
        return r;
    r = send_question(connection);
    if (r == 0)
        r = read_answer(connection, out_count);
    upstream_close(connection);
    return r;
}

/* As many workers as `workers = auto` makes. */
static int64_t cpu_count(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* This worker's share of what the server takes, but for one, which stays free for whoever comes. */
static uint64_t share_of(const struct upstream *upstream, uint64_t count)
{
    const struct app_config *config = upstream->fastcgi->app->config;
    int64_t workers = config->server->workers ? config->server->workers : cpu_count();
    return (count - 1) / (uint64_t)workers;
}

static void ask_task(void *data)
{
    struct upstream *upstream = data;
    uint64_t count = 0, keep = (uint64_t)upstream->fastcgi->settings->keep_alive;
    int r = ask(upstream, &count);
    if (task_cancelled(task_current()))
        return;
    if (r == 0 && count > 1 && share_of(upstream, count) < keep) {
        keep = share_of(upstream, count);
        log_info("a FastCGI server takes so few connections that fewer are kept",
                 LOG_TEXT("app", upstream->fastcgi->app->config->name),
                 LOG_STR("server", upstream->text), LOG_NUMBER("takes", (int64_t)count),
                 LOG_NUMBER("keeps", (int64_t)keep));
    }
    upstream->keep_max = keep;
}

void fastcgi_ask_values(struct upstream *upstream)
{
    if (upstream->is_asked)
        return;
    upstream->is_asked = true;
    struct gale_app *app = upstream->fastcgi->app;
    if (task_spawn(ioloop_current(), ask_task, upstream, 0, &app->background) < 0)
        upstream->is_asked = false;
}
