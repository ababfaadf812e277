/* code_list.c - five texts an app. */
#include "process/code_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/code.h"
#include "app/config.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/sealed.h"
#include "process/copies.h"

enum { TEXTS = 5 };

static void add(struct buffer *out, const char *text)
{
    buffer_add(out, text, strlen(text) + 1);
}

static void add_code(struct buffer *out, const char *app, const struct copied *copied)
{
    add(out, app);
    add(out, copied->original);
    add(out, copied->path);
    add(out, copied->root);
    for (size_t i = 0; i + 1 < copied->fd_count; i++)
        buffer_printf(out, "%s%d", i ? " " : "", copied->fds[i]);
    buffer_add(out, "", 1);
}

int code_list_write(const struct config *config, const struct copied *const *copies)
{
    struct buffer text = {0};
    for (size_t i = 0; i < config->app_count; i++)
        if (copies[i])
            add_code(&text, config->apps[i].name, copies[i]);
    int fd = sealed_make("gale-code", buffer_str(&text));
    buffer_finish(&text);
    return fd;
}

/* ---- reading ---- */

static int read_numbers(const char *text, struct arena *arena, struct code *code)
{
    int *numbers = arena_alloc(arena, (strlen(text) / 2 + 1) * sizeof(*numbers));
    for (char *end; *text; text = end + (*end == ' ')) {
        long number = strtol(text, &end, 10);
        if (end == text || number < 0 || number > INT32_MAX || (*end && *end != ' '))
            return -EBADMSG;
        numbers[code->first_count++] = (int)number;
    }
    code->first = numbers;
    return 0;
}

/* Where the kernel shows it to this process and to its debugger alike. */
static const char *seen_from_outside(const char *path, struct arena *arena)
{
    static const char self[] = "/proc/self/";
    if (strncmp(path, self, strlen(self)) != 0)
        return path;
    return arena_printf(arena, "/proc/%d/%s", (int)getpid(), path + strlen(self)).at;
}

static const char *next(struct gale_str *rest)
{
    const char *text = rest->at;
    size_t len = strlen(text) + 1;
    *rest = (struct gale_str){rest->at + len, rest->len - len};
    return text;
}

static int parse(struct gale_str rest, struct arena *arena, struct code **out_codes,
                 size_t *out_count)
{
    size_t zeros = 0, count = 0;
    for (size_t i = 0; i < rest.len; i++)
        zeros += !rest.at[i];
    if (zeros % TEXTS || (rest.len && rest.at[rest.len - 1]))
        return -EBADMSG;
    struct code *codes = arena_zalloc(arena, (zeros / TEXTS + 1) * sizeof(*codes));
    for (int r; rest.len; count++) {
        struct code *code = &codes[count];
        code->app = next(&rest);
        code->original = next(&rest);
        code->path = seen_from_outside(next(&rest), arena);
        code->root = next(&rest);
        if ((r = read_numbers(next(&rest), arena, code)) < 0)
            return r;
    }
    *out_codes = codes;
    *out_count = count;
    return 0;
}

int code_list_read(int fd, struct arena *arena, struct code **out_codes, size_t *out_count)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return -errno;
    size_t size = (size_t)info.st_size;
    char *text = arena_alloc(arena, size + 1);
    if (pread(fd, text, size, 0) != (ssize_t)size)
        return -EBADMSG;
    return parse((struct gale_str){text, size}, arena, out_codes, out_count);
}
