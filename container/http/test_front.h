/* test_front.h - a front without a socket: made-up requests in, whole answers out.
 *
 *   struct test_front front;
 *   test_front_init(&front, "POST", "/echo?x=1");
 *   test_front_header(&front, "Content-Type", "text/plain");
 *   test_front_body(&front, "hello", 5, 2);              in pieces of 2 bytes
 *   test_front_serve(&front, serve, data);               runs it as http1 would
 *   front.status, front.body, test_front_find(&front, "ETag")
 *   test_front_finish(&front);
 *
 * The request goes through the same parser as one from the network, the response through the same
 * rules; only the wire is missing. For handlers and adapters in tests. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/buffer.h"
#include "http/exchange.h"
#include "http/http_server.h"

/* Called each time output has left; non-zero: the client takes no more. */
typedef int test_front_left_fn(void *data);

struct test_front {
    /* the answer */
    int status;         /* 0 until a head was sent */
    struct buffer head; /* "Name: value\n", a line a field, Content-Length of the framing too */
    struct buffer body;
    int64_t announced; /* the body length given with the head, -1 */
    bool is_finished;  /* whole */
    bool is_cut;
    unsigned flushes; /* how often output was made to leave */
    int result;       /* of exchange_finish */
    /* private */
    struct exchange exchange;
    struct arena arena;
    struct buffer request;
    struct gale_str input; /* the request body, borrowed */
    size_t input_at, piece;
    int input_error; /* what reading gives at the end of the input instead of an end */
    int refused;     /* output fails with this -errno */
    test_front_left_fn *on_left;
    void *on_left_data;
};

void test_front_init(struct test_front *front, const char *method, const char *target);
void test_front_header(struct test_front *front, const char *name, const char *value);
/* The request body, borrowed, read in pieces of at most `piece` bytes (0: any), announced with a
 * Content-Length. test_front_chunked: of unknown length. */
void test_front_body(struct test_front *front, const char *body, size_t len, size_t piece);
void test_front_chunked(struct test_front *front, const char *body, size_t len, size_t piece);
/* Who is told that output has left. */
void test_front_on_left(struct test_front *front, test_front_left_fn *fn, void *data);
/* Parses and serves. Returns 0, or the status if the request was refused. On a task or not. */
int test_front_serve(struct test_front *front, http_serve_fn *serve, void *data);
/* A field of the answer, or NULL; valid until the next call. */
const char *test_front_find(struct test_front *front, const char *name);
void test_front_finish(struct test_front *front);
