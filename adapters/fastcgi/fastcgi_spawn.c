/* fastcgi_spawn.c - `fastcgi = spawn`: what the master is to start for the app, and what is wrong
 * with it.
 *
 * The program's environment is `env` and nothing else: neither gale's own nor anything from the
 * network gets into it. */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "app/servers_metric.h"
#include "base/arena.h"
#include "base/board.h"
#include "base/macros.h"
#include "base/str.h"
#include "base/words.h"
#include "adapters/fastcgi/fastcgi_private.h"

static const char usual_path[] = "/usr/local/bin:/usr/bin:/bin";

bool fastcgi_is_spawned(const struct fastcgi_settings *settings)
{
    return settings->servers.len == 1 && strcmp(settings->servers.items[0], "spawn") == 0;
}

/* ---- the program ---- */

static bool is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static const char *search(const char *name, struct arena *arena)
{
    const char *path = getenv("PATH");
    struct gale_str rest = str_of(path && *path ? path : usual_path);
    while (rest.at) {
        struct gale_str folder = str_cut(&rest, ':');
        const char *found = arena_printf(arena, "%.*s/%s", (int)folder.len, folder.at, name).at;
        if (folder.len && folder.at[0] == '/' && is_program(found))
            return found;
    }
    return NULL;
}

/* Where the program is: a path starts at the configuration's base, a bare name is looked for as a
 * shell does. NULL: a bare name that is nowhere. */
static const char *locate(const struct app_config *config, const char *name, struct arena *arena)
{
    if (!strchr(name, '/'))
        return search(name, arena);
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    return *name == '/' ? name : arena_printf(arena, "%s/%s", config->server->base, name).at;
}

/* ---- the check ---- */

/* At the key's own line. */
static void __attribute__((format(printf, 4, 5)))
complain(const struct app_config *config, struct setting_errors *errors, const void *field,
         const char *format, ...)
{
    const char *file = config->file;
    unsigned line = config->line;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(errors->arena, format, args).at;
    va_end(args);
    (void)setting_errors_place(errors, field, &file, &line);
    setting_errors_add(errors, file, line, "[app %s] %s", config->name, text);
}

static void check_program(const struct app_config *config, const char *name,
                          struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    const char *path = locate(config, name, errors->arena);
    struct stat info;
    if (!path)
        complain(
            config, errors, &settings->command,
            "command: there is no program '%s' in PATH; expected its path (relative ones start "
            "at %s) or the name of an installed program",
            name, config->server->base);
    else if (stat(path, &info) < 0)
        complain(config, errors, &settings->command,
                 "command: there is no program %s (%s); correct its path, or build it first", path,
                 strerror(errno));
    else if (!S_ISREG(info.st_mode))
        complain(config, errors, &settings->command,
                 "command: %s is no program but a %s; expected the path of a program", path,
                 S_ISDIR(info.st_mode) ? "folder" : "special file");
    else if (access(path, X_OK) < 0)
        complain(config, errors, &settings->command,
                 "command: %s is not executable; `chmod +x` it, or name its interpreter first",
                 path);
}

static void check_command(const struct app_config *config, struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    const char **words, *why;
    int count = words_split(settings->command, errors->arena, &words, &why);
    if (count < 0)
        complain(config, errors, &settings->command,
                 "command: %s; expected a program and its arguments, quoted as for a shell (the "
                 "whole in \"...\" where a ';' is in it)",
                 why);
    else if (count == 0)
        complain(config, errors, &settings->command, "command: there is no program in it");
    else
        check_program(config, words[0], errors);
}

static void check_user(const struct app_config *config, struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    const struct passwd *entry = getpwnam(settings->user);
    if (!entry)
        complain(config, errors, &settings->user, "user: there is no user '%s' on this machine",
                 settings->user);
    else if (entry->pw_uid != geteuid() && geteuid() != 0)
        complain(config, errors, &settings->user,
                 "user: only root can start programs as somebody else; take the key away or start "
                 "gale as root");
}

static void check_surroundings(const struct app_config *config, struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    struct stat info;
    if (stat(settings->folder, &info) < 0 || !S_ISDIR(info.st_mode))
        complain(config, errors, &settings->folder, "folder: there is no folder %s",
                 settings->folder);
    for (size_t i = 0; i < settings->env.len; i++)
        if (strchr(settings->env.items[i].name, '='))
            setting_errors_add(errors, settings->env.items[i].file, settings->env.items[i].line,
                               "env: '%s' is no name; expected NAME VALUE, without a '='",
                               settings->env.items[i].name);
    if (settings->user)
        check_user(config, errors);
}

/* Keys without effect would let somebody wait for one. */
static void check_unspawned(const struct app_config *config, struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    const struct {
        const char *key;
        const void *field;
    } keys[] = {{"command", &settings->command}, {"processes", &settings->processes},
                {"env", &settings->env},         {"folder", &settings->folder},
                {"user", &settings->user},       {"grace", &settings->grace_ms}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *file;
        unsigned line;
        if (setting_errors_place(errors, keys[i].field, &file, &line))
            complain(config, errors, keys[i].field,
                     "%s: this is for servers that gale starts; write `fastcgi = spawn`, or take "
                     "the key away",
                     keys[i].key);
    }
}

void fastcgi_spawn_check(const struct app_config *config, struct setting_errors *errors)
{
    const struct fastcgi_settings *settings = config->settings;
    if (!fastcgi_is_spawned(settings)) {
        check_unspawned(config, errors);
        return;
    }
    if (settings->command)
        check_command(config, errors);
    else
        complain(config, errors, &settings->servers,
                 "fastcgi: spawn wants to know what to start; add for example "
                 "command = build/examples/fastcgi/counter");
    check_surroundings(config, errors);
}

/* ---- for the master ---- */

static const char *const *environment(const struct setting_pairs *env, struct arena *arena)
{
    const char **envp = arena_zalloc(arena, (env->len + 1) * sizeof(*envp));
    for (size_t i = 0; i < env->len; i++)
        envp[i] = arena_printf(arena, "%s=%s", env->items[i].name, env->items[i].value).at;
    return envp;
}

static const char *copy(const char *text, struct arena *arena)
{
    return text ? arena_copy(arena, text, strlen(text)).at : NULL;
}

bool fastcgi_spawn_describe(const struct app_config *config, struct arena *arena,
                            struct app_servers *out_servers)
{
    const struct fastcgi_settings *settings = config->settings;
    const char **argv, *why;
    if (!fastcgi_is_spawned(settings) || words_split(settings->command, arena, &argv, &why) < 1)
        return false;
    const char *program = locate(config, argv[0], arena);
    *out_servers = (struct app_servers){
        .program = copy(program ? program : argv[0], arena),
        .argv = argv,
        .envp = environment(&settings->env, arena),
        .folder = copy(settings->folder, arena),
        .user = copy(settings->user, arena),
        .processes = settings->processes,
        .grace_ms = settings->grace_ms,
    };
    return true;
}

/* ---- in a worker ---- */

void fastcgi_spawn_open(struct fastcgi *fastcgi)
{
    struct fastcgi_spawned *spawned = &fastcgi->spawned;
    spawned->running = spawned->down = -1;
    if (!fastcgi_is_spawned(fastcgi->settings))
        return;
    (void)hidden_socket_address(fastcgi->app->config->servers_fd, spawned->address);
    spawned->running = servers_metric(SERVERS_RUNNING, fastcgi->app->config->name);
    spawned->down = servers_metric(SERVERS_DOWN, fastcgi->app->config->name);
}

bool fastcgi_spawn_is_down(const struct fastcgi *fastcgi)
{
    const struct fastcgi_spawned *spawned = &fastcgi->spawned;
    return spawned->down >= 0 && board_sum(spawned->down) > 0 && board_sum(spawned->running) <= 0;
}
