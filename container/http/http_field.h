/* http_field.h - what a request's fields say about the message itself.
 *
 * Host, Content-Length, Transfer-Encoding, Connection, Upgrade and Expect decide where the message
 * ends and what becomes of the connection (RFC 9112 3.2, 6, 9.3; RFC 9110 7.8, 10.1.1). Each is
 * judged as it is read; when all were read, what they mean together. Pure. */
#pragma once
#include <stdbool.h>
#include "http/http_parse.h"

/* The fields so far, zero to begin with. */
struct http_fields {
    bool has_host, has_length, has_coding;
    bool says_close, says_keep_alive, says_upgrade; /* in Connection */
    bool has_upgrade;
};

/* Takes one field. head->minor is known already. Returns 0, or -1 with *out_refusal. */
int http_fields_take(struct http_fields *fields, struct http_request_head *head,
                     const struct http_header *header, struct http_refusal *out_refusal);
/* All were read: completes the head. Returns 0, or -1 with *out_refusal. */
int http_fields_conclude(const struct http_fields *fields, struct http_request_head *head,
                         struct http_refusal *out_refusal);
