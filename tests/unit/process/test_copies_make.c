/* test_copies_make.c - a plugin and its libraries: on disk and in memory they find each other. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "base/memory.h"
#include "process/copies.h"
#include "process/copies_make.h"
#include "unit.h"
#include "code.h"

static struct copied *copied;
static char *why;
static bool is_full;

static int make(const char *original, bool in_memory)
{
    scoped_free char *path = memory_copy(original, strlen(original));
    scoped_free char *folder = memory_printf("%s/copies", code_folder);
    const struct copies_order order = {path, in_memory ? NULL : folder};
    free(why);
    why = NULL;
    return copied_make(&order, &copied, &is_full, &why);
}

static int answer_of(const char *path)
{
    int (*answer)(void);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle, "%s", handle ? "" : dlerror());
    *(void **)&answer = dlsym(handle, "answer");
    return answer();
}

static void set_up(void)
{
    code_open();
    code_run("mkdir copies");
    code_make_three();
}

static void tear_down(void)
{
    free(why);
    code_close();
}

START_TEST(on_disk_they_find_each_other)
{
    set_up();
    ck_assert_int_eq(make(code_path("app/main.so"), false), 0);
    ck_assert_uint_eq(copied->source_count, 3);
    code_run("rm -r app lib");
    ck_assert_int_eq(answer_of(copied->path), 42);
    ck_assert_ptr_nonnull(strstr(copied->path, "/app/main.so"));
    struct stat info;
    ck_assert_int_eq(stat(copied->path, &info), 0);
    ck_assert_int_eq(info.st_mode & 0222, 0);
    copied_free(copied);
    tear_down();
}
END_TEST

START_TEST(in_memory_too)
{
    set_up();
    ck_assert_int_eq(make(code_path("app/main.so"), true), 0);
    ck_assert_uint_eq(copied->fd_count, 3);
    code_run("rm -r app lib");
    for (size_t i = 0; i + 1 < copied->fd_count; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", copied->fds[i]);
        ck_assert_ptr_nonnull(dlopen(path, RTLD_NOW | RTLD_LOCAL));
    }
    ck_assert_int_eq(answer_of(copied->path), 42);
    copied_free(copied);
    tear_down();
}
END_TEST

START_TEST(a_name_is_of_the_content)
{
    char *first;
    set_up();
    ck_assert_int_eq(make(code_path("app/main.so"), false), 0);
    first = memory_copy(copied->digest, strlen(copied->digest));
    copied_free(copied);
    ck_assert_int_eq(make(code_path("app/../app/./main.so"), false), 0);
    ck_assert_str_eq(copied->digest, first);
    copied_free(copied);
    /* a library that differs makes another copy */
    code_run("cp lib/sub/libb.so x && printf x >>x && mv x lib/sub/libb.so");
    ck_assert_int_eq(make(code_path("app/main.so"), false), 0);
    ck_assert_str_ne(copied->digest, first);
    copied_free(copied);
    free(first);
    tear_down();
}
END_TEST

START_TEST(says_what_is_wrong_with_which_file)
{
    set_up();
    ck_assert_int_eq(make(code_path("app/none.so"), false), -ENOENT);
    ck_assert_str_eq(why + strlen(code_folder), "/app/none.so No such file or directory");

    code_run("truncate -s 5000 lib/liba.so");
    ck_assert_int_eq(make(code_path("app/main.so"), false), -EBUSY);
    ck_assert_ptr_nonnull(strstr(why, "/lib/liba.so is incomplete"));

    int writer = open(code_path("app/main.so"), O_WRONLY);
    ck_assert_int_eq(make(code_path("app/main.so"), false), -EBUSY);
    ck_assert_ptr_nonnull(strstr(why, "/app/main.so is being written"));
    close(writer);

    code_run("truncate -s 3G app/large.so");
    ck_assert_int_eq(make(code_path("app/large.so"), false), -EFBIG);
    ck_assert_ptr_nonnull(strstr(why, "/app/large.so is larger than 2 GiB"));
    ck_assert(!is_full);

    /* what is no shared object is copied: the worker says what it is */
    code_run("echo text >app/text.so");
    ck_assert_int_eq(make(code_path("app/text.so"), false), 0);
    copied_free(copied);
    ck_assert(!is_full);
    tear_down();
}
END_TEST

START_TEST(without_a_place_memory_will_do)
{
    set_up();
    code_run("rmdir copies");
    ck_assert_int_lt(make(code_path("app/main.so"), false), 0);
    ck_assert(is_full);
    tear_down();
}
END_TEST

START_TEST(memory_wants_sonames)
{
    set_up();
    code_run("echo 'int b(void) { return 1; }' | cc -shared -fPIC -x c - -o lib/sub/libb.so");
    ck_assert_int_eq(make(code_path("app/main.so"), true), -ENOSPC);
    ck_assert_ptr_nonnull(strstr(why, "libb.so cannot be loaded from memory"));
    tear_down();
}
END_TEST

UNIT_MAIN(on_disk_they_find_each_other, in_memory_too, a_name_is_of_the_content,
          says_what_is_wrong_with_which_file, without_a_place_memory_will_do, memory_wants_sonames)
