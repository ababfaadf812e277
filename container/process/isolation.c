/* isolation.c - comparing, preparing, pruning. */
#include "process/isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/adapter.h"
#include "app/config.h"
#include "app/dev.h"
#include "base/arena.h"
#include "base/board.h"
#include "base/buffer.h"
#include "base/ini.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/sealed.h"
#include "base/str.h"
#include "process/copies.h"
#include "process/dev_master.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/identity.h"
#include "process/master_private.h"
#include "process/release.h"
#include "process/server_plan.h"
#include "process/worker_arguments.h"
#include "process/worker_process.h"

/* ---- what an app is made of ---- */

/* Whoever writes a file in place changes its time; whoever replaces it, its inode. */
static void add_file(void *data, const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0)
        buffer_printf(data, "\n%s %llu:%llu %lld %lld.%09ld", path, (unsigned long long)info.st_dev,
                      (unsigned long long)info.st_ino, (long long)info.st_size,
                      (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

static void add_files_of(const struct app_config *app, struct buffer *text)
{
    struct server_plan plan;
    scoped_free char *why = NULL; /* servers_prepare tells it */
    if (app->adapter->each_file)
        app->adapter->each_file(app, add_file, text);
    if (server_plan_make(app, &plan, &why) <= 0)
        return;
    buffer_printf(text, "\nservers %llx", (unsigned long long)plan.files);
    server_plan_finish(&plan);
}

/* Returns owned. */
static char *keep(struct buffer *text)
{
    char *copy = memory_copy(text->at, text->len);
    buffer_finish(text);
    return copy;
}

static void add_copy(const struct copied *copied, struct buffer *text)
{
    if (copied)
        buffer_printf(text, "\n%s %s", copied->original, copied->digest);
}

/* Code is told by its copy, which libraries beside it are a part of. */
static int substance_of(struct master *master, const struct app_config *app, char **out_substance,
                        char **out_error)
{
    char path[PATH_MAX];
    const struct release *source = rollback_source(master);
    const struct copied *copied = source ? release_find_code(source, app->name) : NULL;
    struct buffer text = {0};
    buffer_add_text(&text, app->substance);
    int r = 0;
    if (!copied && !app->adapter->file)
        add_files_of(app, &text);
    else if (!copied && app->adapter->file(app, path) == 0)
        r = copies_take(&master->copies, path, &copied, out_error);
    add_copy(copied, &text);
    /* Built again to the same bytes is another one, too, and has been waited for. */
    unsigned builds = dev_master_builds(master->dev, app->name);
    if (builds)
        buffer_printf(&text, "\nbuild %u", builds);
    *out_substance = keep(&text);
    return r;
}

static char *substance_of_front(const struct generation *front)
{
    const struct config *config = front->config;
    struct buffer text = {0};
    const struct setting_pairs *pages = &config->server.error_pages;
    buffer_add_text(&text, config->substance);
    for (size_t i = 0; i < config->app_count; i++)
        if (front->copies[i])
            add_copy(front->copies[i], &text);
        else if (!config->apps[i].isolation.workers)
            add_files_of(&config->apps[i], &text);
    for (size_t i = 0; i < pages->len; i++) {
        scoped_free char *path = pages->items[i].value[0] == '/'
                                     ? memory_printf("%s", pages->items[i].value)
                                     : memory_printf("%s/%s", config->base, pages->items[i].value);
        add_file(&text, path);
    }
    return keep(&text);
}

/* ---- preparing ---- */

/* Each generation has a configuration of its own, since each ends at its own time. */
static struct config *copy_config(const struct generation *front)
{
    const struct master_options *options = front->master->options;
    struct arena arena;
    struct gale_str text;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    if (sealed_read(front->config_fd, &text) < 0)
        abort(); /* memory of ours */
    struct config *config = config_parse_again(front->config->path, text, front->config->base,
                                               options->adapters, &errors);
    if (options->dev)
        dev_override(config);
    free((char *)text.at);
    arena_finish(&arena);
    return config;
}

static enum master_exit refuse(const struct app_config *app, const char *why, char **out_error)
{
    *out_error = memory_printf("%s:%u: [app %s] %s", app->file, app->line, app->name, why);
    return MASTER_WRONG_INPUT;
}

/* What its section says of the world. */
static enum master_exit acquire(struct generation *generation, char **out_error)
{
    const struct app_config *app = generation->app;
    const struct app_isolation *isolation = &app->isolation;
    scoped_free char *why = NULL;
    bool is_own = isolation->user || isolation->group;
    if (identity_find(is_own ? isolation->user : app->server->user,
                      is_own ? isolation->group : app->server->group, &generation->identity,
                      &why) < 0)
        return refuse(app, why, out_error);
    if (log_files_open(&generation->logs, app->server->error_log, "off", out_error) < 0)
        return MASTER_FAILED;
    int r = servers_prepare(&generation->master->servers, generation->config, app, out_error);
    return r < 0 ? MASTER_FAILED : MASTER_STOPPED;
}

static struct group *group_for(struct master *master, const struct app_config *app,
                               char **out_error)
{
    struct group *group = group_find(master, app->name);
    if (group)
        return group;
    group = group_create(master, app->name);
    int r = group_listen(group);
    if (r == 0)
        return group;
    group_destroy(group);
    *out_error =
        memory_printf("[app %s] cannot listen for its workers: %s", app->name, strerror(-r));
    return NULL;
}

static enum master_exit prepare(const struct generation *front, const struct app_config *app,
                                char **out_error, bool *out_is_passing)
{
    scoped_free char *substance = NULL;
    const struct group *own = group_find(front->master, app->name);
    if (own && own->live && dev_master_holds(front->master->dev, app->name))
        return MASTER_STOPPED;
    int r = substance_of(front->master, app, &substance, out_error);
    *out_is_passing = r == -EBUSY;
    if (r < 0)
        return MASTER_FAILED;
    struct group *group = group_for(front->master, app, out_error);
    if (!group)
        return MASTER_FAILED;
    if (group->live && strcmp(group->live->substance, substance) == 0)
        return MASTER_STOPPED;
    int fd = fcntl(front->config_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        *out_error = memory_printf("[app %s] cannot start: %s", app->name, strerror(errno));
        return MASTER_FAILED;
    }
    struct generation *next = generation_create(group, copy_config(front), fd);
    next->substance = memory_copy(substance, strlen(substance));
    group_prepare(group, next);
    r = generation_copy_code(next, out_error);
    *out_is_passing = r == -EBUSY;
    return r < 0 ? MASTER_FAILED : acquire(next, out_error);
}

enum master_exit isolation_prepare(struct generation *front, char **out_error, bool *out_is_passing)
{
    const struct config *config = front->config;
    front->substance = substance_of_front(front);
    enum master_exit r = MASTER_STOPPED;
    for (size_t i = 0; i < config->app_count && r == MASTER_STOPPED; i++)
        if (config->apps[i].isolation.workers &&
            (r = prepare(front, &config->apps[i], out_error, out_is_passing)) != MASTER_STOPPED)
            dev_master_blame(front->master->dev, config->apps[i].name);
    return r;
}

bool isolation_is_all(const struct generation *front)
{
    const struct generation *live = front->group->live;
    return live && groups_are_preparing(front->master) &&
           strcmp(live->substance, front->substance) == 0;
}

/* ---- turning over ---- */

static bool still_serves(const struct generation *generation)
{
    struct board *board = generation->master->board;
    for (unsigned i = 0; i < generation->size; i++) {
        int slot = generation->workers[i].slot;
        if (slot >= 0 && atomic_load(&board_slot(board, (unsigned)slot)->state) == BOARD_SERVING)
            return true;
    }
    return false;
}

static bool has_old_serving(const struct group *group)
{
    list_each (&group->generations, link) {
        const struct generation *generation = container_of(link, struct generation, link);
        if (generation->state == GENERATION_ENDING && still_serves(generation))
            return true;
    }
    return false;
}

bool isolation_is_turned_over(const struct master *master)
{
    list_each (&master->groups, link) {
        const struct group *group = container_of(link, struct group, link);
        if (!group_is_front(group) && has_old_serving(group))
            return false;
    }
    return true;
}

/* ---- pruning ---- */

static bool knows(const struct generation *front, const char *name)
{
    const struct config *config = front->config;
    for (size_t i = 0; i < config->app_count; i++)
        if (config->apps[i].isolation.workers && strcmp(config->apps[i].name, name) == 0)
            return true;
    return false;
}

static bool is_needed(const struct master *master, const char *name)
{
    list_each (&master->front->generations, link)
        if (knows(container_of(link, struct generation, link), name))
            return true;
    return false;
}

void isolation_prune(struct master *master)
{
    list_each (&master->groups, link) {
        struct group *group = container_of(link, struct group, link);
        struct generation *live = group->live;
        if (group_is_front(group) || !live || is_needed(master, group->name))
            continue;
        group->live = NULL;
        generation_drain(live, live->config->server.drain_timeout_ms, 0);
    }
}

/* ---- what workers inherit ---- */

void isolation_each_socket(const struct generation *generation,
                           void (*fn)(void *data, int fd, int place), void *data)
{
    if (generation->app)
        fn(data, generation->group->socket.listen_fd, LISTENER_SHARED);
    else
        listeners_each(&generation->master->listeners, generation->state != GENERATION_LIVE, fn,
                       data);
}

static void add_links(const struct generation *front, struct arena *arena,
                      struct worker_arguments *arguments)
{
    const struct config *config = front->config;
    arguments->links = arena_zalloc(arena, (config->app_count + 1) * sizeof(*arguments->links));
    for (size_t i = 0; i < config->app_count; i++) {
        const struct app_config *app = &config->apps[i];
        const struct group *group =
            app->isolation.workers ? group_find(front->master, app->name) : NULL;
        if (group)
            arguments->links[arguments->link_count++] =
                (struct worker_link){group->socket.path_fd, app->name};
    }
}

void isolation_add_arguments(const struct generation *generation, struct arena *arena,
                             struct worker_arguments *arguments)
{
    if (!generation->app) {
        add_links(generation, arena, arguments);
        return;
    }
    arguments->group = generation->app->name;
    arguments->env = dev_master_environment(generation->master->dev, generation->app->name,
                                            &generation->app->isolation.env, arena);
}
