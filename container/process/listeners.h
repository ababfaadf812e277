/* listeners.h - the sockets that clients connect to, kept by the master over generations.
 *
 * A TCP address has one socket for each worker's place; unix sockets and inherited ones are one for
 * all. A change is prepared (bound, so that a failure changes nothing), then committed when the
 * new generation accepts, or cancelled.
 *
 *   address 0   [place 0][place 1][place 2: leaving]      127.0.0.1:8080
 *   address 1   [shared]                                  unix:/run/app.sock
 *
 * When there are fewer workers than before, new connections are steered away from the sockets that
 * are too many; they leave once their queues stay empty. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "net/endpoint.h"

struct setting_list;

enum { LISTENER_SHARED = -1 };

struct listen_address {
    char *text; /* as configured, owned */
    struct endpoint endpoint;
    int *fds;           /* owned array of owned sockets, by place */
    unsigned count;     /* sockets */
    unsigned listening; /* the first so many listen; the others are only bound */
    unsigned live;      /* the first so many were committed; 0: the address is only prepared */
    unsigned target;    /* the first so many stay; live ones beyond are leaving */
    bool is_shared, is_inherited;
    bool is_wanted; /* by what is being prepared, or was committed last */
    uint64_t inode; /* of a unix socket's path, so that only our own is removed */
};

/* Who may connect to unix sockets. */
struct listen_access {
    int mode;       /* 0: what the umask leaves */
    bool has_owner; /* else they are the master's */
    uid_t uid;
    gid_t gid;
};

struct listeners {
    struct listen_address **addresses; /* owned */
    size_t count;
    struct listen_access access;
    /* private */
    unsigned workers;   /* as prepared */
    int64_t steered_ms; /* when sockets began to leave; 0: none do */
    bool is_retired;    /* workers were told to close theirs */
    int *inherited;     /* sockets that no configuration has named yet */
    size_t inherited_count;
};

/* Takes sockets that systemd passed down (LISTEN_PID, LISTEN_FDS), if any. */
void listeners_init(struct listeners *listeners);
/* Closes all; unix paths are removed. */
void listeners_finish(struct listeners *listeners);

/* Binds what `listen` names, unix sockets for whom `access` says, for `workers` places. Returns 0,
 * or -errno after setting *out_error (owned): which address, why, and what to do about it. Nothing
 * has changed then. */
int listeners_prepare(struct listeners *listeners, const struct setting_list *listen,
                      unsigned workers, int backlog, char **out_error);
/* What was prepared takes effect: new sockets listen, addresses no longer wanted are closed.
 * Returns 0, or -errno and *out_error as above when somebody else was faster; then nothing was
 * closed and listeners_cancel goes back. */
int listeners_commit(struct listeners *listeners, int backlog, char **out_error);
void listeners_cancel(struct listeners *listeners);
/* Whether a commit would close an address: its queue is to be swept first. */
bool listeners_will_close(const struct listeners *listeners);

bool listeners_is_leaving(const struct listeners *listeners);
/* To be called a few times a second while sockets are leaving, and nothing is prepared. Once their
 * queues have been empty for long enough it returns the place from which on workers are to close
 * theirs; the call after that closes them for good. Else -1. */
int listeners_settle(struct listeners *listeners, int64_t now_ms);

/* For a master that goes on as another program: takes a live address as it was, its sockets (taken)
 * by place. */
void listeners_restore(struct listeners *listeners, const struct listen_address *as,
                       const int *fds);
void listeners_restore_inherited(struct listeners *listeners, int fd);

/* Calls fn for each socket that a worker is to get: of the configuration being prepared, or of the
 * live one. `place` is LISTENER_SHARED for a shared one. */
void listeners_each(const struct listeners *listeners, bool prepared,
                    void (*fn)(void *data, int fd, int place), void *data);
