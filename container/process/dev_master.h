/* dev_master.h - the master's part of `gale dev`: it builds apps when their files change, has them
 * go live, and tells the workers and the terminal how that goes.
 *
 *   files change --> build --> reload --> LIVE          told: to workers as a dev_state,
 *        ^             `-> BROKEN   `-> REFUSED               to the terminal as a notice
 *        `-----------------------------'
 *
 * The configuration is watched, too: apps that it gets are built and watched from then on.
 * What runs goes on until there is something better. Nothing of this exists in other masters. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

struct arena;
struct config;
struct dev_master;
struct dev_recipe;
struct master;
struct setting_pairs;

enum dev_notice_kind {
    DEV_IS_LIVE,
    DEV_IS_BROKEN,
    DEV_IS_REFUSED,
    DEV_HAS_CRASHED,
    DEV_CONF_IS_LIVE,
    DEV_CONF_IS_REFUSED,
    DEV_FILES_HAVE_CHANGED, /* which an app serves as they are */
    DEV_FILES_ARE_TOO_MANY, /* folders of them to be watched */
};

/* How a build ended, for the terminal; valid in the call. */
struct dev_notice {
    enum dev_notice_kind kind;
    const char *app;      /* of the configuration its file; "": none of these alone */
    const char *title;    /* what was run */
    const char *folder;   /* where */
    const char *text;     /* what was said, or why it is refused, or how it crashed; or a file */
    const char *stack;    /* of a crash, as dev_state.h has it */
    int64_t build_ms, ms; /* of the build; from the first change to here */
    size_t count;         /* of files or folders */
    bool is_again;        /* broken in the same words as before */
};

struct dev_options {
    /* One app that the configuration leaves to this recipe; NULL: all that have a `build`. */
    const char *app;
    const struct dev_recipe *recipe;
    const char *include; /* where <gale/gale.h> stands; NULL: unknown */
    bool has_asan;
    void (*notice)(const struct dev_notice *notice);
};

/* For the configuration that master->next was made of, before that starts. Returns 0 or -errno. */
int dev_master_open(struct master *master, const struct dev_options *options,
                    struct dev_master **out_dev);
void dev_master_close(struct dev_master *dev); /* takes NULL */
/* Builds everything for the first time. */
void dev_master_start(struct dev_master *dev);

/* How often the app went to be live; 0 for one that is not ours. Takes NULL. */
unsigned dev_master_builds(const struct dev_master *dev, const char *app);

/* A reload is about to fail because of that app. Takes a NULL dev, and names that are nobody's. */
void dev_master_blame(struct dev_master *dev, const char *app);
/* Whether the app stays with the generation that it has: what was built since does not open, or is
 * only being built. */
bool dev_master_holds(const struct dev_master *dev, const char *app);
/* Whether the text of a reload is chosen here: in *out_text then, owned. Takes NULL. */
bool dev_master_text(const struct dev_master *dev, struct gale_str *out_text);

/* What a worker inherits: the state as it is, and the log that all share. */
int dev_master_state_fd(const struct dev_master *dev);
int dev_master_log_fd(const struct dev_master *dev);

/* What the worker of an app gets as its environment: `env` (may be NULL), or more; on the arena. */
const struct setting_pairs *dev_master_environment(const struct dev_master *dev, const char *app,
                                                   const struct setting_pairs *env,
                                                   struct arena *arena);

/* A reload begins; it has ended, `why` not (NULL: it succeeded). Take NULL. */
void dev_master_reload_begins(struct dev_master *dev);
/* The reload is made of this configuration: apps that it brings are to come, others to leave. May
 * be called again before the reload ends. */
void dev_master_plan(struct dev_master *dev, const struct config *config);
void dev_master_reload_ended(struct dev_master *dev, const char *why);
