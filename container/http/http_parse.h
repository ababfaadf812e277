/* http_parse.h - request heads: bytes in, one meaning or a refusal out. Pure: no I/O, no waiting.
 *
 * http-parser reads the head; this adds what it lets through, so that every byte has one meaning
 * (RFC 9112) or the request is refused. First http_scan finds the end of the head in what has
 * arrived so far, however it was split, and refuses as early as it can: at the first byte that
 * cannot begin a request, at the request line, at a limit. Then http_parse_request_head reads the
 * whole head, which the caller has copied to where it stays; everything parsed is a view into it.
 * Nothing here depends on how the bytes were split. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>
#include "http/http_refusal.h"
#include "http/http_token.h"

struct arena;

struct http_limits {
    size_t max_target;  /* bytes of the request target: 414 beyond */
    size_t max_head;    /* bytes of the head, request line included: 431 beyond */
    size_t max_headers; /* fields: 431 beyond */
};

/* How far the search for the end of the head has come; zero to begin with. */
struct http_scan {
    size_t start;   /* where the request line begins, after at most two empty lines */
    size_t scanned; /* bytes looked at */
    size_t line;    /* where the current line begins */
    bool has_line;  /* the request line is complete and was judged */
};

/* Looks at the `len` bytes that have arrived; `data` holds the same bytes as before and more.
 * Returns the length of the head, its empty line and skipped empty lines included; 0 when more
 * bytes are needed; -1 when refused, with *out_refusal set. Total work is linear. */
long http_scan(struct http_scan *scan, const char *data, size_t len,
               const struct http_limits *limits, struct http_refusal *out_refusal);

struct http_header {
    struct gale_str name, value; /* value without blanks at its ends */
};

struct http_request_head {
    struct gale_str method;
    struct gale_str target; /* as sent */
    int minor;              /* HTTP/1.minor as sent, 0 or 1 or more */
    struct http_header *headers;
    size_t header_count;
    /* what the fields say about this message (RFC 9112 6, 9.3; RFC 9110 10.1.1) */
    struct gale_str host;    /* the Host field's value: "" if empty or absent in 1.0 */
    uint64_t content_length; /* 0 without one */
    bool has_length;         /* Content-Length was there */
    bool is_chunked;
    bool is_keep_alive; /* the connection may go on after this message */
    bool expects_continue;
    bool is_upgrade; /* Connection: upgrade with an Upgrade field */
};

/* Reads a whole head that http_scan has found, from the request line on (data + scan.start), `len`
 * bytes with the empty line. The views point into `data`, whose fields may be ended with zeros in
 * place, so that each view's at[len] is 0; the array of headers is on the arena. Returns 0, or -1
 * with *out_refusal. */
int http_parse_request_head(char *data, size_t len, const struct http_limits *limits,
                            struct arena *arena, struct http_request_head *out_head,
                            struct http_refusal *out_refusal);

/* Whether gale knows the method at all; others are answered with 501. */
bool http_is_known_method(struct gale_str method);
