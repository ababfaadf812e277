/* server_plan.c - from an app's section to texts, a user, and a look at files. */
#include "process/server_plan.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/config.h"
#include "base/macros.h"
#include "base/memory.h"

/* ---- the user ---- */

/* As a login of that user would have it. */
static void find_groups(struct server_plan *plan)
{
    int count = SERVER_GROUPS;
    plan->groups[0] = plan->identity.gid;
    plan->group_count = 1;
    if (plan->identity.user &&
        getgrouplist(plan->identity.user, plan->identity.gid, plan->groups, &count) >= 0)
        plan->group_count = (size_t)count;
}

/* Nothing runs as root because a key is missing: who is not named is whom the workers run as. */
static int find_identity(const struct app_config *config, struct server_plan *plan,
                         char **out_error)
{
    const char *user = plan->servers.user, *group = NULL;
    if (!user) {
        user = config->server->user;
        group = config->server->group;
    }
    scoped_free char *why = NULL;
    int r = identity_find(user, group, &plan->identity, &why);
    if (r < 0) {
        *out_error =
            memory_printf("%s:%u: [app %s] %s", config->file, config->line, config->name, why);
        return r;
    }
    find_groups(plan);
    /* The name was the configuration's. */
    plan->identity.user = NULL;
    return 0;
}

/* ---- the files ---- */

static void mix(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    *hash ^= *hash >> 29;
}

static void look_at(const char *path, uint64_t *hash)
{
    struct stat info;
    if (stat(path, &info) < 0 || !S_ISREG(info.st_mode))
        return;
    mix(hash, info.st_dev);
    mix(hash, info.st_ino);
    mix(hash, (uint64_t)info.st_size);
    mix(hash, (uint64_t)info.st_mtim.tv_sec * 1000000000 + (uint64_t)info.st_mtim.tv_nsec);
}

static uint64_t look_at_files(const struct app_servers *servers)
{
    uint64_t hash = 1;
    look_at(servers->program, &hash);
    for (const char *const *arg = servers->argv + 1; *arg; arg++) {
        scoped_free char *path = **arg == '/' ? memory_copy(*arg, strlen(*arg))
                                              : memory_printf("%s/%s", servers->folder, *arg);
        look_at(path, &hash);
    }
    return hash >> 1; /* so that it is a record's number, too */
}

/* ---- a plan ---- */

int server_plan_make(const struct app_config *config, struct server_plan *out_plan,
                     char **out_error)
{
    struct server_plan plan = {0};
    arena_init(&plan.arena, NULL, 0);
    if (!config->adapter->servers ||
        !config->adapter->servers(config, &plan.arena, &plan.servers)) {
        arena_finish(&plan.arena);
        return 0;
    }
    plan.app = arena_copy(&plan.arena, config->name, strlen(config->name)).at;
    int r = find_identity(config, &plan, out_error);
    if (r < 0) {
        arena_finish(&plan.arena);
        return r;
    }
    plan.files = look_at_files(&plan.servers);
    *out_plan = plan;
    return 1;
}

void server_plan_finish(struct server_plan *plan)
{
    arena_finish(&plan->arena);
}

/* ---- the same ---- */

static bool are_same(const char *const *a, const char *const *b)
{
    for (; *a && *b; a++, b++)
        if (strcmp(*a, *b) != 0)
            return false;
    return !*a && !*b;
}

static bool is_same_user(const struct server_plan *a, const struct server_plan *b)
{
    return a->identity.is_changed == b->identity.is_changed && a->identity.uid == b->identity.uid &&
           a->identity.gid == b->identity.gid && a->group_count == b->group_count &&
           memcmp(a->groups, b->groups, a->group_count * sizeof(*a->groups)) == 0;
}

bool server_plan_equals(const struct server_plan *a, const struct server_plan *b)
{
    return strcmp(a->app, b->app) == 0 && strcmp(a->servers.program, b->servers.program) == 0 &&
           are_same(a->servers.argv, b->servers.argv) &&
           are_same(a->servers.envp, b->servers.envp) &&
           strcmp(a->servers.folder, b->servers.folder) == 0 &&
           a->servers.processes == b->servers.processes &&
           a->servers.grace_ms == b->servers.grace_ms && a->files == b->files && is_same_user(a, b);
}
