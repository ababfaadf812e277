/* target.h - request targets and paths: the one place that decides what a path means. Pure.
 *
 *   GET http://host/a/%2e%2e/b%20c?x=1
 *       host      "host"             absolute form only (RFC 9112 3.2.2)
 *       raw path  "/a/%2e%2e/b%20c"
 *       query     "x=1"
 *       path      "/b c"             decoded once, %2F and %5C kept encoded, dot segments removed,
 *                                    nothing merged: what gale routes on and looks programs up on
 *
 * In a path, %2F, %5C and %25 (in upper case) are the slash, the backslash and a percent sign that
 * would else read like one of the three: %252F stays %252F, where %2541 becomes %41. So nothing is
 * ever decoded twice, and target_decode_fully can tell a slash from text that looks like one. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

struct arena;
struct http_refusal;

struct target {
    struct gale_str authority; /* of an absolute form, "" otherwise */
    struct gale_str scheme;    /* likewise */
    struct gale_str raw_path;
    struct gale_str query; /* without '?'; "" */
    bool has_query;
    bool is_asterisk; /* OPTIONS *; then path and raw_path are "*" */
    struct gale_str path;
};

/* Takes a target apart for `method`. path and every other part end in zero (on the arena). Returns
 * 0, or -1 with *out_refusal: in the path %00 or a % without two hexadecimal digits; a fragment, a
 * control byte, an asterisk for anything but OPTIONS, userinfo, a malformed host, another scheme
 * than http or https. An absolute form without path has the path "/"; without query either and
 * for OPTIONS it is the asterisk (RFC 9112 3.2.4). The query stays as it was sent. */
int target_parse(struct gale_str method, struct gale_str text, struct arena *arena,
                 struct target *out_target, struct http_refusal *out_refusal);

/* A path, or a part of one, decoded to the end, %2F and %5C too, on the arena (for PATH_INFO,
 * RFC 3875 4.1.5). It may have new dot segments then: ..%2F is one name in a path. */
struct gale_str target_decode_fully(struct gale_str path, struct arena *arena);

/* Host: uri-host [":" port] (RFC 9110 7.2): the host in lower case without its port and without a
 * final dot, on the arena. IPv6 keeps its brackets. *out_port 0 when none. -EINVAL if malformed;
 * of names only letters, digits, - . _ and ~ are taken, of addresses in brackets only IPv6. */
int target_parse_host(struct gale_str text, struct arena *arena, struct gale_str *out_host,
                      unsigned *out_port);
/* Whether target_parse_host would take it. */
bool target_is_host(struct gale_str text);
