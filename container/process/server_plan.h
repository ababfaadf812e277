/* server_plan.h - what is to be started for an app, so that it can be told from something else.
 *
 * Servers outlive the generation that started them while the next one wants the same: the same
 * keys, and the same files behind the command. A plan therefore owns all of its texts. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "app/adapter.h"
#include "base/arena.h"
#include "process/identity.h"

struct app_config;

enum { SERVER_GROUPS = 64 };

struct server_plan {
    struct arena arena;
    const char *app;
    struct app_servers servers;
    struct identity identity; /* with is_changed, and then its groups */
    gid_t groups[SERVER_GROUPS];
    size_t group_count;
    uint64_t files; /* what the program and the files among its arguments look like */
};

/* Returns whether the app wants servers, and then the plan (owned: server_plan_finish), or -EINVAL
 * and *out_error (owned). */
int server_plan_make(const struct app_config *config, struct server_plan *out_plan,
                     char **out_error);
void server_plan_finish(struct server_plan *plan);
bool server_plan_equals(const struct server_plan *a, const struct server_plan *b);
