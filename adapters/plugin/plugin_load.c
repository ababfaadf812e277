/* plugin_load.c - dlopen, the entry point, and the descriptor's version rules. */
#include "adapters/plugin/plugin_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/code.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "base/version.h"

enum {
    KNOWN_SIZE = sizeof(struct gale_plugin),
    LEAST_SIZE = offsetof(struct gale_plugin, drain), /* up to serve */
    MOST_SIZE = 4096,
    STACK_MOST = 64 * 1024 * 1024,
};

static const uint64_t known_flags = GALE_BLOCKING;

/* ---- dlopen ---- */

/* What follows `mark` in the loader's message, up to a blank or comma, as a view; at NULL: none. */
static struct gale_str word_after(const char *message, const char *mark)
{
    const char *at = strstr(message, mark);
    if (!at)
        return (struct gale_str){NULL, 0};
    at += strlen(mark);
    return (struct gale_str){at, strcspn(at, " ,\n")};
}

int plugin_explain(const char *path, const char *message, struct buffer *why)
{
    struct gale_str symbol = word_after(message, "undefined symbol: ");
    const char *colon = strstr(message, ": cannot open shared object file");
    int len = (int)symbol.len;
    if (symbol.at && str_starts_with(symbol, STR("gale_")))
        buffer_printf(why,
                      "%s needs %.*s, which gale " GALE_VERSION " does not have; "
                      "it was made for a newer gale: update gale, or rebuild it with "
                      "this gale's headers",
                      path, len, symbol.at);
    else if (symbol.at)
        buffer_printf(why,
                      "%s needs the symbol %.*s, which neither gale nor the plugin's "
                      "libraries have; link it with the library that does (-l...)",
                      path, len, symbol.at);
    else if (colon)
        buffer_printf(why,
                      "%s needs the library %.*s, which is not found; install it, or link "
                      "with -Wl,-rpath,'$ORIGIN' where it stands beside the plugin",
                      path, (int)(colon - message), message);
    else if (strstr(message, "position-independent executable"))
        buffer_printf(why, "%s is a program; build it with cc -shared -fPIC instead", path);
    else
        buffer_printf(why, "%s cannot be loaded: %s", path, message);
    return symbol.at || colon ? -ELIBACC : -ENOEXEC;
}

/* ---- the descriptor ---- */

static bool is_zero(const unsigned char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i])
            return false;
    return true;
}

static int check_abi(const char *path, const struct gale_plugin *from, struct buffer *why)
{
    if (from->abi != GALE_ABI) {
        buffer_printf(why,
                      "%s was built for version %u of the plugin interface and this gale has "
                      "version %u; rebuild it with this gale's headers",
                      path, from->abi, (unsigned)GALE_ABI);
        return -EPROTO;
    }
    if (from->size < LEAST_SIZE || from->size > MOST_SIZE) {
        buffer_printf(why,
                      "%s describes itself in %u bytes, which no version of gale does; define its "
                      "entry point with GALE_PLUGIN",
                      path, from->size);
        return -EPROTO;
    }
    if (from->size > KNOWN_SIZE &&
        !is_zero((const unsigned char *)from + KNOWN_SIZE, from->size - KNOWN_SIZE)) {
        buffer_printf(why,
                      "%s uses a part of the plugin interface that gale " GALE_VERSION
                      " does not know; update gale, or rebuild it with this gale's headers",
                      path);
        return -EPROTO;
    }
    return 0;
}

static int check_parts(const char *path, const struct gale_plugin *plugin, struct buffer *why)
{
    uint64_t unknown = plugin->flags & ~known_flags;
    if (unknown)
        buffer_printf(why,
                      "%s sets flags (0x%llx) that gale " GALE_VERSION
                      " does not know; update gale, or rebuild it with this gale's headers",
                      path, (unsigned long long)unknown);
    else if (!plugin->serve)
        buffer_printf(why, "%s has no serve; set p->serve in GALE_PLUGIN(p)", path);
    else if (plugin->stack_size > STACK_MOST)
        buffer_printf(why, "%s asks for a stack of %zu bytes; at most %d are given", path,
                      plugin->stack_size, STACK_MOST);
    else
        return 0;
    return -EPROTO;
}

int plugin_describe(const char *path, const struct gale_plugin *from,
                    struct gale_plugin *out_plugin, struct buffer *why)
{
    int r = check_abi(path, from, why);
    if (r < 0)
        return r;
    struct gale_plugin plugin = {0};
    memcpy(&plugin, from, from->size < KNOWN_SIZE ? from->size : KNOWN_SIZE);
    r = check_parts(path, &plugin, why);
    if (r < 0)
        return r;
    *out_plugin = plugin;
    return 0;
}

/* Libraries that cannot be found by their path, since they have none, are there before they are
 * looked for. */
static void *open_all(const struct code *code)
{
    char path[32];
    for (size_t i = 0; i < code->first_count; i++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", code->first[i]);
        if (!dlopen(path, RTLD_NOW | RTLD_LOCAL))
            return NULL;
    }
    return dlopen(code->path, RTLD_NOW | RTLD_LOCAL);
}

static int explain(const struct code *code, struct buffer *why)
{
    struct buffer message = {0};
    code_add_text(code, dlerror(), &message);
    int r = plugin_explain(code->original, message.at, why);
    buffer_finish(&message);
    return r;
}

int plugin_load(const struct code *code, struct gale_plugin *out_plugin, void **out_handle,
                struct buffer *why)
{
    void *handle = open_all(code);
    if (!handle)
        return explain(code, why);
    gale_plugin_fn *entry;
    *(void **)&entry = dlsym(handle, "gale_plugin_v1");
    const struct gale_plugin *from = entry ? entry() : NULL;
    if (!from) {
        buffer_printf(why,
                      entry ? "%s has a gale_plugin_v1 that returns nothing; define it with "
                              "GALE_PLUGIN"
                            : "%s is a shared object but no plugin of gale: it has no "
                              "gale_plugin_v1; define one with GALE_PLUGIN",
                      code->original);
        return -EPROTO;
    }
    *out_handle = handle;
    return plugin_describe(code->original, from, out_plugin, why);
}
