/* release.h - what a reload made of the files as they were: a configuration's text, copies of the
 * plugins, and how its workers fared. It outlives its generations, so that gale can go back to it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/digest.h"

struct copied;

enum { RELEASE_CRASHES = 100 }; /* the most that may be asked about */

/* What an app loads. */
struct release_code {
    char *app;                   /* owned */
    const struct copied *copied; /* borrowed: not pruned while a release has it */
};

struct release {
    uint64_t number;            /* of its generations */
    int text_fd;                /* the configuration, sealed; owned */
    struct release_code *codes; /* owned */
    size_t code_count;
    char digest[DIGEST_TEXT]; /* the same files make the same one */
    int64_t live_ms;          /* monotonic: since when it serves; 0: not yet */
    uint64_t source;          /* a rollback's: the number of the one that it repeats; 0: files */
    uint64_t crashes;
    int64_t crashed_ms[RELEASE_CRASHES]; /* the last ones; crash n stands at n % RELEASE_CRASHES */
    bool was_failing;                    /* when it was replaced */
    bool is_given_up; /* that it fails was said, and there is nothing to be done */
};

/* Of a configuration whose text lies sealed in text_fd (taken). Returns owned. */
struct release *release_create(uint64_t number, int text_fd, const struct digest *digest);
/* As it was (copied; its text_fd is taken), but for what its apps load. Returns owned. */
struct release *release_resume(const struct release *as);
void release_free(struct release *release); /* takes NULL */

void release_add_code(struct release *release, const char *app, const struct copied *copied);
/* The app's copy, or NULL. */
const struct copied *release_find_code(const struct release *release, const char *app);
/* Whether some app has that copy. */
bool release_uses(const struct release *release, const struct copied *copied); /* takes NULL */

void release_count_crash(struct release *release, int64_t now_ms);
/* From now on it is what `earlier` is, loaded once more: it serves since then, with its crashes. */
void release_continue(struct release *release, const struct release *earlier);
/* How many of its workers crashed in the last window_ms, RELEASE_CRASHES at most. */
uint64_t release_crashes(const struct release *release, int64_t now_ms, int64_t window_ms);
/* Whether it serves for less than that. */
bool release_is_young(const struct release *release, int64_t now_ms, int64_t window_ms);
