/* master.h - the process that supervises: it serves nobody, opens no plugin and starts no thread.
 *
 * It holds what outlives workers (listeners, logs, the board, shared memory), starts generations
 * of workers, replaces workers that die, and answers its control socket. It stays in the
 * foreground. Signals:
 *
 *   SIGTERM, SIGINT   stop now: running requests get half a second; a second signal does not wait
 *   SIGQUIT           stop when the running requests are done, at most drain_timeout
 *   SIGHUP            reload: a new generation, the old one ends its requests
 *   SIGUSR1           reopen the logs */
#pragma once
#include <stddef.h>

struct adapter;
struct config;
struct dev_options;

/* What a process that ran the master exits with. */
enum master_exit {
    MASTER_STOPPED = 0,     /* it was asked to */
    MASTER_FAILED = 1,      /* workers could not be started, or something broke */
    MASTER_WRONG_INPUT = 2, /* the configuration, or how gale was called */
    MASTER_CANNOT_LISTEN = 3,
};

struct master_options {
    const char *path; /* of the configuration; with a `text`, what stands for it in messages */
    const char *text; /* the configuration itself, instead of a file's; NULL: read `path` */
    const char *name; /* what the control socket is named after; NULL: path */
    const struct adapter *const *adapters; /* ended by NULL */
    const char *const *listen;             /* instead of the configuration's, ended by NULL; NULL */
    const char *control;                   /* instead of the configuration's; NULL */
    const struct dev_options *dev;         /* gale dev; NULL */
    /* Called when the first generation serves: the place for a greeting. May be NULL. */
    void (*on_serving)(const struct config *config, unsigned workers);
};

/* Runs until it is stopped. Whatever keeps it from starting is told on standard error. */
enum master_exit master_run(const struct master_options *options);
