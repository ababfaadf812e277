/* dev_state.h - how the builds of `gale dev` stand, as the master tells it to every worker.
 *
 * The master encodes it whenever it changes into a sealed memfd; a worker decodes that and never
 * changes it. `build` counts what went live, in all apps, and starts at another number each time
 * gale dev starts: so a page that was made by other code than the one that runs is always told from
 * one that was not. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

struct arena;

enum dev_stage {
    DEV_FIRST,   /* is built for the first time: nothing can answer yet */
    DEV_LIVE,    /* what was built last answers */
    DEV_BROKEN,  /* does not build */
    DEV_REFUSED, /* was built, and does not open */
};

struct dev_app {
    const char *name;
    enum dev_stage stage;
    bool is_building;    /* what was saved since then is built, or about to go live */
    bool is_openable;    /* there is something of it that workers can open */
    uint64_t trouble;    /* the number of the build that is broken or refused; 0: none is */
    int64_t ms;          /* what the last build took */
    const char *folder;  /* where its builds run */
    const char *command; /* what they run, for people */
    const char *text;    /* what the last one said, or why it was refused */
    struct dev_crash {
        const char *id;    /* of the request that it was at; "": none, or it never crashed */
        const char *what;  /* in a sentence */
        const char *stack; /* lines of FUNCTION, FILE, LINE and NUMBER with tabs between them,
                            * the innermost first; FILE and LINE may be empty */
        const char *words; /* the whole report */
    } crash;               /* the last one */
};

/* A configuration that is refused: the one before it is what serves. */
struct dev_conf_state {
    uint64_t trouble;   /* its number among those of the apps; 0: it is as its file says */
    const char *name;   /* of the file */
    const char *folder; /* where paths in the text start */
    const char *text;   /* what is wrong, in lines */
};

struct dev_state {
    uint64_t build;
    struct dev_conf_state conf;
    struct dev_app *apps;
    size_t count;
};

/* Both on the arena. */
struct gale_str dev_state_encode(const struct dev_state *state, struct arena *arena);
/* Returns 0, or -EINVAL for what nobody encoded. */
int dev_state_decode(struct gale_str text, struct arena *arena, struct dev_state *out);

/* The app of that name, or NULL. */
const struct dev_app *dev_state_find(const struct dev_state *state, struct gale_str name);
/* Whether its last build cannot answer. */
bool dev_app_is_broken(const struct dev_app *app);
