/* crashes.h - the crashes of an instance: looked into one after the other, logged, and the last one
 * of each app kept.
 *
 *   add --> symbols asked for (a process, at most CRASHES_ASKED_MS) --> logged, kept --> on_told
 *
 * The master waits for none of it. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "loop/ioloop.h"

struct crash;
struct dev_master;
struct identity;
struct json;

enum {
    CRASHES_KEPT = 64,    /* apps whose last crash is kept */
    CRASHES_PENDING = 16, /* more at once are told without symbols */
    CRASHES_ASKED_MS = 10 * 1000,
};

struct crashes {
    struct ioloop *loop;
    struct dev_master *dev; /* borrowed: who is told instead of the log; NULL */
    struct list pending;    /* inquiries; owned */
    struct list kept;       /* the last of each app, the newest first; owned */
    size_t pending_count, kept_count;
    uint64_t total;
};

typedef void crashes_told_fn(void *data, const struct crash *crash);

void crashes_init(struct crashes *crashes, struct ioloop *loop);
/* What is still being looked into is told as it is; nobody hears of it any more. */
void crashes_finish(struct crashes *crashes);
/* Takes the crash. Symbols are looked up as `identity`, since files that workers have loaded are
 * not to be trusted more than they are. on_told (may be NULL) is called once it is logged, never
 * from within this call; the crash is borrowed then. */
void crashes_add(struct crashes *crashes, struct crash *crash, const struct identity *identity,
                 crashes_told_fn *on_told, void *data);
/* The member "crashes": a list, the newest first. */
void crashes_write(const struct crashes *crashes, struct json *json);
