/* config_private.h - how a configuration is read: first gathered, then understood.
 *
 *   text --ini--> sections with their keys --tables--> struct config
 *
 * Gathering first lets `base` count for every path, wherever it stands, and lets an app's adapter
 * be known before its other keys are judged. Everything gathered is on the configuration's arena;
 * nothing stops at the first error. */
#pragma once
#include "app/config.h"

struct config_key {
    const char *key; /* words separated by one blank */
    const char *value, *file;
    unsigned line;
};

struct config_section {
    const char *name; /* "server", "app hello" */
    const char *file;
    unsigned line;
    struct config_key *keys;
    size_t count, cap;
};

struct config_reader {
    struct config *config;
    const struct adapter *const *adapters; /* NULL-terminated */
    struct setting_errors *errors;
    const char *base; /* of a configuration that was found right before; NULL: look for yourself */
    struct config_section *sections;
    size_t count, cap;
};

enum { CONFIG_TARGETS = 8 }; /* tables that a section can have, and one for the end */

/* A table and the struct that it fills. */
struct config_target {
    const struct setting *table;
    void *values;
};

/* The last key of exactly this name in the section, or NULL. */
const struct config_key *config_find_key(const struct config_section *section, const char *key);
/* Sets every key of the section by the row that one of the targets (ended by a NULL table) has for
 * it. Keys without a row and scalar keys given twice are errors. */
void config_set_keys(struct config_reader *reader, const struct config_section *section,
                     const struct config_target *targets);
/* `path` itself when it is absolute, else below base; on the arena. */
const char *config_join(struct arena *arena, const char *base, const char *path);

/* Understands [server]; `section` may be NULL: all defaults. */
void config_read_server(struct config_reader *reader, const struct config_section *section);
/* What follows from an app's keys of isolation, once they are set. */
void config_read_isolation(struct config_reader *reader, const struct config_section *section,
                           struct app_config *app);
/* What makes the front what it is: everything but what only isolated apps look at. */
void config_read_front(struct config_reader *reader);
/* Understands [app NAME] into *app, which is zeroed; authorizers are still to be found. */
void config_read_app(struct config_reader *reader, const struct config_section *section,
                     struct app_config *app);
/* Whether an app may be called so. */
bool config_is_app_name(const char *text);
/* Gives the app the server's limit where it has none (interval_ns < 0), else buckets of its own. */
void config_inherit_rate(struct app_config *app);
/* Once all apps are known: finds those that `authorize` names, and refuses apps that nobody can
 * reach. */
void config_join_apps(struct config_reader *reader);
