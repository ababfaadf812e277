/* dev_master_private.h - struct dev_master and its apps, for the files that make them up. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "app/dev_state.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/list.h"
#include "loop/timer.h"
#include "process/dev_command.h"
#include "process/dev_depends.h"
#include "process/dev_master.h"

struct dev_build;
struct dev_conf;
struct dev_sites;
struct watch;

struct dev_master_app {
    struct list link;
    struct dev_master *dev;
    struct arena arena; /* of its name and recipe */
    struct dev_recipe recipe;
    struct dev_build *build; /* NULL: others build it, we look at the file */
    struct watch *watch;
    struct dev_inputs inputs; /* what that watches */
    struct timer look;        /* for files that come */
    uint64_t folder_stamp;
    struct gale_str title;
    struct dev_app state; /* its texts are owned where they are not the recipe's */
    char *text;           /* owned */
    char *said;           /* by the last build that succeeded; owned */
    char *crash[4];       /* the texts of state.crash; owned */
    struct digest made;   /* of the output, where a command makes it */
    int64_t changed_ms;   /* when the first change of this build was seen */
    bool is_built;        /* and waits for a reload */
    bool is_as_before;    /* what was built: opened anew, but nothing to be told */
    bool is_reloading;
    bool was_built;  /* before that reload: it has news, and is not just tried again */
    bool is_blamed;  /* for the failure of that reload */
    bool is_held;    /* refused: reloads leave it as it is until there is something new */
    bool is_coming;  /* with the configuration of this reload */
    bool is_leaving; /* with that */
    bool has_lived;  /* something of it went live once */
    bool is_stale;   /* changed while a command ran */
    bool is_again;   /* in trouble in the same words as before */
    unsigned kills;  /* in a row */
    unsigned builds; /* that went to be live */
};

struct dev_master {
    struct master *master; /* borrowed */
    const struct dev_options *options;
    struct dev_conf *conf;   /* owned; NULL: the options' own text */
    struct dev_sites *sites; /* owned */
    struct list apps;        /* owned */
    uint64_t build, trouble;
    int state_fd, log_fd;
};

/* ---- dev_app.c: one app, its files, its build and its stage ---- */

struct app_config;

/* An app of the configuration: its own command, the options' recipe, or a file that somebody else
 * builds. Returns owned; nothing of it runs. */
struct dev_master_app *dev_app_create(struct dev_master *dev, const struct app_config *config);
/* The same for an app that is there already, made in another way from now on. */
struct dev_master_app *dev_app_create_again(const struct dev_master_app *before,
                                            const struct app_config *config);
/* Whether the configuration still has it made as it is. */
bool dev_app_is_as(const struct dev_master_app *app, const struct app_config *config);
void dev_app_destroy(struct dev_master_app *app);
/* Watches its files and builds it for the first time. */
void dev_app_start(struct dev_master_app *app);
/* The reload that took in what was built has ended, `why` not (NULL: it succeeded). */
void dev_app_reloaded(struct dev_master_app *app, const char *why);

/* ---- dev_tell.c: how things stand, to workers and to the terminal ---- */

/* Makes the descriptor of the state; without memory for it the old one stays. `is_to_be`: how it is
 * once the reload that runs has succeeded, for workers that start with it. */
void dev_tell_prepare(struct dev_master *dev, bool is_to_be);
void dev_tell_workers(struct dev_master *dev);
void dev_tell_terminal(const struct dev_master_app *app, enum dev_notice_kind kind);

/* ---- dev_master.c ---- */

/* The app of that name, which may be one that comes; or NULL. Takes a NULL dev. */
struct dev_master_app *dev_master_find(const struct dev_master *dev, const char *name);
