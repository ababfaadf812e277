/* link.h - what a front and an isolated app's worker say to each other: FastCGI's records, with
 * types of our own for what its variables cannot carry.
 *
 *   front                                     worker
 *     -- REQUEST {all but the body} ------->    one at a time on a connection
 *     <----------------------------- WANT --    the app asks for the body
 *     -- STDIN ... STDIN (empty) ---------->
 *     -- FAILED {errno} ------------------->    in place of the rest: the client's body is broken
 *     <------- HEAD {status, length, fields} --
 *     <---------------------- STDOUT ... --
 *     <---- FILE {offset, length} + [fd] --     the front sends the file itself
 *     -- SENT ----------------------------->    and has done so, if the worker asked to know
 *     <---------------------- END_REQUEST --    whole
 *     <------- VERDICT {verdict, fields} --     instead of an answer: what serve returned
 *     <------------------------------ CUT --    instead of an end: never to be whole
 *     <---------------------------- LEAVE --    no further request here, please; close
 *
 * The end of the connection cancels the request, or fails it. What stands in braces is a block: its
 * length and then numbers and texts, over as many records of the type as it takes. Both sides are
 * the same program, so nothing is negotiated; but the worker runs code of others, so the front
 * takes every block for what an attacker may have written. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/macros.h"
#include "fastcgi/fcgi_stream.h"

struct arena;
struct exchange;
struct gale_response;

enum link_type {
    LINK_REQUEST = 100,
    LINK_WANT,
    LINK_FAILED,
    LINK_HEAD,
    LINK_FILE,
    LINK_SENT,
    LINK_VERDICT,
    LINK_CUT,
    LINK_LEAVE,
};

enum {
    LINK_ID = 1, /* of every record: there is one request at a time */
    LINK_BLOCK_MAX = 4 * 1024 * 1024,
};

/* ---- blocks ---- */

/* Gathers a block that an encoder below made. 0 or -errno. */
SUSPENDS int link_put_block(struct iostream *stream, enum link_type type, struct gale_str block);
/* Reads the block that begins in the reader's current record, onto the arena. 0, -EPROTO for what
 * is none, -ENODATA or -errno of the stream. */
SUSPENDS int link_read_block(struct fcgi_reader *reader, struct arena *arena,
                             struct gale_str *out_block);

/* A request, the address that its client reached included; on the exchange's arena. */
struct gale_str link_request_encode(struct exchange *exchange);
struct link_local {
    struct gale_str address;
    unsigned port;
};
/* Fills in the exchange's request with views into the block. 0 or -EPROTO. */
int link_request_decode(struct gale_str block, struct exchange *exchange,
                        struct link_local *out_local);

/* HEAD and VERDICT: a number or two, and the fields of the response. */
struct link_answer {
    int32_t value;  /* the status; the verdict */
    int64_t detail; /* the length of what follows, -1: unknown; why the body could not be read */
    struct gale_str elsewhere; /* what is to be served instead; "" */
    struct gale_str reason;    /* the status in other words; "" */
};
struct gale_str link_answer_encode(const struct link_answer *answer, struct exchange *exchange);
/* Sets the fields in the response, each in place of any of that name. 0; -EPROTO for what is no
 * block or holds a field that no app may set. */
int link_answer_decode(struct gale_str block, struct gale_response *res,
                       struct link_answer *out_answer);

/* ---- small records ---- */

struct link_file {
    int64_t offset, len;
    int64_t is_awaited; /* SENT shall follow */
};
/* FAILED carries an errno. */
int link_put_failed(struct iostream *stream, int error);
SUSPENDS int link_read_failed(struct fcgi_reader *reader, int *out_error);
