/* fcgi_request.h - from the variables that a web server sends to a request. Pure.
 *
 *   REQUEST_METHOD, REQUEST_URI, HTTP_*  -->  a head as HTTP/1.1 has it  -->  request_parse
 *
 * The variables are written back as the head that they came from, and that goes through the same
 * parser as one from the network: whatever it would refuse is refused here, too. What the web
 * server knows better (client, scheme, the address reached, where it has mounted gale) is taken
 * from the other variables. Where SCRIPT_NAME and a PATH_INFO that is not empty make up the path,
 * SCRIPT_NAME is that mount; otherwise the whole path is gale's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <gale/str.h>

struct arena;
struct gale_request;
struct http_limits;
struct http_refusal;

/* What is not part of the head; at == NULL where it was not said. */
struct fcgi_said {
    struct gale_str method, uri, script_name, path_info, query, protocol;
    struct gale_str content_length, content_type, host, server_name, server_port, server_addr;
    struct gale_str remote_addr, remote_port, https, scheme, coding, user, auth_type;
};

/* Makes the request of a whole stream of PARAMS. `has_body` is false for roles without STDIN; then
 * lengths do not count. Everything lives on the arena. Returns 0, or -1 with *out_refusal; then at
 * least *out_said is filled as far as it could be. */
int fcgi_request_make(struct gale_str params, bool has_body, const struct http_limits *limits,
                      struct arena *arena, struct gale_request *req, struct fcgi_said *out_said,
                      struct http_refusal *out_refusal);
/* A port as text; 0 when it is none. */
unsigned fcgi_request_port(struct gale_str text);
