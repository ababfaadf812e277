/* dev_log.c - a ring of lines; a number on each tells whether it is whole. */
#include "app/dev_log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"

enum { LINES = 512, LINE_BYTES = 1024 };

struct dev_log_line {
    _Atomic uint64_t number; /* of the line that stands here, from 1; 0: it is being written */
    size_t len;
    char text[LINE_BYTES];
};

struct dev_log {
    _Atomic uint64_t count; /* lines that were ever begun */
    struct dev_log_line lines[LINES];
};

static struct dev_log *shared;

int dev_log_create(void)
{
    scoped_close int fd = memfd_create("gale-dev-log", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof(struct dev_log)) < 0)
        return -errno;
    return steal_fd(&fd);
}

static void put(const char *text, size_t len)
{
    uint64_t number = atomic_fetch_add(&shared->count, 1) + 1;
    struct dev_log_line *line = &shared->lines[number % LINES];
    atomic_store(&line->number, 0);
    line->len = len < LINE_BYTES ? len : LINE_BYTES;
    memcpy(line->text, text, line->len);
    atomic_store(&line->number, number);
}

int dev_log_attach(int fd)
{
    void *at = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    shared = at;
    log_on_line(put);
    log_use_short_lines();
    return 0;
}

/* Whether it belongs to the request; a line that changes meanwhile does not. */
static size_t copy_line(const struct dev_log_line *line, uint64_t number, char out[LINE_BYTES])
{
    if (atomic_load(&line->number) != number)
        return 0;
    size_t len = line->len < LINE_BYTES ? line->len : LINE_BYTES;
    memcpy(out, line->text, len);
    return atomic_load(&line->number) == number ? len : 0;
}

void dev_log_find(struct gale_str id, struct buffer *out)
{
    char text[LINE_BYTES], wanted[64];
    int wanted_len = snprintf(wanted, sizeof(wanted), " id=%.*s", (int)id.len, id.at);
    uint64_t end = shared && id.len && id.len < 32 ? atomic_load(&shared->count) : 0;
    for (uint64_t number = end > LINES ? end - LINES + 1 : 1; number <= end; number++) {
        size_t len = copy_line(&shared->lines[number % LINES], number, text);
        if (!memmem(text, len, wanted, (size_t)wanted_len))
            continue;
        buffer_add(out, text, len);
        buffer_add_text(out, "\n");
    }
}
