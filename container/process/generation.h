/* generation.h - the workers of one configuration.
 *
 *   CANARY    worker 0 opens every app, so that whatever is wrong is found by one process
 *   CREW      the others start
 *   READY     all wait for go
 *   LIVE      they accept; who dies is replaced
 *   ENDING    they end: replaced by the next generation, or failed before go
 *
 * A failure or a deadline before go ends the generation and leaves everything else as it was. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "loop/ioloop.h"
#include "process/identity.h"
#include "process/log_files.h"

struct app_config;
struct channel_message;
struct config;
struct copied;
struct group;
struct master;
struct worker_process;

enum generation_state {
    GENERATION_CANARY,
    GENERATION_CREW,
    GENERATION_READY,
    GENERATION_LIVE,
    GENERATION_ENDING,
};

/* What an app of the configuration serves with, as a worker told; owned, NULL: unknown. */
struct app_title {
    char *title, *version;
};

struct generation {
    struct list link;
    struct group *group;   /* borrowed: owns it */
    struct master *master; /* the group's */
    uint64_t number;       /* of the configuration it was made of: all groups count together */
    enum generation_state state;
    struct config *config;        /* owned */
    const struct app_config *app; /* of the configuration: the isolated one; NULL: the front */
    char *substance;              /* what it is made of, files too: what a reload compares; owned */
    int config_fd;                /* its text, sealed, for the workers */
    const struct copied **copies; /* by the configuration's apps, of those that it loads; owned
                                     array of borrowed; NULL: none */
    int code_fd;                  /* which they are, for the workers; -1: not made yet */
    int *code_fds;                /* those of them that lie in memory; owned array of borrowed */
    size_t code_fd_count;
    struct identity identity; /* whom its workers run as */
    struct app_title *titles; /* by the configuration's apps; owned */
    struct log_files logs;
    int64_t started_ms;
    struct worker_process *workers; /* by place; owned */
    unsigned size;
    struct list leaving;      /* processes that are out of their place; owned */
    unsigned running;         /* processes */
    bool is_hurried;          /* told to end at once: too old, or it never served */
    struct ioloop_call ended; /* when there is no worker whose end would tell */
    int start_error;          /* of the last process: -errno */
    struct ioloop_call failed;
};

/* A generation that has not started. Takes the config and the descriptor of its text. */
struct generation *generation_create(struct group *group, struct config *config, int config_fd);
/* Copies what its apps load aside, before it starts. Returns 0; -EBUSY or another -errno and
 * *out_error as copies_take has them. */
int generation_copy_code(struct generation *generation, char **out_error);
/* For a master that goes on as another program: a descriptor that its workers inherit for their
 * copies, and a worker as it was (copied; its descriptors are taken). Returns 0 or -errno. */
void generation_keep_fd(struct generation *generation, int fd);
int generation_resume_worker(const struct worker_process *as);
/* Only without processes. */
void generation_destroy(struct generation *generation);

/* Starts the canary. What comes of it is reported to the master, never before this returns. */
void generation_start(struct generation *generation);
/* READY: all accept. */
void generation_go(struct generation *generation);
/* All end within `ms`; `flags` of channel.h: CHANNEL_SWEEP, CHANNEL_REPLACED. */
void generation_drain(struct generation *generation, int64_t ms, unsigned flags);
void generation_kill(struct generation *generation);
/* Sends a message to every worker that has a process. */
void generation_tell(struct generation *generation, const struct channel_message *message);
/* Opens its logs anew and hands them to its workers. */
void generation_reopen_logs(struct generation *generation);

const char *generation_state_name(enum generation_state state);

/* ---- what its workers report (worker_process.c) ---- */

void generation_worker_ready(struct generation *generation, struct worker_process *worker);
/* An empty text is unknown. */
void generation_app_opened(struct generation *generation, size_t index, const char *title,
                           const char *version);
/* Its process has ended and is reaped; `how` says in words how. */
void generation_worker_ended(struct generation *generation, struct worker_process *worker,
                             const char *how);
/* It asks for a successor, `why` in words: it serves on until that does. */
void generation_worker_leaves(struct generation *generation, struct worker_process *worker,
                              const char *why);
/* The delay before another process takes the place of one that died is over. */
void generation_worker_again(struct generation *generation, struct worker_process *worker);
