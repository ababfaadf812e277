/* instance.c - names of control sockets, and who serves them. */
#include "process/instance.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "net/message_socket.h"

enum { NAME_BYTES = 32 };

static const char *checked(const char *out, int len)
{
    return len > 0 && len < INSTANCE_PATH ? out : NULL;
}

const char *instance_folder(char out[INSTANCE_PATH])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (geteuid() == 0)
        return checked(out, snprintf(out, INSTANCE_PATH, "/run/gale"));
    if (runtime && *runtime == '/')
        return checked(out, snprintf(out, INSTANCE_PATH, "%s/gale", runtime));
    return checked(out, snprintf(out, INSTANCE_PATH, "/tmp/gale-%u", (unsigned)geteuid()));
}

int instance_make_folder(const char *folder)
{
    struct stat info;
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(folder, &info) < 0)
        return -errno;
    if (!S_ISDIR(info.st_mode))
        return -ENOTDIR;
    return info.st_uid == geteuid() && !(info.st_mode & 022) ? 0 : -EPERM;
}

/* FNV-1a: tells apart paths whose last parts are the same. */
static uint32_t hash(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

/* The last two parts of the path, "shop-gale.ini" for /etc/shop/gale.ini, in bytes that are
 * harmless in a shell. */
static void readable(const char *path, char out[NAME_BYTES])
{
    const char *end = path + strlen(path), *at = end;
    for (int slashes = 0; at > path; at--)
        if (at[-1] == '/' && ++slashes == 2)
            break;
    if (end - at >= NAME_BYTES)
        at = end - (NAME_BYTES - 1);
    size_t len = 0;
    for (; at < end; at++)
        if (*at != '/' || len)
            out[len++] = isalnum((unsigned char)*at) || strchr("._", *at) ? *at : '-';
    out[len] = 0;
}

const char *instance_path(const char *config, char out[INSTANCE_PATH])
{
    char real[PATH_MAX], folder[INSTANCE_PATH], name[NAME_BYTES];
    const char *path = realpath(config, real) ? real : config;
    if (!instance_folder(folder))
        return NULL;
    readable(path, name);
    return checked(out, snprintf(out, INSTANCE_PATH, "%s/%s-%08x.sock", folder, name, hash(path)));
}

static int visit(const char *folder, const char *file,
                 int (*fn)(void *data, const struct instance *instance), void *data)
{
    struct instance instance = {0};
    if (!str_ends_with(str_of(file), STR(".sock")))
        return 0;
    scoped_free char *control = memory_printf("%s/%s", folder, file);
    scoped_free char *name = memory_copy(file, strlen(file) - strlen(".sock"));
    if (!message_socket_is_served(control, &instance.pid))
        return 0;
    instance.control = control;
    instance.name = name;
    return fn(data, &instance);
}

int instances_each(int (*fn)(void *data, const struct instance *instance), void *data)
{
    char folder[INSTANCE_PATH];
    struct dirent **entries;
    if (!instance_folder(folder))
        return 0;
    int count = scandir(folder, &entries, NULL, alphasort), r = 0;
    for (int i = 0; i < count; i++) {
        if (r == 0)
            r = visit(folder, entries[i]->d_name, fn, data);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return r;
}
