/* Which instance is meant, and what is said when there is none. Several at once are for the system
 * tests. */
#include "unit.h"

#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "captured.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/target.h"
#include "folder.h"
#include "unix_server.h"

static int find(const char *const *argv, struct target *target, char **out_said)
{
    struct command_line line;
    int argc = 0;
    while (argv[argc])
        argc++;
    ck_assert_int_eq(command_line_parse(&command_status, argc, (char **)argv, &line), 0);
    struct taken err = take(stderr);
    int r = target_find(&line, target);
    *out_said = give_back(&err);
    command_line_finish(&line);
    return r;
}

START_TEST(says_why_there_is_none)
{
    char longer[200] = "";
    memset(longer, 'x', sizeof(longer) - 1);
    const struct {
        const char *argv[4];
        int code;
        const char *said;
    } cases[] = {
        {{"--control", "no.sock"}, 4, "gale status: no gale answers at no.sock\n"},
        {{"a.ini", "--control", "b"}, 2, "gale status: name CONF or --control PATH, not both\n"},
        {{"no.ini"}, 2, "gale status: there is no file no.ini\n"},
        {{"--control", longer}, 2, "is too long for a unix socket's path (at most 107 bytes)\n"},
        {{"set.ini"}, 4, "/c.sock); 'gale run set.ini' starts one\n"},
        {{"wrong.ini"}, 4, "gale status: no gale runs with wrong.ini (nobody answers at "},
        {{"p.so"}, 4, "gale status: no gale runs with p.so (nobody answers at "},
    };
    char folder[64];
    enter_folder(folder);
    write_file("set.ini", "[server]\ncontrol = c.sock\n");
    write_file("wrong.ini", "what is this?\n");
    write_file("p.so", "\177ELF");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct target target;
        char *said;
        int r = find(cases[i].argv, &target, &said);
        ck_assert_msg(strstr(said, cases[i].said) != NULL, "said: %s", said);
        ck_assert_int_eq(r, cases[i].code);
        free(said);
    }
    leave_folder(folder);
}
END_TEST

START_TEST(finds_by_the_key_of_a_broken_configuration)
{
    static const char *const by_conf[] = {"set.ini", NULL}, *const by_path[] = {"--control=c.sock",
                                                                                NULL};
    struct unix_server server;
    struct target target;
    char folder[64], *said;
    enter_folder(folder);
    write_file("set.ini", "[server]\ncontrol = c.sock\nworkers = none\n[what]\n");
    unix_server_start(&server, "c.sock", NULL);
    ck_assert_int_eq(find(by_conf, &target, &said), 0);
    free(said);
    ck_assert_ptr_nonnull(strstr(target.control, "/c.sock"));
    ck_assert_int_eq(target.pid, getpid());
    ck_assert_int_eq(find(by_path, &target, &said), 0);
    free(said);
    ck_assert_str_eq(target.control, "c.sock");
    unix_server_stop(&server);
    leave_folder(folder);
}
END_TEST

static int ask(const struct target *target, char **out_said)
{
    const struct command_line line = {.command = &command_status};
    struct control_answer answer = {0};
    struct taken err = take(stderr);
    int r = target_ask(&line, target, "GET", "/status", &answer);
    *out_said = give_back(&err);
    free(answer.body);
    return r;
}

START_TEST(says_what_went_wrong_while_asking)
{
    static const struct {
        const char *answer;
        int code;
        const char *said;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 0, ""},
        {"220 mail\r\n", 1, "gale status: c.sock: that is no gale\n"},
        {"", 1, "gale status: c.sock: it hung up; only its owner and root may ask it\n"},
    };
    const struct target target = {.control = "c.sock"};
    char folder[64], *said;
    enter_folder(folder);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct unix_server server;
        unix_server_start(&server, "c.sock", cases[i].answer);
        ck_assert_int_eq(ask(&target, &said), cases[i].code);
        ck_assert_str_eq(said, cases[i].said);
        free(said);
        unix_server_stop(&server);
    }
    ck_assert_int_eq(ask(&target, &said), 4);
    ck_assert_str_eq(said, "gale status: c.sock: nobody answers; it has ended\n");
    free(said);
    leave_folder(folder);
}
END_TEST

UNIT_MAIN(says_why_there_is_none, finds_by_the_key_of_a_broken_configuration,
          says_what_went_wrong_while_asking)
