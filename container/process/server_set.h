/* server_set.h - the processes that the master runs for one app, on one socket.
 *
 *              .-- process --.
 *   socket ----+-- process --+----> the log         workers connect to the socket; each process
 *    fd 0      '-- process --'                      has it as its descriptor 0
 *
 * While none of them runs, nor will soon, the set is down: who connected or connects is refused
 * instead of being left to wait. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "app/servers_metric.h"
#include "base/list.h"
#include "loop/ioloop.h"
#include "net/hidden_socket.h"
#include "process/server_plan.h"
#include "process/server_process.h"

struct servers;

struct server_set {
    struct list link;
    struct servers *owner; /* borrowed */
    struct ioloop *loop;   /* borrowed */
    struct server_plan plan;
    struct hidden_socket socket;
    struct server_process *processes; /* plan.servers.processes of them; owned */
    struct program_log log;
    size_t running;
    bool is_down, is_ending;
    struct ioloop_call ended; /* the owner's: the last process has ended after server_set_end */
    int metrics[SERVERS_METRICS];
};

/* A set that has started nothing. Takes the plan; `loop` is borrowed. */
struct server_set *server_set_create(struct ioloop *loop, const struct server_plan *plan);
/* Makes the socket and starts every process. Returns 0 or the -errno of what failed; then the set
 * is to be destroyed. */
int server_set_start(struct server_set *set);
/* For a master that goes on as another program: its socket (taken) and what became of it, and then
 * each of its processes, as server_process_resume has it. */
void server_set_resume(struct server_set *set, const struct hidden_socket *socket, bool is_down,
                       bool is_ending);
void server_set_resume_process(struct server_set *set, const struct server_process *as,
                               struct gale_str said);
/* All of them are there; another board knows nothing of them yet. */
void server_set_resumed(struct server_set *set, bool has_new_board);
/* Kills what still runs, and waits for it. */
void server_set_destroy(struct server_set *set);
/* Ends all of them; `ended` is called in another turn, even where none runs. */
void server_set_end(struct server_set *set, int64_t grace_ms);

/* ---- what its processes report ---- */

void server_set_process_started(struct server_set *set, const struct server_process *process);
void server_set_process_ended(struct server_set *set, const struct server_process *process);
/* It waits to be started again. */
void server_set_process_waits(struct server_set *set, const struct server_process *process);
