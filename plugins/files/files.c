/* files.c - a plugin that serves the files of one folder.
 *
 *     [app site]
 *     mount  = /
 *     plugin = files
 *     set root = site            the folder, the only key that must be set
 *     set index = index.html     what a folder shows
 *     set list = no              yes: a folder without an index shows what is in it
 *     set missing = 404          decline: the next app is tried instead
 *     set follow = no            links: no; yes, below the root; anywhere
 *     set hidden = no            yes: names that begin with a dot, too
 *     set precompressed = no     yes: sends name.br or name.gz to those who take it
 *     set max_age = 1h           Cache-Control: public, max-age=3600
 *     set cache = no-store       Cache-Control in full, instead of max_age
 *     set version = v            what is asked for with ?v=... never changes: cached for a year
 *
 * The folder is opened once, when the worker starts; nothing outside of it can be named. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "files.h"

/* ---- settings ---- */

static const char *const missings[] = {"404", "decline", NULL};
static const char *const follows[] = {"no", "yes", "anywhere", NULL};
static const uint64_t follow_flags[] = {
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_MAGICLINKS,
};

static int read_follow(struct files *files)
{
    int index, r = gale_setting_choice(files->app, "follow", follows, 0, &index);
    files->resolve = follow_flags[index];
    return r;
}

/* Cache-Control in the words of `cache`, or made of max_age. On the heap, or NULL. */
static int read_cache(struct files *files)
{
    const char *text = gale_setting(files->app, "cache", NULL);
    const char *age = gale_setting(files->app, "max_age", NULL);
    int64_t ms = 0;
    char *made = NULL;
    if (text && age) {
        gale_log(files->app, GALE_ERROR, "set cache and set max_age exclude each other");
        return -EINVAL;
    }
    int r = gale_setting_number(files->app, "max_age", 0, &ms);
    if (r < 0)
        return r;
    if (age && (ms < 0 || ms % 1000 || (ms && strspn(age, "0123456789") == strlen(age)))) {
        gale_log(files->app, GALE_ERROR, "set max_age: '%s' is no time; expected one such as 1h",
                 age);
        return -EINVAL;
    }
    if (text && !(made = strdup(text)))
        return -ENOMEM;
    if (age && asprintf(&made, "public, max-age=%" PRId64, ms / 1000) < 0)
        return -ENOMEM;
    files->cache = made;
    return 0;
}

static int read_names(struct files *files)
{
    files->index = gale_setting(files->app, "index", "index.html");
    files->version = gale_setting(files->app, "version", NULL);
    if (*files->index && !strchr(files->index, '/'))
        return 0;
    gale_log(files->app, GALE_ERROR, "set index: '%s' is no file name", files->index);
    return -EINVAL;
}

static int read_settings(struct files *files)
{
    struct gale_app *app = files->app;
    int r = read_follow(files);
    if (r == 0)
        r = gale_setting_flag(app, "list", 0, &files->lists);
    if (r == 0)
        r = gale_setting_choice(app, "missing", missings, 0, &files->declines);
    if (r == 0)
        r = gale_setting_flag(app, "hidden", 0, &files->shows_hidden);
    if (r == 0)
        r = gale_setting_flag(app, "precompressed", 0, &files->is_precompressed);
    if (r == 0)
        r = read_names(files);
    return r == 0 ? read_cache(files) : r;
}

static int open_root(struct files *files)
{
    const struct lookup probe = {.files = files};
    const char *root = gale_setting_path(files->app, "root", NULL);
    if (!root) {
        gale_log(files->app, GALE_ERROR, "set root is missing: the folder whose files are served");
        return -EINVAL;
    }
    files->path = root;
    files->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = files->root < 0 ? -errno : 0;
    if (r == 0) {
        int fd = lookup_open_below(&probe, ".", O_PATH); /* is there openat2 at all? */
        r = fd < 0 ? fd : close(fd);
    }
    if (r < 0)
        gale_log(files->app, GALE_ERROR, "set root: cannot open the folder %s: %s", root,
                 strerror(-r));
    return r;
}

static void close_files(void *state)
{
    struct files *files = state;
    if (files->root >= 0)
        close(files->root);
    free((char *)files->cache);
    free(files);
}

static int open_files(struct gale_app *app, void **out_state)
{
    struct files *files = calloc(1, sizeof(*files));
    if (!files)
        return -ENOMEM;
    files->app = app;
    files->root = -1;
    int r = read_settings(files);
    if (r == 0)
        r = open_root(files);
    if (r < 0)
        close_files(files);
    else
        *out_state = files;
    return r;
}

/* ---- names ---- */

/* The path below the root, or NULL for one that no file can have: an empty segment (else //private
 * would be found behind the back of an app on /private), a slash or backslash within a name, a
 * hidden name. A percent sign that could be misread comes as %25 (see gale/request.h). */
static const char *file_path(const struct files *files, struct gale_request *req,
                             struct gale_str below)
{
    char *path = gale_request_alloc(req, below.len + 1), *to = path, *segment = path;
    for (size_t i = 1; i < below.len; i++) {
        const char *at = below.at + i;
        if (*at == '/') {
            if (!lookup_is_visible(files, segment, (size_t)(to - segment)))
                return NULL;
            segment = to + 1;
        }
        if (*at == '%' && (strncasecmp(at + 1, "2f", 2) == 0 || strncasecmp(at + 1, "5c", 2) == 0))
            return NULL;
        *to++ = *at;
        if (*at == '%' && strncmp(at + 1, "25", 2) == 0)
            i += 2;
    }
    *to = 0;
    return segment == to || lookup_is_visible(files, segment, (size_t)(to - segment)) ? path : NULL;
}

/* A path as it may stand in a Location. */
static const char *encode_path(struct gale_request *req, struct gale_str path)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = gale_request_alloc(req, path.len * 3 + 1), *to = text;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        bool is_escape = c == '%' && strncmp(path.at + i + 1, "25", 2) == 0;
        if (is_escape || (c > ' ' && c < 0x7f && !strchr("\"#%<>?\\^`{|}", c))) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    *to = 0;
    return text;
}

/* ---- answers ---- */

static int add_slash(struct gale_request *req, struct gale_response *res)
{
    const char *path = encode_path(req, gale_request_path(req));
    struct gale_str query = gale_request_query_string(req);
    return gale_redirect(
        res, 301,
        gale_request_printf(req, "%s/%s%s", path, query.len ? "?" : "", query.len ? query.at : ""));
}

static bool is_method(const struct gale_request *req, const char *name)
{
    return strcmp(gale_request_method(req).at, name) == 0;
}

static int refuse_method(const struct gale_request *req, struct gale_response *res)
{
    gale_response_header(res, "Allow", "GET, HEAD, OPTIONS");
    if (is_method(req, "OPTIONS"))
        return gale_response_status(res, 204);
    return 405;
}

static int refuse(const struct files *files, int error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
        return files->declines ? GALE_DECLINE : 404;
    case -EACCES:
    case -EPERM:
    case -ELOOP: /* a link, which is not to be followed */
    case -EXDEV: /* one that leads out of the root */
    case -ENXIO: /* a socket */
    case -ENODEV:
        return 403;
    default:
        return error;
    }
}

static int answer(struct lookup *lookup, struct gale_request *req, struct gale_response *res)
{
    bool is_folder = S_ISDIR(lookup->st.st_mode);
    if (!is_folder && !S_ISREG(lookup->st.st_mode))
        return 403;
    if (!is_method(req, "GET") && !is_method(req, "HEAD"))
        return refuse_method(req, res);
    if (!is_folder)
        return send_file(lookup, req, res);
    if (!lookup->has_slash)
        return add_slash(req, res);
    return lookup->files->lists ? send_listing(lookup, req, res) : 403;
}

/* What was deleted is still open, and empty. If a folder stands in its place by now, it is that
 * from here on: under the same number, since threads may be looking below it. */
static bool find_root_again(const struct files *files)
{
    struct stat st;
    if (fstat(files->root, &st) < 0 || st.st_nlink)
        return false;
    int fd = open(files->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_done = dup3(fd, files->root, O_CLOEXEC) >= 0;
    close(fd);
    gale_log(files->app, GALE_WARN,
             "set root: %s had been deleted; the folder that is there now "
             "is served",
             files->path);
    return is_done;
}

static int find(struct lookup *lookup)
{
    int r = lookup->path ? lookup_open(lookup) : -ENOENT;
    if (r == 0 && lookup->st.st_nlink == 0 && S_ISDIR(lookup->st.st_mode)) {
        lookup_close(lookup);
        r = -ENOENT;
    }
    return r;
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    const struct files *files = state;
    struct gale_str below = gale_request_below(req);
    struct lookup lookup = {
        .files = files,
        .fd = -1,
        .path = file_path(files, req, below),
        .has_slash = below.len && below.at[below.len - 1] == '/',
        .takes_br = files->is_precompressed && gale_request_accepts_coding(req, "br"),
        .takes_gzip = files->is_precompressed && gale_request_accepts_coding(req, "gzip"),
    };
    int r = find(&lookup);
    if (r == -ENOENT && find_root_again(files))
        r = find(&lookup);
    r = r < 0 ? refuse(files, r) : answer(&lookup, req, res);
    lookup_close(&lookup);
    return r;
}

GALE_PLUGIN(p)
{
    static const char *const keys[] = {"root",    "index",         "list",    "missing",
                                       "follow",  "hidden",        "max_age", "cache",
                                       "version", "precompressed", NULL};
    p->name = "files";
    p->version = gale_version();
    p->keys = keys;
    p->open = open_files;
    p->serve = serve;
    p->close = close_files;
}
