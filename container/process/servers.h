/* servers.h - every set of servers that the master runs, and which configuration uses which.
 *
 *   generation 3 --config--> app php   --> set A (changed in 4: ends with generation 3)
 *                        `-> app count --> set B <--.
 *   generation 4 --config--> app count -------------'
 *                        `-> app php   --> set C
 *
 * A set is started when the first configuration wants it and ended when the last one that does has
 * gone, so a reload changes nothing for those that are not changed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/list.h"
#include "loop/ioloop.h"

struct app_config;
struct config;
struct server_plan;
struct server_set;
struct worker_server;

struct servers {
    struct list sets; /* struct server_set, oldest first; owned */
    struct list uses;
    struct ioloop *loop; /* borrowed */
    struct {
        ioloop_call_fn *fn; /* called when the last set has ended */
        void *data;
    } on_empty;
    bool is_killed;
};

void servers_init(struct servers *servers);
/* Starts what the configuration wants and nobody has started: for `only`, an isolated app of it, or
 * with NULL for those that are not isolated. Returns 0, or -errno and *out_error (owned); nothing
 * has changed then. */
int servers_prepare(struct servers *servers, const struct config *config,
                    const struct app_config *only, char **out_error);
/* The configuration has gone: what nobody else uses ends. */
void servers_release(struct servers *servers, const struct config *config);
/* For each app of the configuration that has servers the descriptor to connect through. Returns
 * owned; NULL for none. */
struct worker_server *servers_of(const struct servers *servers, const struct config *config,
                                 size_t *out_count);
/* For a master that goes on as another program: a set of the earlier one that nobody uses yet
 * (takes the plan; server_set_resume is next), and which one, by its number, an app of the
 * configuration uses: 0 or -EBADMSG. */
struct server_set *servers_resume(struct servers *servers, const struct server_plan *plan);
int servers_resume_use(struct servers *servers, const struct config *config, const char *app,
                       size_t number);
void servers_each_use(const struct servers *servers, const struct config *config,
                      void (*fn)(void *data, size_t app, size_t number), void *data);
bool servers_is_empty(const struct servers *servers);
/* No more grace for anybody. */
void servers_kill(struct servers *servers);
/* Kills what still runs, and waits for it. */
void servers_finish(struct servers *servers);
