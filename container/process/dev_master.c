/* dev_master.c - the apps that are built, each with its files, its build and its stage. */
#include "process/dev_master.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "app/dev.h"
#include "app/dev_log.h"
#include "app/dev_state.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/sealed.h"
#include "base/str.h"
#include "process/channel.h"
#include "process/dev_asan.h"
#include "process/dev_build.h"
#include "process/dev_depends.h"
#include "process/dev_inputs.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/watch.h"

/* QUIET is how long a save may take in pieces, and a part of what a person waits for. A file that
 * is gone is one that an editor writes anew, or really gone: then its compiler says so. */
enum { QUIET_MS = 8, MISSING_MS = 300, LOOK_MS = 1000, LONG_MS = 2000, KILLS_MAX = 3 };
enum { OPEN_MS = 1000 };

struct dev_master_app {
    struct dev_master *dev;
    struct dev_recipe recipe;
    struct dev_build *build; /* NULL: others build it, we look at the file */
    struct watch *watch;
    struct dev_inputs inputs; /* what that watches */
    struct timer look;        /* for files that come */
    uint64_t folder_stamp;
    struct gale_str title;
    struct dev_app state; /* its texts are owned where they are not the recipe's */
    char *text;           /* owned */
    char *crash[4];       /* the texts of state.crash; owned */
    int64_t changed_ms;   /* when the first change of this build was seen */
    bool is_built;        /* and waits for a reload */
    bool is_reloading;
    bool has_lived;  /* something of it went live once */
    bool is_stale;   /* changed while a command ran */
    unsigned kills;  /* in a row */
    unsigned builds; /* that went to be live */
};

struct dev_master {
    struct master *master; /* borrowed */
    const struct dev_options *options;
    struct arena arena; /* names and recipes */
    struct dev_master_app *apps;
    size_t count;
    uint64_t build, trouble;
    int state_fd, log_fd;
};

/* ---- telling ---- */

/* `is_to_be`: how it is once the reload that runs has succeeded, for workers that start with it. */
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

static int make_state(const struct dev_master *dev, bool is_to_be)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct dev_state state = {.build = dev->build + is_to_be, .count = dev->count};
    state.apps = arena_zalloc(&arena, (dev->count + 1) * sizeof(*state.apps));
    for (size_t i = 0; i < dev->count; i++)
        state.apps[i] = state_of(&dev->apps[i], is_to_be);
    int fd = sealed_make("gale-dev-state", dev_state_encode(&state, &arena));
    arena_finish(&arena);
    return fd;
}

/* Makes the descriptor that says how things are. Without memory for it the old one stays. */
static void write_state(struct dev_master *dev, bool is_to_be)
{
    int fd = make_state(dev, is_to_be);
    if (fd < 0)
        return;
    if (dev->state_fd >= 0)
        close(dev->state_fd);
    dev->state_fd = fd;
}

static void tell_workers(struct dev_master *dev)
{
    struct channel_message message;
    write_state(dev, false);
    channel_message_init(&message, CHANNEL_DEV, 0);
    message.fds[message.fd_count++] = dev->state_fd;
    list_each (&dev->master->groups, group)
        list_each (&container_of(group, struct group, link)->generations, link)
            generation_tell(container_of(link, struct generation, link), &message);
}

static void tell_terminal(const struct dev_master_app *app, enum dev_notice_kind kind)
{
    const struct dev_notice notice = {
        .kind = kind,
        .app = app->state.name,
        .title = app->title.at,
        .folder = app->recipe.folder,
        .text = app->text ? app->text : "",
        .build_ms = app->build ? app->state.ms : -1,
        .ms = clock_mono_ms() - app->changed_ms,
    };
    app->dev->options->notice(&notice);
}

static void set_text(struct dev_master_app *app, const char *text)
{
    char *copy = memory_copy(text, strlen(text));
    free(app->text);
    app->state.text = app->text = copy;
}

static void set_trouble(struct dev_master_app *app, enum dev_stage stage, const char *text)
{
    app->state.stage = stage;
    app->state.trouble = ++app->dev->trouble;
    set_text(app, text);
    tell_workers(app->dev);
    tell_terminal(app, stage == DEV_BROKEN ? DEV_IS_BROKEN : DEV_IS_REFUSED);
}

/* ---- what it is made of ---- */

/* A compiler that failed has not told everything: what is known from before stays. */
static void watch_inputs(struct dev_master_app *app)
{
    struct dev_inputs *inputs = &app->inputs;
    if (!app->build || app->recipe.command || app->state.stage != DEV_BROKEN)
        dev_inputs_finish(inputs);
    inputs->folder = app->recipe.folder;
    if (!app->build)
        dev_inputs_add(inputs, str_of(app->recipe.output));
    else if (app->recipe.command)
        dev_inputs_add_folder(inputs, app->recipe.folder);
    else
        dev_build_inputs(app->build, inputs);
    watch_set(app->watch, (const char *const *)inputs->paths, inputs->count);
}

/* ---- building ---- */

static void go_live(struct dev_master_app *app)
{
    if (app->is_reloading) /* by one that may hang while it is opened */
        group_hurry(group_find(app->dev->master, app->state.name), OPEN_MS);
    app->is_built = true;
    app->builds++;
    reload_ask(app->dev->master);
}

static void build(struct dev_master_app *app)
{
    app->is_stale = app->is_built = false;
    if (app->recipe.takes_all)
        app->recipe.sources = dev_inputs_list_sources(app->recipe.folder, &app->dev->arena);
    app->folder_stamp = dev_inputs_stamp(app->recipe.folder, !app->recipe.command);
    dev_build_start(app->build);
    tell_workers(app->dev);
}

static void on_built(void *data, const struct dev_outcome *outcome)
{
    struct dev_master_app *app = data;
    app->state.ms = outcome->ms;
    app->kills = 0;
    if (app->is_stale) {
        build(app);
    } else if (outcome->is_ok) {
        set_text(app, outcome->text);
        go_live(app);
    } else {
        set_trouble(app, DEV_BROKEN, outcome->text);
    }
    watch_inputs(app);
}

/* A compiler is stopped at once. A command may itself have changed what we saw change, so it gets
 * the time that builds usually take before it counts as one that hangs. */
static bool should_finish(const struct dev_master_app *app)
{
    return app->recipe.command && dev_build_is_running(app->build) &&
           (clock_mono_ms() - app->changed_ms < LONG_MS || app->kills >= KILLS_MAX);
}

static void on_change(void *data)
{
    struct dev_master_app *app = data;
    if (!app->build) {
        app->changed_ms = clock_mono_ms();
        go_live(app);
    } else if (should_finish(app)) {
        app->is_stale = true;
    } else {
        app->kills += dev_build_is_running(app->build);
        app->changed_ms = clock_mono_ms();
        build(app);
    }
}

/* Files that come are nobody's change yet: what is missing may be among them. */
static void on_look(void *data)
{
    struct dev_master_app *app = data;
    uint64_t stamp = dev_inputs_stamp(app->recipe.folder, !app->recipe.command);
    bool is_new = stamp != app->folder_stamp;
    app->folder_stamp = stamp;
    timer_start(app->dev->master->loop, &app->look, LOOK_MS);
    bool may_matter =
        app->recipe.command || app->recipe.takes_all || app->state.stage == DEV_BROKEN;
    if (is_new && may_matter)
        on_change(app);
}

/* ---- reloads ---- */

void dev_master_reload_begins(struct dev_master *dev)
{
    for (size_t i = 0; dev && i < dev->count; i++) {
        struct dev_master_app *app = &dev->apps[i];
        app->is_reloading = app->is_built || app->state.stage == DEV_REFUSED;
        app->is_built = false;
    }
    if (dev)
        write_state(dev, true);
}

/* Without the place in a configuration that nobody has written. */
static const char *reason(const char *why)
{
    const char *bracket = strstr(why, "[app "), *end = bracket ? strstr(bracket, "] ") : NULL;
    return end ? end + 2 : why;
}

static void reloaded(struct dev_master_app *app, const char *why)
{
    if (why) {
        set_trouble(app, DEV_REFUSED, reason(why));
        return;
    }
    app->state.stage = DEV_LIVE;
    app->has_lived = app->state.is_openable = true;
    app->state.trouble = 0;
    tell_terminal(app, DEV_IS_LIVE);
}

void dev_master_reload_ended(struct dev_master *dev, const char *why)
{
    size_t count = 0;
    if (!dev || dev->master->stop != MASTER_RUNS)
        return;
    for (size_t i = 0; i < dev->count; i++) {
        struct dev_master_app *app = &dev->apps[i];
        if (!app->is_reloading)
            continue;
        app->is_reloading = false;
        reloaded(app, why);
        count++;
    }
    dev->build += !why;
    tell_workers(dev);
    const struct dev_notice notice = {
        .kind = DEV_IS_REFUSED, .app = "", .title = "", .folder = "", .text = why, .stack = ""};
    if (!count && why)
        dev->options->notice(&notice);
}

/* ---- opening ---- */

static const char *folder_of(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(arena, path, (size_t)(slash - path)).at : ".";
}

/* Where its plugin stands. */
static const char *output_of(const struct app_config *config, struct arena *arena)
{
    const char *base = config->server->base;
    return config->target[0] == '/' ? config->target
                                    : arena_printf(arena, "%s/%s", base, config->target).at;
}

/* An app of the configuration: its own command, or the file that somebody else builds. */
static void plan_app(struct dev_master *dev, const struct app_config *config,
                     struct dev_master_app *app)
{
    const struct dev_options *options = dev->options;
    if (options->recipe) {
        app->recipe = *options->recipe;
    } else {
        app->recipe.folder = config->server->base;
        app->recipe.command = config->build;
        app->recipe.output = output_of(config, &dev->arena);
        app->recipe.scratch = folder_of(app->recipe.output, &dev->arena);
        app->recipe.include = options->include;
        app->recipe.has_asan = options->has_asan;
    }
    app->dev = dev;
    app->state.name = arena_copy(&dev->arena, config->name, strlen(config->name)).at;
}

static void open_app(struct dev_master_app *app, bool has_build)
{
    struct dev_master *dev = app->dev;
    const struct watch_settings settings = {QUIET_MS, MISSING_MS, true, on_change, app};
    app->title = has_build ? dev_command_title(&app->recipe, &dev->arena) : STR("");
    app->state.folder = app->recipe.folder;
    app->state.command = app->title.at;
    app->state.text = "";
    app->state.stage = has_build ? DEV_FIRST : DEV_LIVE;
    app->has_lived = app->state.is_openable = !has_build;
    app->watch = watch_create(dev->master->loop, &settings);
    app->look = (struct timer){.fn = on_look, .data = app};
    if (has_build)
        app->build = dev_build_create(dev->master->loop, &app->recipe, on_built, app);
    app->folder_stamp = dev_inputs_stamp(app->recipe.folder, !app->recipe.command);
}

static bool is_ours(const struct dev_options *options, const struct app_config *app)
{
    return options->app ? strcmp(options->app, app->name) == 0 : dev_is_ours(app);
}

int dev_master_open(struct master *master, const struct dev_options *options,
                    struct dev_master **out_dev)
{
    const struct config *config = master->front->next->config;
    struct dev_master *dev = memory_zalloc(sizeof(*dev));
    *dev = (struct dev_master){.master = master, .options = options, .state_fd = -1};
    arena_init(&dev->arena, NULL, 0);
    dev->build = (uint64_t)clock_wall_ms();
    dev->apps = memory_zalloc((config->app_count + 1) * sizeof(*dev->apps));
    for (size_t i = 0; i < config->app_count; i++) {
        struct dev_master_app *app = &dev->apps[dev->count];
        if (!is_ours(options, &config->apps[i]))
            continue;
        plan_app(dev, &config->apps[i], app);
        open_app(app, app->recipe.command || app->recipe.sources);
        dev->count++;
    }
    dev->log_fd = dev_log_create();
    log_use_short_lines();
    write_state(dev, false);
    *out_dev = dev;
    return dev->log_fd < 0 || dev->state_fd < 0 ? -ENOMEM : 0;
}

void dev_master_start(struct dev_master *dev)
{
    for (size_t i = 0; i < dev->count; i++) {
        struct dev_master_app *app = &dev->apps[i];
        app->changed_ms = clock_mono_ms();
        dev_asan_sweep(&app->recipe);
        watch_inputs(app);
        if (!app->build)
            continue;
        timer_start(dev->master->loop, &app->look, LOOK_MS);
        build(app);
    }
}

static void close_app(struct dev_master_app *app)
{
    timer_stop(app->dev->master->loop, &app->look);
    dev_build_destroy(app->build);
    watch_destroy(app->watch);
    dev_inputs_finish(&app->inputs);
    free(app->text);
    for (size_t i = 0; i < ARRAY_LEN(app->crash); i++)
        free(app->crash[i]);
}

void dev_master_close(struct dev_master *dev)
{
    if (!dev)
        return;
    for (size_t i = 0; i < dev->count; i++)
        close_app(&dev->apps[i]);
    free(dev->apps);
    if (dev->state_fd >= 0)
        close(dev->state_fd);
    if (dev->log_fd >= 0)
        close(dev->log_fd);
    arena_finish(&dev->arena);
    free(dev);
}

int dev_master_state_fd(const struct dev_master *dev)
{
    return dev->state_fd;
}

int dev_master_log_fd(const struct dev_master *dev)
{
    return dev->log_fd;
}

/* ---- workers of apps ---- */

static struct dev_master_app *find_app(const struct dev_master *dev, const char *name)
{
    for (size_t i = 0; dev && i < dev->count; i++)
        if (strcmp(dev->apps[i].state.name, name) == 0)
            return &dev->apps[i];
    return NULL;
}

const struct setting_pairs *dev_master_environment(const struct dev_master *dev, const char *app,
                                                   const struct setting_pairs *env,
                                                   struct arena *arena)
{
    const struct dev_master_app *own = find_app(dev, app);
    return own ? dev_asan_environment(&own->recipe, env, arena) : env;
}

static void keep_crash(struct dev_master_app *app, const char *const texts[4])
{
    for (size_t i = 0; i < ARRAY_LEN(app->crash); i++) {
        free(app->crash[i]);
        app->crash[i] = memory_copy(texts[i], strlen(texts[i]));
    }
    app->state.crash =
        (struct dev_crash){app->crash[0], app->crash[1], app->crash[2], app->crash[3]};
}

/* What a sanitizer says is better than what can be told from outside. */
static void keep_report(struct dev_master_app *app, const struct dev_death *death,
                        const char *report)
{
    struct buffer what = {0}, stack = {0};
    dev_asan_read(str_of(report), &what, &stack);
    keep_crash(app, (const char *[]){death->request_id, what.at, stack.at, report});
    buffer_finish(&what);
    buffer_finish(&stack);
}

void dev_master_died(struct dev_master *dev, const struct dev_death *death)
{
    struct dev_master_app *app = find_app(dev, death->app);
    if (!app)
        return;
    scoped_free char *report = dev_asan_take_report(&app->recipe, death->pid);
    if (report)
        keep_report(app, death, report);
    else
        keep_crash(app,
                   (const char *[]){death->request_id, death->what, death->stack, death->words});
    tell_workers(dev);
    const struct dev_notice notice = {.kind = DEV_HAS_CRASHED,
                                      .app = app->state.name,
                                      .folder = app->recipe.folder,
                                      .text = app->state.crash.what,
                                      .stack = app->state.crash.stack};
    dev->options->notice(&notice);
}

unsigned dev_master_builds(const struct dev_master *dev, const char *app)
{
    const struct dev_master_app *own = find_app(dev, app);
    return own ? own->builds : 0;
}
