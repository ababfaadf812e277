/* worker_process.h - one worker as the master sees it: a place, and the process that fills it.
 *
 *   EMPTY -> STARTING -> READY -> SERVING -> ENDING -> EMPTY
 *               |__________________|_________ died: WAITING (back-off) -> STARTING
 *
 * A process that serves and dies is replaced; one that dies before its generation accepts is the
 * generation's failure. One that wants to leave serves on beside its place until a successor does.
 * Every process is reaped through its pidfd, and its slot of the board is retired, when it ends. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/list.h"
#include "loop/timer.h"
#include "process/backoff.h"
#include "process/crash.h"
#include "process/watchdog.h"

struct channel_message;
struct generation;

enum worker_state {
    WORKER_EMPTY,
    WORKER_WAITING,
    WORKER_STARTING,
    WORKER_READY,
    WORKER_SERVING,
    WORKER_ENDING,
};

struct worker_process {
    struct generation *generation; /* borrowed: owns it */
    unsigned place;
    enum worker_state state;
    pid_t pid; /* 0: no process */
    int pidfd, channel;
    int slot;           /* of the board */
    int64_t serving_ms; /* monotonic; since when it accepts */
    int64_t cut_ms;     /* monotonic; ENDING: when what it still serves is cut */
    unsigned restarts;
    struct backoff backoff;
    struct timer timer; /* STARTING, ENDING: its deadline; WAITING: the end of the delay */
    char *why;          /* the last error that it reported, owned */
    bool gave_up;       /* and that is its own account of why it ends */
    struct watchdog_view view;
    enum crash_by by;   /* why it was struck down, if it was */
    int64_t silent_ms;  /* the watchdog's: how long its loop had not turned */
    bool was_busy;      /* it ended over a request */
    bool is_stopped;    /* and it was, by SIGSTOP */
    bool has_core_time; /* and it got time for that */
    bool is_killed;     /* by worker_process_kill */
    char *how;          /* how it ended, while that is looked into; owned */
    char *leaves;       /* why it wants to leave; owned; NULL: it does not */
    bool has_passed;    /* its successor has its idle connections */
    bool is_leaving;    /* another one has its place */
    struct list link;   /* then: among those of its generation */
};

void worker_process_init(struct worker_process *worker, struct generation *generation,
                         unsigned place);
/* Starts a process. Returns 0, or -errno after logging: then nothing runs. */
int worker_process_start(struct worker_process *worker);
/* What such an error means and what helps, as a part of a sentence. */
const char *worker_process_trouble(int error);
/* A process that another program of this master has started: as it was then (descriptors are
 * taken). Returns 0 or -errno. */
int worker_process_resume(struct worker_process *worker, const struct worker_process *as);
/* Moves the process out of its place, which is empty then. Returns owned: freed by
 * worker_process_free once the process has ended. */
struct worker_process *worker_process_move_out(struct worker_process *worker);
void worker_process_free(struct worker_process *worker);
/* Frees what it owns, without a process; not the worker itself. */
void worker_process_finish(struct worker_process *worker);
/* Once the process has ended: gives back its descriptors and its slot of the board. */
void worker_process_close(struct worker_process *worker);
/* READY: accept. */
void worker_process_go(struct worker_process *worker);
/* No new work; it ends by itself within `ms`, or is killed a little later. `flags` as channel.h has
 * them. */
void worker_process_drain(struct worker_process *worker, int64_t ms, unsigned flags);
void worker_process_kill(struct worker_process *worker);
/* One that still opens its apps has so long for it. */
void worker_process_hurry(struct worker_process *worker, int64_t ms);
/* It shall write down where it is and die of that; if it doesn't soon, it is killed. */
void worker_process_strike(struct worker_process *worker, enum crash_by by);
/* Sends it a message (borrowed); what cannot be sent is logged. */
void worker_process_tell(struct worker_process *worker, const struct channel_message *message);

/* "starting", "serving" and so on. */
const char *worker_state_name(enum worker_state state);
