/* plugin_conf.c - five lines of INI. */
#include "cli/plugin_conf.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"
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
    static const char *const none[] = {NULL};
    const char *unused;
    return plugin_conf_write_with(path, NULL, none, &unused);
}

char *plugin_conf_write_blocking(const char *path)
{
    scoped_free char *text = plugin_conf_write(path);
    return memory_printf("%smode = process\n", text);
}

/* A name in one word, then the value as it is, on this line. */
static bool is_setting(const char *text)
{
    size_t name = strcspn(text, "=");
    return name && text[name] && strcspn(text, " \t\"[];") > name && !strpbrk(text, "\r\n");
}

char *plugin_conf_write_with(const char *path, const char *mount, const char *const *settings,
                             const char **out_wrong)
{
    char name[NAME_BYTES];
    struct buffer text = {0};
    name_of(path, name);
    buffer_printf(&text, "[server]\n\n[app %s]\nmount = %s\nplugin = \"%s\"\n", name,
                  mount ? mount : "/", path);
    for (; *settings; settings++) {
        const char *equals = strchr(*settings, '=');
        if (!is_setting(*settings)) {
            *out_wrong = *settings;
            buffer_finish(&text);
            return NULL;
        }
        buffer_printf(&text, "set %.*s = \"%s\"\n", (int)(equals - *settings), *settings,
                      equals + 1);
    }
    return buffer_steal(&text);
}
