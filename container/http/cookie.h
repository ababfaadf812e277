/* cookie.h - reading Cookie fields and building Set-Cookie values (RFC 6265). Pure.
 *
 *   Cookie: a=1; b="x\073y"; =z          ->  a "1"   b "x;y"   "" "z"
 *
 * Reading takes what clients send: a semicolon always separates, quotes come off only when they
 * stand round the whole value, a piece without '=' is a value without a name. Building refuses
 * what a client would drop or read in another way; what it writes, the reader gives back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

struct arena;
struct http_header;

struct cookie {
    struct gale_str name, value; /* each ends in zero; a value may hold any byte, "\000" too */
};

struct cookies {
    const struct cookie *at; /* in the order of the request, on the arena */
    size_t count;
};

/* Reads all Cookie fields of a request as if they were one. What max_head lets through is few
 * enough, so there is no limit of its own. Linear. */
void cookies_parse(const struct http_header *headers, size_t header_count, struct arena *arena,
                   struct cookies *out_cookies);

/* The last cookie of exactly this name, or NULL. */
const struct cookie *cookies_find(const struct cookies *cookies, struct gale_str name);

enum cookie_same_site {
    COOKIE_SAME_SITE_UNSET,
    COOKIE_SAME_SITE_LAX,
    COOKIE_SAME_SITE_STRICT,
    COOKIE_SAME_SITE_NONE,
};

/* What Set-Cookie says; all zero but the name is a cookie of the session. To clear a cookie, give
 * the name, path and domain that it was set with, no value, and has_expires with expires 0. */
struct cookie_settings {
    struct gale_str name, value;
    struct gale_str path, domain; /* length 0: not said */
    int64_t max_age, expires;     /* seconds; expires since 1970 */
    bool has_max_age, has_expires;
    bool is_secure, is_http_only;
    enum cookie_same_site same_site;
};

/* Writes the value of a Set-Cookie field on the arena. -EINVAL for a name that is no token; control
 * bytes in the value; control bytes, blanks, ';' or bytes beyond ASCII in path or domain; an expiry
 * before 1970 or after 9999; and for what browsers drop without a word: SameSite=None or a name
 * with __Secure- without Secure, or __Host- without Secure and Path=/ or with a domain. */
int cookie_build(const struct cookie_settings *settings, struct arena *arena,
                 struct gale_str *out_value);
