/* cgi_find.c - the walk from the folder to the program. */
#include "adapters/cgi/cgi_find.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/cgi/cgi_settings.h"
#include "base/arena.h"
#include "base/beneath.h"
#include "base/macros.h"
#include "base/str.h"

enum kind { KIND_FOLDER, KIND_PROGRAM, KIND_OTHER, KIND_NOTHING, KIND_HIDDEN };

struct walk {
    const struct cgi_settings *settings;
    int folder;
    struct arena *arena;
};

/* What stands at the path below the folder: enum kind, or -errno. */
static int look(const struct walk *walk, const char *path)
{
    struct stat st;
    scoped_close int fd = beneath_open(walk->folder, path, O_PATH);
    if (fd == -ENOENT)
        return KIND_NOTHING;
    if (fd == -EACCES)
        return KIND_HIDDEN;
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return KIND_FOLDER;
    bool may_run = st.st_mode & 0111 || cgi_interpreter(walk->settings, path);
    return S_ISREG(st.st_mode) && may_run ? KIND_PROGRAM : KIND_OTHER;
}

static int meaning(int kind)
{
    if (kind < 0)
        return kind;
    return kind == KIND_NOTHING ? CGI_NOTHING : CGI_FORBIDDEN;
}

static const char *folder_of(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    return slash > path ? arena_copy(arena, path, (size_t)(slash - path)).at : "/";
}

static int found(const struct walk *walk, const char *path, struct gale_str name,
                 struct gale_str rest, struct cgi_program *out_program)
{
    *out_program = (struct cgi_program){
        .path = path,
        .folder = folder_of(path, walk->arena),
        .interpreter = cgi_interpreter(walk->settings, path),
        .name = name,
        .rest = rest,
        .is_nph = strncmp(strrchr(path, '/') + 1, "nph-", 4) == 0,
    };
    return CGI_FOUND;
}

static int found_below(const struct walk *walk, struct gale_str name, struct gale_str rest,
                       struct cgi_program *out_program)
{
    struct gale_str top = str_of(walk->settings->cgi);
    while (top.len && top.at[top.len - 1] == '/')
        top.len--;
    struct gale_str path = arena_printf(walk->arena, "%.*s%s", (int)top.len, top.at, name.at);
    return found(walk, path.at, name, rest, out_program);
}

/* The path is a folder's: is there an index in it? */
static int find_index(const struct walk *walk, struct gale_str below,
                      struct cgi_program *out_program)
{
    bool has_slash = below.len && below.at[below.len - 1] == '/';
    const struct setting_list *index = &walk->settings->index;
    for (size_t i = 0; i < index->len; i++) {
        struct gale_str name =
            arena_printf(walk->arena, "%s%s%s", below.at, has_slash ? "" : "/", index->items[i]);
        int kind = look(walk, name.at);
        if (kind == KIND_PROGRAM)
            return has_slash ? found_below(walk, name, STR(""), out_program) : CGI_NO_SLASH;
        if (kind != KIND_NOTHING)
            return meaning(kind);
    }
    return CGI_NOTHING;
}

static int find_below(const struct walk *walk, struct gale_str below,
                      struct cgi_program *out_program)
{
    for (size_t at = 0; at < below.len;) {
        const char *slash = memchr(below.at + at + 1, '/', below.len - at - 1);
        size_t end = slash ? (size_t)(slash - below.at) : below.len;
        if (end == at + 1)
            return end == below.len ? find_index(walk, below, out_program) : CGI_NOTHING;
        struct gale_str name = arena_copy(walk->arena, below.at, end);
        int kind = look(walk, name.at);
        struct gale_str rest = {below.at + end, below.len - end};
        if (kind == KIND_PROGRAM)
            return found_below(walk, name, rest, out_program);
        if (kind != KIND_FOLDER)
            return meaning(kind);
        at = end;
    }
    return find_index(walk, below, out_program);
}

int cgi_find(const struct cgi_settings *settings, int folder, struct gale_str below,
             struct arena *arena, struct cgi_program *out_program)
{
    struct walk walk = {settings, folder, arena};
    if (folder < 0)
        return found(&walk, settings->cgi, STR(""), below, out_program);
    return find_below(&walk, below, out_program);
}
