/* Paths and the programs that they mean; what lies outside stays there. */
#include "stage.h"

#include "adapters/cgi/cgi_find.h"
#include "adapters/cgi/cgi_settings.h"
#include "base/beneath.h"

static const struct {
    const char *below;
    int found;
    const char *name, *rest;
} rows[] = {
    {"/a.sh", CGI_FOUND, "/a.sh", ""},
    {"/a.sh/", CGI_FOUND, "/a.sh", "/"},
    {"/a.sh/x/y", CGI_FOUND, "/a.sh", "/x/y"},
    {"/a.sh//x", CGI_FOUND, "/a.sh", "//x"},
    {"/a.sh/%2F..%2F", CGI_FOUND, "/a.sh", "/%2F..%2F"},
    {"/sub/b.py/c", CGI_FOUND, "/sub/b.py", "/c"},
    {"/nph-x", CGI_FOUND, "/nph-x", ""},
    {"/inner/b.py", CGI_FOUND, "/inner/b.py", ""},
    {"/ a b", CGI_FOUND, "/ a b", ""},
    {"/sub/", CGI_FOUND, "/sub/index.py", ""},
    {"/sub", CGI_NO_SLASH, NULL, NULL},
    {"", CGI_NOTHING, NULL, NULL},
    {"/", CGI_NOTHING, NULL, NULL},
    {"/empty", CGI_NOTHING, NULL, NULL},
    {"/empty/", CGI_NOTHING, NULL, NULL},
    {"/none", CGI_NOTHING, NULL, NULL},
    {"/none/a.sh", CGI_NOTHING, NULL, NULL},
    {"//a.sh", CGI_NOTHING, NULL, NULL},
    {"/sub//b.py", CGI_NOTHING, NULL, NULL},
    {"/A.SH", CGI_NOTHING, NULL, NULL},
    {"/a.sh%2Fx", CGI_NOTHING, NULL, NULL},
    {"/..%2Foutside.sh", CGI_NOTHING, NULL, NULL},
    {"/text", CGI_FORBIDDEN, NULL, NULL},
    {"/text/x", CGI_FORBIDDEN, NULL, NULL},
    {"/pipe", CGI_FORBIDDEN, NULL, NULL},
    {"/outer", CGI_FORBIDDEN, NULL, NULL},
    {"/outer/sh", CGI_FORBIDDEN, NULL, NULL},
    {"/absolute", CGI_FORBIDDEN, NULL, NULL},
    {"/sub/../../outside.sh", CGI_FORBIDDEN, NULL, NULL}, /* the router takes dots away before */
};

static void put_all(void)
{
    stage_folder();
    put_script("a.sh", "");
    put_script(" a b", "");
    put_script("nph-x", "");
    put_file("outside.sh", 0755, "#!/bin/sh\n");
    put_file("bin/text", 0644, "");
    ck_assert_int_eq(mkdir(in_top("bin/sub"), 0755) | mkdir(in_top("bin/empty"), 0755), 0);
    put_file("bin/sub/b.py", 0644, "");
    put_file("bin/sub/index.py", 0644, "");
    ck_assert_int_eq(mkfifo(in_top("bin/pipe"), 0755), 0);
    ck_assert_int_eq(symlink("sub", in_top("bin/inner")) | symlink("/bin", in_top("bin/outer")) |
                         symlink("/bin/sh", in_top("bin/absolute")),
                     0);
}

START_TEST(finds_the_first_file)
{
    struct setting_pair pair = {.name = ".py", .value = "/usr/bin/python3"};
    const char *index[] = {"index.cgi", "index.py"};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    put_all();
    const char *const tops[] = {in_top("bin"), in_top("bin/")};
    for (size_t t = 0; t < 2; t++) {
        struct cgi_settings settings = {
            .cgi = tops[t], .interpreters = {&pair, 1}, .index = {index, 2}};
        int folder = beneath_open_folder(settings.cgi);
        ck_assert_int_ge(folder, 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct cgi_program program;
            int found = cgi_find(&settings, folder, str_of(rows[i].below), &arena, &program);
            ck_assert_msg(found == rows[i].found, "%s: %d", rows[i].below, found);
            if (found != CGI_FOUND)
                continue;
            ck_assert_str_eq(program.name.at, rows[i].name);
            ck_assert_str_eq(program.rest.at, rows[i].rest);
            ck_assert_str_eq(program.path, arena_printf(&arena, "%s/bin%s", top, rows[i].name).at);
            ck_assert(str_starts_with(str_of(program.path), str_of(program.folder)));
            ck_assert_int_eq(program.is_nph, strstr(rows[i].name, "nph-") != NULL);
            ck_assert_int_eq(program.interpreter != NULL, strstr(rows[i].name, ".py") != NULL);
        }
        close(folder);
    }
    stage_remove_folder();
    arena_finish(&arena);
}
END_TEST

START_TEST(one_program_has_every_path)
{
    struct cgi_settings settings = {.cgi = "/srv/git/nph-backend"};
    struct cgi_program program;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(cgi_find(&settings, -1, STR("/x//y"), &arena, &program), CGI_FOUND);
    ck_assert_str_eq(program.path, "/srv/git/nph-backend");
    ck_assert_str_eq(program.folder, "/srv/git");
    ck_assert_str_eq(program.name.at, "");
    ck_assert_str_eq(program.rest.at, "/x//y");
    ck_assert(program.is_nph);
    settings.cgi = "/backend";
    ck_assert_int_eq(cgi_find(&settings, -1, STR(""), &arena, &program), CGI_FOUND);
    ck_assert_str_eq(program.folder, "/");
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(finds_the_first_file, one_program_has_every_path)
