/* mount.c - reading mounts and matching paths with them. */
#include "app/mount.h"

#include <errno.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/target.h"

/* Why a path is no prefix of requests' paths, or NULL. */
static const char *prefix_fault(struct gale_str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if ((unsigned char)path.at[i] < ' ' || path.at[i] == 0x7f)
            return "it holds a control byte";
        if (strchr("?#%", path.at[i]))
            return "it is a decoded path, without '?', '#' and '%'";
        if (path.at[i] == '*')
            return "it is a prefix, of which everything below is a part, and no pattern with '*'";
    }
    struct gale_str rest = {path.at + 1, path.len - 1};
    while (rest.at) {
        struct gale_str segment = str_cut(&rest, '/');
        if (!segment.len)
            return "it has an empty segment ('//')";
        if (str_equals(segment, STR(".")) || str_equals(segment, STR("..")))
            return "'.' and '..' are never part of a request's path";
    }
    return NULL;
}

static const char *host_fault(struct gale_str text, struct arena *arena, struct gale_str *out_host)
{
    const char *bracket = str_find(text, ']');
    struct gale_str tail = text;
    if (bracket) {
        tail.at = bracket;
        tail.len = (size_t)(text.at + text.len - bracket);
    }
    if (str_find(tail, ':'))
        return "the host of a mount has no port";
    unsigned port;
    if (target_parse_host(text, arena, out_host, &port) < 0 || !out_host->len)
        return "what stands before the first '/' is no host name";
    return NULL;
}

int mount_parse(const char *text, struct arena *arena, struct mount *out_mount,
                const char **out_why)
{
    const char *slash = strchr(text, '/');
    *out_why = !slash                ? "it begins with '/', or is HOST/PATH"
               : strstr(text, "://") ? "it is a path or HOST/PATH, without a scheme"
                                     : NULL;
    if (*out_why)
        return -EINVAL;
    struct mount mount = {STR(""), str_of(slash)};
    if (slash > text)
        *out_why = host_fault((struct gale_str){text, (size_t)(slash - text)}, arena, &mount.host);
    if (mount.prefix.len && mount.prefix.at[mount.prefix.len - 1] == '/')
        mount.prefix.len--;
    if (!*out_why && mount.prefix.len)
        *out_why = prefix_fault(mount.prefix);
    if (*out_why)
        return -EINVAL;
    out_mount->host = arena_copy(arena, mount.host.at, mount.host.len);
    out_mount->prefix = arena_copy(arena, mount.prefix.at, mount.prefix.len);
    return 0;
}

bool mount_has(struct gale_str prefix, struct gale_str path)
{
    return str_starts_with(path, prefix) &&
           (path.len == prefix.len ? prefix.len > 0 : path.at[prefix.len] == '/');
}
