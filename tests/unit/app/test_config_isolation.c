/* Apps with workers of their own: what the keys imply, and what makes an app another one. */
#include "unit.h"

#include "made_up.h"

static const struct app_isolation *isolation_of(const char *keys, struct made_up *made)
{
    char text[2048];
    snprintf(text, sizeof(text), "[app a]\nmount = /\nmade = x\n%s", keys);
    made_up_parse(made, text);
    ck_assert_str_eq(made->text, "");
    return &made->config->apps[0].isolation;
}

START_TEST(keys_imply_workers)
{
    static const struct {
        const char *keys;
        int64_t workers;
    } rows[] = {
        {"", 0},
        {"isolate = 0\n", 0},
        {"isolate = 3\n", 3},
        {"mode = task\n", 0},
        {"mode = process\n", 4},
        {"mode = process\nisolate = 2\n", 2},
        {"user = nobody\n", 1},
        {"group = nogroup\n", 1},
        {"user = nobody\nisolate = 2\n", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct made_up made;
        const struct app_isolation *isolation = isolation_of(rows[i].keys, &made);
        ck_assert_msg(isolation->workers == rows[i].workers, "%s: %lld", rows[i].keys,
                      (long long)isolation->workers);
        ck_assert_int_eq(made.config->apps[0].substance != NULL, rows[i].workers > 0);
        made_up_finish(&made);
    }
}
END_TEST

START_TEST(mistakes_are_told)
{
#define APP "[app a]\nmount = /\nmade = x\n"
    static const struct made_up_row rows[] = {
        {APP "memory = 1G\n",
         "4: memory: only an app with workers of its own has it; add isolate = 1\n"},
        {APP "isolate = 0\nuser = nobody\n",
         "5: user: only an app with workers of its own has it; add isolate = 1\n"},
        {APP "isolate = 1\nread = /tmp /nowhere/at/all\n",
         "5: read: there is no file or folder '/nowhere/at/all'\n"},
        {APP "isolate = 1\nwrite = none\n", ""},
        {APP "isolate = 65\n",
         "4: isolate: '65' is too large; expected a whole number, from 0 to 64\n"},
        {"[server]\nmemory = 1G\n" APP,
         "2: 'memory' is not a key of [server]; it belongs in an [app NAME] section\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(substance_is_what_counts)
{
    static const struct {
        const char *text;
        bool is_same_app, is_same_front;
    } rows[] = {
        {"[server]\n[app a]\nmount = /\nmade = x\nisolate = 1\n", true, true},
        {"[server]\n\n; a remark\n[app a]\nmount=/\nmade =  x\nisolate = 1\n", true, true},
        {"[server]\nworkers = 2\n[app a]\nmount = /\nmade = x\nisolate = 1\n", true, false},
        {"[server]\nmax_body = 1M\n[app a]\nmount = /\nmade = x\nisolate = 1\n", false, false},
        {"[server]\n[app a]\nmount = /\nmade = y\nisolate = 1\n", false, true},
        {"[server]\n[app a]\nmount = /\nmade = x\nset k = v\nisolate = 1\n", false, true},
        {"[server]\n[app a]\nmount = /b\nmade = x\nisolate = 1\n", false, false},
        {"[server]\n[app a]\nmount = /\nmade = x\nisolate = 2\n", false, false},
        {"[server]\n[app a]\nmount = /\nmade = x\nisolate = 1\n[app b]\nmount = /b\nmade = y\n",
         true, false},
    };
    struct made_up first;
    made_up_parse(&first, rows[0].text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct made_up made;
        made_up_parse(&made, rows[i].text);
        ck_assert_str_eq(made.text, "");
        bool is_same_app =
            strcmp(made.config->apps[0].substance, first.config->apps[0].substance) == 0;
        bool is_same_front = strcmp(made.config->substance, first.config->substance) == 0;
        ck_assert_msg(is_same_app == rows[i].is_same_app, "row %zu: app", i);
        ck_assert_msg(is_same_front == rows[i].is_same_front, "row %zu: front", i);
        made_up_finish(&made);
    }
    made_up_finish(&first);
}
END_TEST

UNIT_MAIN(keys_imply_workers, mistakes_are_told, substance_is_what_counts)
