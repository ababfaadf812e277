/* master_private.h - struct master, for the files that make it up. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "loop/ioloop.h"
#include "loop/timer.h"
#include "process/auto_reload.h"
#include "process/control.h"
#include "process/copies.h"
#include "process/crashes.h"
#include "process/listeners.h"
#include "process/master.h"
#include "process/reload.h"
#include "process/servers.h"
#include "process/out_of_memory.h"
#include "process/rollback.h"
#include "process/shared_regions.h"
#include "process/watchdog.h"

struct board;
struct dev_master;
struct generation;
struct group;

enum master_stop { MASTER_RUNS, MASTER_STOPS_GRACEFULLY, MASTER_STOPS_NOW, MASTER_KILLS };

struct master {
    const struct master_options *options;
    struct ioloop *loop;
    struct board *board;
    int board_fd;
    struct listeners listeners;
    struct shared_regions shared;
    struct servers servers;
    struct copies copies; /* of plugins */
    struct control control;
    struct list groups;   /* the front first; owned */
    struct group *front;  /* one of them */
    uint64_t last_number; /* of a configuration that was read, and of its generations */
    uint64_t live_number; /* of the last one that went live */
    struct reloads reloads;
    struct auto_reload auto_reload;
    struct rollback rollback;
    struct crashes crashes;
    struct watchdog watchdog;
    struct out_of_memory out_of_memory;
    struct dev_master *dev; /* of gale dev; owned; NULL */
    enum master_stop stop;
    enum master_exit exit;
    char *pid_file; /* as written; owned */
    int64_t started_ms;
    struct timer settle;
    struct timer turnover; /* until what isolated apps were replaced by answers alone */
    int64_t turnover_ms;   /* when that began */
    int log_fd; /* the master's own of the live generation's error log, which ends with it */
    bool has_terminal;
    unsigned upgrades;         /* programs that this process has been before this one */
    int previous_exe;          /* of the one that is being left; -1 */
    bool has_new_board;        /* that one's was another */
    struct ioloop_call become; /* an upgrade that was tried */
};

/* ---- master_events.c: what generations report ---- */

/* Every worker of it is ready: it goes live when all that was prepared with it is. */
void master_generation_ready(struct master *master, struct generation *generation);
/* It cannot start; `why` is borrowed. It ends by itself, and so does what was prepared with it. */
void master_generation_failed(struct master *master, struct generation *generation,
                              const char *why);
/* Its last process has ended; destroys it, and an app's group with its last generation. */
void master_generation_ended(struct master *master, struct generation *generation);

/* Prints why nothing can start, a line each, for whoever sits at the terminal. */
void master_complain(const char *what, const char *why);
/* The timer of a reload that has gone live: it is done once all of the new code answers. */
void master_turnover(void *master);
/* The timer of sockets that leave. */
void master_settle(void *master);

/* ---- master.c ---- */

void master_stop(struct master *master, enum master_stop how);
/* Ends the loop when gale is stopping and everything has ended. */
void master_end_if_done(struct master *master);
/* The same for isolated apps, once no front needs them. */
void master_stop_apps(struct master *master);
/* Logs to where the front's live generation does. */
void master_use_logs(struct master *master);
/* Opens the logs of all generations anew. */
void master_reopen_logs(struct master *master);
/* How long ago, on the wall clock. */
int64_t master_age_ms(int64_t since_ms);
