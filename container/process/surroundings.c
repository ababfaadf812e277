/* surroundings.c - one question after the other; nothing is made, opened or changed. */
#include "process/surroundings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/config.h"
#include "base/arena.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "net/endpoint.h"
#include "net/port_group.h"
#include "process/identity.h"
#include "process/instance.h"

enum { NAMES_MAX = 8 };

struct look {
    const struct config *config;
    struct setting_errors *errors;
};

/* Where an error belongs: a key, or a word of `listen`. */
struct place {
    const char *key, *file;
    unsigned line;
};

static void __attribute__((format(printf, 3, 4)))
complain(const struct look *look, const struct place *place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(look->errors->arena, format, args).at;
    va_end(args);
    setting_errors_add(look->errors, place->file, place->line, "%s: %s", place->key, text);
}

static struct place place_of(const struct look *look, const char *key, const void *field)
{
    struct place place = {.key = key, .file = look->config->path};
    config_place(look->config, field, &place.file, &place.line);
    return place;
}

/* ---- files that are to be made ---- */

/* Returns whether there is a folder for the file. */
static bool check_folder(const struct look *look, const struct place *place, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    const char *folder = slash ? arena_copy(look->errors->arena, path, len ? len : 1).at : ".";
    struct stat info;
    if (stat(folder, &info) < 0)
        complain(look, place, "there is no folder %s for %s (%s); make it first, or name another",
                 folder, path, strerror(errno));
    else if (!S_ISDIR(info.st_mode))
        complain(look, place, "%s is no folder, so %s cannot be in it", folder, path);
    else
        return true;
    return false;
}

static void check_file(const struct look *look, const char *key, const char *const *field)
{
    const char *path = *field;
    struct place place = place_of(look, key, field);
    struct stat info;
    if (!path || strcmp(path, "-") == 0 || strcmp(path, "off") == 0)
        return;
    if (check_folder(look, &place, path) && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        complain(look, &place, "%s is a folder; expected the path of a file", path);
}

static void check_socket_file(const struct look *look, const struct place *place, const char *path)
{
    struct stat info;
    if (check_folder(look, place, path) && lstat(path, &info) == 0 && !S_ISSOCK(info.st_mode))
        complain(look, place, "%s is there already and is no socket; take it away, or name another",
                 path);
}

static void check_control(const struct look *look)
{
    const char *const *control = &look->config->server.control;
    struct place place = place_of(look, "control", control);
    if (*control && strlen(*control) >= INSTANCE_PATH)
        complain(look, &place, "%s is too long for a unix socket's path (at most %d bytes)",
                 *control, INSTANCE_PATH - 1);
    else if (*control)
        check_socket_file(look, &place, *control);
}

/* ---- users ---- */

static void check_user(const struct look *look, bool may_be_root)
{
    const struct server_settings *server = &look->config->server;
    struct identity identity;
    scoped_free char *why = NULL;
    int r = identity_find(server->user, server->group, &identity, &why);
    if (r == 0 || (r == -EPERM && may_be_root))
        return;
    bool is_group = strncmp(why, "group:", 6) == 0;
    struct place place =
        place_of(look, is_group ? "group" : "user", is_group ? &server->group : &server->user);
    complain(look, &place, "%s", why + strlen(place.key) + 2);
}

/* ---- addresses ---- */

struct bound {
    const char *text;
    struct endpoint endpoint;
};

/* The addresses so far, NAMES_MAX for each word at most. */
struct bounds {
    struct bound *items;
    size_t count;
};

static void add_address(const struct look *look, const struct place *place, const char *text,
                        const struct endpoint *endpoint, struct bounds *bounds)
{
    for (size_t i = 0; i < bounds->count; i++) {
        const struct bound *other = &bounds->items[i];
        if (!endpoint_overlaps(&other->endpoint, endpoint))
            continue;
        if (strcmp(other->text, text) != 0)
            complain(look, place,
                     "%s and %s exclude each other: the port is the same, and one "
                     "address covers the other; take one away",
                     other->text, text);
        return;
    }
    bounds->items[bounds->count++] = (struct bound){text, *endpoint};
}

static void check_address(const struct look *look, const struct place *place, const char *text,
                          struct bounds *bounds)
{
    struct endpoint endpoints[NAMES_MAX];
    struct gale_str address = str_of(text);
    (void)config_listen_is_fastcgi(&address);
    int count = port_group_resolve(address, endpoints, NAMES_MAX);
    if (count < 0)
        complain(look, place,
                 "no host is known by the name in '%s'; correct it, or write its "
                 "address",
                 text);
    for (int i = 0; i < count; i++) {
        const struct sockaddr_un *un = &endpoints[i].addr.un;
        if (un->sun_family == AF_UNIX && *un->sun_path)
            check_socket_file(look, place, un->sun_path);
        add_address(look, place, text, &endpoints[i], bounds);
    }
}

static void check_listen(const struct look *look)
{
    const struct setting_list *listen = &look->config->server.listen;
    struct bounds bounds = {0};
    bounds.items =
        arena_alloc(look->errors->arena, (listen->len + 1) * NAMES_MAX * sizeof(*bounds.items));
    for (size_t i = 0; i < listen->len; i++) {
        struct place place = {.key = "listen", .file = look->config->path};
        if (look->config->listen_places) {
            place.file = look->config->listen_places[i].file;
            place.line = look->config->listen_places[i].line;
        }
        check_address(look, &place, listen->items[i], &bounds);
    }
}

/* ---- all ---- */

void surroundings_check(const struct config *config, unsigned flags, struct setting_errors *errors)
{
    const struct look look = {config, errors};
    const struct server_settings *server = &config->server;
    check_user(&look, flags & SURROUNDINGS_NO_ROOT);
    check_file(&look, "access_log", &server->access_log);
    check_file(&look, "error_log", &server->error_log);
    check_file(&look, "pid_file", &server->pid_file);
    check_control(&look);
    if (!(flags & SURROUNDINGS_NO_LISTEN))
        check_listen(&look);
    setting_errors_sort(errors);
}
