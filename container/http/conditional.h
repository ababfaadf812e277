/* conditional.h - conditional requests (RFC 9110 13): may it go on, is it unchanged, does a Range
 * still fit? Pure.
 *
 * The fields are judged in the order of RFC 9110 13.2.2:
 *
 *   If-Match, or without it If-Unmodified-Since       does not hold: 412
 *   If-None-Match, or without it If-Modified-Since    does not hold: 304 for GET and HEAD, else 412
 *   If-Range                                          does not hold: without the Range
 *
 * A date that is none is ignored, also when nothing is known to compare it with. A malformed list
 * of entity tags holds no tag at all: If-Match fails with it; If-None-Match is ignored for GET and
 * HEAD, and fails for methods that change something, since they asked to be careful. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <gale/str.h>

/* What the request says; at == NULL: the field is not there. Several fields of a name are joined
 * with commas by the caller. */
struct conditional {
    struct gale_str method;
    struct gale_str if_match, if_none_match;
    struct gale_str if_modified_since, if_unmodified_since;
    struct gale_str if_range;
};

/* What there is now. */
struct conditional_resource {
    struct gale_str etag; /* as in the ETag field, "..." or W/"..."; length 0: none */
    int64_t modified;     /* as in Last-Modified, if has_modified */
    bool has_modified;
    bool exists; /* there is a representation at all: what `*` asks */
};

enum conditional_verdict {
    CONDITIONAL_GO_ON = 0,
    CONDITIONAL_NOT_MODIFIED = 304,
    CONDITIONAL_FAILED = 412,
};

enum conditional_verdict conditional_evaluate(const struct conditional *request,
                                              const struct conditional_resource *resource);

/* Whether a Range field is to be heeded, after a verdict to go on: for GET and HEAD, without an
 * If-Range or with the very entity tag (both strong) or the very date that the resource has. */
bool conditional_allows_range(const struct conditional *request,
                              const struct conditional_resource *resource);

/* Whether the text is an entity tag: [W/] and a quoted string without blanks or escapes. */
bool conditional_is_etag(struct gale_str text);
