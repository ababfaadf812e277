/* config_join.c: authorizers that are there, are none, or are nothing else. */
#include "unit.h"

#include "made_up.h"

static int authorize(struct gale_app *app, struct gale_request *req, struct gale_response *res,
                     bool *out_granted)
{
    (void)app;
    (void)req;
    (void)res;
    *out_granted = true;
    return 0;
}

static struct adapter able;

static struct made_up parse(const char *text)
{
    static const struct adapter *adapters[] = {NULL, &other_adapter, NULL};
    struct made_up made = {.text = ""};
    able = made_up_adapter;
    able.authorize = authorize;
    adapters[0] = &able;
    arena_init(&made.arena, NULL, 0);
    made.errors = (struct setting_errors){.arena = &made.arena};
    made.config = config_parse("/nowhere/gale.ini", str_of(text), adapters, &made.errors);
    for (size_t i = 0; i < made.errors.len; i++) {
        size_t len = strlen(made.text);
        snprintf(made.text + len, sizeof(made.text) - len, "%u: %s\n", made.errors.items[i].line,
                 made.errors.items[i].text);
    }
    return made;
}

START_TEST(finds_authorizers_wherever_they_stand)
{
    struct made_up made = parse("[app a]\nmount = /a\nother = 1\nauthorize = door\n"
                                "[app door]\nmade = 1\n"
                                "[app b]\nmount = /b\nmade = 1\nauthorize = b\n");
    const struct app_config *configs = made.config->apps;
    ck_assert_str_eq(made.text, "");
    ck_assert_ptr_eq(configs[0].authorizer, &configs[1]);
    ck_assert_ptr_null(configs[1].authorizer);
    ck_assert_ptr_eq(configs[2].authorizer, &configs[2]);
    ck_assert(configs[0].has_mount && !configs[1].has_mount);
    ck_assert_str_eq(configs[1].mount_text, "-");
    config_close(made.config);
    arena_finish(&made.arena);
}
END_TEST

START_TEST(refuses_what_is_no_authorizer)
{
    static const struct made_up_row rows[] = {
        {"[app a]\nmount = /a\nmade = 1\nauthorize = dor\n[app door]\nmade = 1\n",
         "4: authorize: there is no [app dor]; did you mean 'door'?\n"
         "5: [app door] has no mount; add for example mount = /door\n"},
        {"[app a]\nmount = /a\nmade = 1\nauthorize = nobody\n",
         "4: authorize: there is no [app nobody]; name the section of a FastCGI app\n"},
        {"[app a]\nmount = /a\nmade = 1\nauthorize = b\n[app b]\nmount = /b\nother = 1\n",
         "4: authorize: [app b] is no FastCGI app; only those can be asked\n"},
        {"[app a]\nmade = 1\nauthorize = a\n",
         "1: [app a] has no mount; add for example mount = /a\n"},
        {"[app b]\nother = 1\n[app a]\nmount = /a\nmade = 1\nauthorize = b\n",
         "6: authorize: [app b] is no FastCGI app; only those can be asked\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct made_up made = parse(rows[i].text);
        ck_assert_str_eq(made.text, rows[i].errors);
        config_close(made.config);
        arena_finish(&made.arena);
    }
}
END_TEST

UNIT_MAIN(finds_authorizers_wherever_they_stand, refuses_what_is_no_authorizer)
