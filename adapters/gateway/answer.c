/* answer.c - from bytes to a response: the header block, then the body, counted. */
#include "adapters/gateway/answer.h"

#include <errno.h>

#include "adapters/gateway/handoff.h"
#include "app/router.h"
#include "base/arena.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/http_status.h"

void answer_begin(struct answer *answer, struct gale_request *req, struct gale_response *res,
                  const struct handoff *handoff)
{
    *answer = (struct answer){.req = req, .res = res, .handoff = handoff};
}

void answer_finish(struct answer *answer)
{
    buffer_finish(&answer->head);
}

static int bad(struct answer *answer, const char *why)
{
    answer->why = why;
    return -EBADMSG;
}

/* Whether this answer has no body on the wire. */
static bool is_bodyless(const struct answer *answer)
{
    return str_equals(answer->req->head.method, STR("HEAD")) ||
           http_status_is_bodyless(answer->reply.status);
}

/* ---- the body ---- */

static int take_body(struct answer *answer, const char *data, size_t len)
{
    if (answer->state == ANSWER_ELSEWHERE || !len)
        return 0;
    answer->body += len;
    if (answer->reply.length >= 0 && answer->body > (uint64_t)answer->reply.length)
        return bad(answer, "its body is longer than its Content-Length");
    /* Written all the same where it tells the length that a GET would have. */
    if (is_bodyless(answer) && answer->reply.length >= 0)
        return 0;
    return gale_response_write(answer->res, data, len);
}

/* ---- the header block ---- */

static bool gives_leave(const struct answer *answer)
{
    return answer->is_authorizer && answer->reply.status == 200;
}

static int read_head(struct answer *answer, const char *data, size_t len)
{
    struct reply *reply = &answer->reply;
    const char *why;
    if (reply_parse(data, len, answer->is_nph, exchange_of_request(answer->req)->arena, reply,
                    &why) < 0)
        return bad(answer, why);
    if (gives_leave(answer) || reply->kind == REPLY_LOCAL_REDIRECT || reply->send_file.len ||
        reply->accel.len) {
        answer->state = ANSWER_ELSEWHERE;
        return 0;
    }
    answer->state = ANSWER_BODY;
    return reply_apply(reply, answer->res);
}

/* A block that comes in one piece, as nearly all do, is read where it is. */
static int take_head(struct answer *answer, const char *data, size_t len)
{
    struct gale_str all = {data, len};
    if (answer->head.len) {
        buffer_add(&answer->head, data, len);
        all = buffer_str(&answer->head);
    }
    long end = reply_scan(&answer->searched, all.at, all.len);
    if (end < 0)
        return bad(answer, "its header block is too large");
    if (end == 0) {
        if (!answer->head.len)
            buffer_add(&answer->head, data, len);
        return 0;
    }
    int r = read_head(answer, all.at, (size_t)end);
    if (r == 0)
        r = take_body(answer, all.at + end, all.len - (size_t)end);
    buffer_finish(&answer->head);
    return r;
}

int answer_take(struct answer *answer, const char *data, size_t len)
{
    return answer->state == ANSWER_HEAD ? take_head(answer, data, len)
                                        : take_body(answer, data, len);
}

/* ---- the end ---- */

struct log_field answer_status(struct gale_request *req, const struct gale_response *res,
                               int status)
{
    bool is_started = gale_response_is_started(res);
    return LOG_TEXT("status", is_started ? gale_request_printf(req, "%d, then cut", res->status)
                                         : gale_request_printf(req, "%d", status));
}

static int fail(struct answer *answer, const char *why)
{
    answer->why = why;
    return 502;
}

static bool is_short(const struct answer *answer)
{
    return answer->reply.length >= 0 && answer->body < (uint64_t)answer->reply.length &&
           !is_bodyless(answer);
}

void answer_pass_variables(const struct answer *answer)
{
    const struct reply *reply = &answer->reply;
    struct arena *arena = exchange_of_request(answer->req)->arena;
    struct gale_str mark = STR(ANSWER_VARIABLE);
    struct http_header *variables = arena_alloc(arena, (reply->count + 1) * sizeof(*variables));
    size_t count = 0;
    for (size_t i = 0; i < reply->count; i++) {
        const struct reply_field *field = &reply->fields[i];
        struct gale_str start = {field->name.at, mark.len};
        if (field->name.len > mark.len && str_equals_nocase(start, mark))
            variables[count++] = (struct http_header){
                {field->name.at + mark.len, field->name.len - mark.len}, field->value};
    }
    request_add_variables(answer->req, arena, variables, count);
}

int answer_end(struct answer *answer)
{
    const struct reply *reply = &answer->reply;
    if (answer->state == ANSWER_HEAD)
        return fail(answer, answer->head.len ? "it ended within its header block"
                                             : "it ended without an answer");
    if (answer->state == ANSWER_BODY)
        return is_short(answer) ? fail(answer, "its body is shorter than its Content-Length") : 0;
    if (gives_leave(answer)) {
        answer->is_granted = true;
        return 0;
    }
    if (reply->kind == REPLY_LOCAL_REDIRECT)
        return router_redirect(answer->req, answer->res, reply->location);
    return handoff_serve(answer->handoff, reply, answer->req, answer->res, &answer->why);
}
