/* fastcgi.c - the adapter: settings, what must be right about them, opening and closing. */
#include "adapters/fastcgi/fastcgi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/config.h"
#include "base/beneath.h"
#include "base/board.h"
#include "base/memory.h"
#include "base/str.h"
#include "net/endpoint.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "adapters/fastcgi/upstream_connection.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, PROCESSES_MAX = 1000 };

/* clang-format off: one row a key reads best in two lines */
#define AT(field) .offset = offsetof(struct fastcgi_settings, field)
static const struct setting table[] = {
    {"fastcgi", SETTING_LIST, AT(servers), .example = "unix:/run/php/php-fpm.sock",
     .help = "The FastCGI servers to ask: unix:PATH or HOST:PORT, several are balanced; or spawn: "
             "gale starts `command` itself."},
    {"command", SETTING_TEXT, AT(command), .example = "build/examples/fastcgi/counter --option",
     .help = "With fastcgi = spawn: the program to start and its arguments, quoted as for a shell; "
             "it accepts on descriptor 0."},
    {"processes", SETTING_COUNT, AT(processes), .initial = "1", .min = 1, .max = PROCESSES_MAX,
     .help = "How many processes of `command` run, for all workers together."},
    {"env", SETTING_PAIRS, AT(env), .example = "PHP_FCGI_MAX_REQUESTS 500",
     .help = "A variable in the environment of `command`, which has no others; may be repeated."},
    {"folder", SETTING_PATH, AT(folder), .initial = ".",
     .help = "The folder that `command` runs in."},
    {"user", SETTING_TEXT, AT(user), .example = "www-data",
     .help = "The user that `command` runs as, when gale is started by root; without it that of "
             "the workers."},
    {"grace", SETTING_MS, AT(grace_ms), .initial = "3s", .max = DAY_MS,
     .help = "How long a process of `command` that is told to end (SIGTERM) has before it is "
             "killed."},
    {"backup", SETTING_LIST, AT(backup), .example = "192.0.2.2:9000",
     .help = "FastCGI servers that are asked when no other is well."},
    {"root", SETTING_PATH, AT(root), .example = "/srv/www",
     .help = "The folder with the programs; without it the app is one program at its mount."},
    {"index", SETTING_TEXT, AT(index), .example = "index.php",
     .help = "The program that answers for a folder below root."},
    {"script", SETTING_TEXT, AT(script), .example = "index.php",
     .help = "The program that answers where the path names none (a front controller)."},
    {"split", SETTING_TEXT, AT(split), .example = ".php",
     .help = "The ending that tells a program in a path; what follows it is its PATH_INFO."},
    {"param", SETTING_PAIRS, AT(param), .example = "APP_ENV production",
     .help =
         "A variable for the program, NAME VALUE, in place of any of that name; may be repeated."},
    {"pass_authorization", SETTING_FLAG, AT(pass_authorization), .initial = "yes",
     .help = "Whether the program may see the Authorization field."},
    {"connect_timeout", SETTING_MS, AT(connect_timeout_ms), .initial = "5s", .min = 1,
     .max = DAY_MS, .help = "How long a server may take to accept a connection; beyond it 504."},
    {"read_timeout", SETTING_MS, AT(read_timeout_ms), .initial = "60s", .min = 1, .max = DAY_MS,
     .help = "How long a server may say nothing before and within its answer; beyond it 504."},
    {"connections", SETTING_COUNT, AT(connections), .initial = "0", .max = 1000000,
     .help = "Requests that may be with the servers at the same time, as many as they serve at "
             "once; 0: no limit, and what is too much waits in their backlogs."},
    {"queue", SETTING_COUNT, AT(queue), .initial = "1000", .max = 1000000,
     .help = "Requests that may wait for one of `connections`; beyond it 503."},
    {"queue_timeout", SETTING_MS, AT(queue_timeout_ms), .initial = "60s", .min = 1, .max = DAY_MS,
     .help = "How long a request may wait there; beyond it 503."},
    {"keep_alive", SETTING_COUNT, AT(keep_alive), .initial = "0", .max = 10000,
     .help = "Idle connections kept to each server, a worker; each holds one of its processes."},
    {"keep_alive_age", SETTING_MS, AT(keep_alive_age_ms), .initial = "60s", .min = 1, .max = DAY_MS,
     .help = "How old a connection may become that is kept."},
    {"buffer", SETTING_SIZE, AT(buffer), .initial = "0",
     .help = "How much of an answer is kept for a client slower than its server, first in memory, "
             "then in a file; 0: nothing, the server waits."},
    {"sendfile", SETTING_PATH, AT(sendfile), .example = "/srv/private",
     .help = "The folder whose files the program may name by X-Sendfile."},
    {"accel", SETTING_PAIRS, AT(accel), .example = "/protected /srv/private",
     .help = "PREFIX FOLDER: where an X-Accel-Redirect to PREFIX/... finds its file; others go to "
             "whichever app answers."},
    {.key = NULL},
};
#undef AT
/* clang-format on */

/* ---- check ---- */

/* What people write who have it from another server's configuration. */
static const char *guess(struct arena *arena, const char *text)
{
    uint64_t port;
    if (str_ends_with(str_of(text), STR(".sock")) || text[0] == '/')
        return arena_printf(arena, "; did you mean unix:%s?", text).at;
    if (str_to_u64(str_of(text), &port) == 0)
        return arena_printf(arena, "; did you mean 127.0.0.1:%s?", text).at;
    return strstr(text, "://") ? "; there is no scheme in front of it" : "";
}

static void check_servers(const struct app_config *config, const char *key,
                          const struct setting_list *servers, struct setting_errors *errors)
{
    const char *file = config->file;
    unsigned line = config->line;
    (void)setting_errors_place(errors, servers, &file, &line);
    for (size_t i = 0; i < servers->len; i++) {
        struct endpoint endpoint;
        int r = endpoint_parse(str_of(servers->items[i]), &endpoint);
        if (r < 0 && r != -ENOENT)
            setting_errors_add(
                errors, file, line,
                "[app %s] %s: '%s' is no server; expected unix:PATH or HOST:PORT%s%s", config->name,
                key, servers->items[i], *key == 'f' ? ", or spawn alone" : "",
                guess(errors->arena, servers->items[i]));
    }
}

static void fastcgi_check(const struct app_config *config, struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    if (!fastcgi_is_spawned(settings))
        check_servers(config, "fastcgi", &settings->servers, errors);
    check_servers(config, "backup", &settings->backup, errors);
    if (!settings->servers.len)
        setting_errors_add(errors, config->file, config->line,
                           "[app %s] fastcgi: there is no server; expected unix:PATH or HOST:PORT",
                           config->name);
    if (settings->servers.len + settings->backup.len > UPSTREAMS_MAX)
        setting_errors_add(errors, config->file, config->line,
                           "[app %s] fastcgi: there are more than %d servers", config->name,
                           UPSTREAMS_MAX);
    fastcgi_spawn_check(config, errors);
    fastcgi_script_check(config, errors);
}

/* ---- open and close ---- */

static int fastcgi_open(struct gale_app *app)
{
    const struct fastcgi_settings *settings = app->config->settings;
    struct fastcgi *fastcgi = memory_zalloc(sizeof(*fastcgi));
    const char *missing;
    char labels[BOARD_TEXT];
    *fastcgi = (struct fastcgi){
        .app = app, .settings = settings, .log = {.app = app->config->name}, .root_fd = -1};
    int r = handoff_open(&fastcgi->handoff, settings->sendfile, &settings->accel, &missing);
    if (r < 0) {
        free(fastcgi);
        return app_fail(app, r, "cannot open the folder %s: %s; make it, or correct the key",
                        missing, strerror(-r));
    }
    fastcgi_spawn_open(fastcgi);
    upstreams_init(&fastcgi->upstreams, fastcgi);
    snprintf(labels, sizeof(labels), "app=\"%s\"", app->config->name);
    governor_init(&fastcgi->governor, "gale_fastcgi_requests", labels,
                  (uint64_t)settings->connections, (uint64_t)settings->queue);
    /* The programs may be on another machine: then their folder is not here. */
    if (settings->root)
        fastcgi->root_fd = beneath_open_folder(settings->root);
    for (size_t i = 0; i < settings->servers.len; i++)
        buffer_printf(&fastcgi->title, "%s%s", i ? " " : "", settings->servers.items[i]);
    app->title = fastcgi->title.at;
    app->state = fastcgi;
    app->title = fastcgi_is_spawned(settings) ? settings->command : settings->servers.items[0];
    return 0;
}

static void fastcgi_drain(struct gale_app *app)
{
    struct fastcgi *fastcgi = app->state;
    for (size_t i = 0; i < fastcgi->upstreams.count; i++)
        upstream_close_idle(&fastcgi->upstreams.items[i]);
}

static void fastcgi_close(struct gale_app *app)
{
    struct fastcgi *fastcgi = app->state;
    upstreams_finish(&fastcgi->upstreams);
    handoff_close(&fastcgi->handoff);
    buffer_finish(&fastcgi->title);
    if (fastcgi->root_fd >= 0)
        close(fastcgi->root_fd);
    free(fastcgi);
}

const struct adapter fastcgi_adapter = {
    .name = "fastcgi",
    .table = table,
    .settings_size = sizeof(struct fastcgi_settings),
    .check = fastcgi_check,
    .servers = fastcgi_spawn_describe,
    .open = fastcgi_open,
    .serve = fastcgi_serve,
    .authorize = fastcgi_authorize,
    .drain = fastcgi_drain,
    .close = fastcgi_close,
};
