/* answer.h - a program's output, made a response as it comes.
 *
 * The header block is gathered, read and applied; the body goes to the client piece by piece, and a
 * write that waits is the back-pressure. What a program left unfinished is never passed off as
 * whole: whoever feeds the answer says whether the output has ended well, and otherwise returns an
 * error status from serve, which is a page as long as nothing was sent and a cut connection after.
 *
 *   begin --> take, take, ... --> end          an error of take or end: `why` says it in a clause
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "adapters/gateway/reply.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"

struct gale_request;
struct gale_response;
struct handoff;

/* Field names that an authorizer's variables have in front. */
#define ANSWER_VARIABLE "Variable-"

enum answer_state {
    ANSWER_HEAD,      /* its header block is not complete */
    ANSWER_BODY,      /* status and fields are set, body bytes follow */
    ANSWER_ELSEWHERE, /* it leads to another path or a file, or grants; a body is dropped */
};

struct answer {
    struct gale_request *req;
    struct gale_response *res;
    const struct handoff *handoff; /* borrowed */
    bool is_nph;                   /* it begins with a status line */
    bool is_authorizer;            /* 200 is no answer but leave to go on */
    bool is_granted;               /* it gave leave, and has ended well */
    enum answer_state state;
    const char *why; /* what is wrong with it; NULL */
    struct reply reply;
    /* private */
    struct buffer head;
    size_t searched;
    uint64_t body;
};

void answer_begin(struct answer *answer, struct gale_request *req, struct gale_response *res,
                  const struct handoff *handoff);
/* Takes output. 0; -EBADMSG when it makes no sense; or what writing to the client failed with. */
SUSPENDS int answer_take(struct answer *answer, const char *data, size_t len);
/* The output is at its end, and the program is out of the way: a redirect may need its place.
 * Returns what serve returns. */
SUSPENDS int answer_end(struct answer *answer);
/* What an authorizer that granted has said goes on with the request. */
void answer_pass_variables(const struct answer *answer);
/* What the client got, for the line in the log that says what failed: the status of the error page,
 * or "200, then cut" where an answer was under way. */
struct log_field answer_status(struct gale_request *req, const struct gale_response *res,
                               int status);
/* Frees; nothing of it is needed by the response. */
void answer_finish(struct answer *answer);
