/* test_upgrade.c - what a program is started for, and the trial (upgrade_trial.c). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/setting.h"
#include "process/upgrade.h"
#include "unit.h"

struct fake_settings {
    const char *fake;
};

static const struct setting table[] = {
    {.key = "fake",
     .type = SETTING_TEXT,
     .offset = offsetof(struct fake_settings, fake),
     .help = "What its open does."},
    {.key = NULL},
};

static int fake_open(struct gale_app *app)
{
    const struct fake_settings *settings = app->config->settings;
    if (strcmp(settings->fake, "crash") == 0)
        abort();
    return strcmp(settings->fake, "ok") == 0 ? 0 : app_fail(app, -5, "it fails");
}

static const struct adapter fake = {.name = "fake",
                                    .table = table,
                                    .settings_size = sizeof(struct fake_settings),
                                    .open = fake_open};
static const struct adapter *const adapters[] = {&fake, NULL};

static int make_state(const char *text)
{
    int fd = memfd_create("state", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

START_TEST(knows_what_it_is_for)
{
    struct buffer state = {0};
    char number[16];
    ck_assert_int_eq(upgrade_role(&state), UPGRADE_NONE);

    int fd = make_state("format 1 1 0:\n");
    snprintf(number, sizeof(number), "%d", fd);
    setenv("GALE_UPGRADE", number, 1);
    ck_assert_int_eq(upgrade_role(&state), UPGRADE_TAKES);
    ck_assert_str_eq(state.at, "format 1 1 0:\n");
    ck_assert_ptr_null(getenv("GALE_UPGRADE"));
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert(!upgrade_came_back());
    buffer_finish(&state);

    fd = make_state("x");
    snprintf(number, sizeof(number), "%d back", fd);
    setenv("GALE_UPGRADE", number, 1);
    ck_assert_int_eq(upgrade_role(&state), UPGRADE_TAKES);
    ck_assert(upgrade_came_back());
    buffer_finish(&state);

    fd = make_state("trial's");
    dup2(fd, STDIN_FILENO);
    close(fd);
    setenv("GALE_UPGRADE", "trial", 1);
    ck_assert_int_eq(upgrade_role(&state), UPGRADE_TRIAL);
    ck_assert_str_eq(state.at, "trial's");
    buffer_finish(&state);
}
END_TEST

static int try(const char *state_text, const char *config)
{
    struct buffer state = {0};
    const struct master_options options = {.path = "(test)", .text = config, .adapters = adapters};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int said = dup(STDERR_FILENO);
    dup2(null, STDERR_FILENO);
    buffer_add_text(&state, state_text);
    int r = (int)upgrade_trial(&state, &options);
    dup2(said, STDERR_FILENO);
    close(said);
    close(null);
    buffer_finish(&state);
    return r;
}

START_TEST(tries_state_configuration_and_apps)
{
    static const char format[] = "format 1 1 0:\n";
    static const char good[] = "[app a]\nmount = /\nfake = ok\n";
    ck_assert_int_eq(try(format, good), MASTER_STOPPED);
    ck_assert_int_ne(try("format 1 99 0:\n", good), MASTER_STOPPED);
    ck_assert_int_ne(try(format, "[app a]\nmount = /\nfaky = ok\n"), MASTER_STOPPED);
    ck_assert_int_ne(try(format, "[app a]\nmount = /\nfake = fail\n"), MASTER_STOPPED);
    ck_assert_int_ne(try(format, "[app a]\nmount = /\nfake = crash\n"), MASTER_STOPPED);
}
END_TEST

START_TEST(without_an_old_program_there_is_no_way_back)
{
    struct buffer state = {0};
    buffer_add_text(&state, "format 1 1 0:\nmaster 7 1 1 3 4 5 6 -1 1:x\n");
    upgrade_go_back(&state);
    buffer_finish(&state);
}
END_TEST

UNIT_MAIN(knows_what_it_is_for, tries_state_configuration_and_apps,
          without_an_old_program_there_is_no_way_back)
