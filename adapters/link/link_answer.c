/* link_answer.c - the worker's records, one after the other, and what each means for the client.
 *
 * The worker runs code of others: what it says is judged like what a program behind CGI says. */
#include <errno.h>
#include <sys/stat.h>

#include <gale/plugin.h>

#include "adapters/link/link_private.h"
#include "app/app.h"
#include "app/config.h"
#include "base/board.h"
#include "base/log.h"
#include "http/exchange.h"
#include "loop/task.h"
#include "net/iobuf.h"
#include "net/transport_unix.h"

enum { LOOK_MS = 1000 };

/* What a record does to the request. */
enum step { GO_ON, DONE };

static enum step done(struct link_call *call, int verdict)
{
    call->verdict = verdict;
    return DONE;
}

/* ---- failures ---- */

const char link_gone[] = "an isolated app's worker has gone before it had answered";

static struct log_field id_of(const struct link_call *call)
{
    return LOG_STR("id", gale_request_id(call->req));
}

/* What has left can only be cut; -ECANCELED adds nothing to what was logged. */
void link_fail(struct link_call *call, const char *what)
{
    bool is_told = what == link_gone && call->owner->settings->is_told;
    if (!is_told)
        log_error(what, LOG_TEXT("app", call->owner->app->config->name),
                  LOG_STR("request", gale_request_target(call->req)), id_of(call));
    board_add(call->owner->failures, 1);
    if (response_reset(call->res)) {
        response_drop_fields(call->res);
        call->verdict = 502;
        return;
    }
    call->res->error = -ECANCELED;
    call->verdict = -ECANCELED;
}

static enum step fail(struct link_call *call, const char *what)
{
    link_fail(call, what);
    return DONE;
}

static enum step fail_as_malformed(struct link_call *call)
{
    return fail(call, "an isolated app's worker sent what makes no sense");
}

/* ---- the client's body ---- */

/* Little leaves with what follows; the end, or what fills a block, at once. */
static int send_piece(struct link_call *call, const char *at, ssize_t n)
{
    struct iostream *stream = &call->line->stream;
    struct iovec iov = {(char *)at, n > 0 ? (size_t)n : 0};
    int r;
    if (n < 0)
        r = link_put_failed(stream, (int)n);
    else if (n == 0)
        r = fcgi_put(stream, FCGI_STDIN, LINK_ID, NULL, 0);
    else
        r = fcgi_write(stream, FCGI_STDIN, LINK_ID, &iov, 1);
    return r < 0 ? r : iostream_push(stream);
}

/* A worker that reads no more may have answered already: that is for the reader to find. */
static void send_task(void *data)
{
    struct link_call *call = data;
    char *block = iobuf_take();
    ssize_t n;
    int r;
    do {
        n = gale_request_read(call->req, block, IOBUF_SIZE);
        r = send_piece(call, block, n);
    } while (n > 0 && r == 0);
    iobuf_give(block);
    call->is_body_cut = n != 0 || r < 0;
}

static enum step start_body(struct link_call *call)
{
    if (call->is_body_wanted)
        return fail_as_malformed(call);
    call->is_body_wanted = call->is_body_cut = true;
    int r = subtask_start(&call->sender, send_task, call, &exchange_of_request(call->req)->label);
    return r < 0 ? done(call, r) : GO_ON;
}

/* ---- the answer ---- */

/* A failure of the client, which sticks in the response: nothing more is to be done for it. */
static enum step gone(struct link_call *call, int error)
{
    return done(call, error);
}

static int read_answer(struct link_call *call, struct link_answer *out_answer)
{
    struct gale_str block;
    int r = link_read_block(&call->line->reader, exchange_of_request(call->req)->arena, &block);
    return r < 0 ? r : link_answer_decode(block, call->res, out_answer);
}

static enum step take_head(struct link_call *call)
{
    struct link_answer head;
    if (read_answer(call, &head) < 0 || gale_response_status(call->res, head.value) < 0)
        return fail_as_malformed(call);
    response_say_reason(call->res, head.reason);
    call->res->length = head.detail >= 0 ? head.detail : -1;
    return GO_ON;
}

/* The answer is left to this process, as if the app were in it. */
static enum step take_verdict(struct link_call *call)
{
    struct link_answer answer;
    if (read_answer(call, &answer) < 0)
        return fail_as_malformed(call);
    if (answer.detail < 0 && answer.detail > -4096 && !call->req->body_error)
        call->req->body_error = (int)answer.detail;
    call->has_ended = true;
    call->elsewhere = answer.elsewhere;
    return done(call, answer.value == GALE_OK ? 502 : answer.value);
}

static enum step take_output(struct link_call *call)
{
    struct gale_str piece;
    int r;
    while ((r = fcgi_read_piece(&call->line->reader, -1, &piece)) > 0) {
        r = gale_response_write(call->res, piece.at, piece.len);
        if (r == -EMSGSIZE || r == -EALREADY)
            return fail(call, "an isolated app's worker sent more than it had announced");
        if (r < 0)
            return gone(call, r);
    }
    return r < 0 ? fail_as_malformed(call) : GO_ON;
}

static int send_file(struct link_call *call, const struct link_file *file, int fd)
{
    struct stat info;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || file->offset < 0 || file->len < 0)
        return -EBADMSG;
    return gale_response_sendfile(call->res, fd, file->offset, file->len);
}

static enum step take_file(struct link_call *call)
{
    struct link_file file;
    struct iostream *stream = &call->line->stream;
    int r = fcgi_read_exactly(&call->line->reader, &file, sizeof(file), -1);
    scoped_close int fd = r < 0 ? -1 : transport_unix_take_fd(stream);
    r = fd < 0 ? -EBADMSG : send_file(call, &file, fd);
    if (r == -EBADMSG || r == -EMSGSIZE || r == -EALREADY)
        return fail_as_malformed(call);
    if (r == 0 && file.is_awaited && !call->is_body_wanted) {
        r = fcgi_put(stream, LINK_SENT, LINK_ID, NULL, 0);
        r = r < 0 ? r : iostream_push(stream);
        return r < 0 ? fail(call, "an isolated app's worker has gone within its answer") : GO_ON;
    }
    return r < 0 ? gone(call, r) : GO_ON;
}

/* The worker has said why; here it is only to be seen that something is missing. */
static enum step take_cut(struct link_call *call)
{
    call->has_ended = true;
    (void)gale_response_flush(call->res); /* what there is of it */
    call->res->error = -ECANCELED;
    return done(call, -ECANCELED);
}

static enum step take_end(struct link_call *call)
{
    call->has_ended = true;
    return done(call, GALE_OK);
}

static enum step take_leave(struct link_call *call)
{
    call->line->is_leaving = true;
    return GO_ON;
}

static enum step take(struct link_call *call)
{
    switch (call->line->reader.record.type) {
    case LINK_HEAD:
        return take_head(call);
    case FCGI_STDOUT:
        return take_output(call);
    case FCGI_END_REQUEST:
        return take_end(call);
    case LINK_WANT:
        return start_body(call);
    case LINK_FILE:
        return take_file(call);
    case LINK_VERDICT:
        return take_verdict(call);
    case LINK_CUT:
        return take_cut(call);
    case LINK_LEAVE:
        return take_leave(call);
    default:
        return fail_as_malformed(call);
    }
}

/* ---- waiting for the worker ---- */

/* The next record. The first one may take as long as the app does, but a request that nobody will
 * ever accept, since the app's workers crash again and again, is given up. */
static int next_record(struct link_call *call, bool is_first)
{
    int64_t waited_ms = 0, limit_ms = call->owner->settings->queue_timeout_ms;
    /* A worker never has an answer at once: asking the kernel for it would be in vain. */
    if (is_first && !iostream_buffered(&call->line->stream).len)
        (void)task_wait_fd(call->line->stream.fd, IOLOOP_READ, LOOK_MS);
    for (;;) {
        int r = fcgi_read_record(&call->line->reader, is_first ? LOOK_MS : -1);
        if (r != -ETIMEDOUT || task_cancelled(task_current()))
            return r == 0 ? -ENODATA : r;
        bool is_hopeful = link_has_workers(call->owner, BOARD_SERVING, BOARD_DRAINING);
        waited_ms = is_hopeful || !board_current() ? 0 : waited_ms + LOOK_MS;
        if (waited_ms >= limit_ms)
            return -ETIMEDOUT;
    }
}

static enum link_outcome lost(struct link_call *call, int error, bool is_first)
{
    int cancelled = task_cancelled(task_current());
    if (cancelled < 0) {
        call->verdict = cancelled;
        return LINK_ANSWERED;
    }
    if (is_first && error == -ETIMEDOUT) {
        if (log_ration_take(&call->owner->refusals, "requests that no worker took"))
            log_error("no worker of an isolated app runs",
                      LOG_TEXT("app", call->owner->app->config->name), id_of(call));
        (void)gale_response_header(call->res, "Retry-After", "1");
        call->verdict = 503;
        return LINK_ANSWERED;
    }
    if (is_first && !call->is_body_wanted)
        return LINK_UNANSWERED;
    link_fail(call, is_first ? link_gone : "an isolated app's worker has gone within its answer");
    return LINK_ANSWERED;
}

enum link_outcome link_answer(struct link_call *call)
{
    bool is_first = true;
    for (;;) {
        int r = next_record(call, is_first);
        if (r < 0)
            return lost(call, r, is_first);
        uint8_t type = call->line->reader.record.type;
        if (take(call) == DONE)
            return LINK_ANSWERED;
        is_first &= type == LINK_LEAVE || type == LINK_WANT;
    }
}
