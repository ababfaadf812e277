/* What gale dev makes of a file, a folder, a configuration; and what it tells the terminal
 * (dev_project.c, dev_terminal.c, dev_held.c). */
#include "unit.h"

#include <string.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "captured.h"
#include "cli/command.h"
#include "cli/dev_held.h"
#include "cli/dev_project.h"
#include "cli/dev_terminal.h"
#include "folder.h"
#include "process/dev_master.h"

static char folder[64];
static struct dev_project project;

/* What was said meanwhile is one line; nothing where all is well. */
static char last_said[512];

static int open_it(const char *given)
{
    struct taken taken = take(stderr);
    int r = dev_project_open(&project, given, false);
    char *said = give_back(&taken);
    ck_assert_int_eq(r == COMMAND_OK, !*said);
    ck_assert(r == COMMAND_OK || strchr(said, '\n')[1] == 0);
    snprintf(last_said, sizeof(last_said), "%s", said);
    free(said);
    return r;
}

START_TEST(a_file)
{
    enter_folder(folder);
    write_file("My plug.in.c", "");
    ck_assert_int_eq(open_it("My plug.in.c"), COMMAND_OK);
    ck_assert_str_eq(project.name, "my-plug");
    ck_assert_str_eq(project.recipe.folder, folder);
    ck_assert_str_eq(project.recipe.sources[0], "My plug.in.c");
    ck_assert_ptr_null(project.recipe.sources[1]);
    ck_assert_ptr_null(project.recipe.command);
    ck_assert_ptr_nonnull(strstr(project.text, "[app my-plug]"));
    ck_assert_ptr_nonnull(strstr(project.text, "/.gale/my-plug.so\"\n"));
    ck_assert_int_eq(access(".gale/.gitignore", F_OK), 0);
    ck_assert_int_eq(access("compile_commands.json", F_OK), 0);
    dev_project_close(&project);
    leave_folder(folder);
}
END_TEST

START_TEST(a_folder_of_sources)
{
    enter_folder(folder);
    write_file("b.cc", "");
    write_file("a.c", "");
    write_file("x.h", "");
    ck_assert_int_eq(open_it("."), COMMAND_OK);
    ck_assert_str_eq(project.recipe.sources[0], "a.c");
    ck_assert_str_eq(project.recipe.sources[1], "b.cc");
    ck_assert_ptr_null(project.recipe.sources[2]);
    dev_project_close(&project);
    write_file("Makefile", "");
    ck_assert_int_eq(open_it(NULL), COMMAND_OK);
    ck_assert_str_eq(project.recipe.command, "make");
    ck_assert(project.recipe.is_link);
    dev_project_close(&project);
    write_file("gale.ini", "");
    ck_assert_int_eq(open_it("."), COMMAND_OK);
    ck_assert_ptr_null(project.name);
    ck_assert_ptr_null(project.text);
    ck_assert(strstr(project.path, "/gale.ini"));
    dev_project_close(&project);
    leave_folder(folder);
}
END_TEST

START_TEST(a_folder_without_room_for_its_own)
{
    enter_folder(folder);
    write_file("a.c", "");
    write_file(".gale", "is a file");
    ck_assert_int_eq(open_it("a.c"), COMMAND_OK);
    ck_assert_ptr_nonnull(project.temporary);
    ck_assert_int_eq(access(project.temporary, W_OK), 0);
    ck_assert_str_eq(project.recipe.scratch, project.temporary);
    char path[64];
    snprintf(path, sizeof(path), "%s", project.temporary);
    dev_project_close(&project);
    ck_assert_int_lt(access(path, F_OK), 0);
    leave_folder(folder);
}
END_TEST

START_TEST(what_it_cannot_take)
{
    enter_folder(folder);
    static const struct {
        const char *name, *says;
    } wrong[] = {
        {"nothing.c", "No such file"},   {".", "begin a plugin: gale new"},
        {"", "'': No such file"},        {"x.so", "gale run serves what is built"},
        {"x.o", "nothing that is"},      {"x.h", "is a header"},
        {"Makefile", "name its folder"}, {"main.rs", "key `build`"},
        {"notes.txt", "no C or C++"},    {"/dev/null", "no file that could be built"},
    };
    static const char *const right[] = {"site.conf", "x.ini", "gale", "other"};
    write_file("x.so", "");
    write_file("x.o", "");
    write_file("x.h", "");
    write_file("main.rs", "");
    write_file("notes.txt", "x = 1\n[a]\n");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        if (strcmp(wrong[i].name, "Makefile") == 0)
            write_file("Makefile", "all:\n");
        ck_assert_int_eq(open_it(wrong[i].name), COMMAND_WRONG);
        ck_assert_msg(strstr(last_said, wrong[i].says), "%s", last_said);
        dev_project_close(&project);
    }
    write_file("site.conf", "");
    write_file("x.ini", "nothing");
    write_file("gale", "; a comment\n\n  # another\n  [server]\n");
    write_file("other", "include = x\n");
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        ck_assert_int_eq(open_it(right[i]), COMMAND_OK);
        ck_assert_str_eq(project.path, right[i]);
        dev_project_close(&project);
    }
    leave_folder(folder);
}
END_TEST

/* ---- the terminal ---- */

static void prints(const struct dev_notice *notice, const char *expected)
{
    struct captured captured;
    dev_terminal_print(notice, capture(&captured));
    char *text = captured_text(&captured);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(tells)
{
    enter_folder(folder);
    write_file("a.c", "\tint x\n\n");
    struct dev_notice notice = {DEV_IS_LIVE, "hello", "cc a.c", folder, "", "", 120, 150, 0, false};
    prints(&notice, "  ● hello is live  built in 0.12 s, answers after 0.15 s\n");
    notice.build_ms = -1;
    prints(&notice, "  ● hello is live\n");
    notice = (struct dev_notice){DEV_IS_BROKEN,
                                 "hello",
                                 "cc a.c",
                                 folder,
                                 "a.c:1:9: error: no ;\n    1 | \tint x\n      |         ^\n"
                                 "b.c:3: warning: w\n",
                                 "",
                                 20,
                                 30,
                                 0,
                                 false};
    prints(&notice, "  ● hello does not build  0.02 s, cc a.c\n\n"
                    "    a.c:1:9: error: no ;\n       1 | \tint x\n         | \t^\n\n"
                    "    b.c:3: warning: w\n\n");
    notice.text = "cc: not found\n";
    prints(&notice, "  ● hello does not build  0.02 s, cc a.c\n\n    cc: not found\n\n");
    notice.is_again = true;
    prints(&notice, "  ● hello still does not build  0.02 s, cc a.c\n");
    notice = (struct dev_notice){
        DEV_IS_REFUSED, "hello", "", folder, "it said: no\nreally", "", 1, 1, 0, false};
    prints(&notice, "  ● hello was built, and does not open\n\n    it said: no\n    really\n\n");
    notice.app = "";
    prints(&notice, "  ● the reload is refused\n\n    it said: no\n    really\n\n");
    notice = (struct dev_notice){
        DEV_CONF_IS_REFUSED, "gale.ini", "", folder, "a.c:1: it said: no", "", -1, 1, 0, false};
    prints(&notice, "  ● gale.ini is refused  the configuration before it goes on\n\n"
                    "    a.c:1: error: it said: no\n       1 | \tint x\n\n");
    notice.text = "it is gone";
    prints(&notice, "  ● gale.ini is refused  the configuration before it goes on\n\n"
                    "    it is gone\n\n");
    notice.kind = DEV_CONF_IS_LIVE;
    prints(&notice, "  ● gale.ini is live  answers after 0.00 s\n");
    notice = (struct dev_notice){
        .kind = DEV_FILES_HAVE_CHANGED, .app = "site", .text = "css/a.css", .count = 1};
    prints(&notice, "  ● site has changed  css/a.css\n");
    notice.count = 3;
    prints(&notice, "  ● site has changed  css/a.css and 2 more\n");
    notice =
        (struct dev_notice){.kind = DEV_FILES_ARE_TOO_MANY, .app = "s", .folder = "/x", .count = 9};
    prints(&notice,
           "  ● s has too many folders to watch\n\n    9 of them at most are watched below "
           "/x:\n    changes in others are seen when you reload the page yourself\n\n");
    char stack[512]; /* a library's source is not there; a recursion is one line */
    snprintf(stack, sizeof(stack),
             "raise\t./nptl/raise.c\t1\t0\nf\t%s/a.c\t3\t1\nf\t%s/a.c\t3\t2\n"
             "f\t%s/a.c\t3\t1234\ng\t\t\t1235\nh\ta.c\t\t1236\n",
             folder, folder, folder);
    notice = (struct dev_notice){DEV_HAS_CRASHED, "hello", "", folder, "SIGSEGV",
                                 stack,           -1,      1,  0,      false};
    prints(&notice, "  ● hello crashed\n\n    SIGSEGV\n    f  a.c:3\n"
                    "    … 1,233 frames more like this\n    h  a.c\n\n");
    leave_folder(folder);
}
END_TEST

START_TEST(tells_no_more_than_fits)
{
    char text[2048] = "";
    for (int i = 0; i < 9; i++)
        strcat(text, "/nowhere/a.c:1:1: error: e\n");
    const struct dev_notice notice = {DEV_IS_BROKEN, "h", "cc", "/", text, "", 0, 0, 0, false};
    struct captured captured;
    dev_terminal_print(&notice, capture(&captured));
    char *out = captured_text(&captured);
    ck_assert_ptr_nonnull(strstr(out, "and 5 more: the page in the browser has them all"));
    free(out);
}
END_TEST

START_TEST(notices_that_are_held)
{
    char name[] = "hello", text[] = "it is gone";
    struct dev_held held = {0};
    struct dev_notice notice = {
        .kind = DEV_IS_REFUSED, .app = name, .title = "", .folder = "/", .text = text};
    dev_held_add(&held, &notice);
    notice = (struct dev_notice){.kind = DEV_CONF_IS_LIVE, .app = "gale.ini"};
    dev_held_add(&held, &notice);
    memset(name, 'x', 5);
    memset(text, 'x', 5);
    struct captured captured;
    dev_held_print(&held, capture(&captured));
    char *said = captured_text(&captured);
    ck_assert_str_eq(said, "  ● hello was built, and does not open\n\n    it is gone\n\n"
                           "  ● gale.ini is live  answers after 0.00 s\n");
    ck_assert_uint_eq(held.count, 0);
    free(said);
}
END_TEST

UNIT_MAIN(a_file, a_folder_of_sources, a_folder_without_room_for_its_own, what_it_cannot_take,
          tells, tells_no_more_than_fits, notices_that_are_held)
