/* identity.c - looking up users and groups, and becoming one. */
#include "process/identity.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

static bool is_number(const char *text, uint64_t *out_number)
{
    return str_to_u64(str_of(text), out_number) == 0 && *out_number < UINT32_MAX;
}

static int find_user(const char *user, struct identity *identity, char **out_error)
{
    uint64_t number;
    bool is_id = is_number(user, &number);
    const struct passwd *entry = is_id ? getpwuid((uid_t)number) : getpwnam(user);
    if (!entry && !is_id) {
        *out_error = memory_printf("user: there is no user '%s' on this machine", user);
        return -EINVAL;
    }
    identity->user = is_id ? NULL : user;
    identity->uid = entry ? entry->pw_uid : (uid_t)number;
    identity->gid = entry ? entry->pw_gid : (gid_t)number;
    return 0;
}

static int find_group(const char *group, struct identity *identity, char **out_error)
{
    uint64_t number;
    bool is_id = is_number(group, &number);
    const struct group *entry = is_id ? NULL : getgrnam(group);
    if (!entry && !is_id) {
        *out_error = memory_printf("group: there is no group '%s' on this machine", group);
        return -EINVAL;
    }
    identity->gid = entry ? entry->gr_gid : (gid_t)number;
    return 0;
}

int identity_find(const char *user, const char *group, struct identity *out_identity,
                  char **out_error)
{
    struct identity identity = {.uid = geteuid(), .gid = getegid()};
    int r = user ? find_user(user, &identity, out_error) : 0;
    if (r == 0 && group)
        r = find_group(group, &identity, out_error);
    if (r < 0)
        return r;
    identity.is_changed = identity.uid != geteuid() || identity.gid != getegid();
    if (identity.is_changed && geteuid() != 0) {
        *out_error = memory_printf("%s: only root may run as somebody else; take the key away, or "
                                   "start gale as root",
                                   user ? "user" : "group");
        return -EPERM;
    }
    *out_identity = identity;
    return 0;
}

/* Who is not root may have been given some all the same, to bind low ports (AmbientCapabilities= of
 * systemd). Those are the master's. */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    if (geteuid() == 0)
        return 0;
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

int identity_assume(const struct identity *identity)
{
    if (!identity->is_changed)
        return drop_capabilities();
    int r =
        identity->user ? initgroups(identity->user, identity->gid) : setgroups(1, &identity->gid);
    if (r < 0 || setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) < 0)
        return -errno;
    r = drop_capabilities();
    /* Else crashes would leave no core, and /proc/self would be root's. */
    (void)prctl(PR_SET_DUMPABLE, 1);
    return r;
}
