/* group.c - what groups hold, and what happens to all of them at once. */
#include "process/group.h"

#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "process/channel.h"
#include "process/generation.h"
#include "process/master_private.h"
#include "process/succession.h"
#include "process/worker_process.h"

/* Generations of a group that may have processes once another one serves. */
enum { GENERATIONS_MAX = 4, BACKLOG = 4096 };

static struct group *of_link(struct list *link)
{
    return container_of(link, struct group, link);
}

struct group *group_create(struct master *master, const char *name)
{
    struct group *group = memory_zalloc(sizeof(*group));
    group->master = master;
    group->name = memory_copy(name, strlen(name));
    group->socket = (struct hidden_socket){-1, -1};
    list_init(&group->generations);
    list_append(&master->groups, &group->link);
    return group;
}

int group_listen(struct group *group)
{
    return hidden_socket_open(BACKLOG, &group->socket);
}

void group_destroy(struct group *group)
{
    if (!group)
        return;
    list_each (&group->generations, link)
        generation_destroy(container_of(link, struct generation, link));
    list_remove(&group->link);
    hidden_socket_close(&group->socket);
    free(group->name);
    free(group);
}

struct group *group_find(const struct master *master, const char *name)
{
    list_each (&master->groups, link)
        if (strcmp(of_link(link)->name, name) == 0)
            return of_link(link);
    return NULL;
}

/* Those that were told to end at once do not count. */
static unsigned count_generations(const struct group *group)
{
    unsigned count = 0;
    list_each (&group->generations, link)
        count += !container_of(link, struct generation, link)->is_hurried;
    return count;
}

/* The oldest give way, where requests take so long that reloads follow each other faster. */
static void end_oldest(struct group *group)
{
    unsigned count = count_generations(group);
    list_each (&group->generations, link) {
        struct generation *generation = container_of(link, struct generation, link);
        if (count <= GENERATIONS_MAX || generation == group->live)
            return;
        if (generation->is_hurried)
            continue;
        log_warn("too many generations are still ending: the oldest is ended now",
                 LOG_NUMBER("generation", (int64_t)generation->number));
        generation->is_hurried = true;
        generation_drain(generation, 0, 0);
        count--;
    }
}

void group_hurry(struct group *group, int64_t ms)
{
    for (unsigned i = 0; group && group->next && i < group->next->size; i++)
        worker_process_hurry(&group->next->workers[i], ms);
}

void group_prepare(struct group *group, struct generation *next)
{
    list_append(&group->generations, &next->link);
    group->next = next;
}

/* ---- all of them ---- */

void groups_start(struct master *master)
{
    list_each (&master->groups, link)
        if (of_link(link)->next)
            generation_start(of_link(link)->next);
}

bool groups_are_preparing(const struct master *master)
{
    list_each (&master->groups, link)
        if (of_link(link)->next)
            return true;
    return false;
}

bool groups_are_ready(const struct master *master)
{
    list_each (&master->groups, link)
        if (of_link(link)->next && of_link(link)->next->state != GENERATION_READY)
            return false;
    return true;
}

static void go(struct group *group, bool sweep)
{
    struct generation *previous = group->live;
    group->live = group->next;
    group->next = NULL;
    generation_go(group->live);
    if (!previous)
        return;
    succession_begin(group);
    generation_drain(previous, previous->config->server.drain_timeout_ms,
                     CHANNEL_REPLACED | (sweep ? CHANNEL_SWEEP : 0));
    end_oldest(group);
}

void groups_go(struct master *master, bool sweep)
{
    list_each (&master->groups, link)
        if (of_link(link)->next)
            go(of_link(link), sweep);
}

void groups_cancel(struct master *master)
{
    list_each (&master->groups, link) {
        struct group *group = of_link(link);
        struct generation *next = group->next;
        group->next = NULL;
        if (!next)
            continue;
        next->is_hurried = true;
        if (next->state != GENERATION_ENDING)
            generation_drain(next, 0, 0);
    }
}

bool groups_are_full(const struct master *master)
{
    list_each (&master->groups, link)
        if (count_generations(of_link(link)) >= GENERATIONS_MAX)
            return true;
    return false;
}

void groups_abandon(struct master *master)
{
    list_each (&master->groups, link) {
        struct group *group = of_link(link);
        if (group->next)
            generation_destroy(group->next);
        group->next = NULL;
        if (!group_is_front(group) && list_is_empty(&group->generations))
            group_destroy(group);
    }
}

bool groups_are_empty(const struct master *master)
{
    list_each (&master->groups, link)
        if (!list_is_empty(&of_link(link)->generations))
            return false;
    return true;
}
