/* dev_app.c - files that change, a build of them, and what became of that. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "app/dev.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "process/dev_asan.h"
#include "process/dev_build.h"
#include "process/dev_conf.h"
#include "process/dev_inputs.h"
#include "process/dev_master_private.h"
#include "process/dev_sites.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/watch.h"

/* QUIET is how long a save may take in pieces, and a part of what a person waits for. A file that
 * is gone is one that an editor writes anew, or really gone: then its compiler says so. */
enum { QUIET_MS = 8, MISSING_MS = 300, LOOK_MS = 1000, LONG_MS = 2000, KILLS_MAX = 3 };
enum { OPEN_MS = 1000 };

static void set_text(struct dev_master_app *app, const char *text)
{
    char *copy = memory_copy(text, strlen(text));
    free(app->text);
    app->state.text = app->text = copy;
}

static void set_trouble(struct dev_master_app *app, enum dev_stage stage, const char *text)
{
    app->is_again = app->state.stage == stage && strcmp(app->state.text, text) == 0;
    app->state.stage = stage;
    app->state.trouble = ++app->dev->trouble;
    set_text(app, text);
    dev_tell_workers(app->dev);
    dev_tell_terminal(app, stage == DEV_BROKEN ? DEV_IS_BROKEN : DEV_IS_REFUSED);
}

/* ---- what it is made of ---- */

/* What gale itself reads and serves. */
static bool is_gales(const void *data, const struct stat *info)
{
    const struct dev_master *dev = data;
    return S_ISDIR(info->st_mode) ? dev_sites_has(dev->sites, info) : dev_conf_has(dev->conf, info);
}

static struct dev_inputs_place place_of(const struct dev_master_app *app)
{
    return (struct dev_inputs_place){app->recipe.folder, is_gales, app->dev};
}

static uint64_t stamp_of(const struct dev_master_app *app)
{
    const struct dev_inputs_place place = place_of(app);
    return dev_inputs_stamp(&place, !app->recipe.command);
}

/* A compiler that failed has not told everything: what is known from before stays. */
static void watch_inputs(struct dev_master_app *app)
{
    struct dev_inputs *inputs = &app->inputs;
    const struct dev_inputs_place place = place_of(app);
    if (!app->build || app->recipe.command || app->state.stage != DEV_BROKEN)
        dev_inputs_finish(inputs);
    inputs->folder = app->recipe.folder;
    if (!app->build)
        dev_inputs_add(inputs, str_of(app->recipe.output));
    else if (app->recipe.command)
        dev_inputs_add_folder(inputs, &place);
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
        app->recipe.sources = dev_inputs_list_sources(app->recipe.folder, &app->arena);
    app->folder_stamp = stamp_of(app);
    dev_build_start(app->build);
    dev_tell_workers(app->dev);
}

/* What make finds from now on is built with ASan, or all without. */
static void is_made_anew(struct dev_master_app *app)
{
    struct dev_recipe *recipe = &app->recipe;
    if (recipe->is_forced && recipe->has_asan)
        dev_asan_mark(recipe);
    else if (recipe->is_forced)
        (void)unlink(recipe->asan_mark);
    recipe->is_forced = false;
}

/* A command is run for whatever is saved in its folder, and may make what there was before. That
 * is opened anew all the same: it may read the file that was saved. */
static bool is_made_again(struct dev_master_app *app)
{
    static char bytes[64 * 1024];
    struct digest before = app->made;
    scoped_close int fd = open(app->recipe.output, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    digest_init(&app->made);
    while (fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0)
        digest_add(&app->made, bytes, (size_t)n);
    return before.len && before.len == app->made.len && before.a == app->made.a &&
           before.b == app->made.b;
}

static void on_built(void *data, const struct dev_outcome *outcome)
{
    struct dev_master_app *app = data;
    app->state.ms = outcome->ms;
    app->kills = 0;
    if (outcome->is_ok)
        is_made_anew(app);
    if (app->is_stale) {
        build(app);
    } else if (outcome->is_ok) {
        free(app->said);
        app->said = memory_copy(outcome->text, strlen(outcome->text));
        app->is_as_before = app->recipe.command && is_made_again(app);
        go_live(app);
    } else {
        scoped_free char *text = dev_inputs_resolve(&app->inputs, outcome->text);
        set_trouble(app, DEV_BROKEN, text);
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
    uint64_t stamp = stamp_of(app);
    bool is_new = stamp != app->folder_stamp;
    app->folder_stamp = stamp;
    timer_start(app->dev->master->loop, &app->look, LOOK_MS);
    bool may_matter =
        app->recipe.command || app->recipe.takes_all || app->state.stage == DEV_BROKEN;
    if (is_new && may_matter)
        on_change(app);
}

/* ---- reloads ---- */

/* Without the place in a configuration that nobody has written. */
static const char *reason(const char *why)
{
    const char *bracket = strstr(why, "[app "), *end = bracket ? strstr(bracket, "] ") : NULL;
    return end ? end + 2 : why;
}

void dev_app_reloaded(struct dev_master_app *app, const char *why)
{
    app->is_reloading = false;
    if (why) {
        why = reason(why);
        bool is_known = app->state.stage == DEV_REFUSED && strcmp(app->state.text, why) == 0;
        if (!is_known || (app->was_built && !app->is_as_before))
            set_trouble(app, DEV_REFUSED, why);
        return;
    }
    bool is_news = app->state.stage != DEV_LIVE || !app->is_as_before;
    set_text(app, app->said ? app->said : "");
    app->state.stage = DEV_LIVE;
    app->has_lived = app->state.is_openable = true;
    app->state.trouble = 0;
    if (is_news)
        dev_tell_terminal(app, DEV_IS_LIVE);
}

/* ---- life ---- */

static const char *folder_of(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(arena, path, (size_t)(slash - path)).at : ".";
}

/* Where its plugin stands. */
static const char *output_of(const struct app_config *config, struct arena *arena)
{
    const char *base = config->server->base;
    bool is_absolute = config->target[0] == '/';
    return is_absolute ? arena_copy(arena, config->target, strlen(config->target)).at
                       : arena_printf(arena, "%s/%s", base, config->target).at;
}

static void plan(struct dev_master_app *app, const struct app_config *config)
{
    const struct dev_options *options = app->dev->options;
    struct arena *arena = &app->arena;
    app->state.name = arena_copy(arena, config->name, strlen(config->name)).at;
    if (options->recipe) {
        app->recipe = *options->recipe;
        dev_command_look(&app->recipe);
        return;
    }
    const char *output = output_of(config, arena);
    const char *base = config->server->base;
    app->recipe = (struct dev_recipe){
        .folder = arena_copy(arena, base, strlen(base)).at,
        .command =
            config->build ? arena_copy(arena, config->build, strlen(config->build)).at : NULL,
        .output = output,
        .scratch = folder_of(output, arena),
        .include = options->include,
        .has_asan = options->has_asan,
    };
    const char *slash = strrchr(output, '/');
    if (config->build)
        app->recipe.asan_mark =
            arena_printf(arena, "%.*s/.%s.asan", (int)(slash - output), output, slash + 1).at;
    dev_command_look(&app->recipe);
}

struct dev_master_app *dev_app_create(struct dev_master *dev, const struct app_config *config)
{
    struct dev_master_app *app = memory_zalloc(sizeof(*app));
    const struct watch_settings settings = {QUIET_MS, MISSING_MS, true, on_change, app};
    app->dev = dev;
    arena_init(&app->arena, NULL, 0);
    plan(app, config);
    bool has_build = app->recipe.command || app->recipe.sources;
    app->title = has_build ? dev_command_title(&app->recipe, &app->arena) : STR("");
    app->state.folder = app->recipe.folder;
    app->state.command = app->title.at;
    app->state.text = "";
    app->state.stage = has_build ? DEV_FIRST : DEV_LIVE;
    app->has_lived = app->state.is_openable = !has_build;
    app->watch = watch_create(dev->master->loop, &settings);
    app->look = (struct timer){.fn = on_look, .data = app};
    if (has_build)
        app->build = dev_build_create(dev->master->loop, &app->recipe, on_built, app);
    app->folder_stamp = stamp_of(app);
    return app;
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool dev_app_is_as(const struct dev_master_app *app, const struct app_config *config)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    bool is_as = is_same(app->recipe.command, config->build) &&
                 is_same(app->recipe.folder, config->server->base) &&
                 is_same(app->recipe.output, output_of(config, &arena));
    arena_finish(&arena);
    return is_as;
}

/* What it is until it has been built: what was built before, if that has the same place. */
struct dev_master_app *dev_app_create_again(const struct dev_master_app *before,
                                            const struct app_config *config)
{
    struct dev_master_app *app = dev_app_create(before->dev, config);
    app->builds = before->builds + 1;
    if (!before->has_lived || strcmp(before->recipe.output, app->recipe.output) != 0)
        return app;
    app->has_lived = app->state.is_openable = true;
    app->state.stage = DEV_LIVE;
    return app;
}

void dev_app_start(struct dev_master_app *app)
{
    app->changed_ms = clock_mono_ms();
    dev_asan_sweep(&app->recipe);
    dev_asan_mark(&app->recipe);
    watch_inputs(app);
    if (!app->build)
        return;
    timer_start(app->dev->master->loop, &app->look, LOOK_MS);
    build(app);
}

void dev_app_destroy(struct dev_master_app *app)
{
    timer_stop(app->dev->master->loop, &app->look);
    dev_build_destroy(app->build);
    watch_destroy(app->watch);
    dev_inputs_finish(&app->inputs);
    free(app->text);
    free(app->said);
    for (size_t i = 0; i < ARRAY_LEN(app->crash); i++)
        free(app->crash[i]);
    arena_finish(&app->arena);
    free(app);
}
