/* request_conditional.c - preconditions, ranges and codings, for whoever serves representations. */
#include <gale/request.h>

#include <errno.h>

#include "base/str.h"
#include "http/accept.h"
#include "http/conditional.h"
#include "http/exchange.h"
#include "http/range.h"

static struct conditional conditions_of(const struct gale_request *req)
{
    return (struct conditional){
        .method = req->head.method,
        .if_match = request_joined(req, STR("If-Match")),
        .if_none_match = request_joined(req, STR("If-None-Match")),
        .if_modified_since = request_joined(req, STR("If-Modified-Since")),
        .if_unmodified_since = request_joined(req, STR("If-Unmodified-Since")),
        .if_range = request_joined(req, STR("If-Range")),
    };
}

static struct conditional_resource resource(const char *etag, int64_t modified)
{
    return (struct conditional_resource){
        .etag = str_of(etag ? etag : ""),
        .modified = modified,
        .has_modified = modified >= 0,
        .exists = true,
    };
}

int gale_request_check(const struct gale_request *req, const char *etag, int64_t modified)
{
    struct conditional conditions = conditions_of(req);
    struct conditional_resource now = resource(etag, modified);
    return (int)conditional_evaluate(&conditions, &now);
}

int gale_request_range(const struct gale_request *req, const char *etag, int64_t modified,
                       int64_t size, int64_t *out_from, int64_t *out_len)
{
    struct gale_str field = request_joined(req, STR("Range"));
    struct conditional conditions = conditions_of(req);
    struct conditional_resource now = resource(etag, modified);
    struct range range;
    *out_from = 0;
    *out_len = size;
    if (!field.at || !conditional_allows_range(&conditions, &now))
        return 200;
    int r = range_parse(field, (uint64_t)size, &range);
    if (r == -ERANGE)
        return 416;
    if (r == 0)
        return 200;
    *out_from = (int64_t)range.first;
    *out_len = (int64_t)(range.last - range.first + 1);
    return 206;
}

int gale_request_accepts_coding(const struct gale_request *req, const char *coding)
{
    return accept_coding(request_joined(req, STR("Accept-Encoding")), str_of(coding)) > 0;
}
