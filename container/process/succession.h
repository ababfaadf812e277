/* succession.h - who takes over the idle connections of workers that end.
 *
 * A worker's successor is the one of the live generation in its place, counted round. The master
 * makes a pair of sockets for the two (handover.h) and has no more to do with it. */
#pragma once
#include <stdbool.h>

struct group;
struct worker_process;

/* A generation has gone live: all workers of earlier ones get their successors. To be called before
 * those are told to drain. */
void succession_begin(struct group *group);
/* A worker begins to serve in a generation that is live: it is the successor of those whose one was
 * in its place before, and of who leaves that. */
void succession_join(struct worker_process *successor);
/* Whether each worker of the group's earlier generations has handed over what was idle, or ended.
 */
bool succession_is_over(const struct group *group);
