/* What help prints of the tables. */
#include "unit.h"

#include <string.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/macros.h"
#include "captured.h"
#include "cli/adapters.h"
#include "cli/command.h"
#include "cli/help.h"

START_TEST(the_overview_lists_what_exists)
{
    static const char *const hidden[] = {"document", "worker"};
    struct captured captured;
    help_overview(capture(&captured));
    scoped_free char *text = captured_text(&captured);
    for (const struct command *const *at = commands; *at; at++)
        if ((*at)->summary)
            ck_assert_ptr_nonnull(strstr(text, (*at)->summary));
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        ck_assert_msg(!strstr(text, hidden[i]), "%s is listed", hidden[i]);
}
END_TEST

START_TEST(a_command_is_explained)
{
    struct captured captured;
    help_command(&command_stop, capture(&captured));
    scoped_free char *text = captured_text(&captured);
    ck_assert_int_eq(strncmp(text, "usage: gale stop [CONF", 22), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n  --graceful      let "));
    ck_assert_ptr_nonnull(strstr(text, "\n  --control PATH  the "));
    ck_assert_ptr_nonnull(strstr(text, "\nexamples:\n  gale stop\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nexit codes: 0 done"));
}
END_TEST

static void check_keys(const struct setting *table)
{
    for (const struct setting *row = table; row->key; row++) {
        struct captured captured;
        ck_assert_msg(help_key(row->key, capture(&captured)), "%s", row->key);
        scoped_free char *text = captured_text(&captured);
        ck_assert_msg(strstr(text, row->help) != NULL, "%s", row->key);
    }
}

START_TEST(every_key_is_explained)
{
    check_keys(server_table);
    check_keys(app_table);
    check_keys(isolation_table);
    for (const struct adapter *const *at = adapters; *at; at++)
        check_keys((*at)->table);
}
END_TEST

START_TEST(a_key_is_explained_in_each_section)
{
    struct captured captured;
    FILE *out = capture(&captured);
    ck_assert(help_key("write_timeout", out));
    ck_assert(help_key("set", out));
    ck_assert(help_key("queue", out));
    ck_assert(!help_key("nothing", out));
    scoped_free char *text = captured_text(&captured);
    ck_assert_ptr_nonnull(strstr(text, "write_timeout  in [server]\n"));
    ck_assert_ptr_nonnull(strstr(text, "write_timeout  in [app NAME]\n"));
    ck_assert_ptr_nonnull(strstr(text, "queue  in [app NAME] with the key cgi\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "queue  in [app NAME] with worker processes of its own (isolate)\n"));
    ck_assert_ptr_nonnull(strstr(text, "for example: set greeting = hi\n"));
    ck_assert_str_eq(help_nearest_key("witre_timeout"), "write_timeout");
    ck_assert_ptr_null(help_nearest_key("xyzxyz"));
}
END_TEST

UNIT_MAIN(the_overview_lists_what_exists, a_command_is_explained, every_key_is_explained,
          a_key_is_explained_in_each_section)
