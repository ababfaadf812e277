/* server_process.h - one process that the master runs for an app: started, heard, replaced, ended.
 *
 *   WAITING --start--> RUNNING --it ends, whatever the reason--> WAITING ...
 *                         `------------ end --> ENDING --> GONE
 *
 * A process that did its work and ended in order is replaced at once, any other one after a
 * back-off. What it has forked goes with it: its process group is killed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "loop/timer.h"
#include "net/child_process.h"
#include "process/backoff.h"
#include "process/server_output.h"

struct server_set;

enum server_state { SERVER_WAITING, SERVER_RUNNING, SERVER_ENDING, SERVER_GONE };

struct server_process {
    struct server_set *set; /* borrowed */
    unsigned place;
    enum server_state state;
    struct child_process child;
    struct server_output output;
    struct backoff backoff;
    int64_t delay_ms; /* of the last back-off; 0: none */
    int64_t started_ms;
    unsigned restarts;
    struct timer again;
};

void server_process_init(struct server_process *process, struct server_set *set, unsigned place);
/* Starts it. Returns 0 or the -errno of what failed, exec included. */
int server_process_start(struct server_process *process);
/* For a master that goes on as another program: what the earlier one knew, with the descriptors of
 * `as` (taken) and what it has said. One that waits begins to wait anew, one that ends has all of
 * its grace again. */
void server_process_resume(struct server_process *process, const struct server_process *as,
                           struct gale_str said);
/* TERM, and KILL after `grace_ms`. Fine twice: the second one may be more urgent. */
void server_process_end(struct server_process *process, int64_t grace_ms);
/* Kills it, waits, reaps it. */
void server_process_close(struct server_process *process);
const char *server_state_name(enum server_state state);
