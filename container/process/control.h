/* control.h - the control socket: HTTP for the owner of the instance.
 *
 *   GET  /status              the instance as JSON
 *   GET  /metrics             every metric, as Prometheus reads it
 *   POST /reload              waits; 200, or 409 and why not
 *   POST /rollback            back to the configuration before; waits as reload does
 *   POST /stop?mode=graceful  or quick, which is the default; answers, then stops
 *   POST /reopen              opens the logs anew
 *   POST /upgrade             tries the program at gale's path, and becomes it; or 409 and why not
 *
 * A unix socket of mode 0600; peers that are neither the owner nor root are closed unheard. */
#pragma once
#include <stdint.h>
#include "http/http_server.h"

struct master;

struct control {
    char *path; /* owned; NULL: not open */
    uint64_t inode;
    int fd; /* of the http server's listener */
    struct http_settings settings;
    struct http_server http;
};

/* Opens the control socket: `configured` or, where that is NULL, the default of `name`. Returns 0,
 * -EEXIST when an instance answers there already, or -errno; then *out_error (owned) says it. */
int control_open(struct master *master, const char *configured, const char *name, char **out_error);
/* Answers at a socket that was opened before this program ran: `fd` (taken) listens at the path. */
void control_restore(struct master *master, const char *path, uint64_t inode, int fd);
/* Stops answering and removes the socket. */
void control_close(struct master *master);
