/* Which configuration is meant, and what is said of a wrong one. */
#include "unit.h"

#include <string.h>

#include "app/config.h"
#include "base/macros.h"
#include "captured.h"
#include "cli/conf_file.h"
#include "folder.h"

START_TEST(the_default_is_looked_for_in_two_places)
{
    char folder[64];
    enter_folder(folder);
    ck_assert_ptr_null(conf_file_default());
    ck_assert_int_eq(mkdir("conf", 0755), 0);
    write_file("conf/gale.ini", "");
    ck_assert_str_eq(conf_file_choose("run", NULL), "conf/gale.ini");
    write_file("gale.ini", "");
    ck_assert_str_eq(conf_file_choose("run", NULL), "gale.ini");
    ck_assert_str_eq(conf_file_choose("run", "x.ini"), "x.ini");
    leave_folder(folder);
}
END_TEST

START_TEST(no_configuration_is_said)
{
    char folder[64];
    enter_folder(folder);
    struct taken err = take(stderr);
    const char *path = conf_file_choose("check", NULL);
    scoped_free char *text = give_back(&err);
    ck_assert_ptr_null(path);
    ck_assert_str_eq(text, "gale check: there is no gale.ini and no conf/gale.ini in this folder; "
                           "name a configuration: gale check FILE.ini\n");
    leave_folder(folder);
}
END_TEST

START_TEST(plugins_are_told_by_their_ending)
{
    ck_assert(conf_file_is_plugin("a.so") && conf_file_is_plugin("x/y.c"));
    ck_assert(!conf_file_is_plugin("a.ini") && !conf_file_is_plugin("so"));
    ck_assert(!conf_file_is_plugin("a.so.ini"));
}
END_TEST

START_TEST(a_wrong_file_is_told_in_full_or_quietly)
{
    char folder[64];
    size_t count;
    enter_folder(folder);
    write_file("x.ini", "[server]\ncontrol = c.sock\nworkers = many\nlog_level = loud\n");
    struct taken err = take(stderr);
    struct config *loud = conf_file_read("x.ini", false, &count);
    scoped_free char *text = give_back(&err);
    ck_assert_uint_eq(count, 3); /* and there is nothing to serve */
    ck_assert_ptr_nonnull(strstr(text, "x.ini:3: "));
    ck_assert_ptr_nonnull(strstr(text, "x.ini:4: "));
    err = take(stderr);
    struct config *quiet = conf_file_read("x.ini", true, &count);
    scoped_free char *nothing = give_back(&err);
    ck_assert_str_eq(nothing, "");
    ck_assert_ptr_nonnull(strstr(quiet->server.control, "/c.sock"));
    config_close(loud);
    config_close(quiet);
    leave_folder(folder);
}
END_TEST

START_TEST(a_missing_file_is_an_error)
{
    size_t count;
    struct taken err = take(stderr);
    struct config *config = conf_file_read("nowhere.ini", false, &count);
    scoped_free char *text = give_back(&err);
    ck_assert_ptr_null(config);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(text, "nowhere.ini: cannot be read: No such file or directory\n");
}
END_TEST

UNIT_MAIN(the_default_is_looked_for_in_two_places, no_configuration_is_said,
          plugins_are_told_by_their_ending, a_wrong_file_is_told_in_full_or_quietly,
          a_missing_file_is_an_error)
