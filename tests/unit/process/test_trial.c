/* Opening an app in a process of its own: what it does there, and what is said of it. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "process/identity.h"
#include "process/trial.h"

struct made_settings {
    const char *plugin;
};

static const struct setting made_table[] = {
    {"plugin", SETTING_TEXT, .offset = offsetof(struct made_settings, plugin), .help = "x."}, {0}};

static int made_open(struct gale_app *app)
{
    const struct made_settings *settings = app->config->settings;
    switch (settings->plugin[0]) {
    case 'f':
        return app_fail(app, -EIO, "it fails");
    case 'k':
        raise(SIGKILL);
        break;
    case 'e':
        _exit(3);
    case 'h':
        pause();
        break;
    case 'i': /* reads what is there, which must be nothing, and prints */
        return getchar() == EOF ? 0 : app_fail(app, -EIO, "there is input");
    case 'p': /* the processes that it leaves must not keep anybody waiting */
        if (fork() == 0)
            pause();
        break;
    }
    log_error("nobody should see this");
    return 0;
}

static const struct adapter made = {.name = "plugin",
                                    .table = made_table,
                                    .settings_size = sizeof(struct made_settings),
                                    .open = made_open};
static const struct adapter *const made_adapters[] = {&made, NULL};

static struct config *parse(const char *text)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config = config_parse("x.ini", str_of(text), made_adapters, &errors);
    ck_assert_uint_eq(errors.len, 0);
    arena_finish(&arena);
    return config;
}

static const char apps[] = "[app ok]\nmount = /0\nplugin = ok\n"
                           "[app fails]\nmount = /1\nplugin = fails\n"
                           "[app killed]\nmount = /2\nplugin = killed\n"
                           "[app exits]\nmount = /3\nplugin = exits\n"
                           "[app hangs]\nmount = /4\nplugin = hangs\n"
                           "[app input]\nmount = /5\nplugin = input\n"
                           "[app parent]\nmount = /6\nplugin = parent\n";

START_TEST(says_what_happened)
{
    static const char *const expected[] = {
        NULL,
        "x.ini:4: [app fails] it fails",
        "x.ini:7: [app killed] was killed by SIGKILL while it opened",
        "x.ini:10: [app exits] exited with code 3 while it opened",
        "x.ini:13: [app hangs] did not open within 200 ms (start_timeout); what does it wait for?",
        NULL,
        NULL,
    };
    struct config *config = parse(apps);
    struct identity identity = {0};
    ck_assert_uint_eq(config->app_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        bool hangs = expected[i] && strstr(expected[i], "200 ms");
        const struct trial trial = {config, &identity, hangs ? 200 : 20000};
        scoped_free char *why = NULL;
        ck_assert_int_eq(trial_open(&trial, i, &why), expected[i] ? -ECANCELED : 0);
        ck_assert_pstr_eq(why, expected[i]);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    }
    config_close(config);
}
END_TEST

START_TEST(becomes_the_workers_user)
{
    struct config *config = parse("[app ok]\nmount = /0\nplugin = ok\n");
    const struct identity identity = {.is_changed = true, .uid = 12345, .gid = 12345};
    const struct trial trial = {config, &identity, 20000};
    scoped_free char *why = NULL;
    int r = trial_open(&trial, 0, &why);
    ck_assert_int_eq(r, geteuid() == 0 ? 0 : -ECANCELED);
    config_close(config);
}
END_TEST

UNIT_MAIN(says_what_happened, becomes_the_workers_user)
