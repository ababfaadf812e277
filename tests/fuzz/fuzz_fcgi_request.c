/* Any variables of a web server make a request that HTTP could have brought, or none: whatever is
 * made has no byte that could end a line, and its length is what was said.
 *
 * The first byte is a set of flags: 1, the role has a body. The rest is the stream of PARAMS. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "fastcgi/fcgi_request.h"
#include "http/exchange.h"
#include "http/http_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_variables(const struct gale_request *req)
{
    struct gale_str name, value;
    assert(req->own_count == req->variable_count && req->variable_count <= 2);
    for (size_t i = 0; gale_request_variable_at(req, i, &name, &value) == 0; i++)
        assert(value.len && http_is_field_value(value) && !value.at[value.len]);
}

static void check_request(const struct gale_request *req, bool has_body)
{
    assert(http_is_token(req->head.method));
    assert(!memchr(req->head.target.at, '\n', req->head.target.len));
    assert(req->target.path.at[0] == '/' || req->target.is_asterisk);
    assert(req->outer <= req->target.path.len && req->peer.at);
    for (size_t i = 0; i < req->head.header_count; i++) {
        assert(http_is_token(req->head.headers[i].name));
        assert(http_is_field_value(req->head.headers[i].value));
    }
    assert(has_body || (!req->head.has_length && !req->head.is_chunked));
    assert(!req->head.expects_continue && !req->head.is_upgrade);
    check_variables(req);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_limits limits = {1024, 4096, 32};
    struct arena arena;
    struct fcgi_said said;
    struct http_refusal refusal = {0};
    if (!size)
        return 0;
    bool has_body = data[0] & 1;
    arena_init(&arena, NULL, 0);
    struct exchange exchange = {.arena = &arena};
    struct gale_str params = arena_copy(&arena, (const char *)data + 1, size - 1);
    int r = fcgi_request_make(params, has_body, &limits, &arena, &exchange.req, &said, &refusal);
    assert(r == 0 || (r == -1 && refusal.status >= 400 && refusal.status < 600));
    if (r == 0)
        check_request(&exchange.req, has_body);
    (void)fcgi_request_port(said.server_port);
    arena_finish(&arena);
    return 0;
}
