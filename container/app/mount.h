/* mount.h - where an app stands: "/hello", "example.org/shop", "example.org/".
 *
 * A mount is compared with the decoded path of a request (http/target.h), so it is written decoded,
 * too, and holds nothing that such a path never does: no dot segments, no empty ones. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

struct arena;

struct mount {
    struct gale_str host;   /* lower case; "": any */
    struct gale_str prefix; /* "" for "/", else "/x/y" without a final slash */
};

/* Reads a mount. Both parts are on the arena and end in zero. Returns 0, or -EINVAL with *out_why,
 * a clause for the error ("a mount has no port"). */
int mount_parse(const char *text, struct arena *arena, struct mount *out_mount,
                const char **out_why);
/* Whether a path is the prefix or below it: /hello has /hello and /hello/x, never /helloworld. */
bool mount_has(struct gale_str prefix, struct gale_str path);
