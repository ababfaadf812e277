/* ini_load.c - a file and all that it includes, as one text with markers.
 *
 *   \1>1 conf/gale.ini       what follows are the lines of that file from line 1 on
 *   [server]
 *   \1>1 conf/conf.d/a.ini   in place of line 2, an include
 *   [app a]
 *   \1<3 conf/gale.ini       the first file goes on with line 3
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/ini.h"
#include "base/ini_line.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"

enum { MAX_DEPTH = 16, MAX_FILES = 1000, MAX_BYTES = 16 * 1024 * 1024 };

/* What all files of one configuration have in common. */
struct load {
    struct buffer text;
    struct setting_errors *errors;
    unsigned files;
    size_t bytes;
    bool has_given_up;
};

/* One file on the way; its includers are the chain of parents. */
struct file {
    struct load *load;
    const struct file *parent;
    const char *path;
    unsigned line;
    size_t line_start; /* of the current line, in load->text */
    unsigned depth;
    dev_t device;
    ino_t inode;
};

static void load_file(struct load *load, const char *path, const struct file *parent);

/* Errors of a file as a whole stand where it is included. */
static void add_error(struct load *load, const struct file *at, const char *path, const char *text)
{
    if (at)
        setting_errors_add(load->errors, at->path, at->line, "include: %s %s", path, text);
    else
        setting_errors_add(load->errors, path, 0, "%s", text);
}

/* A file's name is all that a marker holds besides; a newline in one must not end it. */
static void add_marker(struct file *file, char direction, unsigned line)
{
    struct buffer *text = &file->load->text;
    buffer_printf(text, "%c%c%u ", INI_LINE_MARKER, direction, line);
    size_t start = text->len;
    buffer_add_text(text, file->path);
    for (size_t i = start; i < text->len; i++)
        if (text->at[i] == '\n' || text->at[i] == '\r')
            text->at[i] = '?';
    buffer_add_text(text, "\n");
}

/* ---- includes ---- */

/* The pattern below the file's folder, whose own name is no pattern. */
static const char *place_pattern(const struct file *file, const char *pattern, bool is_glob)
{
    struct arena *arena = file->load->errors->arena;
    const char *slash = strrchr(file->path, '/');
    if (pattern[0] == '/' || !slash)
        return pattern;
    struct buffer placed = {0};
    for (const char *at = file->path; at <= slash; at++) {
        if (is_glob && strchr("*?[\\", *at))
            buffer_add_text(&placed, "\\");
        buffer_add(&placed, at, 1);
    }
    buffer_add_text(&placed, pattern);
    const char *copy = arena_copy(arena, placed.at, placed.len).at;
    buffer_finish(&placed);
    return copy;
}

/* A folder that is not there matches nothing; one that can't be read might hide something. */
static int is_hidden(const char *path, int error)
{
    (void)path;
    return error != ENOENT && error != ENOTDIR;
}

static void include_glob(struct file *file, const char *pattern)
{
    struct arena *arena = file->load->errors->arena;
    glob_t found = {0};
    int r = glob(place_pattern(file, pattern, true), 0, is_hidden, &found);
    if (r != 0 && r != GLOB_NOMATCH)
        add_error(file->load, file, pattern, "cannot be looked up: a folder in it is not readable");
    for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
        load_file(file->load, arena_copy(arena, found.gl_pathv[i], strlen(found.gl_pathv[i])).at,
                  file);
    globfree(&found);
}

static void take_key(void *data, const char *key, const char *value)
{
    struct file *file = data;
    struct load *load = file->load;
    if (strcmp(key, "include") != 0)
        return;
    load->text.len = file->line_start; /* the files take the place of the line */
    const char *pattern = ini_line_value(str_of(value), load->errors->arena);
    if (!pattern[0])
        setting_errors_add(load->errors, file->path, file->line,
                           "include: the value is missing; expected a file or a pattern such as "
                           "conf.d/*.ini");
    else if (strpbrk(pattern, "*?["))
        include_glob(file, pattern);
    else
        load_file(load, place_pattern(file, pattern, false), file);
    add_marker(file, '<', file->line + 1);
}

/* ---- one file ---- */

/* A line that is no text is reported here, once, and leaves an empty line or, so that the keys
 * below are not taken for those of the section above, a wrong section. */
static bool look(void *data, struct gale_str line)
{
    struct file *file = data;
    struct load *load = file->load;
    enum ini_line_kind kind = ini_line_kind(line);
    const char *fault = ini_line_text_fault(line, load->errors->arena);
    file->line++;
    file->line_start = load->text.len;
    if (fault)
        setting_errors_add(load->errors, file->path, file->line, "%s", fault);
    if (!fault)
        buffer_add_str(&load->text, line);
    else if (kind == INI_LINE_SECTION)
        buffer_printf(&load->text, "%c!", INI_LINE_MARKER);
    buffer_add_text(&load->text, "\n");
    return !fault && kind == INI_LINE_KEY && !ini_line_fault(line);
}

static const char *check_chain(const struct file *file)
{
    if (file->depth > MAX_DEPTH)
        return "is included more than 16 files deep";
    for (const struct file *other = file->parent; other; other = other->parent)
        if (other->device == file->device && other->inode == file->inode)
            return "includes itself, directly or through others";
    return NULL;
}

/* A pipe, as a shell makes one of a command; a master that reads it again cannot wait for long. */
static bool comes(int fd)
{
    enum { PIPE_MS = 2000 };
    struct pollfd pipe = {.fd = fd, .events = POLLIN};
    return poll(&pipe, 1, PIPE_MS) > 0;
}

static int read_all(int fd, size_t limit, struct buffer *out)
{
    for (;;) {
        char *to = buffer_reserve(out, 64 * 1024);
        ssize_t n = read(fd, to, 64 * 1024);
        if (n < 0 && (errno == EINTR || (errno == EAGAIN && comes(fd))))
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        out->len += (size_t)n;
        if (out->len > limit)
            return -EFBIG;
    }
}

static int open_file(struct file *file, int *out_fd)
{
    struct stat st;
    scoped_close int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    file->device = st.st_dev;
    file->inode = st.st_ino;
    *out_fd = steal_fd(&fd);
    return 0;
}

/* Reads the file's bytes. Returns NULL, or what is wrong with it. */
static const char *read_file(struct file *file, struct buffer *out)
{
    struct load *load = file->load;
    scoped_close int fd = -1;
    int r = open_file(file, &fd);
    const char *fault = r < 0 ? NULL : check_chain(file);
    if (fault)
        return fault;
    if (r == 0)
        r = read_all(fd, MAX_BYTES - load->bytes, out);
    load->bytes += out->len;
    load->has_given_up = r == -EFBIG || ++load->files > MAX_FILES;
    if (load->has_given_up)
        return "makes the configuration larger than 16 MiB or 1000 files";
    return r < 0 ? arena_printf(load->errors->arena, "cannot be read: %s", strerror(-r)).at : NULL;
}

static void load_file(struct load *load, const char *path, const struct file *parent)
{
    struct file file = {
        .load = load, .parent = parent, .path = path, .depth = parent ? parent->depth + 1 : 0};
    struct ini_feed feed = {look, take_key, &file};
    struct buffer bytes = {0};
    if (load->has_given_up)
        return; /* one error is enough for a configuration that is too large as a whole */
    const char *fault = read_file(&file, &bytes);
    if (fault) {
        add_error(load, parent, path, fault);
    } else {
        add_marker(&file, '>', 1);
        ini_line_feed(buffer_str(&bytes), &feed);
    }
    buffer_finish(&bytes);
}

char *ini_load(const char *path, size_t *out_len, struct setting_errors *errors)
{
    struct load load = {.errors = errors};
    path = arena_copy(errors->arena, path, strlen(path)).at;
    load_file(&load, path, NULL);
    *out_len = load.text.len;
    return buffer_steal(&load.text);
}
