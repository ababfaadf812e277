/* config_rate.c - limits of each client: which bucket a request is taken from. */
#include "app/config_private.h"

/* FNV-1a of the name, which outlives reloads. */
static uint64_t scope_of(const char *name)
{
    uint64_t scope = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++)
        scope = (scope ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return scope;
}

void config_inherit_rate(struct app_config *app)
{
    struct rate_limit *rate = &app->limits.rate;
    if (rate->interval_ns < 0)
        *rate = app->server->rate;
    else
        rate->scope = scope_of(app->name);
}

bool config_limits_clients(const struct config *config)
{
    bool limits = config->server.limit_connections || config->server.rate.interval_ns;
    for (size_t i = 0; i < config->app_count; i++)
        limits |= config->apps[i].limits.rate.interval_ns > 0;
    return limits;
}
