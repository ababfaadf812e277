/* api_app.c - what a plugin asks of its app: name, mount, settings, log, shared memory. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <gale/plugin.h>

#include "app/app.h"
#include "app/config.h"
#include "base/buffer.h"
#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/version.h"

const char *gale_version(void)
{
    return GALE_VERSION;
}

uint32_t gale_abi(void)
{
    return GALE_ABI;
}

const char *gale_app_name(const struct gale_app *app)
{
    return app->config->name;
}

const char *gale_app_mount(const struct gale_app *app)
{
    return app->config->prefix.at;
}

/* ---- memory of the app: one list, since an app asks for few things ---- */

struct app_memory {
    struct app_memory *next;
    char *name; /* owned; the text of a path, or the name of shared memory */
    size_t size;
    void *shared; /* NULL for a path */
    bool is_owned;
};

static app_shared_fn *shared_of_master;

void app_set_shared(app_shared_fn *fn)
{
    shared_of_master = fn;
}

static struct app_memory *find_memory(struct gale_app *app, const char *name, size_t size)
{
    for (struct app_memory *at = app->memory; at; at = at->next)
        if (at->size == size && strcmp(at->name, name) == 0)
            return at;
    return NULL;
}

static struct app_memory *add_memory(struct gale_app *app, const char *name, size_t size)
{
    struct app_memory *memory = memory_zalloc(sizeof(*memory));
    memory->name = memory_copy(name, strlen(name));
    memory->size = size;
    memory->next = app->memory;
    app->memory = memory;
    return memory;
}

void app_forget_memory(struct gale_app *app)
{
    while (app->memory) {
        struct app_memory *memory = app->memory;
        app->memory = memory->next;
        if (memory->is_owned)
            free(memory->shared);
        free(memory->name);
        free(memory);
    }
}

/* ---- settings ---- */

const char *gale_setting(const struct gale_app *app, const char *name, const char *fallback)
{
    for (size_t i = 0; app->sets && i < app->sets->len; i++)
        if (strcmp(app->sets->items[i].name, name) == 0)
            return app->sets->items[i].value;
    return fallback;
}

const char *gale_setting_path(const struct gale_app *app, const char *name, const char *fallback)
{
    const char *value = gale_setting(app, name, fallback);
    if (!value || *value == '/')
        return value;
    /* The app is the caller's to read; its memory of paths is not part of what it means. */
    struct gale_app *owner = (struct gale_app *)app;
    char *path = memory_printf("%s/%s", app->config->server->base, value);
    pthread_mutex_lock(&owner->lock);
    struct app_memory *known = find_memory(owner, path, 0);
    if (!known)
        known = add_memory(owner, path, 0);
    pthread_mutex_unlock(&owner->lock);
    free(path);
    return known->name;
}

static const struct unit {
    const char *name;
    int64_t factor;
} units[] = {
    {"", 1},   {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", (int64_t)1 << 40},
    {"ms", 1}, {"s", 1000},    {"m", 60000},   {"h", 3600000}, {"d", 86400000},
};

/* DIGITS[UNIT]; a bare number may be negative. */
static int parse_number(const char *text, int64_t *out_value)
{
    bool is_negative = *text == '-';
    text += is_negative;
    size_t digits = strspn(text, "0123456789");
    uint64_t number;
    int64_t value;
    if (str_to_u64((struct gale_str){text, digits}, &number) < 0)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(units[i].name, text + digits) != 0)
            continue;
        if ((is_negative && i) || __builtin_mul_overflow(number, units[i].factor, &value))
            return -EINVAL;
        *out_value = is_negative ? -value : value;
        return 0;
    }
    return -EINVAL;
}

int gale_setting_number(const struct gale_app *app, const char *name, int64_t fallback,
                        int64_t *out_value)
{
    const char *text = gale_setting(app, name, NULL);
    *out_value = fallback;
    if (!text || parse_number(text, out_value) == 0)
        return 0;
    gale_log((struct gale_app *)app, GALE_ERROR,
             "set %s: '%s' is no number; expected one such as 10, 16K or 30s", name, text);
    return -EINVAL;
}

static int refuse_choice(const struct gale_app *app, const char *name, const char *text,
                         const char *const *choices)
{
    struct buffer allowed = {0};
    for (const char *const *choice = choices; *choice; choice++)
        buffer_printf(&allowed, "%s%s",
                      choice == choices ? ""
                      : choice[1]       ? ", "
                                        : " or ",
                      *choice);
    gale_log((struct gale_app *)app, GALE_ERROR, "set %s: '%s' is not allowed; expected %s", name,
             text, buffer_str(&allowed).at);
    buffer_finish(&allowed);
    return -EINVAL;
}

static int find_choice(const char *const *choices, const char *text)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], text) == 0)
            return i;
    return -1;
}

int gale_setting_choice(const struct gale_app *app, const char *name, const char *const *choices,
                        int fallback, int *out_index)
{
    const char *text = gale_setting(app, name, NULL);
    int index = text ? find_choice(choices, text) : fallback;
    *out_index = index < 0 ? fallback : index;
    return index < 0 ? refuse_choice(app, name, text, choices) : 0;
}

int gale_setting_flag(const struct gale_app *app, const char *name, int fallback, int *out_flag)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", NULL};
    static const char *const told[] = {"yes", "no", NULL};
    const char *text = gale_setting(app, name, NULL);
    int index = text ? find_choice(words, text) : fallback != 0;
    *out_flag = index < 0 ? fallback : index % 2;
    return index < 0 ? refuse_choice(app, name, text, told) : 0;
}

/* ---- memory that outlives workers ---- */

static void *find_shared(struct gale_app *app, const char *name, size_t size)
{
    pthread_mutex_lock(&app->lock);
    const struct app_memory *known = find_memory(app, name, size);
    pthread_mutex_unlock(&app->lock);
    return known ? known->shared : NULL;
}

/* Asking the master may wait; two tasks that ask at once get the same memory twice mapped. */
SUSPENDS static void *make_shared(struct gale_app *app, const char *name, size_t size)
{
    bool is_owned = !shared_of_master;
    void *at = is_owned ? memory_zalloc(size) : shared_of_master(app->config->name, name, size);
    if (!at)
        return NULL;
    pthread_mutex_lock(&app->lock);
    struct app_memory *memory = add_memory(app, name, size);
    memory->shared = at;
    memory->is_owned = is_owned;
    pthread_mutex_unlock(&app->lock);
    return at;
}

void *gale_shared(struct gale_app *app, const char *name, size_t size)
{
    if (!name || !*name || !size) {
        errno = EINVAL;
        return NULL;
    }
    void *known = find_shared(app, name, size);
    return known ? known : make_shared(app, name, size);
}

/* ---- the log ---- */

static const enum log_level levels[] = {
    [GALE_ERROR] = LOG_LEVEL_ERROR,
    [GALE_WARN] = LOG_LEVEL_WARN,
    [GALE_INFO] = LOG_LEVEL_INFO,
    [GALE_DEBUG] = LOG_LEVEL_DEBUG,
};

/* A line in the log: who says it, for which request, in which generation. */
static void log_text(const struct gale_app *app, enum log_level level, const char *text)
{
    const struct log_field name = LOG_TEXT("app", app->config->name);
    const struct log_field generation = LOG_NUMBER("generation", board_mine->generation);
    const struct log_field end = {0};
    /* The board's slot names what the running task serves, by its label; without one, nothing. */
    if (task_current() && *board_mine->app && *board_mine->request_id)
        log_line(level, text, name, LOG_TEXT("id", board_mine->request_id), generation, end);
    else
        log_line(level, text, name, generation, end);
}

void gale_log_str(struct gale_app *app, int level, struct gale_str text)
{
    bool is_level = level >= GALE_ERROR && level <= GALE_DEBUG;
    enum log_level own = is_level ? levels[level] : LOG_LEVEL_INFO;
    if (app->is_open && !log_is_on(own))
        return;
    char *copy = memory_copy(text.at, text.len); /* a zero ends what the log can show */
    if (!app->is_open)
        app_note(app, str_of(copy));
    log_text(app, own, copy);
    free(copy);
}

void gale_log(struct gale_app *app, int level, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return;
    gale_log_str(app, level, (struct gale_str){text, (size_t)len});
    free(text);
}
