/* dev_tell.c - a sealed state for workers, a notice for the terminal. */
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/sealed.h"
#include "process/channel.h"
#include "process/dev_build.h"
#include "process/dev_conf.h"
#include "process/dev_master_private.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"

static struct dev_app state_of(const struct dev_master_app *app, bool is_to_be)
{
    struct dev_app state = app->state;
    bool is_reloading = app->is_reloading && !is_to_be;
    state.is_building =
        (app->build && dev_build_is_running(app->build)) || app->is_built || is_reloading;
    if (is_to_be)
        state.is_openable = app->has_lived || app->is_reloading;
    if (is_to_be && app->is_reloading) {
        state.stage = DEV_LIVE;
        state.trouble = 0;
    }
    return state;
}

static size_t count_apps(const struct dev_master *dev)
{
    size_t count = 0;
    list_each (&dev->apps, link)
        count++;
    return count;
}

static int make_state(const struct dev_master *dev, bool is_to_be)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct dev_state state = {.build = dev->build + is_to_be, .conf = dev_conf_state(dev->conf)};
    state.apps = arena_zalloc(&arena, (count_apps(dev) + 1) * sizeof(*state.apps));
    list_each (&dev->apps, link) {
        const struct dev_master_app *app = container_of(link, struct dev_master_app, link);
        if (is_to_be ? !app->is_leaving : !app->is_coming)
            state.apps[state.count++] = state_of(app, is_to_be);
    }
    int fd = sealed_make("gale-dev-state", dev_state_encode(&state, &arena));
    arena_finish(&arena);
    return fd;
}

void dev_tell_prepare(struct dev_master *dev, bool is_to_be)
{
    int fd = make_state(dev, is_to_be);
    if (fd < 0)
        return;
    if (dev->state_fd >= 0)
        close(dev->state_fd);
    dev->state_fd = fd;
}

void dev_tell_workers(struct dev_master *dev)
{
    struct channel_message message;
    dev_tell_prepare(dev, false);
    channel_message_init(&message, CHANNEL_DEV, 0);
    message.fds[message.fd_count++] = dev->state_fd;
    list_each (&dev->master->groups, group)
        list_each (&container_of(group, struct group, link)->generations, link)
            generation_tell(container_of(link, struct generation, link), &message);
}

void dev_tell_terminal(const struct dev_master_app *app, enum dev_notice_kind kind)
{
    const struct dev_notice notice = {
        .kind = kind,
        .app = app->state.name,
        .title = app->title.at,
        .folder = app->recipe.folder,
        .text = app->text ? app->text : "",
        .build_ms = app->build ? app->state.ms : -1,
        .ms = clock_mono_ms() - app->changed_ms,
        .is_again = kind == DEV_IS_BROKEN && app->is_again,
    };
    app->dev->options->notice(&notice);
}
