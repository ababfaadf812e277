/* group.h - what is replaced as one: the front's workers, or those of one isolated app.
 *
 *   master --+-- front         generation 3 draining, 5 live, 6 next
 *            +-- app "shop"    generation 5 live
 *
 * A group owns its generations: those that drain, the live one, and the next one while it starts.
 * A reload makes a next generation for each group that needs one; they go live together, once all
 * of them are ready, or none does. */
#pragma once
#include <stdbool.h>
#include "base/list.h"
#include "net/hidden_socket.h"

struct generation;
struct master;

struct group {
    struct list link;            /* among the master's, the front first */
    struct master *master;       /* borrowed */
    char *name;                  /* the app's, owned; "" for the front */
    struct list generations;     /* all that have processes, oldest first; owned */
    struct generation *live;     /* the one that serves; NULL before the first */
    struct generation *next;     /* the one that starts; NULL */
    struct hidden_socket socket; /* an isolated app's: its workers accept, fronts connect */
};

/* A group without generations, the master's from now on. */
struct group *group_create(struct master *master, const char *name);
static inline bool group_is_front(const struct group *group)
{
    return !*group->name;
}
/* Opens what the app's workers will accept from, which lives as long as the group. 0 or -errno. */
int group_listen(struct group *group);
/* With its generations, none of which may have processes. Takes NULL. */
void group_destroy(struct group *group);
/* The group of that name, or NULL. */
struct group *group_find(const struct master *master, const char *name);
/* Takes the generation as the one that will replace the live one. */
void group_prepare(struct group *group, struct generation *next);

/* What starts has so long for it and no longer. Takes NULL. */
void group_hurry(struct group *group, int64_t ms);

/* ---- all of a master's groups ---- */

/* Starts what was prepared; what cannot start is reported as master_generation_failed says. */
void groups_start(struct master *master);
/* Whether something is being prepared, and whether all of it is ready to go. */
bool groups_are_preparing(const struct master *master);
bool groups_are_ready(const struct master *master);
/* What was prepared goes live. What it replaces drains; `sweep`: the front's accepts first what
 * waits in queues that close. Of generations that drain already, those that are too many end now:
 * before this nothing is done to any, since what was prepared may fail. */
void groups_go(struct master *master, bool sweep);
/* What was prepared ends; groups_abandon: it has not been started yet. */
void groups_cancel(struct master *master);
void groups_abandon(struct master *master);
/* Whether another generation would make an earlier one end. */
bool groups_are_full(const struct master *master);
/* Whether no group has a generation any more. */
bool groups_are_empty(const struct master *master);
