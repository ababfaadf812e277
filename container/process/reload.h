/* reload.h - replacing the live generation by one of the configuration as it is now.
 *
 * One reload runs at a time; requests that come meanwhile are all answered by the one that follows
 * it. Whoever asks may wait for the outcome. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/macros.h"
#include "loop/timer.h"
#include "process/master.h"

struct master;
struct task;

/* The outcome, as told to whoever waited. */
struct reload_result {
    bool is_ok;
    uint64_t generation; /* the live one afterwards */
    int64_t ms;          /* from the request to here */
    char *text;          /* why not; or what else there is to say, or NULL; owned */
};

struct reloads {
    struct list current; /* those who wait for the reload that runs */
    struct list queued;  /* and for the one after it */
    bool is_running, is_queued;
    int64_t asked_ms; /* monotonic: when the current one was first asked for */
    int64_t queued_ms, begun_ms;
    struct timer again;    /* while a plugin's file is being written, or generations end */
    struct timer settling; /* while what was replaced hands its clients over */
    char *note;            /* what to say of success, owned; NULL: nothing */
    char *last_failure;    /* why the last reload failed, owned; NULL: it did not */
    int64_t last_failure_ms;
};

void reloads_init(struct reloads *reloads);
void reloads_finish(struct reloads *reloads);
/* Asks for a reload and returns at once. */
void reload_ask(struct master *master);
/* Asks and waits for the outcome; *out_result is then the caller's. Returns 0, or -ECANCELED or
 * -errno of the wait. */
SUSPENDS int reload_wait(struct master *master, struct reload_result *out_result);

/* The new generations serve: the reload is over once the clients that were idle are theirs, or
 * soon. reload_look is to be called when that may be so. */
void reload_settle(struct master *master);
void reload_look(struct master *master);
/* What to tell those who wait, should it succeed (borrowed; may be NULL). */
void reload_note(struct master *master, const char *note);
/* Ends the reload that runs: everybody who waited gets to know. `why` NULL: it succeeded. */
void reload_done(struct master *master, const char *why);

/* Reads the configuration as it is now and gives each group that needs one its next generation,
 * sockets bound. Returns MASTER_STOPPED when they could start; or what gale would exit with, and in
 * *out_error (owned) all that is wrong, a line each: then nothing was prepared.
 * *out_is_passing: a plugin's file is being written, so that it may soon be another thing. */
enum master_exit generation_load(struct master *master, char **out_error, bool *out_is_passing);
/* How long, and how often, one that passes is waited for. */
enum { RELOAD_PATIENCE_MS = 5000, RELOAD_AGAIN_MS = 25 };
