/* conditional.c - the order is one function; each condition is a small one. */
#include "http/conditional.h"

#include <errno.h>

#include "base/str.h"
#include "http/http_date.h"
#include "http/http_token.h"

enum comparison { WEAK, STRONG };

static bool is_weak(struct gale_str etag)
{
    return str_starts_with(etag, STR("W/"));
}

static struct gale_str opaque(struct gale_str etag)
{
    return is_weak(etag) ? (struct gale_str){etag.at + 2, etag.len - 2} : etag;
}

/* RFC 9110 8.8.3.2: strongly equal only if both are strong. */
static bool etags_equal(struct gale_str a, struct gale_str b, enum comparison how)
{
    if (how == STRONG && (is_weak(a) || is_weak(b)))
        return false;
    return str_equals(opaque(a), opaque(b));
}

/* Takes one entity tag from the front of *rest. etagc is any visible byte but the quote. */
static int take_etag(struct gale_str *rest, struct gale_str *out_etag)
{
    struct gale_str tag = opaque(*rest);
    size_t n = 1;
    if (!tag.len || tag.at[0] != '"')
        return -EINVAL;
    while (n < tag.len && tag.at[n] != '"' && http_is_byte(tag.at[n], HTTP_BYTE_TARGET))
        n++;
    if (n == tag.len || tag.at[n] != '"')
        return -EINVAL;
    const char *end = tag.at + n + 1;
    *out_etag = (struct gale_str){rest->at, (size_t)(end - rest->at)};
    *rest = (struct gale_str){end, rest->len - out_etag->len};
    return 0;
}

bool conditional_is_etag(struct gale_str text)
{
    struct gale_str etag;
    return take_etag(&text, &etag) == 0 && !text.len;
}

static struct gale_str skip_empty_elements(struct gale_str rest)
{
    for (rest = str_trim(rest); rest.len && rest.at[0] == ','; rest = str_trim(rest))
        rest = (struct gale_str){rest.at + 1, rest.len - 1};
    return rest;
}

/* Whether a list has the tag: 1, 0, or -EINVAL for what is no list of entity tags. A comma may
 * stand within a tag, so tags are taken from the front. */
static int list_has(struct gale_str list, struct gale_str etag, enum comparison how)
{
    struct gale_str rest = skip_empty_elements(list), one;
    int found = 0;
    if (!rest.len)
        return -EINVAL;
    while (rest.len) {
        if (take_etag(&rest, &one) < 0)
            return -EINVAL;
        found |= etag.len && etags_equal(one, etag, how);
        rest = str_trim(rest);
        if (rest.len && rest.at[0] != ',')
            return -EINVAL;
        rest = skip_empty_elements(rest);
    }
    return found;
}

static int matches(struct gale_str field, const struct conditional_resource *resource,
                   enum comparison how)
{
    struct gale_str text = str_trim(field);
    if (text.len == 1 && text.at[0] == '*')
        return resource->exists;
    return list_has(text, resource->exists ? resource->etag : STR(""), how);
}

/* The date of a field that counts: there, a date, and something to compare it with. */
static bool read_date(struct gale_str field, const struct conditional_resource *resource,
                      int64_t *out_date)
{
    return field.at && resource->has_modified && http_date_parse(field, out_date) == 0;
}

static bool is_get_or_head(struct gale_str method)
{
    return str_equals(method, STR("GET")) || str_equals(method, STR("HEAD"));
}

static bool precondition_holds(const struct conditional *request,
                               const struct conditional_resource *resource)
{
    int64_t date;
    if (request->if_match.at)
        return matches(request->if_match, resource, STRONG) > 0;
    if (read_date(request->if_unmodified_since, resource, &date))
        return resource->modified <= date;
    return true;
}

static bool is_news(const struct conditional *request, const struct conditional_resource *resource,
                    bool is_reading)
{
    int64_t date;
    if (request->if_none_match.at) {
        int r = matches(request->if_none_match, resource, WEAK);
        return r == 0 || (r < 0 && is_reading);
    }
    if (is_reading && read_date(request->if_modified_since, resource, &date))
        return resource->modified > date;
    return true;
}

enum conditional_verdict conditional_evaluate(const struct conditional *request,
                                              const struct conditional_resource *resource)
{
    bool is_reading = is_get_or_head(request->method);
    if (!precondition_holds(request, resource))
        return CONDITIONAL_FAILED;
    if (!is_news(request, resource, is_reading))
        return is_reading ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_FAILED;
    return CONDITIONAL_GO_ON;
}

bool conditional_allows_range(const struct conditional *request,
                              const struct conditional_resource *resource)
{
    int64_t date;
    if (!is_get_or_head(request->method))
        return false;
    if (!request->if_range.at)
        return true;
    if (conditional_is_etag(request->if_range))
        return etags_equal(request->if_range, resource->etag, STRONG);
    return read_date(request->if_range, resource, &date) && resource->modified == date;
}
