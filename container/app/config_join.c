/* config_join.c - what apps say of each other: who authorizes whom.
 *
 * An app that is an authorizer and nothing else needs no mount; any other app without one could
 * never be reached. */
#include "app/config_private.h"

#include <string.h>

#include "app/adapter.h"
#include "base/arena.h"
#include "base/macros.h"

static struct app_config *find_app(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->app_count; i++)
        if (strcmp(config->apps[i].name, name) == 0)
            return &config->apps[i];
    return NULL;
}

static const struct config_section *section_of(const struct config_reader *reader,
                                               const struct app_config *app)
{
    for (size_t i = 0; i < reader->count; i++)
        if (reader->sections[i].line == app->line &&
            strcmp(reader->sections[i].file, app->file) == 0)
            return &reader->sections[i];
    return NULL;
}

/* ---- errors ---- */

static void refuse_unknown(struct config_reader *reader, const struct app_config *app,
                           const struct config_key *key)
{
    struct config *config = reader->config;
    struct setting *names = arena_zalloc(&config->arena, (config->app_count + 1) * sizeof(*names));
    const struct setting *tables[] = {names, NULL};
    for (size_t i = 0; i < config->app_count; i++)
        names[i].key = config->apps[i].name;
    const char *nearest = setting_nearest(tables, app->authorize);
    setting_errors_add(reader->errors, key->file, key->line,
                       nearest ? "authorize: there is no [app %s]; did you mean '%s'?"
                               : "authorize: there is no [app %s]; name the section of a FastCGI "
                                 "app",
                       app->authorize, nearest);
}

static void refuse_unable(struct config_reader *reader, const struct app_config *app,
                          const struct config_key *key)
{
    setting_errors_add(reader->errors, key->file, key->line,
                       "authorize: [app %s] is no FastCGI app; only those can be asked",
                       app->authorize);
}

static void refuse_unreachable(struct config_reader *reader, const struct app_config *app)
{
    const struct config_section *section = section_of(reader, app);
    setting_errors_add(
        reader->errors, app->file, app->line, "[%s] has no mount; add for example mount = /%s",
        section ? section->name : "app", config_is_app_name(app->name) ? app->name : "hello");
}

/* ---- the apps ---- */

static void find_authorizer(struct config_reader *reader, struct app_config *app)
{
    const struct config_section *section = section_of(reader, app);
    const struct config_key *key = config_find_key(section, "authorize");
    struct app_config *found = find_app(reader->config, app->authorize);
    if (!key)
        return;
    if (!found)
        refuse_unknown(reader, app, key);
    else if (found->adapter && !found->adapter->authorize)
        refuse_unable(reader, app, key);
    app->authorizer = found;
}

/* Whether another app asks it. */
static bool is_authorizer(const struct config *config, const struct app_config *app)
{
    for (size_t i = 0; i < config->app_count; i++)
        if (config->apps[i].authorizer == app && &config->apps[i] != app)
            return true;
    return false;
}

void config_join_apps(struct config_reader *reader)
{
    struct config *config = reader->config;
    for (size_t i = 0; i < config->app_count; i++)
        if (config->apps[i].authorize)
            find_authorizer(reader, &config->apps[i]);
    for (size_t i = 0; i < config->app_count; i++) {
        struct app_config *app = &config->apps[i];
        if (app->has_mount)
            continue;
        app->mount_text = "-";
        if (!is_authorizer(config, app))
            refuse_unreachable(reader, app);
    }
}
