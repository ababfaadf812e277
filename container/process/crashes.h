/* crashes.h - the crashes of an instance: looked into one after the other, logged, and a report of
 * the last one of each app kept.
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
    struct list kept;       /* reports, the newest first; owned */
    size_t pending_count, kept_count;
};

/* What is told of an app's last crash: as it was written then, so that another gale can go on
 * telling it. */
struct crash_report {
    struct list link;
    char *app;        /* owned; "": nobody knows */
    uint64_t count;   /* of its crashes so far, this one included */
    int64_t died_ms;  /* wall clock, for people */
    int64_t since_ms; /* monotonic */
    char *members;    /* the rest, of an object in JSON; owned */
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
/* Ends the looking into: whatever is known by now is told. */
void crashes_conclude(struct crashes *crashes);
/* A report that another gale has kept, older than those that are there. */
void crashes_restore(struct crashes *crashes, const struct crash_report *as);
/* The member "crashes": a list, the newest first. */
void crashes_write(const struct crashes *crashes, struct json *json);
