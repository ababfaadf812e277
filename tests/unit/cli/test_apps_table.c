/* Apps and addresses for people: apps_table.c, and greeting.c, which says them. */
#include "unit.h"

#include <string.h>

#include "app/config.h"
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "captured.h"
#include "cli/apps_table.h"
#include "cli/greeting.h"
#include "app/adapter.h"

struct made_settings {
    const char *plugin;
};

static const struct setting made_table[] = {
    {"plugin", SETTING_TEXT, .offset = offsetof(struct made_settings, plugin), .help = "x."}, {0}};
static const struct adapter made = {
    .name = "plugin", .table = made_table, .settings_size = sizeof(struct made_settings)};
static const struct adapter *const made_adapters[] = {&made, NULL};

START_TEST(addresses_are_what_a_browser_takes)
{
    static const char *const cases[][2] = {
        {"127.0.0.1:8080", "http://127.0.0.1:8080"}, {"*:8080", "http://localhost:8080"},
        {"0.0.0.0:80", "http://localhost"},          {"[::]:443", "http://localhost:443"},
        {"[::1]:8080", "http://[::1]:8080"},         {"example.org:80", "http://example.org"},
        {"unix:/run/x.sock", "unix:/run/x.sock"},
    };
    char out[ADDRESS_MAX];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_str_eq(address_of_clients(cases[i][0], out), cases[i][1]);
}
END_TEST

static struct config *parse(const char *text)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config = config_parse("c/gale.ini", str_of(text), made_adapters, &errors);
    setting_errors_print(&errors, stderr);
    ck_assert_uint_eq(errors.len, 0);
    arena_finish(&arena);
    return config;
}

static const char two[] = "[server]\nlisten = 127.0.0.1:81 unix:/x\n"
                          "[app shop]\nmount = example.org/shop\nplugin = shop.so\n"
                          "[app site]\nmount = /\nplugin = files\n";

START_TEST(apps_stand_in_a_table)
{
    struct captured captured;
    struct config *config = parse(two);
    apps_table_print(config, true, capture(&captured));
    scoped_free char *text = captured_text(&captured);
    ck_assert_str_eq(text, "  app   mount             adapter  serves with\n"
                           "  shop  example.org/shop  plugin   shop.so\n"
                           "  site  /                 plugin   files\n");
    config_close(config);
}
END_TEST

START_TEST(greets_with_a_configuration)
{
    struct captured captured;
    struct config *config = parse(two);
    greeting_print(config, 2, false, capture(&captured));
    scoped_free char *text = captured_text(&captured);
    ck_assert_ptr_nonnull(strstr(text, " serves c/gale.ini with 2 workers\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n  http://127.0.0.1:81\n  unix:/x\n"));
    ck_assert_ptr_nonnull(strstr(text, "  site  /  "));
    ck_assert_ptr_nonnull(strstr(text, "  try     curl http://127.0.0.1:81/shop\n"));
    config_close(config);
}
END_TEST

START_TEST(greets_with_a_plugin)
{
    struct captured captured;
    struct config *config =
        parse("[server]\nlisten = unix:/x\n[app hello]\nmount = /\nplugin = hello.so\n");
    greeting_print(config, 1, true, capture(&captured));
    scoped_free char *text = captured_text(&captured);
    ck_assert_ptr_nonnull(strstr(text, "with 1 worker\n"));
    ck_assert_ptr_nonnull(strstr(text, "  try     curl --unix-socket /x http://localhost/\n"));
    ck_assert_ptr_null(strstr(text, "hello.so"));
    config_close(config);
}
END_TEST

UNIT_MAIN(addresses_are_what_a_browser_takes, apps_stand_in_a_table, greets_with_a_configuration,
          greets_with_a_plugin)
