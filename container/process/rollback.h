/* rollback.h - going back to the release before, when the new one's workers crash or somebody asks.
 *
 *   files --reload--> next --go--> live          the one that serves
 *                                   |            fails, young: rolled back
 *                                 previous --reload--> next --go--> live, a repetition
 *
 * A release fails when `probation_crashes` of its workers crash within `probation` of its start. It
 * is left alone where the one before it crashed as often, where there is none, where it is itself a
 * repetition, and where `rollback = no`. What was rolled back is remembered by its digest: a reload
 * of the same files says so. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct copied;
struct generation;
struct json;
struct master;
struct release;

struct rollback {
    struct release *next, *live, *previous; /* owned */
    bool is_wanted;                         /* the next reload takes `previous`, not the files */
    bool is_continued;                      /* the next reload is another program's: see below */
    struct release *refused; /* what was rolled back last; owned; NULL: other files serve since */
    uint64_t to_number;
    int64_t refused_ms;
    char *why; /* owned */
};

void rollback_finish(struct rollback *rollback);

/* ---- a reload's way ---- */

/* What is to be loaded instead of the files, or NULL: they are. */
const struct release *rollback_source(const struct master *master);
/* Whether gale may go back to something that has this copy, or compare with it. */
bool rollback_uses(const struct master *master, const struct copied *copied);
/* What the app loaded in the generation that was rolled back last, or NULL: the files as they were
 * then are no news. */
const struct copied *rollback_refused(const struct master *master, const char *app);
/* A release was loaded (taken). */
void rollback_prepare(struct master *master, struct release *next);
/* What was prepared, or was to be loaded, does not come to anything. */
void rollback_cancel(struct master *master);
/* What was prepared serves. Returns owned: what whoever asked for it should know; or NULL. */
char *rollback_go(struct master *master);

/* ---- crashes ---- */

/* A worker of a live generation crashed. */
void rollback_count(struct master *master, const struct generation *generation);
/* No reload runs any more that would have replaced what fails. */
void rollback_look(struct master *master);

/* ---- under another program ---- */

/* The next reload is there to replace the earlier program's workers. If it makes the same of the
 * files, nothing else has happened to the release: what was before it, how long it serves and its
 * crashes stay. A release that was gone back to stays, too, whatever the files are. */
void rollback_continue(struct master *master);

/* ---- by hand ---- */

/* Makes the next reload one to the previous release. Returns 0, or -ENOENT and in *out_why (owned)
 * that there is nothing to go back to. */
int rollback_want(struct master *master, char **out_why);
/* The member "rollback": what was, and whether there is something to go back to. */
void rollback_write(const struct master *master, struct json *json);
