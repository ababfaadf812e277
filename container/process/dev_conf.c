/* dev_conf.c - three texts: the one that is live, the one of this reload, the one that is refused.
 */
#include "process/dev_conf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "app/dev_state.h"
#include "base/clock.h"
#include "base/ini.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/setting.h"
#include "base/str.h"
#include "loop/ioloop.h"
#include "process/config_text.h"
#include "process/dev_depends.h"
#include "process/dev_master_private.h"
#include "process/master_private.h"
#include "process/surroundings.h"
#include "process/watch.h"

/* As for sources: how long a save may take, how long a file may be gone; and how often new files
 * and mended surroundings are looked for. */
enum { QUIET_MS = 8, MISSING_MS = 300, LOOK_MS = 1000 };

struct dev_conf {
    struct dev_master *dev;
    const char *path;      /* as it was given; borrowed */
    char folder[PATH_MAX]; /* where that starts */
    struct watch *watch;
    struct dev_inputs files; /* what it watches: the file and those that it includes */
    struct timer look;
    struct gale_str live, chosen, refused; /* `at` is owned; NULL: none */
    char *why;                             /* of what is refused; owned; NULL: nothing is */
    uint64_t trouble;                      /* its number; 0: nothing is */
    int64_t saved_ms;
    bool is_saved; /* and has to be tried, even if it is what is refused */
    bool is_file;  /* what was chosen is what the file says */
    bool is_wrong; /* what that says is, by itself */
};

/* ---- texts ---- */

static struct gale_str copy(struct gale_str text)
{
    return (struct gale_str){memory_copy(text.at, text.len), text.len};
}

/* Takes the new one. */
static void set(struct gale_str *text, struct gale_str other)
{
    free((char *)text->at);
    *text = other;
}

static bool is_same(struct gale_str a, struct gale_str b)
{
    return a.at && b.at && str_equals(a, b);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- is it right? ---- */

/* Returns owned why not, or NULL. */
static char *check(const struct dev_conf *conf, struct gale_str text, struct setting_errors *errors)
{
    const struct master_options *options = conf->dev->master->options;
    if (errors->len) /* what is missing makes other lines look wrong */
        return setting_errors_text(errors);
    struct config *config = config_parse(options->path, text, options->adapters, errors);
    if (!errors->len)
        surroundings_check(config, options->listen ? SURROUNDINGS_NO_LISTEN : 0, errors);
    config_close(config);
    return errors->len ? setting_errors_text(errors) : NULL;
}

/* The text of the file, owned, and in *out_why what is wrong with it. */
static struct gale_str read_file(const struct dev_conf *conf, char **out_why)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct gale_str text = config_text_load(conf->dev->master->options, &errors);
    bool is_known = !errors.len && is_same(text, conf->live);
    *out_why = is_known ? NULL : check(conf, text, &errors);
    arena_finish(&arena);
    return text;
}

/* ---- telling ---- */

static void tell(const struct dev_conf *conf)
{
    const struct dev_notice notice = {
        .kind = conf->why ? DEV_CONF_IS_REFUSED : DEV_CONF_IS_LIVE,
        .app = last_part(conf->path),
        .title = "",
        .folder = conf->folder,
        .text = conf->why ? conf->why : "",
        .build_ms = -1,
        .ms = clock_mono_ms() - conf->saved_ms,
    };
    conf->dev->options->notice(&notice);
}

/* Takes the text and why. What was said before is not said again. */
static void refuse(struct dev_conf *conf, struct gale_str text, char *why)
{
    bool is_news = !conf->why || strcmp(conf->why, why) != 0;
    free(conf->why);
    conf->why = why;
    set(&conf->refused, text);
    if (!is_news)
        return;
    conf->trouble = ++conf->dev->trouble;
    dev_tell_workers(conf->dev);
    tell(conf);
}

static void forget_refused(struct dev_conf *conf)
{
    free(conf->why);
    conf->why = NULL;
    conf->trouble = 0;
    set(&conf->refused, (struct gale_str){0});
}

/* ---- reloads ---- */

bool dev_conf_choose(struct dev_conf *conf, bool is_asked)
{
    char *why;
    bool was_saved = conf->is_saved;
    scoped_free char *before = (char *)conf->chosen.at;
    size_t before_len = conf->chosen.len;
    struct gale_str text = read_file(conf, &why);
    bool is_known = !conf->is_saved && is_same(text, conf->refused);
    conf->is_saved = false;
    conf->is_wrong = why != NULL;
    conf->is_file = is_asked || (!why && !is_known);
    conf->chosen = copy(conf->is_file ? text : conf->live);
    if (why)
        refuse(conf, text, why);
    else
        free((char *)text.at);
    return was_saved || !is_same(conf->chosen, (struct gale_str){before, before_len});
}

bool dev_conf_is_new(const struct dev_conf *conf)
{
    return conf && !is_same(conf->chosen, conf->live);
}

bool dev_conf_reloaded(struct dev_conf *conf, const char *why)
{
    bool is_new = dev_conf_is_new(conf);
    if (!conf->is_file)
        return false;
    if (is_new && why) {
        refuse(conf, copy(conf->chosen), memory_copy(why, strlen(why)));
        return true;
    }
    set(&conf->live, copy(conf->chosen));
    if (is_new || conf->why) {
        forget_refused(conf);
        tell(conf);
    }
    return false;
}

static void ask(struct dev_conf *conf)
{
    conf->is_saved = true;
    conf->saved_ms = clock_mono_ms();
    reload_ask(conf->dev->master);
}

void dev_conf_try_again(struct dev_conf *conf)
{
    if (conf->why && !conf->is_wrong)
        ask(conf);
}

struct gale_str dev_conf_text(const struct dev_conf *conf)
{
    return conf->chosen;
}

struct dev_conf_state dev_conf_state(const struct dev_conf *conf)
{
    if (!conf || !conf->why)
        return (struct dev_conf_state){0};
    return (struct dev_conf_state){
        .trouble = conf->trouble,
        .name = last_part(conf->path),
        .folder = conf->folder,
        .text = conf->why,
    };
}

/* ---- files ---- */

static void add_file(void *data, struct gale_str path)
{
    dev_inputs_add(data, path);
}

static struct dev_inputs files_of(const struct dev_conf *conf, struct gale_str text)
{
    struct dev_inputs files = {.folder = conf->folder};
    dev_inputs_add(&files, str_of(conf->path));
    ini_each_file(text, add_file, &files);
    return files;
}

bool dev_conf_has(const struct dev_conf *conf, const struct stat *info)
{
    struct stat own;
    for (size_t i = 0; conf && i < conf->files.count; i++)
        if (stat(conf->files.paths[i], &own) == 0 && own.st_dev == info->st_dev &&
            own.st_ino == info->st_ino)
            return true;
    return false;
}

static void watch_files(struct dev_conf *conf, struct gale_str text)
{
    struct dev_inputs files = files_of(conf, text);
    dev_inputs_finish(&conf->files);
    conf->files = files;
    watch_set(conf->watch, (const char *const *)files.paths, files.count);
}

static bool are_watched(const struct dev_conf *conf, struct gale_str text)
{
    struct dev_inputs files = files_of(conf, text);
    bool is_same_set = files.count == conf->files.count;
    for (size_t i = 0; is_same_set && i < files.count; i++)
        is_same_set = strcmp(files.paths[i], conf->files.paths[i]) == 0;
    dev_inputs_finish(&files);
    return is_same_set;
}

static void on_change(void *data)
{
    ask(data);
}

/* A file that a pattern of `include` takes in from now on, or a folder that was missing. */
static void on_look(void *data)
{
    struct dev_conf *conf = data;
    char *why;
    struct gale_str text = read_file(conf, &why);
    bool has_others = !are_watched(conf, text);
    if (has_others)
        watch_files(conf, text);
    if (has_others || (conf->is_wrong && !why))
        ask(conf);
    free((char *)text.at);
    free(why);
    timer_start(conf->dev->master->loop, &conf->look, LOOK_MS);
}

/* ---- life ---- */

struct dev_conf *dev_conf_create(struct dev_master *dev, struct gale_str text)
{
    struct dev_conf *conf = memory_zalloc(sizeof(*conf));
    const struct watch_settings settings = {QUIET_MS, MISSING_MS, true, on_change, conf};
    conf->dev = dev;
    conf->path = dev->master->options->path;
    if (!getcwd(conf->folder, sizeof(conf->folder)))
        strcpy(conf->folder, ".");
    conf->live = copy(text);
    conf->chosen = copy(text);
    conf->look = (struct timer){.fn = on_look, .data = conf};
    conf->watch = watch_create(dev->master->loop, &settings);
    return conf;
}

void dev_conf_start(struct dev_conf *conf)
{
    if (!conf)
        return;
    watch_files(conf, conf->live);
    timer_start(conf->dev->master->loop, &conf->look, LOOK_MS);
}

void dev_conf_destroy(struct dev_conf *conf)
{
    if (!conf)
        return;
    timer_stop(conf->dev->master->loop, &conf->look);
    watch_destroy(conf->watch);
    dev_inputs_finish(&conf->files);
    set(&conf->live, (struct gale_str){0});
    set(&conf->chosen, (struct gale_str){0});
    forget_refused(conf);
    free(conf);
}
