/* test_copies.c - one copy for what is the same, none for what nobody uses. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/copies.h"
#include "unit.h"
#include "code.h"

static struct copies copies;
static char *why;

static const struct copied *take(const char *name)
{
    const struct copied *copied = NULL;
    int r = copies_take(&copies, code_path(name), &copied, &why);
    ck_assert_msg(r == 0, "%s", why);
    return copied;
}

static void age(const char *name)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    ck_assert_int_eq(utimensat(AT_FDCWD, code_path(name), times, 0), 0);
}

static bool is_it(void *data, const struct copied *copied)
{
    return copied == data;
}

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static void set_up(void)
{
    code_open();
    code_make_three();
    code_run("mkdir -m 0700 state");
    copies_init(&copies);
    copies_keep_in(&copies, code_path("state"));
}

static void tear_down(void)
{
    copies_finish(&copies);
    code_run("rmdir state"); /* it is empty */
    code_close();
}

START_TEST(the_same_file_has_one_copy)
{
    set_up();
    const struct copied *first = take("app/main.so");
    ck_assert_ptr_eq(take("app/main.so"), first);
    age("app/main.so"); /* touched */
    ck_assert_ptr_eq(take("app/main.so"), first);
    ck_assert_ptr_ne(take("lib/liba.so"), first);
    tear_down();
}
END_TEST

START_TEST(another_content_is_another_copy)
{
    set_up();
    const struct copied *first = take("app/main.so");
    code_run("printf x >>app/main.so");
    const struct copied *second = take("app/main.so");
    ck_assert_ptr_ne(first, second);
    ck_assert(is_there(first->path) && is_there(second->path));
    tear_down();
}
END_TEST

START_TEST(what_nobody_uses_goes)
{
    set_up();
    const struct copied *first = take("app/main.so");
    scoped_free char *path = memory_copy(first->path, strlen(first->path));
    code_run("printf x >>app/main.so");
    const struct copied *second = take("app/main.so");
    copies_prune(&copies, is_it, (void *)second);
    ck_assert(!is_there(path));
    ck_assert(is_there(second->path));
    tear_down();
}
END_TEST

/* A library that comes to lie where it is looked for first is seen. */
START_TEST(sees_what_was_missing)
{
    set_up();
    code_run("cc -shared -fPIC -x c /dev/null -o app/main.so -Llib -Wl,--no-as-needed -la "
             "-Wl,-rpath,'$ORIGIN/first:$ORIGIN/../lib' -Wl,--allow-shlib-undefined");
    const struct copied *first = take("app/main.so");
    code_run("mkdir app/first && cp lib/liba.so app/first/");
    ck_assert_ptr_ne(take("app/main.so"), first);
    tear_down();
}
END_TEST

START_TEST(without_a_folder_there_is_memory)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    code_open();
    code_make_three();
    code_run("touch state");
    log_set_fd(null);
    copies_init(&copies);
    copies_keep_in(&copies, code_path("state"));
    const struct copied *copied = take("app/main.so");
    ck_assert_str_eq(copied->root, "");
    ck_assert_uint_eq(copied->fd_count, 3);
    copies_finish(&copies);
    log_set_fd(2);
    close(null);
    code_close();
}
END_TEST

START_TEST(tells_what_a_path_is_a_copy_of)
{
    static const struct copied file = {.root = (char *)"/state/copies-1/0c9e",
                                       .original = (char *)"/srv/app/hello.so"},
                               memory = {.root = (char *)"",
                                         .original = (char *)"/srv/app/hello.so"};
    static const struct {
        const struct copied *copied;
        const char *path, *original;
    } rows[] = {
        {&file, "/state/copies-1/0c9e/srv/app/hello.so", "/srv/app/hello.so"},
        {&file, "/state/copies-1/0c9e/srv/app/lib/libx.so", "/srv/app/lib/libx.so"},
        {&file, "/state/copies-1/0c9e1/srv/app/hello.so", NULL},
        {&file, "/srv/app/hello.so", NULL},
        {&file, "/memfd:hello.so (deleted)", NULL},
        {&memory, "/memfd:hello.so (deleted)", "/srv/app/hello.so"},
        {&memory, "/memfd:hello.so.1 (deleted)", NULL},
        {&memory, "/srv/app/hello.so", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *original = copies_original(rows[i].copied, rows[i].path);
        ck_assert_pstr_eq(original, rows[i].original);
    }
}
END_TEST

UNIT_MAIN(the_same_file_has_one_copy, another_content_is_another_copy, what_nobody_uses_goes,
          sees_what_was_missing, without_a_folder_there_is_memory, tells_what_a_path_is_a_copy_of)
