/* fastcgi_reply.c - records in: the header block, output, STDERR, the end.
 *
 * Output goes on piece by piece as it lies in the stream's buffer; whoever takes it slowly lets the
 * server wait. */
#include <errno.h>

#include "base/str.h"
#include "http/exchange.h"
#include "loop/task.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "adapters/fastcgi/upstream_connection.h"

enum {
    FLUSH_MS = 50, /* a head whose body is not there yet leaves after so long */
    LATE_MS = 50,  /* a new connection may be waiting for a process that a kept one holds */
};

/* ---- waiting ---- */

static bool is_lone_head(const struct fastcgi_exchange *x)
{
    return x->reply.answer.state == ANSWER_BODY && !x->reply.answer.body &&
           !gale_response_is_started(x->res);
}

static void note_progress(struct fastcgi_exchange *x)
{
    x->reply.progress_ms = ioloop_now_ms(ioloop_current());
}

/* Until the server is late. Records without content do not put that off. */
static int64_t left_ms(const struct fastcgi_exchange *x)
{
    int64_t late_ms = x->reply.progress_ms + x->fastcgi->settings->read_timeout_ms;
    int64_t now_ms = ioloop_now_ms(ioloop_current());
    return late_ms > now_ms ? late_ms - now_ms : 0;
}

/* The first record on a new connection. */
static bool is_first(const struct fastcgi_exchange *x)
{
    return !x->reply.is_begun && !x->connection->is_kept && x->fastcgi->settings->keep_alive;
}

/* What else there is to do while nothing comes. */
static int wait_a_little(struct fastcgi_exchange *x, int64_t ms)
{
    int r = fcgi_read_record(&x->connection->reader, ms);
    if (r != -ETIMEDOUT || task_cancelled(task_current()))
        return r;
    if (is_lone_head(x))
        (void)gale_response_flush(x->res); /* an error sticks in the response */
    else
        upstream_set_late(x->connection, true);
    return r;
}

/* The next record's header; a server that waits for the client, too, is not late. */
static int next_record(struct fastcgi_exchange *x)
{
    struct fcgi_reader *reader = &x->connection->reader;
    int64_t timeout_ms = left_ms(x);
    int r = -ETIMEDOUT;
    if (is_lone_head(x))
        r = wait_a_little(x, FLUSH_MS < timeout_ms ? FLUSH_MS : timeout_ms);
    else if (is_first(x) && LATE_MS < timeout_ms)
        r = wait_a_little(x, LATE_MS);
    while (r == -ETIMEDOUT && !task_cancelled(task_current())) {
        r = fcgi_read_record(reader, left_ms(x));
        if (r != -ETIMEDOUT || !fastcgi_is_client_slow(x))
            break;
        note_progress(x);
    }
    return r == 0 ? -ENODATA : r;
}

static int next_piece(struct fastcgi_exchange *x, struct gale_str *out_piece)
{
    return fcgi_read_piece(&x->connection->reader, x->fastcgi->settings->read_timeout_ms,
                           out_piece);
}

/* ---- records ---- */

/* What the program wrote wrong is its own fault; any other failure is the client's. */
int fastcgi_take_answer(struct fastcgi_exchange *x, struct gale_str piece)
{
    int r = answer_take(&x->reply.answer, piece.at, piece.len);
    x->reply.is_untaken = r < 0 && r != -EBADMSG;
    return r;
}

/* 1 to go on, -errno. */
static int read_output(struct fastcgi_exchange *x)
{
    struct gale_str piece;
    int r;
    while ((r = next_piece(x, &piece)) > 0) {
        r = x->reply.take(x, piece);
        note_progress(x);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : 1;
}

static int read_stderr(struct fastcgi_exchange *x)
{
    struct gale_str piece;
    int r;
    while ((r = next_piece(x, &piece)) > 0) {
        program_lines_take(&x->reply.lines, piece.at, piece.len);
        note_progress(x);
    }
    return r < 0 ? r : 1;
}

static int read_end(struct fastcgi_exchange *x)
{
    FCGI_EndRequestBody body;
    int r = fcgi_read_exactly(&x->connection->reader, &body, sizeof(body),
                              x->fastcgi->settings->read_timeout_ms);
    if (r < 0)
        return r;
    x->reply.has_end = true;
    x->reply.status = body.protocolStatus;
    return 0;
}

/* One record: 1 to go on, 0 at END_REQUEST. Types that nobody knows are passed over, and so is what
 * concerns no request; another request's records say that nothing is to be trusted here. */
static int read_one(struct fastcgi_exchange *x)
{
    const struct fcgi_record *record = &x->connection->reader.record;
    int r = next_record(x);
    if (r < 0)
        return r;
    if (record->id != x->id)
        return record->id == 0 ? 1 : -EPROTO;
    x->reply.is_begun = true;
    upstream_set_late(x->connection, false);
    switch (record->type) {
    case FCGI_STDOUT:
        if (x->reply.is_output_end && record->length)
            return -EPROTO;
        x->reply.is_output_end |= record->length == 0;
        return read_output(x);
    case FCGI_STDERR:
        return read_stderr(x);
    case FCGI_END_REQUEST:
        return read_end(x);
    default:
        return 1;
    }
}

int fastcgi_read_head(struct fastcgi_exchange *x)
{
    int r = 1;
    x->reply.take = fastcgi_take_answer;
    while (r > 0 && !fastcgi_has_head(x))
        r = read_one(x);
    return r;
}

int fastcgi_read_rest(struct fastcgi_exchange *x)
{
    int r = 1;
    while (r > 0)
        r = read_one(x);
    return r;
}

/* ---- life ---- */

void fastcgi_reply_begin(struct fastcgi_exchange *x)
{
    fastcgi_reply_finish(x);
    x->reply = (struct fastcgi_reply){
        .lines = {.log = &x->fastcgi->log,
                  .program = x->upstream->text.at,
                  .id = gale_request_id(x->req)},
    };
    note_progress(x);
    answer_begin(&x->reply.answer, x->req, x->res, &x->fastcgi->handoff);
    x->reply.answer.is_authorizer = x->role == FCGI_AUTHORIZER;
}

void fastcgi_reply_finish(struct fastcgi_exchange *x)
{
    if (!x->reply.lines.log)
        return;
    program_lines_end(&x->reply.lines);
    answer_finish(&x->reply.answer);
    x->reply.lines.log = NULL;
}
