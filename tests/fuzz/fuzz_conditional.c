/* Any bytes are conditions of a request: the verdict is one that its method may get, and follows
 * from what HTTP says of tags and dates that are the resource's own.
 *
 * The first byte is a set of flags; a line for each field follows, then one for the entity tag. */
#include <assert.h>
#include <stdint.h>

#include "base/str.h"
#include "http/conditional.h"
#include "http/http_date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1600000000, IS_POST = 1, HAS_MODIFIED = 2, EXISTS = 4, HAS_ETAG = 8 };

static void check_date(struct gale_str text)
{
    int64_t seconds, again;
    char written[HTTP_DATE_LEN + 1];
    if (http_date_parse(text, &seconds) < 0)
        return;
    http_date_format(seconds, written);
    assert(http_date_parse(str_of(written), &again) == 0);
    assert(seconds < 0 || again == seconds);
}

static struct gale_str next_field(struct gale_str *rest)
{
    struct gale_str line = str_cut(rest, '\n');
    check_date(line);
    return line.len ? line : (struct gale_str){0};
}

static void check_verdict(const struct conditional *request,
                          const struct conditional_resource *resource, bool is_post)
{
    enum conditional_verdict verdict = conditional_evaluate(request, resource);
    assert(verdict == CONDITIONAL_GO_ON || verdict == CONDITIONAL_FAILED ||
           (verdict == CONDITIONAL_NOT_MODIFIED && !is_post));
    bool is_conditional = request->if_match.at || request->if_none_match.at ||
                          request->if_modified_since.at || request->if_unmodified_since.at;
    assert(is_conditional || verdict == CONDITIONAL_GO_ON);
    if (conditional_allows_range(request, resource))
        assert(!is_post && (!request->if_range.at || resource->etag.len || resource->has_modified));
}

/* A client that sends back what it was told. */
static void check_own_tag(const struct conditional_resource *resource)
{
    if (!resource->exists || !conditional_is_etag(resource->etag))
        return;
    bool is_strong = resource->etag.at[0] == '"';
    struct conditional get = {.method = STR("GET"), .if_none_match = resource->etag};
    assert(conditional_evaluate(&get, resource) == CONDITIONAL_NOT_MODIFIED);
    struct conditional put = {.method = STR("PUT"), .if_match = resource->etag};
    assert(conditional_evaluate(&put, resource) ==
           (is_strong ? CONDITIONAL_GO_ON : CONDITIONAL_FAILED));
    struct conditional part = {.method = STR("GET"), .if_range = resource->etag};
    assert(conditional_allows_range(&part, resource) == is_strong);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct gale_str rest = {(const char *)data + 1, size - 1};
    bool is_post = data[0] & IS_POST;
    struct conditional request = {.method = is_post ? STR("POST") : STR("GET")};
    request.if_match = next_field(&rest);
    request.if_none_match = next_field(&rest);
    request.if_modified_since = next_field(&rest);
    request.if_unmodified_since = next_field(&rest);
    request.if_range = next_field(&rest);
    struct conditional_resource resource = {
        .modified = NOW, .has_modified = data[0] & HAS_MODIFIED, .exists = data[0] & EXISTS};
    resource.etag = data[0] & HAS_ETAG && conditional_is_etag(rest) ? rest : STR("");
    check_verdict(&request, &resource, is_post);
    check_own_tag(&resource);
    return 0;
}
