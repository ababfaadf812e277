/* What an isolated app's worker may still do. Check runs each test in a process of its own. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/landlock.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/log.h"
#include "base/macros.h"
#include "process/confinement.h"

static char folder[64];
static const struct adapter adapter = {.name = "made"};

static void touch(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
}

static void make_folder(void)
{
    log_set_fd(-1);
    snprintf(folder, sizeof(folder), "/tmp/gale-confine-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    touch("in");
}

/* 0, or why not. */
static int try_open(const char *name, int flags)
{
    char path[128];
    snprintf(path, sizeof(path), "%s%s", *name == '/' ? "" : folder, name + (*name == '.'));
    scoped_close int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : 0;
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* Applies in a child, where `check` then runs; Check's own process stays free. */
static void in_child(const struct app_isolation *isolation, void (*check)(void))
{
    const struct app_config app = {.name = "a", .adapter = &adapter, .isolation = *isolation};
    pid_t pid = check_fork();
    int status = -1;
    if (pid == 0) {
        ck_assert_int_eq(confinement_apply(&app), 0);
        check();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    if (*folder) {
        char command[100];
        snprintf(command, sizeof(command), "rm -rf %s", folder);
        ck_assert_int_eq(system(command), 0);
    }
}

static void may_all(void)
{
    ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    ck_assert_int_eq(try_open("./in", O_RDWR), 0);
}

START_TEST(without_keys_only_privileges_go)
{
    const struct app_isolation none = {0};
    make_folder();
    in_child(&none, may_all);
}
END_TEST

static void has_limits(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    ck_assert_uint_eq(limit.rlim_cur, 123);
    getrlimit(RLIMIT_AS, &limit);
    ck_assert_uint_eq(limit.rlim_max, 1 << 30);
    getrlimit(RLIMIT_NPROC, &limit);
    ck_assert_uint_eq(limit.rlim_cur, 77);
}

START_TEST(limits)
{
    const struct app_isolation isolation = {.files = 123, .memory = 1 << 30, .max_processes = 77};
    in_child(&isolation, has_limits);
}
END_TEST

static void reads_only(void)
{
    ck_assert_int_eq(try_open("./in", O_RDONLY), 0);
    ck_assert_int_eq(try_open("./in", O_WRONLY), -EACCES);
    ck_assert_int_eq(try_open("./new", O_WRONLY | O_CREAT), -EACCES);
    ck_assert_int_eq(try_open("/dev/null", O_WRONLY), 0);
}

START_TEST(write_none_makes_all_read_only)
{
    const char *none[] = {"none"};
    const struct app_isolation isolation = {.write = {none, 1}};
    make_folder();
    if (has_landlock())
        in_child(&isolation, reads_only);
}
END_TEST

static void writes_here(void)
{
    ck_assert_int_eq(try_open("./in", O_RDWR | O_TRUNC), 0);
    ck_assert_int_eq(try_open("./new", O_WRONLY | O_CREAT), 0);
    ck_assert_int_eq(try_open("/tmp/gale-confine-elsewhere", O_WRONLY | O_CREAT), -EACCES);
}

START_TEST(write_names_what_may_change)
{
    make_folder();
    const char *here[] = {folder};
    const struct app_isolation isolation = {.write = {here, 1}};
    if (has_landlock())
        in_child(&isolation, writes_here);
}
END_TEST

static void reads_here(void)
{
    ck_assert_int_eq(try_open("./in", O_RDONLY), 0);
    ck_assert_int_eq(try_open("/etc/passwd", O_RDONLY), 0);
    ck_assert_int_eq(try_open("/tmp", O_RDONLY | O_DIRECTORY), -EACCES);
    ck_assert_int_eq(try_open("/root", O_RDONLY | O_DIRECTORY), -EACCES);
}

START_TEST(read_names_what_is_there)
{
    make_folder();
    const char *here[] = {folder};
    const struct app_isolation isolation = {.read = {here, 1}};
    if (has_landlock())
        in_child(&isolation, reads_here);
}
END_TEST

UNIT_MAIN(without_keys_only_privileges_go, limits, write_none_makes_all_read_only,
          write_names_what_may_change, read_names_what_is_there)
