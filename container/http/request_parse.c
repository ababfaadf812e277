/* request_parse.c - from a head's bytes to a request. */
#include "http/request.h"

#include "base/str.h"

/* RFC 9112 3.2.2: the authority of an absolute target counts, not the Host field. That one has been
 * judged already and is only taken apart when somebody asks for it. */
static int check_authority(struct gale_request *req, struct arena *arena,
                           struct http_refusal *out_refusal)
{
    unsigned port;
    if (!req->target.authority.len ||
        target_parse_host(req->target.authority, arena, &req->host, &port) == 0)
        return 0;
    *out_refusal = (struct http_refusal){400, "the host is malformed"};
    return -1;
}

int request_parse(struct gale_request *req, char *head, size_t len,
                  const struct http_limits *limits, struct arena *arena,
                  struct http_refusal *out_refusal)
{
    if (http_parse_request_head(head, len, limits, arena, &req->head, out_refusal) < 0 ||
        target_parse(req->head.method, req->head.target, arena, &req->target, out_refusal) < 0 ||
        check_authority(req, arena, out_refusal) < 0)
        return -1;
    req->has_body = req->head.is_chunked || req->head.content_length > 0;
    req->is_body_done = !req->has_body;
    req->below = req->target.path;
    req->mount = STR("");
    return 0;
}
