/* plugin_conf.c - five lines of INI. */
#include "cli/plugin_conf.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

enum { NAME_BYTES = 41 };

/* The file's name without .so in what an app's name may hold. */
static void name_of(const char *path, char out[NAME_BYTES])
{
    const char *slash = strrchr(path, '/'), *at = slash ? slash + 1 : path;
    size_t count = strlen(at), len = 0;
    if (count > 3 && strcmp(at + count - 3, ".so") == 0)
        count -= 3;
    for (; len < count && len < NAME_BYTES - 1; len++) {
        unsigned char c = (unsigned char)at[len];
        out[len] = (char)(isascii(c) && (isalnum(c) || c == '_' || c == '-') ? tolower(c) : '-');
    }
    out[len] = 0;
}

char *plugin_conf_write(const char *path)
{
    char name[NAME_BYTES];
    name_of(path, name);
    return memory_printf("[server]\n\n[app %s]\nmount = /\nplugin = \"%s\"\n", name, path);
}
