/* response.c - building a response and the rules about its body. */
#include "http/response.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/format.h"
#include "base/str.h"
#include "base/log.h"
#include "http/exchange.h"
#include "http/front.h"
#include "http/http_status.h"
#include "http/http_token.h"
#include "loop/task.h"
#include "net/iobuf.h"

static const struct front *front_of(struct gale_response *res)
{
    return exchange_of_response(res)->front;
}

static bool is_head(struct gale_response *res)
{
    return str_equals(exchange_of_response(res)->req.head.method, STR("HEAD"));
}

/* What the app hears of an error: that the client has gone; the reason stays for the log. */
static int failed(struct gale_response *res, int error)
{
    if (!res->error)
        res->error = error;
    return -ECANCELED;
}

/* ---- the head ---- */

int gale_response_status(struct gale_response *res, int status)
{
    if (status < 200 || status > 599)
        return -EINVAL;
    if (res->state != RESPONSE_HEAD)
        return -EALREADY;
    res->status = status;
    res->reason.len = 0;
    return 0;
}

void response_say_reason(struct gale_response *res, struct gale_str reason)
{
    if (http_is_field_value(reason))
        res->reason = reason;
}

struct gale_str response_reason(const struct gale_response *res)
{
    return res->reason.len ? res->reason : http_status_reason(res->status);
}

static int start(struct gale_response *res, int64_t body_length)
{
    struct exchange *exchange = exchange_of_response(res);
    /* RFC 9110 15.3.6: a 205 has no content and says so. */
    bool is_reset = res->status == 205;
    int64_t length = res->length >= 0 ? res->length : body_length;
    res->is_bodyless = is_reset || is_head(res) || http_status_is_bodyless(res->status);
    res->state = RESPONSE_STARTED;
    int r = exchange->front->send_head(exchange, is_reset ? 0 : length);
    return r < 0 ? failed(res, r) : 0;
}

/* ---- the body ---- */

static int send_out(struct gale_response *res, const void *data, size_t len)
{
    struct iovec iov[2] = {{res->buffer, res->buffered}, {(void *)data, len}};
    int first = res->buffered ? 0 : 1;
    int count = (len ? 2 : 1) - first;
    if (res->error)
        return -ECANCELED;
    if (res->is_bodyless || count <= 0) {
        response_release(res);
        return 0;
    }
    int r = front_of(res)->send_body(exchange_of_response(res), iov + first, count);
    response_release(res);
    return r < 0 ? failed(res, r) : 0;
}

/* Counts `len` more bytes of body against the announced length. */
static int count_body(struct gale_response *res, uint64_t len)
{
    res->body_sent += len;
    if (res->length < 0 || res->body_sent <= (uint64_t)res->length)
        return 0;
    res->is_faulty = true;
    return -EMSGSIZE;
}

static int writable(struct gale_response *res)
{
    if (res->error)
        return task_refuse(-ECANCELED);
    return res->state == RESPONSE_DONE || res->is_faulty ? -EALREADY : 0;
}

int gale_response_write(struct gale_response *res, const void *data, size_t len)
{
    int r = writable(res);
    if (r < 0 || !len)
        return r;
    r = count_body(res, len);
    if (r < 0)
        return r;
    if (is_head(res)) /* counted, never sent: the length of the answer to GET comes out right */
        return 0;
    if (res->buffered + len <= IOBUF_SIZE) {
        if (!res->buffer)
            res->buffer = iobuf_take();
        memcpy(res->buffer + res->buffered, data, len);
        res->buffered += len;
        return 0;
    }
    if (res->state == RESPONSE_HEAD) {
        r = start(res, -1);
        if (r < 0)
            return r;
    }
    return send_out(res, data, len);
}

int gale_response_puts(struct gale_response *res, const char *text)
{
    return gale_response_write(res, text, strlen(text));
}

int gale_response_vprintf(struct gale_response *res, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    /* Straight into the buffer if it fits there, which is nearly always. */
    if (!res->buffer)
        res->buffer = iobuf_take();
    size_t room = IOBUF_SIZE - res->buffered;
    int n = format_text(res->buffer + res->buffered, room, format, args);
    int r = n < 0 ? -EINVAL : writable(res);
    if (r == 0 && (size_t)n < room && !is_head(res)) {
        r = count_body(res, (uint64_t)n);
        res->buffered += r == 0 ? (size_t)n : 0;
    } else if (r == 0) {
        struct gale_str text = arena_vprintf(exchange_of_response(res)->arena, format, again);
        r = gale_response_write(res, text.at, text.len);
    }
    va_end(again);
    return r;
}

int gale_response_printf(struct gale_response *res, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int r = gale_response_vprintf(res, format, args);
    va_end(args);
    return r;
}

int gale_response_flush(struct gale_response *res)
{
    int r = writable(res);
    if (r == 0 && res->state == RESPONSE_HEAD)
        r = start(res, -1);
    if (r == 0)
        r = send_out(res, NULL, 0);
    if (r < 0)
        return r;
    r = front_of(res)->flush(exchange_of_response(res));
    return r < 0 ? failed(res, r) : 0;
}

/* Somebody made it shorter meanwhile. */
static void log_short_file(struct gale_response *res)
{
    struct exchange *exchange = exchange_of_response(res);
    log_error("a file ended before what was to be sent of it; the connection is cut",
              LOG_STR("app", exchange_app_name(exchange)),
              LOG_STR("request", exchange->req.head.target),
              LOG_STR("id", gale_request_id(&exchange->req)));
}

int gale_response_sendfile(struct gale_response *res, int fd, int64_t offset, int64_t len)
{
    int r = writable(res);
    struct stat st;
    if (r == 0 && len < 0) {
        if (fstat(fd, &st) < 0)
            return -errno;
        len = st.st_size > offset ? st.st_size - offset : 0;
    }
    if (r < 0 || len == 0)
        return r;
    r = count_body(res, (uint64_t)len);
    if (r < 0 || is_head(res))
        return r;
    if (res->state == RESPONSE_HEAD)
        r = start(res, -1);
    if (r == 0)
        r = send_out(res, NULL, 0);
    if (r < 0 || res->is_bodyless)
        return r;
    r = front_of(res)->send_file(exchange_of_response(res), fd, offset, len);
    if (r == -ENODATA)
        log_short_file(res);
    return r < 0 ? failed(res, r) : 0;
}

int gale_response_is_started(const struct gale_response *res)
{
    return res->state != RESPONSE_HEAD;
}

void response_push(struct gale_response *res)
{
    if (res->buffered && !res->error && res->state != RESPONSE_DONE && !res->is_faulty)
        (void)gale_response_flush(res); /* an error sticks in the response */
}

/* ---- the end ---- */

static void log_wrong_length(struct gale_response *res)
{
    struct exchange *exchange = exchange_of_response(res);
    log_error(
        "the app wrote another length than its Content-Length; the connection is cut",
        LOG_STR("app", exchange_app_name(exchange)), LOG_STR("request", exchange->req.head.target),
        LOG_STR("id", gale_request_id(&exchange->req)), LOG_NUMBER("content_length", res->length),
        LOG_NUMBER("written", (int64_t)res->body_sent));
}

/* An answer to HEAD may announce what it does not write. */
static bool is_short(struct gale_response *res)
{
    if (res->length < 0 || (uint64_t)res->length == res->body_sent)
        return false;
    return !(res->is_bodyless && res->body_sent == 0);
}

int response_finish(struct gale_response *res)
{
    int r = res->error ? -ECANCELED : 0;
    if (r == 0 && res->state == RESPONSE_HEAD)
        r = start(res, (int64_t)res->body_sent);
    res->is_ending = !res->is_faulty && !is_short(res);
    if (r == 0 && !res->is_faulty)
        r = send_out(res, NULL, 0);
    if (r == 0 && (res->is_faulty || is_short(res))) {
        log_wrong_length(res);
        r = -EPROTO;
    }
    if (r == 0) {
        r = front_of(res)->finish(exchange_of_response(res));
        if (r < 0)
            failed(res, r);
    }
    if (r < 0)
        response_cut(res);
    res->state = RESPONSE_DONE;
    response_release(res);
    return r;
}

bool response_reset(struct gale_response *res)
{
    if (res->state != RESPONSE_HEAD || res->error)
        return false;
    response_release(res);
    res->status = 200;
    res->reason.len = 0;
    res->length = -1;
    res->body_sent = 0;
    res->is_faulty = false;
    return true;
}

void response_cut(struct gale_response *res)
{
    if (res->state != RESPONSE_DONE)
        front_of(res)->cut(exchange_of_response(res));
    res->state = RESPONSE_DONE;
    response_release(res);
}

void response_release(struct gale_response *res)
{
    iobuf_give(res->buffer);
    res->buffer = NULL;
    res->buffered = 0;
}
