/* The keys of CGI apps: what is refused beforehand, and in which words. */
#include "stage.h"

#include "adapters/cgi/cgi_settings.h"

static void expect(const char *keys, const char *text)
{
    struct arena arena;
    struct setting_errors errors = {.arena = &arena};
    char all[2000] = "";
    arena_init(&arena, NULL, 0);
    struct config *parsed = stage_parse(keys, &errors);
    for (size_t i = 0; i < errors.len; i++) {
        size_t len = strlen(all);
        snprintf(all + len, sizeof(all) - len, "%u: %s\n", errors.items[i].line,
                 errors.items[i].text);
    }
    ck_assert_msg(strstr(all, text) && (*text || !*all), "'%s' said: %s", keys, all);
    config_close(parsed);
    arena_finish(&arena);
}

START_TEST(judges_what_it_is_given)
{
    static const struct {
        const char *keys, *error;
    } rows[] = {
        {"cgi = bin", ""},
        {"cgi = bin/a.sh", ""},
        {"cgi = bin/b.txt\ninterpreter = .txt /bin/cat -n", ""},
        {"cgi = bin/b.txt", "bin/b.txt is neither executable (chmod +x) nor has its ending an"},
        {"cgi = nowhere", "cgi: there is no program or folder"},
        {"cgi = bin\ninterpreter = py /bin/sh", "4: interpreter: 'py' is no ending"},
        {"cgi = bin\ninterpreter = .py", "4: interpreter"},
        {"cgi = bin\ninterpreter = .py python3", "4: interpreter: 'python3' is not the full path"},
        {"cgi = bin\ninterpreter = .py /nowhere",
         "4: interpreter: '/nowhere' is not the full path"},
        {"cgi = bin\nsendfile = nowhere", "sendfile: '"},
        {"cgi = bin\nsendfile = bin", ""},
        {"cgi = bin\naccel = /x bin", "4: accel: 'bin' is not the full path of a folder"},
        {"cgi = bin\nuser = nobody-at-all", "user: there is no such user on this machine"},
        {"cgi = bin\nprocesses = -1", "4: processes"},
        {"cgi = bin\nread_timeout = 5", "4: read_timeout"},
    };
    stage_folder();
    put_script("a.sh", "");
    put_file("bin/b.txt", 0644, "");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(rows[i].keys, rows[i].error);
    stage_remove_folder();
}
END_TEST

START_TEST(knows_the_user)
{
    struct cgi_settings settings = {0};
    const char *why = NULL;
    bool has = true;
    uid_t uid = 1;
    gid_t gid = 1;
    ck_assert_int_eq(cgi_user(&settings, &has, &uid, &gid, &why), 0);
    ck_assert(!has);
    settings.user = "root";
    int r = cgi_user(&settings, &has, &uid, &gid, &why);
    if (geteuid() == 0) {
        ck_assert(r == 0 && !has);
        settings.user = "nobody";
        ck_assert_int_eq(cgi_user(&settings, &has, &uid, &gid, &why), 0);
        ck_assert(has && uid > 0);
    } else {
        ck_assert_int_eq(r, -EINVAL);
        ck_assert_ptr_nonnull(strstr(why, "only root"));
    }
}
END_TEST

START_TEST(finds_interpreters_by_bytes)
{
    struct setting_pair pairs[] = {{.name = ".py", .value = "a"}, {.name = ".sh.py", .value = "b"}};
    struct cgi_settings settings = {.interpreters = {pairs, 2}};
    ck_assert_str_eq(cgi_interpreter(&settings, "/x.py"), "a");
    ck_assert_str_eq(cgi_interpreter(&settings, ".py"), "a");
    ck_assert_ptr_null(cgi_interpreter(&settings, "/x.PY"));
    ck_assert_ptr_null(cgi_interpreter(&settings, "/x.py/"));
    ck_assert_ptr_null(cgi_interpreter(&settings, "/x.py\xc4\xb1"));
    ck_assert_ptr_null(cgi_interpreter(&settings, "y"));
}
END_TEST

UNIT_MAIN(judges_what_it_is_given, knows_the_user, finds_interpreters_by_bytes)
