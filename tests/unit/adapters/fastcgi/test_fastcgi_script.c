/* Paths and the programs that they name, on a small folder of files. */
#include "fastcgi_fixture.h"

#include <fcntl.h>
#include <gale/plugin.h>
#include "http/exchange.h"

static char root[64];

static void make(const char *path, bool is_folder)
{
    char full[256];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    if (is_folder) {
        ck_assert_int_eq(mkdir(full, 0755), 0);
        return;
    }
    int fd = open(full, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void make_root(void)
{
    char link[256];
    snprintf(root, sizeof(root), "/tmp/gale-script-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    make("index.php", false);
    make("a.php", false);
    make("x.css", false);
    make("sub", true);
    make("sub/index.php", false);
    make("empty", true);
    make("folder.php", true);
    snprintf(link, sizeof(link), "%s/out.php", root);
    ck_assert_int_eq(symlink("/etc/passwd", link), 0);
}

static void remove_root(void)
{
    static const char *const names[] = {"index.php", "a.php", "x.css", "sub/index.php", "out.php"};
    static const char *const folders[] = {"sub", "empty", "folder.php", ""};
    char full[256];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(full, sizeof(full), "%s/%s", root, names[i]);
        unlink(full);
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        snprintf(full, sizeof(full), "%s/%s", root, folders[i]);
        rmdir(full);
    }
}

static struct gateway_script found;
static bool is_answered;
static char location[256];

static int find(void *data, struct gale_request *req, struct gale_response *res)
{
    const struct gale_str *to;
    (void)data;
    req->mount = STR("/app");
    req->below = (struct gale_str){req->target.path.at + 4, req->target.path.len - 4};
    is_answered = false;
    int r = fastcgi_script_find(app_state(), req, res, &found, &is_answered);
    to = response_find(res, STR("Location"));
    snprintf(location, sizeof(location), "%s", to ? to->at : "");
    if (r == 0 && !is_answered) { /* the arena is gone with the front */
        static char texts[3][256];
        struct gale_str *fields[] = {&found.name, &found.path_info, &found.filename};
        for (size_t i = 0; i < 3; i++) {
            snprintf(texts[i], sizeof(texts[i]), "%s", fields[i]->at);
            fields[i]->at = texts[i];
        }
    }
    *(int *)data = r;
    return 204;
}

static int look_up(const char *target)
{
    struct test_front front;
    int verdict = -1;
    test_front_init(&front, "GET", target);
    ck_assert_int_eq(test_front_serve(&front, find, &verdict), 0);
    test_front_finish(&front);
    return verdict;
}

struct row {
    const char *target, *name, *path_info, *file; /* file: below root */
    int verdict;
    const char *location;
};

static void check(const char *keys, const struct row *rows, size_t count)
{
    char text[512];
    snprintf(text, sizeof(text), keys, root);
    open_app(text, NULL);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        ck_assert_msg(look_up(row->target) == row->verdict, "%s", row->target);
        ck_assert_str_eq(location, row->location ? row->location : "");
        if (!row->name)
            continue;
        ck_assert_str_eq(found.name.at, row->name);
        ck_assert_str_eq(found.path_info.at, row->path_info);
        size_t len = strlen(row->file ? root : "");
        ck_assert_str_eq(found.filename.at + len, row->file ? row->file : "");
    }
    close_app();
}

START_TEST(without_root_it_is_one_program)
{
    static const struct row rows[] = {
        {"/app", "/app", "", NULL, 0, NULL},
        {"/app/a%20b/c%2Fd", "/app", "/a b/c/d", NULL, 0, NULL},
        {"/app/x.php/y", "/app", "/x.php/y", NULL, 0, NULL},
    };
    make_root();
    check("# %s", rows, ARRAY_LEN(rows));
    remove_root();
}
END_TEST

START_TEST(an_application_with_a_front_controller)
{
    static const struct row rows[] = {
        {"/app/a.php", "/app/a.php", "", "/a.php", 0, NULL},
        {"/app/a.php/x/y", "/app/a.php", "/x/y", "/a.php", 0, NULL},
        {"/app/a.php/", "/app/a.php", "/", "/a.php", 0, NULL},
        {"/app/a.phpx", "/app/index.php", "/a.phpx", "/index.php", 0, NULL},
        {"/app/A.PHP", "/app/index.php", "/A.PHP", "/index.php", 0, NULL},
        {"/app/none.php/z", "/app/index.php", "/none.php/z", "/index.php", 0, NULL},
        {"/app/.php", "/app/index.php", "/.php", "/index.php", 0, NULL},
        {"/app/out.php", "/app/index.php", "/out.php", "/index.php", 0, NULL},
        {"/app/folder.php", "/app/index.php", "/folder.php", "/index.php", 0, NULL},
        {"/app/x.css/a.php", "/app/index.php", "/x.css/a.php", "/index.php", 0, NULL},
        {"/app/%E2%84%AA.php", "/app/index.php", "/\xE2\x84\xAA.php", "/index.php", 0, NULL},
        {"/app/a.php%0A", "/app/index.php", "/a.php\n", "/index.php", 0, NULL},
        {"/app/2026/hello", "/app/index.php", "/2026/hello", "/index.php", 0, NULL},
        {"/app/", "/app/index.php", "", "/index.php", 0, NULL},
        {"/app/sub/", "/app/sub/index.php", "", "/sub/index.php", 0, NULL},
        {"/app/empty/", "/app/index.php", "/empty/", "/index.php", 0, NULL},
        {"/app", NULL, NULL, NULL, 0, "/app/"},
        {"/app/sub?q=1", NULL, NULL, NULL, 0, "/app/sub/?q=1"},
        {"/app/x.css", NULL, NULL, NULL, GALE_DECLINE, NULL},
        {"/app/..%2F..%2Fetc/passwd", NULL, NULL, NULL, 404, NULL},
        {"/app/x%2F..", NULL, NULL, NULL, 404, NULL},
    };
    make_root();
    check("root = %s\nsplit = .php\nindex = index.php\nscript = index.php", rows, ARRAY_LEN(rows));
    remove_root();
}
END_TEST

START_TEST(without_a_front_controller_what_is_not_there_is_declined)
{
    static const struct row rows[] = {
        {"/app/a.php/x", "/app/a.php", "/x", "/a.php", 0, NULL},
        {"/app/none.php", NULL, NULL, NULL, GALE_DECLINE, NULL},
        {"/app/empty/", NULL, NULL, NULL, GALE_DECLINE, NULL},
        {"/app/nothing", NULL, NULL, NULL, GALE_DECLINE, NULL},
    };
    make_root();
    check("root = %s\nsplit = .php\nindex = index.php", rows, ARRAY_LEN(rows));
    remove_root();
}
END_TEST

START_TEST(a_root_on_another_machine)
{
    static const struct row rows[] = {
        {"/app/a.php/x", "/app/a.php", "/x", NULL, 0, NULL},
        {"/app/any/thing", "/app/main.php", "/any/thing", NULL, 0, NULL},
        {"/app/sub/", "/app/main.php", "/sub/", NULL, 0, NULL},
    };
    char text[64] = "";
    make_root();
    open_app("root = /no/such/folder\nsplit = .php\nindex = index.php\nscript = main.php", NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(look_up(rows[i].target), 0);
        ck_assert_str_eq(found.name.at, rows[i].name);
        ck_assert_str_eq(found.path_info.at, rows[i].path_info);
        snprintf(text, sizeof(text), "/no/such/folder%s", rows[i].name + 4);
        ck_assert_str_eq(found.filename.at, text);
    }
    close_app();
    remove_root();
}
END_TEST

UNIT_MAIN(without_root_it_is_one_program, an_application_with_a_front_controller,
          without_a_front_controller_what_is_not_there_is_declined, a_root_on_another_machine)
