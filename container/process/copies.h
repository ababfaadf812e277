/* copies.h - plugin files, copied aside so that nobody can change them while they run.
 *
 * A plugin is copied together with the libraries that it finds through $ORIGIN, into a folder under
 * the name of their content; in that folder they lie as the originals do from the root on, so they
 * find each other, and whoever sees a path sees whose copy it is:
 *
 *   STATE/copies-PID/0c9e...41/srv/app/hello.so      the copy of /srv/app/hello.so
 *                             /srv/app/lib/libx.so   and of what it finds
 *
 * Where no file can be made, or none that may be executed, they are kept in memory (memfd). What
 * has not changed is not copied again. Instances that have died are swept up after. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/file_state.h"
#include "base/list.h"

/* A file that a copy is of, or one that was looked for in vain. */
struct copied_source {
    char *path; /* owned */
    struct file_state state;
};

/* A plugin's copy; it never changes. */
struct copied {
    struct list link;
    char *original; /* its path; owned, as the others */
    char *digest;   /* of names, rights and contents */
    char *root;     /* the folder; "" in memory */
    char *path;     /* what to open */
    struct copied_source *sources;
    size_t source_count;
    int *fds; /* in memory: what to load, in this order, the plugin last; owned, CLOEXEC */
    size_t fd_count;
    bool is_settled; /* the sources were old enough to tell by their state that they are the same */
};

struct copies {
    char *state;  /* as configured, owned; NULL: the default */
    char *folder; /* this instance's, owned; NULL: in memory */
    int lock;     /* its descriptor, locked while we live; -1 */
    bool is_open;
    struct list all;
};

/* Nothing is made yet. */
void copies_init(struct copies *copies);
/* Where they are kept; NULL: where systemd says ($STATE_DIRECTORY), or else in the folder of
 * control sockets. Without effect once there was a copy. */
void copies_keep_in(struct copies *copies, const char *state);
/* Frees all and removes the folder. */
void copies_finish(struct copies *copies);

/* The copy of that plugin as it is now, made where it is missing (borrowed: it stays until it is
 * pruned). Returns 0; -EBUSY when somebody is at writing it, so that it is worth trying again soon;
 * or another -errno. On failure *out_error (owned) says what is wrong with which file. */
int copies_take(struct copies *copies, const char *original, const struct copied **out_copied,
                char **out_error);
/* For a master that goes on as another program: the folder and its lock (taken); a copy's texts
 * (copied), of whose sources nothing is known any more; and its descriptors (taken), in order. */
void copies_restore(struct copies *copies, const char *folder, int lock);
struct copied *copies_restore_one(struct copies *copies, const struct copied *as);
void copies_restore_fd(struct copied *copied, int fd);
/* What a file is a copy of, given its path as the kernel shows it for mapped memory: part of a path
 * of `copied`, or NULL where it is none of its. */
const char *copies_original(const struct copied *copied, const char *path);
/* Removes those that nobody uses. */
void copies_prune(struct copies *copies, bool (*is_used)(void *data, const struct copied *copied),
                  void *data);
