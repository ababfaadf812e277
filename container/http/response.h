/* response.h - struct gale_response, as gale sees it. The public face is gale/response.h.
 *
 *   HEAD      status and headers may change, up to 16 KiB of body are kept
 *   STARTED   the head was given to the front; body bytes pass through the buffer
 *   DONE      whole, or cut
 *
 * Here live the rules that hold on every wire: bodies that may not be (HEAD, 204, 304), the counted
 * length, and when the output leaves. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <gale/response.h>
#include "base/macros.h"
#include "http/http_parse.h"

enum response_state { RESPONSE_HEAD, RESPONSE_STARTED, RESPONSE_DONE };

struct gale_response {
    enum response_state state;
    int status;
    struct gale_str reason; /* said in place of the status's own words; "" */
    int error;              /* sticks: why nothing more can be sent, -errno */
    bool is_bodyless;       /* this answer has no body on the wire */
    bool is_faulty;         /* longer than its Content-Length */
    bool is_ending;         /* what the front is given to send is the last of it */
    int64_t length;         /* the app's Content-Length, -1: none */
    uint64_t body_sent;     /* body bytes accepted so far, the buffer included */
    struct http_header *headers;
    size_t header_count, header_cap;
    char *buffer; /* an iobuf block while it holds something */
    size_t buffered;
};

/* Gives the front what the app wrote so far and lets it leave, unless nothing was written yet: for
 * a task that is about to park. */
SUSPENDS void response_push(struct gale_response *res);
/* Ends the response: 0 when it is whole on the wire's side of the front. -EPROTO after logging when
 * the app wrote less or more than its Content-Length (then it was cut). */
SUSPENDS int response_finish(struct gale_response *res);
/* Drops body and status, but not the fields, so that another answer can be given; false when the
 * head has left. */
bool response_reset(struct gale_response *res);
/* Takes away the fields that describe the content: for an error page in its place. */
void response_drop_content(struct gale_response *res);
/* Sets a field in place of those of its name, also while the head is being sent: for fronts. */
void response_put(struct gale_response *res, struct gale_str name, struct gale_str value);
/* Takes away every field. */
void response_drop_fields(struct gale_response *res);
/* Marks the answer as never to become whole and tells the front. */
void response_cut(struct gale_response *res);
/* Gives back the buffer. */
void response_release(struct gale_response *res);
/* Says the status in other words (RFC 9112 4) until another one is set. Borrowed for as long as the
 * request lives; "" and what may not stand in a status line are passed over. */
void response_say_reason(struct gale_response *res, struct gale_str reason);
/* Those words, or the status's own. */
struct gale_str response_reason(const struct gale_response *res);
/* The value of a header set so far, or NULL. */
const struct gale_str *response_find(const struct gale_response *res, struct gale_str name);
