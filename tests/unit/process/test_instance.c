/* test_instance.c - where control sockets lie, what they are called, and which are alive. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/instance.h"
#include "unit.h"

static char root[64];

/* As somebody else: root's folder is one for the whole machine. */
static int in_child(int (*fn)(void))
{
    int status;
    strcpy(root, unit_folder);
    ck_assert_int_eq(chmod(root, 0777), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(99);
        _exit(fn());
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static int choose(void)
{
    char out[INSTANCE_PATH], other[INSTANCE_PATH], expected[INSTANCE_PATH];
    setenv("XDG_RUNTIME_DIR", root, 1);
    snprintf(expected, sizeof(expected), "%s/gale", root);
    if (!instance_folder(out) || strcmp(out, expected) != 0)
        return 1;
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    snprintf(expected, sizeof(expected), "/tmp/gale-%u", (unsigned)geteuid());
    if (!instance_folder(out) || strcmp(out, expected) != 0)
        return 2;
    unsetenv("XDG_RUNTIME_DIR");
    if (!instance_folder(out) || strcmp(out, expected) != 0)
        return 3;
    if (!instance_path("/nowhere/my shop/gale.ini", out) || !strstr(out, "/my-shop-gale.ini-"))
        return 4;
    if (!instance_path("/elsewhere/my shop/gale.ini", other) || strcmp(out, other) == 0)
        return 5;
    char deep[300];
    memset(deep, 'd', sizeof(deep));
    memcpy(deep + sizeof(deep) - 10, "/gale.ini", 10);
    if (!instance_path(deep, out) || strlen(out) > 90)
        return 6;
    setenv("XDG_RUNTIME_DIR", deep + 1, 1);
    char path[200] = "/";
    memset(path + 1, 'x', sizeof(path) - 2);
    setenv("XDG_RUNTIME_DIR", path, 1);
    return instance_folder(out) || instance_path("a.ini", out) ? 7 : 0;
}

static int one_path_one_name(void)
{
    char out[INSTANCE_PATH], other[INSTANCE_PATH];
    if (chdir(root) < 0 || symlink("real.ini", "link.ini") < 0)
        return 1;
    fclose(fopen("real.ini", "w"));
    if (!instance_path("real.ini", out) || !instance_path("./link.ini", other))
        return 2;
    return strcmp(out, other) == 0 ? 0 : 3;
}

static int folders(void)
{
    char folder[100], link[100];
    snprintf(folder, sizeof(folder), "%s/made", root);
    snprintf(link, sizeof(link), "%s/link", root);
    struct stat info;
    if (instance_make_folder(folder) != 0 || stat(folder, &info) < 0)
        return 1;
    if ((info.st_mode & 0777) != 0700 || instance_make_folder(folder) != 0)
        return 2;
    chmod(folder, 0777); /* somebody else could put a socket there */
    if (instance_make_folder(folder) != -EPERM)
        return 3;
    if (symlink(folder, link) < 0 || instance_make_folder(link) != -ENOTDIR)
        return 4;
    if (getuid() != 0 && instance_make_folder("/usr") != -EPERM)
        return 5;
    return instance_make_folder("/nowhere/at/all") == -ENOENT ? 0 : 6;
}

static int serve_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4) < 0)
        return -1;
    return fd;
}

static int note(void *data, const struct instance *instance)
{
    char *seen = data;
    sprintf(seen + strlen(seen), "%s%s;", instance->name, instance->pid == getpid() ? "" : "?");
    return strcmp(instance->name, "stop") == 0 ? 7 : 0;
}

static int each(void)
{
    char folder[INSTANCE_PATH], path[INSTANCE_PATH + 20], seen[200] = "";
    setenv("XDG_RUNTIME_DIR", root, 1);
    if (instances_each(note, seen) != 0 || *seen) /* no folder yet */
        return 1;
    instance_folder(folder);
    if (instance_make_folder(folder) < 0)
        return 2;
    static const char *const names[] = {"b.sock", "a.sock", "dead.sock", "other"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        int fd = serve_at(path);
        if (i == 2)
            close(fd);
    }
    if (instances_each(note, seen) != 0 || strcmp(seen, "a;b;") != 0)
        return 3;
    snprintf(path, sizeof(path), "%s/stop.sock", folder);
    serve_at(path);
    snprintf(path, sizeof(path), "%s/zzz.sock", folder);
    serve_at(path);
    *seen = 0;
    return instances_each(note, seen) == 7 && strcmp(seen, "a;b;stop;") == 0 ? 0 : 4;
}

START_TEST(chooses_folder_and_name)
{
    ck_assert_int_eq(in_child(choose), 0);
    ck_assert_int_eq(in_child(one_path_one_name), 0);
}
END_TEST

START_TEST(trusts_only_its_own_folder)
{
    ck_assert_int_eq(in_child(folders), 0);
}
END_TEST

START_TEST(finds_those_that_run)
{
    ck_assert_int_eq(in_child(each), 0);
}
END_TEST

UNIT_MAIN(chooses_folder_and_name, trusts_only_its_own_folder, finds_those_that_run)
