/* test_identity.c - names and numbers of users and groups, and who may become whom. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/identity.h"
#include "unit.h"

START_TEST(finds_users_and_groups)
{
    struct identity identity = {0};
    char *error = NULL;
    ck_assert_int_eq(identity_find(NULL, NULL, &identity, &error), 0);
    ck_assert(!identity.is_changed);
    ck_assert_int_eq(identity_find("no-such-user", NULL, &identity, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, "'no-such-user'"));
    free(error);
    ck_assert_int_eq(identity_find(NULL, "no-such-group", &identity, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, "'no-such-group'"));
    free(error);
    /* numbers beyond any id are names, and nobody is called so */
    ck_assert_int_eq(identity_find("4294967296", NULL, &identity, &error), -EINVAL);
    free(error);
}
END_TEST

/* Runs fn in a process of its own and returns its exit code. */
static int in_child(int (*fn)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fn());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static int become_nobody(void)
{
    struct identity identity;
    char *error = NULL;
    if (identity_find("nobody", "0", &identity, &error) < 0 || !identity.is_changed ||
        identity.gid != 0)
        return 1;
    if (identity_find("nobody", NULL, &identity, &error) < 0 || identity_assume(&identity) < 0)
        return 2;
    if (getuid() != identity.uid || geteuid() != identity.uid || getegid() != identity.gid)
        return 3;
    if (setuid(0) == 0)
        return 4;
    /* and from there nobody else can be become */
    if (identity_find("root", NULL, &identity, &error) != -EPERM || !strstr(error, "only root"))
        return 5;
    free(error);
    return identity_find("nobody", NULL, &identity, &error) == 0 && !identity.is_changed ? 0 : 6;
}

static int become_a_number(void)
{
    struct identity identity;
    char *error = NULL;
    if (identity_find("54321", "54322", &identity, &error) < 0 || identity_assume(&identity) < 0)
        return 1;
    return getuid() == 54321 && getgid() == 54322 && getgroups(0, NULL) == 1 ? 0 : 2;
}

START_TEST(becomes_somebody_else_for_good)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(in_child(become_nobody), 0);
    ck_assert_int_eq(in_child(become_a_number), 0);
}
END_TEST

UNIT_MAIN(finds_users_and_groups, becomes_somebody_else_for_good)
