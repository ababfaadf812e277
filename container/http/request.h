/* request.h - struct gale_request, as gale sees it. The public face is gale/request.h.
 *
 * Parsed things are views into the head on the arena. What few apps ask for (query pairs, cookies,
 * form fields, addresses as text) is made on demand. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <gale/request.h>
#include "base/macros.h"
#include "http/http_parse.h"
#include "http/target.h"
#include "net/endpoint.h"

struct arena;
struct cookies;
struct forwarded_trust;
struct form;
struct query;

enum { REQUEST_ID_LEN = 16 };

struct gale_request {
    struct http_request_head head;
    struct target target;
    struct gale_str host;    /* as gale_request_host says */
    size_t outer;            /* bytes of the path by which a web server in front has mounted gale */
    struct gale_str mount;   /* set by the router; begins with those */
    struct gale_str below;   /* a view into target.path */
    struct gale_str peer;    /* text, made on demand; at NULL until then */
    const struct peer *from; /* borrowed from the connection; NULL: peer is set already */
    unsigned peer_port;
    struct gale_str local; /* text, made on demand with its port; at NULL until then */
    unsigned local_port;
    bool is_https;
    bool has_body;        /* there is one, however long */
    bool is_body_touched; /* some of it was asked for: no decline any more */
    bool is_body_done;
    int body_error; /* sticks, -errno */
    uint64_t body_read;
    char id[REQUEST_ID_LEN + 1];
    /* What is known of the request beyond what the client said, as programs' variables are named:
     * from a web server in front first, then from the app's authorizer. */
    const struct http_header *variables;
    size_t variable_count, own_count; /* all; those of the web server */
    struct cookies *cookies;          /* on demand */
    struct query *query;              /* on demand */
    struct form *form;                /* on demand; finished with the exchange */
    int form_result;
};

/* Reads a head (see http_parse_request_head) into the request: fields, target, host and whether a
 * body follows. Returns 0, or -1 with *out_refusal. For every front that gets HTTP/1 heads. */
int request_parse(struct gale_request *req, char *head, size_t len,
                  const struct http_limits *limits, struct arena *arena,
                  struct http_refusal *out_refusal);
/* Gives the request a new id: a prefix of this process and a number. */
void request_make_id(struct gale_request *req);
/* Corrects client address and scheme by what trusted proxies say (forwarded.h). */
void request_resolve_peer(struct gale_request *req, const struct forwarded_trust *trust);
/* Gives the request `count` variables behind those it has; their texts are borrowed. The last one
 * of a name counts. */
void request_add_variables(struct gale_request *req, struct arena *arena,
                           const struct http_header *variables, size_t count);
/* Its value, or at NULL. */
struct gale_str request_variable(const struct gale_request *req, struct gale_str name);
/* All fields of that name as one list, joined with commas (RFC 9110 5.3); at NULL without one. */
struct gale_str request_joined(const struct gale_request *req, struct gale_str name);
/* Frees what the request holds beside the arena (temporary files). */
void request_finish(struct gale_request *req);
/* Reads and drops the rest of the body, at most `limit` bytes. 0 when its end was reached. */
SUSPENDS int request_drain(struct gale_request *req, uint64_t limit);
