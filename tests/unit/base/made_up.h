/* made_up.h - a table with a row of each type, for the tests of setting*.c. */
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/setting.h"

struct made_up {
    const char *name, *logs;
    uint64_t buffer, any_size;
    int64_t timeout, workers, level, any_count;
    bool compress;
    int poller;
    struct setting_list listen, words;
    struct setting_pairs pages, set;
};

static inline int made_up_workers(const char *value, void *field, struct arena *arena,
                                  char **out_error)
{
    char *end;
    (void)arena;
    *(int64_t *)field = strcmp(value, "auto") == 0 ? -1 : strtoll(value, &end, 10);
    if (*(int64_t *)field == -1 || (!*end && *(int64_t *)field > 0))
        return 0;
    *out_error = "a whole number from 1 to 256 or auto";
    return -EINVAL;
}

static const char *const made_up_pollers[] = {"epoll", "poll", "select", NULL};

#define MADE_UP(field) offsetof(struct made_up, field)

static const struct setting made_up[] = {
    {.key = "name",
     .type = SETTING_TEXT,
     .offset = MADE_UP(name),
     .help = "What it is called.",
     .example = "hello world"},
    {.key = "logs",
     .type = SETTING_PATH,
     .offset = MADE_UP(logs),
     .initial = "var/log",
     .help = "Where logs go."},
    {.key = "buffer",
     .type = SETTING_SIZE,
     .offset = MADE_UP(buffer),
     .initial = "16K",
     .min = 1024,
     .max = 1 << 30,
     .help = "How much is gathered."},
    {.key = "any_size", .type = SETTING_SIZE, .offset = MADE_UP(any_size), .help = "Any size."},
    {.key = "timeout",
     .type = SETTING_MS,
     .offset = MADE_UP(timeout),
     .initial = "30s",
     .min = 1,
     .max = 3600000,
     .help = "How long it waits."},
    {.key = "workers",
     .type = SETTING_COUNT,
     .offset = MADE_UP(workers),
     .initial = "auto",
     .min = 1,
     .max = 256,
     .parse = made_up_workers,
     .help = "Worker processes."},
    {.key = "level",
     .type = SETTING_COUNT,
     .offset = MADE_UP(level),
     .initial = "-2",
     .min = -5,
     .max = 5,
     .help = "How loud."},
    {.key = "any_count", .type = SETTING_COUNT, .offset = MADE_UP(any_count), .help = "Any count."},
    {.key = "compress",
     .type = SETTING_FLAG,
     .offset = MADE_UP(compress),
     .initial = "yes",
     .help = "Whether it is small."},
    {.key = "poller",
     .type = SETTING_CHOICE,
     .offset = MADE_UP(poller),
     .initial = "poll",
     .choices = made_up_pollers,
     .help = "What it polls with."},
    {.key = "listen",
     .type = SETTING_LIST,
     .offset = MADE_UP(listen),
     .initial = "127.0.0.1:8080 unix:/a",
     .help = "Where it listens."},
    {.key = "words", .type = SETTING_LIST, .offset = MADE_UP(words), .help = "Words."},
    {.key = "error_page",
     .type = SETTING_PAIRS,
     .offset = MADE_UP(pages),
     .example = "404 x.html",
     .help = "The page of a status."},
    {.key = "set",
     .type = SETTING_NAMED,
     .offset = MADE_UP(set),
     .example = "greeting = hi",
     .help = "The app's own keys."},
    {0},
};
