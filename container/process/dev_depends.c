/* dev_depends.c - "hello.so.new: hello.c \<newline> greeting.h", and lines of ld. */
#include "process/dev_depends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "app/dev_diagnostic.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "process/dev_command.h"

enum { FILE_MOST = 1024 * 1024 };

/* ---- the list ---- */

static char *full_path(const char *folder, struct gale_str path)
{
    return path.at[0] == '/' ? memory_copy(path.at, path.len)
                             : memory_printf("%s/%.*s", folder, (int)path.len, path.at);
}

static bool has(const struct dev_inputs *inputs, const char *path)
{
    for (size_t i = 0; i < inputs->count; i++)
        if (strcmp(inputs->paths[i], path) == 0)
            return true;
    return false;
}

void dev_inputs_add(struct dev_inputs *inputs, struct gale_str path)
{
    char *full = full_path(inputs->folder, path);
    if (has(inputs, full)) {
        free(full);
        return;
    }
    inputs->paths = memory_realloc(inputs->paths, (inputs->count + 2) * sizeof(*inputs->paths));
    inputs->paths[inputs->count++] = full;
    inputs->paths[inputs->count] = NULL;
}

void dev_inputs_finish(struct dev_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        free(inputs->paths[i]);
    free(inputs->paths);
    *inputs = (struct dev_inputs){.folder = inputs->folder};
}

/* ---- dependency files ---- */

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return NULL;
    char *text = memory_alloc(FILE_MOST + 1);
    text[fread(text, 1, FILE_MOST, in)] = 0;
    fclose(in);
    return text;
}

/* The next word; "\ " is a blank in it, "\" at the end of a line goes on. Returns its length, the
 * word without backslashes at `at`; 0 at the end. */
static size_t next_word(char **text, char **out_word)
{
    char *from = *text + strspn(*text, " \t\r\n"), *to;
    while (from[0] == '\\' && from[1] == '\n')
        from += 2 + strspn(from + 2, " \t\r\n");
    *out_word = to = from;
    while (*from && !strchr(" \t\r\n", *from)) {
        if (from[0] == '\\' && from[1] == '\n')
            break;
        if (from[0] == '\\' && from[1])
            from++;
        *to++ = *from++;
    }
    *text = from;
    return (size_t)(to - *out_word);
}

static void each_dependency(const char *file, void (*fn)(void *data, struct gale_str path),
                            void *data)
{
    scoped_free char *text = read_file(file);
    char *at = text ? strstr(text, ": ") : NULL, *word;
    size_t len;
    if (!at)
        return;
    at += 2;
    while ((len = next_word(&at, &word)))
        fn(data, (struct gale_str){word, len});
}

static void add_one(void *data, struct gale_str path)
{
    dev_inputs_add(data, path);
}

void dev_inputs_add_depends(struct dev_inputs *inputs, const char *file)
{
    each_dependency(file, add_one, inputs);
}

static bool is_file(const struct dev_inputs *inputs, struct gale_str path)
{
    struct stat info;
    scoped_free char *full = path.at[0] == '/'
                                 ? memory_copy(path.at, path.len)
                                 : memory_printf("%s/%.*s", inputs->folder, (int)path.len, path.at);
    return stat(full, &info) == 0 && S_ISREG(info.st_mode);
}

void dev_inputs_add_named(struct dev_inputs *inputs, struct gale_str text)
{
    struct dev_diagnostic at;
    while (dev_diagnostic_next(&text, &at))
        if (is_file(inputs, at.file))
            dev_inputs_add(inputs, at.file);
}

/* ---- where files are ---- */

/* The one input below the folder whose path ends so, as seen from there; NULL: none, or several. */
static const char *find_ending(const struct dev_inputs *inputs, struct gale_str file)
{
    const char *found = NULL;
    size_t folder = strlen(inputs->folder);
    for (size_t i = 0; i < inputs->count; i++) {
        const char *path = inputs->paths[i];
        size_t len = strlen(path);
        if (strncmp(path, inputs->folder, folder) != 0 || len < folder + 1 + file.len + 1 ||
            path[len - file.len - 1] != '/' ||
            memcmp(path + len - file.len, file.at, file.len) != 0)
            continue;
        if (found)
            return NULL;
        found = path + folder + 1;
    }
    return found;
}

char *dev_inputs_resolve(const struct dev_inputs *inputs, const char *text)
{
    struct gale_str rest = str_of(text);
    struct dev_diagnostic at;
    struct buffer out = {0};
    const char *done = text;
    buffer_add_text(&out, "");
    while (dev_diagnostic_next(&rest, &at)) {
        if (at.file.at[0] == '/' || is_file(inputs, at.file))
            continue;
        const char *file = find_ending(inputs, at.file);
        if (!file)
            continue;
        buffer_add(&out, done, (size_t)(at.file.at - done));
        buffer_add_text(&out, file);
        done = at.file.at + at.file.len;
    }
    buffer_add_text(&out, done);
    return buffer_steal(&out);
}

/* ---- freshness ---- */

struct age {
    const char *folder;
    struct timespec made;
    bool is_fresh;
    size_t count;
};

static bool is_younger(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

static void compare(void *data, struct gale_str path)
{
    struct age *age = data;
    struct stat info;
    scoped_free char *name = full_path(age->folder, path);
    age->count++;
    if (stat(name, &info) < 0 || !is_younger(age->made, info.st_mtim))
        age->is_fresh = false;
}

bool dev_depends_is_fresh(const struct dev_command *command, const char *folder)
{
    struct stat info;
    if (stat(command->object, &info) < 0)
        return false;
    struct age age = {folder, info.st_mtim, true, 0};
    each_dependency(command->depends, compare, &age);
    return age.is_fresh && age.count > 0;
}

/* ---- what ld says ---- */

static bool contains(struct gale_str text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part));
}

static const char warning_mark[] = "warning: undefined reference to ";

static void copy_line(struct buffer *out, struct gale_str line)
{
    const char *at = memmem(line.at, line.len, warning_mark, sizeof(warning_mark) - 1);
    if (at) {
        size_t before = (size_t)(at - line.at);
        buffer_add(out, line.at, before);
        buffer_add_text(out, "error: ");
        at += strlen("warning: ");
        line = (struct gale_str){at, line.len - before - strlen("warning: ")};
    }
    buffer_add_str(out, line);
    buffer_add_text(out, "\n");
}

bool dev_depends_filter_linker(struct buffer *text)
{
    struct gale_str rest = buffer_str(text);
    struct buffer kept = {0};
    bool is_missing = false;
    buffer_add_text(&kept, "");
    while (rest.len) {
        struct gale_str line = str_cut(&rest, '\n');
        bool is_reference =
            contains(line, warning_mark) || contains(line, "more undefined references to ");
        if ((is_reference && contains(line, "`gale_")) || contains(line, ": in function `"))
            continue;
        is_missing = is_missing || is_reference;
        copy_line(&kept, line);
    }
    buffer_finish(text);
    *text = kept;
    return is_missing;
}
