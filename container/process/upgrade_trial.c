/* upgrade_trial.c - whether this program could take over: the state, the configuration, the apps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/buffer.h"
#include "base/ini.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/config_text.h"
#include "process/identity.h"
#include "process/master.h"
#include "process/trial.h"
#include "process/upgrade.h"
#include "process/upgrade_state.h"

static enum master_exit refuse(const char *why)
{
    fprintf(stderr, "%s\n", why);
    return MASTER_WRONG_INPUT;
}

static enum master_exit try_apps(const struct config *config)
{
    const struct server_settings *server = &config->server;
    struct identity identity;
    scoped_free char *why = NULL;
    if (identity_find(server->user, server->group, &identity, &why) < 0)
        return refuse(why);
    const struct trial trial = {config, &identity, server->start_timeout_ms};
    for (size_t i = 0; i < config->app_count; i++) {
        scoped_free char *failure = NULL;
        if (trial_open(&trial, i, &failure) < 0)
            return refuse(failure);
    }
    return MASTER_STOPPED;
}

static enum master_exit try_config(const struct master_options *options)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config = NULL;
    struct gale_str text = config_text_load(options, &errors);
    if (!errors.len)
        config = config_parse(options->path, text, options->adapters, &errors);
    scoped_free char *why = errors.len ? setting_errors_text(&errors) : NULL;
    enum master_exit r = config && !why ? try_apps(config) : refuse(why);
    config_close(config);
    free((char *)text.at);
    arena_finish(&arena);
    return r;
}

enum master_exit upgrade_trial(const struct buffer *state, const struct master_options *options)
{
    scoped_free char *why = NULL;
    if (upgrade_state_check(buffer_str(state), options->adapters, &why) < 0)
        return refuse(why);
    return try_config(options);
}
