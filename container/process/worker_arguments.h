/* worker_arguments.h - what a worker is told on its command line: `gale worker KEY=VALUE ...`.
 *
 * Descriptors are inherited under the numbers they have in the master and named here. Both sides
 * are in this file, so that they cannot differ. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct arena;

struct worker_socket {
    int fd;
    int place; /* LISTENER_SHARED for one of all workers */
};

/* A way to the servers that the master runs for an app. */
struct worker_server {
    int app; /* its index in the configuration */
    int fd;
};

/* The way to an isolated app's workers. */
struct worker_link {
    int door;
    const char *app;
};

struct setting_pairs;

struct worker_arguments {
    unsigned place, slot; /* in its group; on the board */
    uint64_t generation;
    int channel, config, board;
    int code;                  /* the list of copies that it loads (code_list.h) */
    int error_log, access_log; /* -1: none */
    int dev_state, dev_log;    /* of gale dev; -1: none */
    int is_first;              /* nothing serves yet: the master tells the terminal why not */
    int is_again;              /* it takes the place of one that has served */
    const char *path;          /* of the configuration, for its errors */
    const char *base;          /* where its paths start, as the master found it */
    const char *group;         /* the isolated app that it serves, all else is none of its business;
                                  NULL: a front's */
    struct worker_socket *sockets;
    size_t socket_count;
    struct worker_server *servers;
    size_t server_count;
    const int *code_fds; /* the copies that lie in memory; the list names them */
    size_t code_fd_count;
    struct worker_link *links; /* of a front */
    size_t link_count;
    const struct setting_pairs *env; /* for its exec: in place of the master's; NULL */
};

/* The command line, "gale", "worker" and so on, ended by NULL; all on the arena. */
char **worker_arguments_print(const struct worker_arguments *arguments, struct arena *arena);
/* Reads it back: argv[2] on. Returns 0, or -EINVAL for what no master writes. */
int worker_arguments_parse(int argc, char **argv, struct arena *arena,
                           struct worker_arguments *out_arguments);
/* Calls fn for each descriptor a worker inherits beside standard input, output and error. */
void worker_arguments_each_fd(const struct worker_arguments *arguments,
                              void (*fn)(void *data, int fd), void *data);
