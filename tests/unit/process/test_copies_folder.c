/* test_copies_folder.c - made, shared with nobody, swept after death. */
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/macros.h"
#include "base/memory.h"
#include "process/copies_folder.h"
#include "unit.h"
#include "code.h"

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

START_TEST(is_made_and_removed)
{
    int lock = -1;
    code_open();
    scoped_free char *folder = copies_folder_open(code_path("state"), &lock);
    ck_assert_ptr_nonnull(folder);
    ck_assert_int_ge(lock, 0);
    scoped_free char *deep = memory_printf("mkdir -p %s/a/b && touch %s/a/b/c", folder, folder);
    code_run("%s", deep);
    copies_folder_remove(folder);
    ck_assert(!is_there(folder));
    close(lock);
    code_close();
}
END_TEST

START_TEST(those_of_the_dead_go)
{
    int lock = -1;
    code_open();
    code_run("mkdir -m 0700 state state/copies-1 state/other && touch state/copies-1/x");
    pid_t child = fork(); /* an instance that lives */
    if (child == 0)
        _exit(copies_folder_open(code_path("state"), &lock) ? 0 : 1);
    int status = 1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(!is_there(code_path("state/copies-1")));
    scoped_free char *dead = memory_printf("%s/state/copies-%d", code_folder, (int)child);
    ck_assert(is_there(dead));

    scoped_free char *mine = copies_folder_open(code_path("state"), &lock);
    ck_assert(!is_there(dead));
    ck_assert(is_there(mine) && is_there(code_path("state/other")));

    child = fork(); /* another one leaves ours alone */
    if (child == 0) {
        int theirs;
        close(lock);
        _exit(copies_folder_open(code_path("state"), &theirs) ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(is_there(mine));
    close(lock);
    code_close();
}
END_TEST

START_TEST(others_may_not_write_there)
{
    int lock = -1;
    code_open();
    code_run("mkdir -m 0777 open && touch file");
    ck_assert_ptr_null(copies_folder_open(code_path("open"), &lock));
    ck_assert_int_eq(errno, EPERM);
    ck_assert_ptr_null(copies_folder_open(code_path("file"), &lock));
    ck_assert_ptr_null(copies_folder_open(code_path("none/below"), &lock));
    code_close();
}
END_TEST

UNIT_MAIN(is_made_and_removed, those_of_the_dead_go, others_may_not_write_there)
