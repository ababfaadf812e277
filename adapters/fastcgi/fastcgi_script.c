/* fastcgi_script.c - which program a path names (RFC 3875 4.1.5, 4.1.13).
 *
 *   mount /blog, root /srv/blog, split .php, index index.php, script index.php
 *
 *   /blog/wp-login.php      the file            SCRIPT_NAME /blog/wp-login.php
 *   /blog/a.php/x           split               SCRIPT_NAME /blog/a.php     PATH_INFO /x
 *   /blog/                  index               SCRIPT_NAME /blog/index.php
 *   /blog/admin             a folder: redirected to /blog/admin/
 *   /blog/style.css         a file that is no program: declined, another app serves it
 *   /blog/media/a.png       the same where media is a symbolic link that leads out of root
 *   /blog/2026/hello        nothing: script     SCRIPT_NAME /blog/index.php PATH_INFO /2026/hello
 *
 * Where `root` lies on another machine, only the ending tells a program. Comparisons are bytes, so
 * that no folding of letters can shift where a path is split. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gale/plugin.h>

#include "app/config.h"
#include "base/arena.h"
#include "base/beneath.h"
#include "base/str.h"
#include "http/exchange.h"
#include "adapters/fastcgi/fastcgi_private.h"

/* ---- the configuration ---- */

static void require_root(const struct app_config *config, const char *const *value, const char *key,
                         struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    const char *file = config->file;
    unsigned line = config->line;
    (void)setting_errors_place(errors, value, &file, &line);
    if (*value && !settings->root)
        setting_errors_add(errors, file, line,
                           "[app %s] has '%s' but no root; add root = FOLDER, where the programs "
                           "are",
                           config->name, key);
}

static void check_split(const struct app_config *config, struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    const char *file = config->file;
    unsigned line = config->line;
    (void)setting_errors_place(errors, &settings->split, &file, &line);
    if (settings->split && (settings->split[0] != '.' || strchr(settings->split, '/')))
        setting_errors_add(errors, file, line,
                           "[app %s] split: '%s' is no ending; expected one such as .php",
                           config->name, settings->split);
}

void fastcgi_script_check(const struct app_config *config, struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    require_root(config, &settings->split, "split", errors);
    require_root(config, &settings->index, "index", errors);
    if (settings->script && settings->script[0] != '/')
        require_root(config, &settings->script, "script", errors);
    check_split(config, errors);
}

/* ---- the disk ---- */

enum kind { NOTHING, FILE_THERE, FOLDER, OUTSIDE };

/* What a path below root names; programs are not looked for where a symbolic link leads out. */
static enum kind look(const struct fastcgi *fastcgi, struct gale_str path)
{
    struct stat info;
    int fd = beneath_open(fastcgi->root_fd, path.at, O_PATH);
    if (fd < 0)
        return fd == -EACCES ? OUTSIDE : NOTHING;
    int r = fstat(fd, &info);
    close(fd);
    if (r < 0)
        return NOTHING;
    return S_ISDIR(info.st_mode) ? FOLDER : S_ISREG(info.st_mode) ? FILE_THERE : NOTHING;
}

/* ---- paths ---- */

struct path {
    const struct fastcgi *fastcgi;
    struct gale_request *req;
    struct arena *arena;
    struct gale_str below; /* the path below the mount, decoded to the end */
};

static struct gale_str mounted(const struct path *path, struct gale_str name)
{
    return arena_printf(path->arena, "%s%s", path->req->mount.at, name.at);
}

/* SCRIPT_NAME, SCRIPT_FILENAME and PATH_INFO for a program below root. */
static int use(const struct path *path, struct gale_str name, struct gale_str path_info,
               struct gateway_script *out)
{
    assert(path->fastcgi->settings->root); /* fastcgi_script_check has seen to it */
    struct gale_str root = str_of(path->fastcgi->settings->root);
    out->name = mounted(path, name);
    out->filename = arena_printf(path->arena, "%s%s", root.at, name.at);
    out->document_root = root;
    out->path_info = path_info;
    return 0;
}

static int use_front_controller(const struct path *path, struct gateway_script *out)
{
    const char *script = path->fastcgi->settings->script;
    if (!script)
        return GALE_DECLINE;
    if (script[0] != '/')
        return use(path, arena_printf(path->arena, "/%s", script), path->below, out);
    out->name = path->req->mount;
    out->filename = str_of(script);
    out->path_info = path->below;
    if (path->fastcgi->settings->root)
        out->document_root = str_of(path->fastcgi->settings->root);
    return 0;
}

/* The length of the path's first part that ends in `split`, at a slash or at the end; 0: none. */
static size_t split_at(struct gale_str path, const char *split)
{
    size_t len = strlen(split);
    for (size_t end = len + 1; end <= path.len; end++) {
        const char *from = path.at + end - len;
        bool is_part = end == path.len || path.at[end] == '/';
        if (is_part && memcmp(from, split, len) == 0 && from[-1] != '/')
            return end;
    }
    return 0;
}

static struct gale_str part(const struct path *path, size_t from, size_t to)
{
    return arena_copy(path->arena, path->below.at + from, to - from);
}

static bool ends_in_slash(struct gale_str text)
{
    return !text.len || text.at[text.len - 1] == '/';
}

/* A program that the path names, or that is not there. */
static int use_split(const struct path *path, size_t end, struct gateway_script *out)
{
    struct gale_str name = part(path, 0, end);
    if (path->fastcgi->root_fd >= 0 && look(path->fastcgi, name) != FILE_THERE)
        return use_front_controller(path, out);
    return use(path, name, part(path, end, path->below.len), out);
}

static int use_index(const struct path *path, struct gateway_script *out)
{
    const struct fastcgi_settings *settings = path->fastcgi->settings;
    struct gale_str folder = path->below.len ? path->below : STR("/");
    bool is_here = path->fastcgi->root_fd >= 0;
    if (!settings->index || (!is_here && settings->script))
        return use_front_controller(path, out);
    struct gale_str name = arena_printf(path->arena, "%s%s", folder.at, settings->index);
    if (is_here && look(path->fastcgi, name) != FILE_THERE)
        return use_front_controller(path, out);
    return use(path, name, STR(""), out);
}

/* A folder is named with a slash, or the links in its pages would lead astray. */
static int add_slash(const struct path *path, struct gale_response *res)
{
    const struct target *target = &path->req->target;
    struct gale_str to = arena_printf(path->arena, "%s/%s%s", target->raw_path.at,
                                      target->has_query ? "?" : "", target->query.at);
    /* Two slashes in front would name a host. */
    to.at += strspn(to.at, "/") > 1 ? strspn(to.at, "/") - 1 : 0;
    return gale_redirect(res, 301, to.at);
}

/* Neither the ending nor a final slash tells what it is: the disk does. */
static int use_whole(const struct path *path, struct gale_response *res, struct gateway_script *out,
                     bool *out_is_answered)
{
    const struct fastcgi_settings *settings = path->fastcgi->settings;
    enum kind kind = path->fastcgi->root_fd >= 0 ? look(path->fastcgi, path->below)
                     : settings->split           ? NOTHING
                                                 : FILE_THERE;
    if (kind == OUTSIDE) /* no program, but what another app may be allowed to follow */
        return GALE_DECLINE;
    if (kind == FILE_THERE)
        return settings->split ? GALE_DECLINE : use(path, path->below, STR(""), out);
    if (kind == NOTHING || !settings->index)
        return use_front_controller(path, out);
    *out_is_answered = true;
    return add_slash(path, res);
}

void fastcgi_script_of_authorizer(const struct fastcgi *fastcgi, struct gale_request *req,
                                  struct gateway_script *out_script)
{
    const struct fastcgi_settings *settings = fastcgi->settings;
    struct arena *arena = exchange_of_request(req)->arena;
    const char *script = settings->script;
    *out_script = (struct gateway_script){.path_info = STR(""),
                                          .filename = str_of(script ? script : ""),
                                          .document_root = STR(""),
                                          .more = &settings->param};
    if (script && script[0] != '/')
        out_script->filename = arena_printf(arena, "%s/%s", settings->root, script);
    if (settings->root)
        out_script->document_root = str_of(settings->root);
}

int fastcgi_script_find(const struct fastcgi *fastcgi, struct gale_request *req,
                        struct gale_response *res, struct gateway_script *out_script,
                        bool *out_is_answered)
{
    struct arena *arena = exchange_of_request(req)->arena;
    const struct fastcgi_settings *settings = fastcgi->settings;
    struct path path = {fastcgi, req, arena, target_decode_fully(req->below, arena)};
    *out_script = (struct gateway_script){.name = req->mount,
                                          .path_info = path.below,
                                          .filename = STR(""),
                                          .document_root = STR(""),
                                          .more = &settings->param};
    if (!settings->root)
        return settings->script ? use_front_controller(&path, out_script) : 0;
    /* Decoded to the end it may have what no path below a folder has. */
    if (strstr(path.below.at, "/../") || str_ends_with(path.below, STR("/..")))
        return 404;
    if (!path.below.len && req->mount.len && settings->index) {
        *out_is_answered = true;
        return add_slash(&path, res);
    }
    size_t end = settings->split ? split_at(path.below, settings->split) : 0;
    if (end)
        return use_split(&path, end, out_script);
    if (ends_in_slash(path.below))
        return use_index(&path, out_script);
    return use_whole(&path, res, out_script, out_is_answered);
}
