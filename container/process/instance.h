/* instance.h - where running instances are found.
 *
 * Each instance has a control socket. Without `control` in the configuration it lies in one folder
 * for each user, under a name made from the configuration's path, so that `gale reload` finds the
 * instance of a configuration, and the only one of a user, without being told where:
 *
 *   /run/gale/                   root
 *   $XDG_RUNTIME_DIR/gale/       others
 *   /tmp/gale-UID/               others without one; mode 0700, and nobody else's
 *     shop-gale.ini-1f3a90cc.sock
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { INSTANCE_PATH = 108 }; /* what fits a unix socket's address */

/* The folder of this user's control sockets. Returns out, or NULL if its path is too long. */
const char *instance_folder(char out[INSTANCE_PATH]);
/* Makes that folder where it is missing. Returns 0, -EPERM when somebody else could write there,
 * or -errno. */
int instance_make_folder(const char *folder);
/* The default control socket of a configuration (or of the plugin that `gale run FILE.so` serves).
 * Two paths of one file give the same. Returns out, or NULL as above. */
const char *instance_path(const char *config, char out[INSTANCE_PATH]);

struct instance {
    const char *control; /* its socket */
    const char *name;    /* of the socket, without .sock */
    pid_t pid;           /* of the master */
};
/* Calls fn for each instance of this user that runs now, by name, until it returns non-zero;
 * returns that, or 0. Sockets that nobody serves are passed over. */
int instances_each(int (*fn)(void *data, const struct instance *instance), void *data);
