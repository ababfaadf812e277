/* made_up.h - adapters that exist in tests only, and configurations of them in one string. */
#pragma once
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

/* An adapter whose apps do what the test's `made_up_serve` says. */
struct made_up_settings {
    const char *made;
    struct setting_pairs set;
};

static const struct setting made_up_table[] = {
    {"made", SETTING_TEXT, offsetof(struct made_up_settings, made), .help = "What to make."},
    {"set", SETTING_NAMED, offsetof(struct made_up_settings, set), .help = "A setting."},
    {.key = NULL},
};

static const struct setting other_table[] = {
    {"other", SETTING_TEXT, 0, .help = "Another thing."},
    {"tone", SETTING_COUNT, 8, .initial = "3", .min = 1, .max = 9, .help = "How high."},
    {.key = NULL},
};

/* What open, drain and close did, "o:a d:a c:a ". */
static char made_up_calls[256];
static int (*made_up_opens)(struct gale_app *app);
static int (*made_up_serves)(struct gale_app *app, struct gale_request *req,
                             struct gale_response *res);

static inline void made_up_note(const char *what, const struct gale_app *app)
{
    size_t len = strlen(made_up_calls);
    snprintf(made_up_calls + len, sizeof(made_up_calls) - len, "%s:%s ", what, app->config->name);
}

static inline int made_up_open(struct gale_app *app)
{
    const struct made_up_settings *settings = app->config->settings;
    made_up_note("open", app);
    app->sets = &settings->set;
    return made_up_opens ? made_up_opens(app) : 0;
}

static inline int made_up_serve(struct gale_app *app, struct gale_request *req,
                                struct gale_response *res)
{
    return made_up_serves(app, req, res);
}

static inline void made_up_drain(struct gale_app *app)
{
    made_up_note("drain", app);
}

static inline void made_up_close(struct gale_app *app)
{
    made_up_note("close", app);
}

static inline void made_up_check(const struct app_config *config, struct setting_errors *errors)
{
    const struct made_up_settings *settings = config->settings;
    if (settings->made && strcmp(settings->made, "wrong") == 0)
        setting_errors_add(errors, config->file, config->line, "[app %s] cannot be made",
                           config->name);
}

static const struct adapter made_up_adapter = {
    .name = "made",
    .table = made_up_table,
    .settings_size = sizeof(struct made_up_settings),
    .check = made_up_check,
    .open = made_up_open,
    .serve = made_up_serve,
    .drain = made_up_drain,
    .close = made_up_close,
};
static const struct adapter other_adapter = {
    .name = "other", .table = other_table, .settings_size = 16, .open = made_up_open};
static const struct adapter *const made_up_adapters[] = {&made_up_adapter, &other_adapter, NULL};

/* A configuration and its errors, "LINE: text\n" each. */
struct made_up {
    struct arena arena;
    struct setting_errors errors;
    struct config *config;
    char text[8192];
};

static inline void made_up_parse(struct made_up *made, const char *text)
{
    arena_init(&made->arena, NULL, 0);
    made->errors = (struct setting_errors){.arena = &made->arena};
    made->config = config_parse("/nowhere/gale.ini", str_of(text), made_up_adapters, &made->errors);
    size_t len = 0;
    made->text[0] = 0;
    for (size_t i = 0; i < made->errors.len; i++) {
        const struct setting_error *error = &made->errors.items[i];
        ck_assert_str_eq(error->file, "/nowhere/gale.ini");
        len += (size_t)snprintf(made->text + len, sizeof(made->text) - len, "%u: %s\n", error->line,
                                error->text);
        ck_assert_uint_lt(len, sizeof(made->text));
    }
}

static inline void made_up_finish(struct made_up *made)
{
    config_close(made->config);
    arena_finish(&made->arena);
}

/* Rows of a text and the errors it must have, exactly. */
struct made_up_row {
    const char *text, *errors;
};

static inline void made_up_check_rows(const struct made_up_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct made_up made;
        made_up_parse(&made, rows[i].text);
        ck_assert_str_eq(made.text, rows[i].errors);
        made_up_finish(&made);
    }
}
