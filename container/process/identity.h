/* identity.h - whom the workers run as. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct identity {
    bool is_changed; /* false: whoever started gale */
    uid_t uid;
    gid_t gid;
    const char *user; /* borrowed; for its supplementary groups; NULL: none but gid */
};

/* Finds out what `user` and `group` (either may be NULL; names or numbers) mean for this process.
 * Returns 0, or -EINVAL (nobody is called that) or -EPERM (only root can change), with a sentence
 * for whoever wrote the configuration in *out_error (owned). */
int identity_find(const char *user, const char *group, struct identity *out_identity,
                  char **out_error);
/* Becomes it, for good: groups, group, user, and no capabilities, whoever that is but root. Returns
 * 0 or -errno. */
int identity_assume(const struct identity *identity);
