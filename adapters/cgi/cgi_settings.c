/* cgi_settings.c - the table of keys, and what can be said of their values beforehand. */
#include "adapters/cgi/cgi_settings.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "base/macros.h"
#include "base/str.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, MANY = 1000000 };

/* clang-format off: one row a key reads best in two or three lines */
#define AT(field) .offset = offsetof(struct cgi_settings, field)
const struct setting cgi_table[] = {
    {"cgi", SETTING_PATH, AT(cgi), .example = "examples/cgi",
     .help =
         "The CGI program to run, or a folder: then the path below the mount names the program."},
    {"interpreter", SETTING_PAIRS, AT(interpreters), .example = ".py /usr/bin/python3",
     .help = "Programs whose names end so are run by this one, with its options; they need not be "
             "executable."},
    {"index", SETTING_LIST, AT(index), .example = "index.cgi index.py",
     .help = "The programs that stand for the folder they are in."},
    {"root", SETTING_PATH, AT(root), .example = "/srv/www",
     .help = "DOCUMENT_ROOT, which PATH_TRANSLATED is made of; without it the programs' folder."},
    {"env", SETTING_PAIRS, AT(env), .example = "GIT_PROJECT_ROOT /srv/git",
     .help = "A variable in the programs' environment, in place of any of that name."},
    {"pass_env", SETTING_LIST, AT(pass_env), .initial = "PATH",
     .help = "The variables of gale's own environment that programs get, too."},
    {"pass_authorization", SETTING_FLAG, AT(pass_authorization), .initial = "no",
     .help = "Whether programs see the Authorization field, with the client's password in it."},
    {"processes", SETTING_COUNT, AT(processes), .initial = "32", .max = MANY,
     .help = "How many programs of this app may run at once; 0: no limit."},
    {"queue", SETTING_COUNT, AT(queue), .initial = "128", .max = MANY,
     .help = "How many requests may wait for one to end; further ones get 503."},
    {"queue_timeout", SETTING_MS, AT(queue_timeout_ms), .initial = "30s", .min = 1, .max = DAY_MS,
     .help = "How long a request waits for its program to be started before it gets 503."},
    {"read_timeout", SETTING_MS, AT(read_timeout_ms), .initial = "60s", .min = 1, .max = DAY_MS,
     .help = "How long a program may neither write nor read anything before it is ended."},
    {"run_timeout", SETTING_MS, AT(run_timeout_ms), .initial = "1h", .min = 1, .max = 7LL * DAY_MS,
     .help = "How long a program may run in all."},
    {"grace", SETTING_MS, AT(grace_ms), .initial = "3s", .max = DAY_MS,
     .help = "How long a program that is told to end (SIGTERM) has before it is killed."},
    {"cpu", SETTING_MS, AT(cpu_ms), .initial = "0s", .max = DAY_MS,
     .help = "The processor time that a program may use, in whole seconds; 0s: no limit."},
    {"memory", SETTING_SIZE, AT(memory), .initial = "0", .max = 1LL << 50,
     .help = "The address space that a program may have; 0: no limit."},
    {"files", SETTING_COUNT, AT(files), .initial = "1024", .max = MANY,
     .help = "How many files a program may have open; 0: as many as gale."},
    {"max_processes", SETTING_COUNT, AT(max_processes), .initial = "0", .max = MANY,
     .help = "How many processes the programs' user may have (RLIMIT_NPROC); 0: no limit."},
    {"user", SETTING_TEXT, AT(user), .example = "www-data",
     .help = "The user that the programs run as; gale's workers must be root for that."},
    {"buffer", SETTING_SIZE, AT(buffer), .initial = "0",
     .help = "How much of an answer is kept for a client slower than its program, first in memory, "
             "then in a file; 0: nothing, the program waits."},
    {"sendfile", SETTING_PATH, AT(sendfile), .example = "/srv/files",
     .help = "Where the files lie that a program may have sent with the field X-Sendfile."},
    {"accel", SETTING_PAIRS, AT(accel), .example = "/internal /srv/files",
     .help = "A path prefix of X-Accel-Redirect and the folder with its files; other paths lead to "
             "other apps."},
    {.key = NULL},
};
#undef AT
/* clang-format on */

const char *cgi_interpreter(const struct cgi_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->interpreters.len; i++)
        if (str_ends_with(str_of(name), str_of(settings->interpreters.items[i].name)))
            return settings->interpreters.items[i].value;
    return NULL;
}

int cgi_user(const struct cgi_settings *settings, bool *out_has, uid_t *out_uid, gid_t *out_gid,
             const char **out_why)
{
    *out_has = false;
    if (!settings->user)
        return 0;
    const struct passwd *entry = getpwnam(settings->user);
    if (!entry) {
        *out_why = "there is no such user on this machine";
        return -EINVAL;
    }
    *out_uid = entry->pw_uid;
    *out_gid = entry->pw_gid;
    *out_has = entry->pw_uid != geteuid();
    if (!*out_has || geteuid() == 0)
        return 0;
    *out_why = "only root can start programs as somebody else; take the key away, or run gale as "
               "root without `user` in [server]";
    return -EINVAL;
}

/* ---- the check ---- */

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static void check_target(const struct app_config *config, struct setting_errors *errors)
{
    const struct cgi_settings *settings = config->settings;
    struct stat st;
    if (stat(settings->cgi, &st) < 0)
        setting_errors_add(errors, config->file, config->line,
                           "[app %s] cgi: there is no program or folder %s", config->name,
                           settings->cgi);
    else if (!S_ISDIR(st.st_mode) && !cgi_interpreter(settings, settings->cgi) &&
             !is_program(settings->cgi))
        setting_errors_add(
            errors, config->file, config->line,
            "[app %s] cgi: %s is neither executable (chmod +x) nor has its ending an "
            "interpreter",
            config->name, settings->cgi);
}

static void check_interpreters(const struct app_config *config, struct setting_errors *errors)
{
    const struct cgi_settings *settings = config->settings;
    for (size_t i = 0; i < settings->interpreters.len; i++) {
        const struct setting_pair *pair = &settings->interpreters.items[i];
        const char *program = strndupa(pair->value, strcspn(pair->value, " \t"));
        if (pair->name[0] != '.')
            setting_errors_add(errors, pair->file, pair->line,
                               "interpreter: '%s' is no ending; write for example "
                               "`interpreter = .py /usr/bin/python3`",
                               pair->name);
        else if (program[0] != '/' || !is_program(program))
            setting_errors_add(errors, pair->file, pair->line,
                               "interpreter: '%s' is not the full path of a program", program);
    }
}

static void check_folder(const char *path, const char *key, const char *file, unsigned line,
                         struct setting_errors *errors)
{
    struct stat st;
    if (path && (path[0] != '/' || stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
        setting_errors_add(errors, file, line, "%s: '%s' is not the full path of a folder", key,
                           path);
}

static void check_user(const struct app_config *config, struct setting_errors *errors)
{
    const struct cgi_settings *settings = config->settings;
    const char *why = NULL;
    bool has;
    uid_t uid;
    gid_t gid;
    if (settings->user && config->server->user && strcmp(settings->user, config->server->user) != 0)
        why = "gale's workers run as the `user` of [server] and cannot start programs as another";
    else
        (void)cgi_user(settings, &has, &uid, &gid, &why);
    if (why)
        setting_errors_add(errors, config->file, config->line, "[app %s] user: %s", config->name,
                           why);
}

void cgi_check(const struct app_config *config, struct setting_errors *errors)
{
    const struct cgi_settings *settings = config->settings;
    check_target(config, errors);
    check_interpreters(config, errors);
    check_folder(settings->sendfile, "sendfile", config->file, config->line, errors);
    for (size_t i = 0; i < settings->accel.len; i++)
        check_folder(settings->accel.items[i].value, "accel", settings->accel.items[i].file,
                     settings->accel.items[i].line, errors);
    check_user(config, errors);
}
