/* cgi_front.c - one request from the environment and standard input to standard output. */
#include "fastcgi/cgi_front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gale/plugin.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"
#include "base/temporary.h"
#include "fastcgi/cgi_head.h"
#include "fastcgi/fcgi_record.h"
#include "fastcgi/fcgi_request.h"
#include "http/error_page.h"
#include "http/front.h"
#include "http/http_server.h"
#include "loop/task.h"
#include "net/transport.h"

enum { PIPE_LEAST = 4096 /* what every pipe takes at once */ };

static struct cgi_exchange *of(struct exchange *exchange)
{
    return container_of(exchange, struct cgi_exchange, exchange);
}

/* ---- reading ---- */

/* RFC 3875 4.2: no more than was announced is read; less is no whole body. */
static ssize_t read_input(struct cgi_exchange *x, void *to, size_t len, int64_t timeout_ms)
{
    const struct http_request_head *head = &x->exchange.req.head;
    uint64_t left = head->has_length ? head->content_length - x->input_read : len;
    if (!left)
        return 0;
    ssize_t n = iostream_read(&x->input, to, len < left ? len : left, timeout_ms);
    if (n == 0 && head->has_length)
        return -EBADMSG; /* who asked is still there: that is worth an answer */
    x->input_read += n > 0 ? (uint64_t)n : 0;
    return n;
}

static ssize_t read_spool(struct cgi_exchange *x, void *to, size_t len)
{
    uint64_t left = x->spool_size - x->spool_read;
    ssize_t n = pread(x->spool, to, len < left ? len : left, (off_t)x->spool_read);
    if (n <= 0)
        return n < 0 ? -errno : -EIO;
    x->spool_read += (uint64_t)n;
    return n;
}

static bool is_spooled(const struct cgi_exchange *x)
{
    return x->spool_read < x->spool_size;
}

/* What is still to leave does so before the input is waited for, since it may read ahead of us: no
 * more of the input comes then, all of it is in the spool. */
static ssize_t read_body(struct exchange *exchange, void *to, size_t len)
{
    struct cgi_exchange *x = of(exchange);
    if (is_spooled(x))
        return read_spool(x, to, len);
    ssize_t n = read_input(x, to, len, 0);
    if (n != -ETIMEDOUT)
        return n;
    response_push(&exchange->res);
    return is_spooled(x) ? read_spool(x, to, len)
                         : read_input(x, to, len, exchange->body_timeout_ms);
}

/* What fails here fails again when the app reads on: then it is told. */
static int read_ahead(struct cgi_exchange *x)
{
    char block[IOBUF_SIZE];
    ssize_t n;
    x->spool = temporary_open();
    if (x->spool < 0)
        return x->spool;
    while (x->input_read <= x->exchange.max_body &&
           (n = read_input(x, block, sizeof(block), x->exchange.body_timeout_ms)) > 0) {
        if (write(x->spool, block, (size_t)n) != n)
            return -ENOSPC;
        x->spool_size += (uint64_t)n;
    }
    return 0;
}

/* ---- writing ---- */

/* Before `len` more bytes leave. */
static int before_sending(struct cgi_exchange *x, uint64_t len)
{
    const struct gale_request *req = &x->exchange.req;
    bool is_read = !req->has_body || req->is_body_done || x->spool >= 0;
    x->sent += len;
    if (is_read || x->sent <= PIPE_LEAST)
        return 0;
    x->is_reading_ahead = true;
    int r = read_ahead(x);
    x->is_reading_ahead = false;
    return r;
}

static int send_head(struct exchange *exchange, int64_t body_length)
{
    struct cgi_exchange *x = of(exchange);
    struct gale_str head = cgi_head_write(exchange, body_length);
    x->is_started = true;
    x->sent = head.len;
    return iostream_put(&x->output, head.at, head.len);
}

static int send_body(struct exchange *exchange, const struct iovec *iov, int count)
{
    struct cgi_exchange *x = of(exchange);
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += iov[i].iov_len;
    int r = before_sending(x, len);
    return r < 0 ? r : iostream_write(&x->output, iov, count);
}

static int send_file(struct exchange *exchange, int fd, int64_t offset, int64_t len)
{
    struct cgi_exchange *x = of(exchange);
    int r = before_sending(x, (uint64_t)len);
    return r < 0 ? r : iostream_send_file(&x->output, fd, offset, (uint64_t)len);
}

static int flush(struct exchange *exchange)
{
    return iostream_push(&of(exchange)->output);
}

static int finish(struct exchange *exchange)
{
    return iostream_flush(&of(exchange)->output);
}

/* Its end tells nothing: cgi_serve's result does. */
static void cut(struct exchange *exchange)
{
    (void)exchange;
}

static void local(struct exchange *exchange, char *out, size_t size, unsigned *out_port)
{
    const struct cgi_exchange *x = of(exchange);
    snprintf(out, size, "%.*s", (int)x->local.len, x->local.len ? x->local.at : "");
    *out_port = x->local_port;
}

const struct front cgi_front = {
    .name = "cgi",
    .read_body = read_body,
    .send_head = send_head,
    .send_body = send_body,
    .send_file = send_file,
    .flush = flush,
    .finish = finish,
    .cut = cut,
    .local = local,
};

/* ---- the request ---- */

static const char *find_variable(char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return *environment + len + 1;
    return NULL;
}

static struct gale_str variable(char *const *environment, const char *name)
{
    const char *value = find_variable(environment, name);
    return str_of(value ? value : "");
}

bool cgi_is_asked(char *const *environment)
{
    return find_variable(environment, "REQUEST_METHOD");
}

static void add_pair(struct buffer *pairs, struct gale_str name, struct gale_str value)
{
    size_t size = fcgi_pair_size(name.len, value.len);
    fcgi_pair_encode((unsigned char *)buffer_reserve(pairs, size), name, value);
    pairs->len += size;
}

/* The variables as FastCGI would send them; those of the path come from `path`. */
static struct gale_str encode(char *const *environment, const struct fcgi_said *path,
                              struct buffer *pairs)
{
    static const char *const replaced[] = {"SCRIPT_NAME", "PATH_INFO", "REQUEST_URI"};
    const struct gale_str values[] = {path->script_name, path->path_info, path->uri};
    pairs->len = 0;
    for (; *environment; environment++) {
        struct gale_str value = str_of(*environment), name = str_cut(&value, '=');
        bool is_replaced = false;
        for (size_t i = 0; i < ARRAY_LEN(replaced); i++)
            is_replaced |= str_equals(name, str_of(replaced[i]));
        if (value.at && !is_replaced)
            add_pair(pairs, name, value);
    }
    for (size_t i = 0; i < ARRAY_LEN(replaced); i++)
        if (values[i].len)
            add_pair(pairs, str_of(replaced[i]), values[i]);
    return buffer_str(pairs);
}

/* Whether the path of REQUEST_URI, which says more than its decoded parts, is made of them. */
static bool is_made_of(const struct gale_request *req, const struct fcgi_said *path,
                       struct arena *arena)
{
    struct gale_str whole = req->target.path, script = path->script_name;
    if (!str_starts_with(whole, script))
        return false;
    struct gale_str rest = {whole.at + script.len, whole.len - script.len};
    return str_equals(target_decode_fully(rest, arena), path->path_info);
}

static int make(struct cgi_exchange *x, struct gale_str pairs, struct http_refusal *refusal)
{
    struct exchange *exchange = &x->exchange;
    struct fcgi_said said;
    exchange->req = (struct gale_request){0};
    int r = fcgi_request_make(pairs, true, &x->http->settings->limits, exchange->arena,
                              &exchange->req, &said, refusal);
    x->local = said.server_addr;
    x->local_port = fcgi_request_port(said.server_port);
    return r;
}

/* A request that was rewritten on the way has a REQUEST_URI that is not ours. */
static int make_request(struct cgi_exchange *x, char *const *environment, struct buffer *pairs,
                        struct http_refusal *refusal)
{
    struct fcgi_said path = {
        .script_name = variable(environment, "SCRIPT_NAME"),
        .path_info = variable(environment, "PATH_INFO"),
        .uri = variable(environment, "REQUEST_URI"),
    };
    if (path.script_name.len && path.script_name.at[path.script_name.len - 1] == '/')
        path.script_name.len--;
    if (!path.script_name.len && !path.path_info.len)
        path.path_info = STR("/");
    int r = -1;
    if (path.uri.len)
        r = make(x, encode(environment, &path, pairs), refusal);
    if (r < 0 || !is_made_of(&x->exchange.req, &path, x->exchange.arena)) {
        *refusal = (struct http_refusal){0};
        path.uri.len = 0;
        r = make(x, encode(environment, &path, pairs), refusal);
    }
    x->exchange.req.outer = path.script_name.len;
    return r;
}

/* ---- serving ---- */

/* The web server takes no more: it has gone, or has given up. */
static void on_hangup(void *data, unsigned events)
{
    struct cgi_exchange *x = data;
    (void)events;
    x->is_gone = true;
    iostream_on_hangup(&x->output, NULL, NULL);
    task_cancel(x->task, -ECANCELED);
}

static void before_park(void *data)
{
    struct cgi_exchange *x = data;
    if (!x->output.is_sending && !x->is_reading_ahead) /* else it is that which waits */
        response_push(&x->exchange.res);
}

/* What would block is told not to: our end of a pipe is nobody else's. */
static void open_stream(struct iostream *stream, struct ioloop *loop, int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    iostream_init(stream, loop, fd, &transport_pipe, -1);
}

static int refuse(struct cgi_exchange *x, int status, const char *why)
{
    struct gale_request *req = &x->exchange.req;
    if (!req->head.method.at)
        req->head = (struct http_request_head){
            .method = STR("-"), .target = STR("-"), .host = STR(""), .minor = 1};
    req->is_body_done = true;
    error_page_send(&x->exchange, status, why);
    return exchange_finish(&x->exchange, GALE_OK);
}

static int serve(struct cgi_exchange *x)
{
    struct http_server *http = x->http;
    http_server_label(&x->exchange);
    task_set_label(x->task, &x->exchange.label);
    task_set_park_hook(x->task, before_park, x);
    iostream_on_hangup(&x->output, on_hangup, x);
    int verdict = http->serve(http->data, &x->exchange.req, &x->exchange.res);
    int r = exchange_finish(&x->exchange, verdict);
    task_set_park_hook(x->task, NULL, NULL);
    task_set_label(x->task, NULL);
    return r;
}

/* Some web servers (fcgiwrap) take it for a failure when what they write is not read. */
static void drop_input(struct cgi_exchange *x)
{
    char block[IOBUF_SIZE];
    while (x->exchange.req.has_body && x->input_read <= x->exchange.max_body)
        if (read_input(x, block, sizeof(block), x->exchange.body_timeout_ms) <= 0)
            break;
}

static int answer(struct cgi_exchange *x, char *const *environment, int status, const char *why)
{
    struct buffer pairs = {0};
    struct http_refusal refusal = {0};
    int r = make_request(x, environment, &pairs, &refusal);
    http_server_prepare(x->http, &x->exchange);
    x->exchange.body_timeout_ms = x->exchange.write_timeout_ms = -1; /* the web server's */
    if (r < 0)
        r = refuse(x, refusal.status, refusal.why);
    else if (why)
        r = refuse(x, status, why);
    else
        r = serve(x);
    drop_input(x);
    buffer_finish(&pairs);
    return r;
}

enum cgi_end cgi_serve(struct http_server *http, char *const *environment, int input, int output,
                       int status, const char *why)
{
    struct arena arena;
    struct cgi_exchange x = {.http = http, .task = task_current(), .spool = -1};
    arena_init(&arena, NULL, 0);
    exchange_init(&x.exchange, &cgi_front, &arena);
    open_stream(&x.input, http->loop, input);
    open_stream(&x.output, http->loop, output);
    int r = answer(&x, environment, status, why);
    bool is_gone = x.is_gone || x.output.error || !x.is_started;
    iostream_close(&x.input);
    iostream_close(&x.output);
    if (x.spool >= 0)
        close(x.spool);
    arena_finish(&arena);
    if (r == 0)
        return CGI_WHOLE;
    return is_gone ? CGI_GONE : CGI_CUT;
}
