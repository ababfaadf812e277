/* [app NAME]: name, mount, adapter, limits. */
#include "unit.h"

#include "made_up.h"

START_TEST(wants_a_name)
{
    static const struct made_up_row rows[] = {
        {"[app]\nmount = /\nmade = x\n", "1: [app] has no name; write for example [app hello]\n"},
        {"[app Hello]\nmount = /\nmade = x\n",
         "1: 'Hello' is no name for an app; a name is 1 to 40 of a-z, 0-9, _ and -\n"},
        {"[app a b]\nmount = /\nmade = x\n",
         "1: 'a b' is no name for an app; a name is 1 to 40 of a-z, 0-9, _ and -\n"},
        {"[app ../x]\nmount = /\nmade = x\n",
         "1: '../x' is no name for an app; a name is 1 to 40 of a-z, 0-9, _ and -\n"},
        {"[app a23456789012345678901234567890123456789-_]\nmount = /\nmade = x\n",
         "1: 'a23456789012345678901234567890123456789-_' is no name for an app; a name is 1 to 40 "
         "of a-z, 0-9, _ and -\n"},
        {"[app a2345678901234567890123456789012345678-_]\nmount = /\nmade = x\n", ""},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(wants_a_mount)
{
    static const struct made_up_row rows[] = {
        {"[app a]\nmade = x\n", "1: [app a] has no mount; add for example mount = /a\n"},
        {"[app A]\nmade = x\n",
         "1: 'A' is no name for an app; a name is 1 to 40 of a-z, 0-9, _ and -\n"
         "1: [app A] has no mount; add for example mount = /hello\n"},
        {"[app a]\nmade = x\nmount = shop\n",
         "3: mount: 'shop' is no mount: it begins with '/', or is HOST/PATH; did you mean "
         "'/shop'?\n"},
        {"[app a]\nmade = x\nmount = /a/../b\n",
         "3: mount: '/a/../b' is no mount: '.' and '..' are never part of a request's path\n"},
        {"[app a]\nmade = x\nmount =\n",
         "3: mount: '' is no mount: it begins with '/', or is HOST/PATH\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(wants_one_adapter)
{
    static const struct made_up_row rows[] = {
        {"[app a]\nmount = /\n",
         "1: [app a] does not say what it serves; add the key made or other\n"},
        {"[app a]\nmount = /\nother = x\nmade = y\n",
         "3: [app a] has both 'made' and 'other'; an app is one of them\n"},
        /* keys of adapters are judged once it is known which one it is */
        {"[app a]\nmount = /\nset x = y\ntone = 4\n",
         "1: [app a] does not say what it serves; add the key made or other\n"},
        {"[app a]\nmount = /\nmad = y\n",
         "1: [app a] does not say what it serves; add the key made or other\n"
         "3: 'mad' is not a key of this section; did you mean 'made'?\n"},
        {"[app a]\nmount = /\nmade = wrong\n", "1: [app a] cannot be made\n"},
        /* an adapter looks at whole settings only */
        {"[app a]\nmade = wrong\n", "1: [app a] cannot be made\n"
                                    "1: [app a] has no mount; add for example mount = /a\n"},
        {"[app a]\nmount = /\nother = x\ntone = 10\n",
         "4: tone: '10' is too large; expected a whole number, from 1 to 9\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(takes_the_servers_limits)
{
    struct made_up made;
    made_up_parse(&made, "[app a]\nmount = /\nmade = x\n"
                         "[app b]\nmount = /\nmade = x\nmax_body = 0\nform_memory = 1K\n"
                         "body_timeout = 1s\nwrite_timeout = 2s\ndeadline = 3s\n"
                         "[server]\nmax_body = 1M\nbody_timeout = 7s\n");
    ck_assert_str_eq(made.text, "");
    const struct app_limits *a = &made.config->apps[0].limits, *b = &made.config->apps[1].limits;
    ck_assert_uint_eq(a->max_body, 1 << 20);
    ck_assert_uint_eq(a->form_memory, 65536);
    ck_assert_int_eq(a->body_timeout_ms, 7000);
    ck_assert_int_eq(a->write_timeout_ms, 60000);
    ck_assert_int_eq(a->deadline_ms, 0);
    ck_assert_uint_eq(b->max_body, 0);
    ck_assert_uint_eq(b->form_memory, 1024);
    ck_assert_int_eq(b->body_timeout_ms, 1000);
    ck_assert_int_eq(b->write_timeout_ms, 2000);
    ck_assert_int_eq(b->deadline_ms, 3000);
    made_up_finish(&made);
}
END_TEST

UNIT_MAIN(wants_a_name, wants_a_mount, wants_one_adapter, takes_the_servers_limits)
