/* confinement.c - limits, and Landlock by its three system calls, for which there is no library.
 *
 * Each right of the kernel's interface version is handled, so that whatever is not named below a
 * path is refused; rights that a later version adds stay as they are. */
#include "process/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/log.h"
#include "base/macros.h"

/* ---- limits ---- */

static int limit(int resource, uint64_t value)
{
    struct rlimit both = {value, value};
    struct rlimit now;
    if (!value)
        return 0;
    if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max < value)
        both.rlim_cur = both.rlim_max = now.rlim_max; /* already tighter */
    return setrlimit((__rlimit_resource_t)resource, &both) < 0 ? -errno : 0;
}

static int set_limits(const struct app_isolation *isolation)
{
    int r = limit(RLIMIT_AS, isolation->memory);
    if (r == 0)
        r = limit(RLIMIT_NOFILE, (uint64_t)isolation->files);
    return r == 0 ? limit(RLIMIT_NPROC, (uint64_t)isolation->max_processes) : r;
}

/* ---- Landlock ---- */

/* Rights by what they are needed for; the older headers do not know the newer ones. */
enum {
    FILES_READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE,
    FOLDERS_READ = LANDLOCK_ACCESS_FS_READ_DIR,
    FILES_WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE,
    FOLDERS_WRITE = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                    LANDLOCK_ACCESS_FS_MAKE_SYM,
    REFER = 1 << 13,    /* from version 2: to another folder */
    TRUNCATE = 1 << 14, /* from version 3 */
};

struct ruleset {
    int fd;
    uint64_t handled;
};

/* The version of the kernel's interface, 0 where it has none. */
static int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

static uint64_t handled_rights(const struct app_isolation *isolation, int version)
{
    uint64_t rights = 0;
    if (isolation->read.len)
        rights |= FILES_READ | FOLDERS_READ;
    if (isolation->write.len)
        rights |= FILES_WRITE | FOLDERS_WRITE;
    if (isolation->write.len && version >= 2)
        rights |= REFER;
    if (isolation->write.len && version >= 3)
        rights |= TRUNCATE;
    return rights;
}

/* What is not there needs no rule. */
static int allow(const struct ruleset *ruleset, const char *path, uint64_t rights)
{
    scoped_close int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return errno == ENOENT || errno == EACCES ? 0 : -errno;
    if (!S_ISDIR(info.st_mode))
        rights &= FILES_READ | FILES_WRITE | TRUNCATE;
    rights &= ruleset->handled;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    if (!rights)
        return 0;
    return syscall(SYS_landlock_add_rule, ruleset->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
               ? -errno
               : 0;
}

static int allow_all(const struct ruleset *ruleset, const struct setting_list *paths,
                     uint64_t rights)
{
    int r = 0;
    for (size_t i = 0; i < paths->len && r == 0; i++)
        if (paths->items[i][0] == '/')
            r = allow(ruleset, paths->items[i], rights);
    return r;
}

struct files {
    const struct ruleset *ruleset;
    int result;
};

static void allow_file(void *data, const char *path)
{
    struct files *files = data;
    if (files->result == 0)
        files->result = allow(files->ruleset, path, FILES_READ);
}

/* What programs need to run at all: libraries, names, time zones, certificates, /proc for reports.
 */
static int allow_system(const struct ruleset *ruleset, const struct app_config *app)
{
    static const char *readable[] = {
        "/usr", "/bin",  "/sbin", "/lib",           "/lib64",
        "/etc", "/proc", "/dev",  "/sys/fs/cgroup", "/sys/devices/system/cpu"};
    static const char *writable[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty"};
    const struct setting_list reads = {readable, ARRAY_LEN(readable)};
    const struct setting_list writes = {writable, ARRAY_LEN(writable)};
    struct files files = {.ruleset = ruleset};
    int r = allow_all(ruleset, &reads, FILES_READ | FOLDERS_READ);
    if (r == 0)
        r = allow_all(ruleset, &writes, FILES_WRITE | TRUNCATE);
    if (r == 0 && app->adapter->each_file)
        app->adapter->each_file(app, allow_file, &files);
    return r == 0 ? files.result : r;
}

static int fill(const struct ruleset *ruleset, const struct app_config *app)
{
    const struct app_isolation *isolation = &app->isolation;
    int r = allow_system(ruleset, app);
    if (r == 0)
        r = allow_all(ruleset, &isolation->read, FILES_READ | FOLDERS_READ);
    if (r == 0) /* who may change a file may read it */
        r = allow_all(ruleset, &isolation->write,
                      FILES_READ | FOLDERS_READ | FILES_WRITE | FOLDERS_WRITE | REFER | TRUNCATE);
    return r;
}

static int restrict_files(const struct app_config *app)
{
    int version = landlock_version();
    struct landlock_ruleset_attr attributes = {.handled_access_fs =
                                                   handled_rights(&app->isolation, version)};
    if (!attributes.handled_access_fs)
        return 0;
    if (!version) {
        log_warn("this kernel has no Landlock: `read` and `write` of the app have no effect",
                 LOG_TEXT("app", app->name));
        return 0;
    }
    scoped_close int fd =
        (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(uint64_t), 0);
    if (fd < 0)
        return -errno;
    const struct ruleset ruleset = {fd, attributes.handled_access_fs};
    int r = fill(&ruleset, app);
    if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        r = -errno;
    return r;
}

/* ---- all of it ---- */

static int failed(const struct app_config *app, const char *what, int r)
{
    if (r < 0)
        log_error(what, LOG_TEXT("app", app->name), LOG_ERRNO(r));
    return r;
}

int confinement_apply(const struct app_config *app)
{
    int r =
        failed(app, "the limits of the app's workers cannot be set", set_limits(&app->isolation));
    if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        log_warn("this kernel has no no_new_privs", LOG_TEXT("app", app->name));
    if (r == 0)
        r = failed(app, "the app's workers cannot be confined to its folders", restrict_files(app));
    return r;
}
