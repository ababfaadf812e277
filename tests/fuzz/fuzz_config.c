/* fuzz_config.c - any bytes as a configuration of apps of each kind.
 *
 * Every error names the file and can be printed; a configuration without one keeps what it
 * promises, so that workers need not look again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "adapters/cgi/cgi.h"
#include "adapters/fastcgi/fastcgi.h"
#include "adapters/plugin/plugin.h"
#include "app/config.h"
#include "app/mount.h"
#include "base/arena.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_app(const struct config *config, const struct app_config *app)
{
    assert(app->name[0] && strlen(app->name) <= 40);
    assert(app->adapter && app->settings);
    assert(app->server == &config->server);
    assert(app->limits.body_timeout_ms > 0 && app->limits.write_timeout_ms > 0);
    assert(app->limits.max_body <= INT64_MAX && app->limits.form_memory <= INT64_MAX);
    assert(!app->prefix.len || app->prefix.at[0] == '/');
    assert(!str_ends_with(app->prefix, STR("/")));
    assert(app->prefix.at[app->prefix.len] == 0 && app->host.at[app->host.len] == 0);
    assert(!app->prefix.len || mount_has(app->prefix, app->prefix));
}

static void check_server(const struct config *config)
{
    const struct server_settings *server = &config->server;
    assert(config->app_count && config->base[0] == '/');
    assert(server->listen.len);
    assert(server->workers >= 0 && server->workers <= 256);
    assert(server->access_log && server->error_log);
    assert(server->http.limits.max_target >= 64 && server->http.limits.max_headers >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adapter *const adapters[] = {&plugin_adapter, &cgi_adapter,
                                                     &fastcgi_adapter, NULL};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct gale_str text = {(const char *)data, size};
    struct config *config = config_parse("/nowhere/gale.ini", text, adapters, &errors);
    for (size_t i = 0; i < errors.len; i++)
        assert(errors.items[i].file[0] && errors.items[i].text[0]);
    if (!errors.len) {
        check_server(config);
        for (size_t i = 0; i < config->app_count; i++)
            check_app(config, &config->apps[i]);
    }
    config_close(config);
    arena_finish(&arena);
    return 0;
}
