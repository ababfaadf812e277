/* fastcgi = spawn: what is said of wrong keys, at their lines, and what the master is told. */
#include "fastcgi_fixture.h"

#include <sys/stat.h>

#include "app/adapter.h"
#include "app/servers_metric.h"
#include "base/board.h"

#define APP "fastcgi = spawn\n"

static const struct {
    const char *text; /* from line 3 on */
    unsigned line;
    const char *error; /* begins so, behind "[app f] "; NULL: right */
} cases[] = {
    {APP "command = /bin/sh", 0, NULL},
    {APP "command = sh -c 'exit 1'", 0, NULL},
    {APP "command = tmp/../bin/sh", 0, NULL},
    {APP "command = ./bin/sh", 0, NULL},
    {APP "backup = 127.0.0.1:1\ncommand = sh\nprocesses = 3\ngrace = 0s\nfolder = tmp", 0, NULL},
    {APP, 3, "fastcgi: spawn wants to know what to start; add for example command = "},
    {APP "command =", 4, "command: there is no program in it"},
    {APP "command = ''", 4, "command: there is no program '' in PATH"},
    {APP "command = no-such-program-1 x", 4,
     "command: there is no program 'no-such-program-1' in PATH; expected its path (relative ones "
     "start at /) or the name of an installed program"},
    {APP "command = /no/such", 4,
     "command: there is no program /no/such (No such file or directory); correct its path, or "
     "build it first"},
    {APP "command = no/such", 4, "command: there is no program //no/such"},
    {APP "command = /tmp", 4, "command: /tmp is no program but a folder"},
    {APP "command = /dev/null", 4, "command: /dev/null is no program but a special file"},
    {APP "command = /etc/passwd", 4, "command: /etc/passwd is not executable; `chmod +x` it"},
    {APP "command = sh -c 'exit 1 ; echo'", 4,
     "command: a quote is not closed; expected a program and its arguments"},
    {APP "command = sh\nfolder = /no/such", 5, "folder: there is no folder /no/such"},
    {APP "command = sh\n\nuser = nobody-1", 6, "user: there is no user 'nobody-1'"},
    {APP "command = sh\nprocesses = 0", 5, "processes: '0' is too small"},
    {"fastcgi = spawn 127.0.0.1:1\ncommand = sh", 3,
     "fastcgi: 'spawn' is no server; expected unix:PATH or HOST:PORT, or spawn alone"},
    {"fastcgi = 127.0.0.1:1\nprocesses = 2", 4,
     "processes: this is for servers that gale starts; write `fastcgi = spawn`, or take the key "
     "away"},
    {"fastcgi = 127.0.0.1:1\ncommand = sh", 4, "command: this is for servers that gale starts"},
};

static void read_at_root(const char *text)
{
    static const struct adapter *const adapters[] = {&fastcgi_adapter, NULL};
    arena_init(&arena, NULL, 0);
    struct gale_str all =
        arena_printf(&arena, "[app f]\nmount = /app\n%s\n[server]\nbase = /\n", text);
    errors = (struct setting_errors){.arena = &arena};
    config = config_parse("(test)", all, adapters, &errors);
}

static void forget(void)
{
    config_close(config);
    arena_finish(&arena);
}

START_TEST(mistakes_are_told_where_they_stand)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        read_at_root(cases[i].text);
        const char *said = errors.len ? errors.items[0].text : "";
        ck_assert_msg(!errors.len == !cases[i].error, "%s: %s", cases[i].text, said);
        if (cases[i].error) {
            said += strncmp(said, "[app f] ", 8) == 0 ? 8 : 0;
            ck_assert_msg(strncmp(said, cases[i].error, strlen(cases[i].error)) == 0, "%s: %s",
                          cases[i].text, said);
            ck_assert_uint_eq(errors.items[0].line, cases[i].line);
        }
        forget();
    }
}
END_TEST

START_TEST(a_name_in_env_has_no_equals_sign)
{
    read_at_root(APP "command = sh\nenv = A 1\nenv = B=2 3");
    ck_assert_uint_eq(errors.len, 1);
    ck_assert_uint_eq(errors.items[0].line, 6);
    ck_assert_ptr_nonnull(strstr(errors.items[0].text, "env: 'B=2' is no name"));
    forget();
}
END_TEST

START_TEST(the_master_is_told_what_to_start)
{
    struct arena other;
    struct app_servers servers;
    arena_init(&other, NULL, 0);
    setenv("PATH", "relative::/nowhere:/bin", 1);
    read_at_root(APP "command = sh -c 'a b'\nenv = ONE 1\nenv = TWO a  b\nprocesses = 4\n"
                     "grace = 7s\nfolder = tmp\nuser = root");
    ck_assert_uint_eq(config->app_count, 1);
    ck_assert(fastcgi_adapter.servers(&config->apps[0], &other, &servers));
    forget(); /* it may be gone while they run */
    ck_assert_str_eq(servers.program, "/bin/sh");
    ck_assert_str_eq(servers.argv[0], "sh");
    ck_assert_str_eq(servers.argv[1], "-c");
    ck_assert_str_eq(servers.argv[2], "a b");
    ck_assert_ptr_null(servers.argv[3]);
    ck_assert_str_eq(servers.envp[0], "ONE=1");
    ck_assert_str_eq(servers.envp[1], "TWO=a  b");
    ck_assert_ptr_null(servers.envp[2]);
    ck_assert_str_eq(servers.folder, "/tmp");
    ck_assert_str_eq(servers.user, "root");
    ck_assert_int_eq(servers.processes, 4);
    ck_assert_int_eq(servers.grace_ms, 7000);
    read_at_root("fastcgi = 127.0.0.1:1");
    ck_assert(!fastcgi_adapter.servers(&config->apps[0], &other, &servers));
    forget();
    arena_finish(&other);
}
END_TEST

START_TEST(who_is_down_is_not_asked)
{
    struct test_front front;
    open_loop();
    read_config(APP "command = sh");
    ck_assert_uint_eq(errors.len, 0);
    ck_assert_int_eq(apps_open(config, &apps), 0);
    router_init(&router, apps, config->app_count);
    ck_assert_int_eq(get(&front, "/app"), 502); /* there is no way to them at all */
    test_front_finish(&front);
    board_add(servers_metric(SERVERS_DOWN, "f"), 1);
    ck_assert_int_eq(get(&front, "/app"), 503);
    test_front_finish(&front);
    board_add(servers_metric(SERVERS_RUNNING, "f"), 1);
    ck_assert_int_eq(get(&front, "/app"), 502);
    test_front_finish(&front);
    close_app();
}
END_TEST

UNIT_MAIN(mistakes_are_told_where_they_stand, a_name_in_env_has_no_equals_sign,
          the_master_is_told_what_to_start, who_is_down_is_not_asked)
