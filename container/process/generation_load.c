/* generation_load.c - from the configuration's files to a generation that could start. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/adapter.h"
#include "app/code.h"
#include "app/config.h"
#include "app/dev.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file_state.h"
#include "base/lease.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/sealed.h"
#include "process/config_text.h"
#include "process/copies.h"
#include "process/dev_master.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/isolation.h"
#include "process/master_private.h"
#include "process/release.h"
#include "process/reload.h"
#include "process/surroundings.h"

/* How long a changed file is looked at as one that may change again. */
enum { CHANGING_MS = 300 };

/* A release's, where gale goes back to one. */
static struct gale_str read_text(const struct master *master, struct setting_errors *errors)
{
    const struct release *release = rollback_source(master);
    struct gale_str text;
    if (!release && dev_master_text(master->dev, &text))
        return text;
    if (!release)
        return config_text_load(master->options, errors);
    if (sealed_read(release->text_fd, &text) < 0)
        abort(); /* memory of ours */
    return text;
}

static void override_listen(const char *const *listen, struct config *config)
{
    size_t count = 0;
    while (listen && listen[count])
        count++;
    if (!count)
        return;
    const char **items = arena_alloc(&config->arena, count * sizeof(*items));
    for (size_t i = 0; i < count; i++)
        items[i] = arena_copy(&config->arena, listen[i], strlen(listen[i])).at;
    config->server.listen = (struct setting_list){items, count};
}

/* What the text says of the world: users, addresses, log files. */
static enum master_exit acquire(struct master *master, struct generation *generation,
                                char **out_error)
{
    const struct server_settings *server = &generation->config->server;
    if (identity_find(server->user, server->group, &generation->identity, out_error) < 0)
        return MASTER_WRONG_INPUT;
    if (log_files_open(&generation->logs, server->error_log, server->access_log, out_error) < 0)
        return MASTER_FAILED;
    const struct identity *who = &generation->identity;
    master->listeners.access = (struct listen_access){.mode = (int)server->socket_mode,
                                                      .has_owner = who->is_changed,
                                                      .uid = who->uid,
                                                      .gid = who->gid};
    if (listeners_prepare(&master->listeners, &server->listen, generation->size,
                          (int)server->backlog, out_error) < 0)
        return MASTER_CANNOT_LISTEN;
    if (servers_prepare(&master->servers, generation->config, NULL, out_error) < 0) {
        listeners_cancel(&master->listeners);
        return MASTER_FAILED;
    }
    return MASTER_STOPPED;
}

static enum master_exit copy_code(struct generation *generation, char **out_error,
                                  bool *out_is_passing)
{
    int r = generation_copy_code(generation, out_error);
    *out_is_passing = r == -EBUSY;
    return r < 0 ? MASTER_FAILED : MASTER_STOPPED;
}

/* A file that has changed just now may be but half of what it is going to be. */
static bool is_changing(const struct app_config *app)
{
    char path[PATH_MAX];
    if (!app->adapter || !app->adapter->file || !app->settings || app->adapter->file(app, path) < 0)
        return false;
    struct file_state state = file_state_look(path);
    int64_t age_ms =
        clock_wall_ms() - (int64_t)state.changed.tv_sec * 1000 - state.changed.tv_nsec / 1000000;
    return state.is_there && (age_ms < CHANGING_MS || lease_is_written(path));
}

static bool is_any_changing(const struct config *config)
{
    for (size_t i = 0; i < config->app_count; i++)
        if (is_changing(&config->apps[i]))
            return true;
    return false;
}

/* What app number i will load, in the front's workers or in its own. */
static const struct copied *copy_of(const struct generation *front, size_t i)
{
    const struct app_config *app = &front->config->apps[i];
    const struct group *group =
        app->isolation.workers ? group_find(front->master, app->name) : NULL;
    if (!group)
        return front->copies[i];
    const struct generation *own = group->next ? group->next : group->live;
    return own ? own->copies[own->app - own->config->apps] : NULL;
}

static void remember(struct master *master, const struct generation *front, struct gale_str text)
{
    const struct config *config = front->config;
    const struct copied *copied;
    struct digest digest;
    int fd = fcntl(front->config_fd, F_DUPFD_CLOEXEC, 3);
    digest_init(&digest);
    for (size_t i = 0; i < config->app_count; i++)
        if ((copied = copy_of(front, i)))
            digest_add(&digest, copied->digest, strlen(copied->digest));
    digest_add(&digest, text.at, text.len);
    struct release *release = release_create(front->number, fd, &digest);
    for (size_t i = 0; i < config->app_count; i++)
        if ((copied = copy_of(front, i)))
            release_add_code(release, config->apps[i].name, copied);
    rollback_prepare(master, release);
}

/* A release is judged by what it will load, whatever became of the files. */
static struct config *parse(const struct master *master, struct gale_str text,
                            struct setting_errors *errors)
{
    const struct release *release = rollback_source(master);
    size_t count = release ? release->code_count : 0;
    struct code *codes = arena_zalloc(errors->arena, (count + 1) * sizeof(*codes));
    for (size_t i = 0; i < count; i++) {
        const struct copied *copied = release->codes[i].copied;
        codes[i] = (struct code){.app = release->codes[i].app,
                                 .original = copied->original,
                                 .path = copied->path,
                                 .root = copied->root};
    }
    code_set(codes, count);
    struct config *config =
        config_parse(master->options->path, text, master->options->adapters, errors);
    code_set(NULL, 0);
    return config;
}

static enum master_exit build(struct master *master, struct gale_str text,
                              struct setting_errors *errors, char **out_error, bool *out_is_passing)
{
    const struct master_options *options = master->options;
    struct config *config = parse(master, text, errors);
    if (!errors->len)
        surroundings_check(config, options->listen ? SURROUNDINGS_NO_LISTEN : 0, errors);
    if (errors->len) {
        *out_is_passing = is_any_changing(config);
        *out_error = setting_errors_text(errors);
        config_close(config);
        return MASTER_WRONG_INPUT;
    }
    override_listen(options->listen, config);
    if (options->dev)
        dev_override(config);
    dev_master_plan(master->dev, config);
    int fd = sealed_make("gale-config", text);
    if (fd < 0) {
        config_close(config);
        *out_error = memory_printf("no memory for the configuration: %s", strerror(-fd));
        return MASTER_FAILED;
    }
    master->last_number++;
    struct generation *generation = generation_create(master->front, config, fd);
    copies_keep_in(&master->copies, config->server.state);
    enum master_exit r = copy_code(generation, out_error, out_is_passing);
    if (r == MASTER_STOPPED)
        r = isolation_prepare(generation, out_error, out_is_passing);
    if (r == MASTER_STOPPED)
        remember(master, generation, text);
    if (r == MASTER_STOPPED && isolation_is_all(generation)) {
        generation_destroy(generation);
        return MASTER_STOPPED;
    }
    group_prepare(master->front, generation);
    if (r == MASTER_STOPPED)
        r = acquire(master, generation, out_error);
    if (r != MASTER_STOPPED) {
        master->last_number--;
        groups_abandon(master);
    }
    return r;
}

enum master_exit generation_load(struct master *master, char **out_error, bool *out_is_passing)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct gale_str text = read_text(master, &errors);
    enum master_exit r = MASTER_WRONG_INPUT;
    *out_is_passing = false;
    if (errors.len) /* what is missing makes other lines look wrong */
        *out_error = setting_errors_text(&errors);
    else
        r = build(master, text, &errors, out_error, out_is_passing);
    free((char *)text.at);
    arena_finish(&arena);
    return r;
}
