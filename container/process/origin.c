/* origin.c - the rules of ld.so(8), as far as they lead to $ORIGIN. */
#include "process/origin.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/elf_file.h"
#include "base/str.h"

/* How long `$ORIGIN` or `${ORIGIN}` is at the start of text; 0: it is not there. */
static size_t token_len(struct gale_str text)
{
    if (str_starts_with(text, STR("${ORIGIN}")))
        return 9;
    if (!str_starts_with(text, STR("$ORIGIN")))
        return 0;
    return text.len == 7 || text.at[7] == '/' ? 7 : 0;
}

/* Puts the folder for the token, which the loader takes at the start only where it matters. Other
 * tokens ($LIB) name the system's folders. */
static bool expand(struct gale_str text, const char *folder, char out[PATH_MAX])
{
    size_t token = token_len(text);
    int len = snprintf(out, PATH_MAX, "%s%.*s", token ? folder : "", (int)(text.len - token),
                       text.at + token);
    return len < PATH_MAX && !strchr(out + (token ? strlen(folder) : 0), '$');
}

struct search {
    struct gale_str name;
    origin_fn *fn;
    void *data;
};

/* Looks in one place; returns whether the search ends there. */
static bool look(const struct search *search, struct gale_str entry, const char *folder)
{
    char place[PATH_MAX], path[PATH_MAX];
    if (!entry.len || !expand(entry, folder, place))
        return false;
    int len = snprintf(path, PATH_MAX, "%s/%.*s", place, (int)search->name.len, search->name.at);
    if (len >= PATH_MAX)
        return false;
    return token_len(entry) ? search->fn(search->data, path) : access(path, R_OK) == 0;
}

static bool look_in_all(const struct search *search, struct gale_str paths, const char *folder)
{
    while (paths.at)
        if (look(search, str_cut(&paths, ':'), folder))
            return true;
    return false;
}

static void find(const struct origin *origin, const struct search *search)
{
    if (origin->facts->runpath.len) {
        (void)look_in_all(search, origin->facts->runpath, origin->folder);
        return;
    }
    for (const struct origin *at = origin; at; at = at->loader)
        if (!at->facts->runpath.len && at->facts->rpath.len &&
            look_in_all(search, at->facts->rpath, at->folder))
            return;
}

/* A name with a slash is a path and not searched for. */
static void try_path(const struct origin *origin, const struct search *search)
{
    char path[PATH_MAX];
    if (token_len(search->name) && expand(search->name, origin->folder, path))
        (void)search->fn(search->data, path);
}

void origin_each(const struct origin *origin, origin_fn *fn, void *data)
{
    for (size_t i = 0; i < origin->facts->needed_count; i++) {
        const struct search search = {origin->facts->needed[i], fn, data};
        if (str_find(search.name, '/'))
            try_path(origin, &search);
        else if (search.name.len)
            find(origin, &search);
    }
}
