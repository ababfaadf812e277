/* cgi_run.h - one run of a program: its pipes, its time, its end.
 *
 * Made by a request's task, which reads its output and then releases it. From there on the run
 * looks after itself on the loop: it waits for the program's end, ends it when its time is over,
 * logs what it says, and gives its place in the governor back. So nobody waits for a program that
 * will not go, and none of it is left behind.
 *
 *   start --> read, read, ... 0 --> wait_end --> release(false)   it may go on, within run_timeout
 *               `---------------------------'--> release(true)    it is told to end */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "adapters/gateway/governor.h"
#include "adapters/gateway/handoff.h"
#include "adapters/gateway/program_log.h"
#include "base/list.h"
#include "base/log_ration.h"
#include "base/macros.h"
#include "http/request.h"
#include "loop/timer.h"
#include "net/child_process.h"

struct cgi_settings;
struct task;

/* One app in this worker: its adapter's state. */
struct cgi {
    const char *app;
    const struct cgi_settings *settings; /* borrowed */
    int folder;                          /* -1: settings->cgi is one program */
    const char **passed;                 /* owned: of gale's environment */
    bool has_user;
    uid_t uid;
    gid_t gid;
    struct handoff handoff;
    struct governor governor;
    struct program_log log;
    struct log_ration refusals;
    int started, failed; /* counters */
    struct list runs;
};

/* What to start; everything is borrowed for the call. */
struct cgi_start {
    const char *program; /* what is executed */
    const char *path;    /* the CGI program, for the log */
    const char *folder;
    const char *const *argv, *const *envp;
    bool has_input;     /* else its input is empty */
    struct gale_str id; /* of the request */
};

struct cgi_run {
    struct cgi *cgi;
    struct child_process child;
    int in, out;         /* our ends; -1: closed. in is closed by whoever writes it */
    bool is_expired;     /* run_timeout has passed */
    bool is_client_turn; /* it waits for bytes that the client still has to send */
    int64_t progress_ms; /* when it last took some of its input */
    /* private */
    struct list link;
    struct ioloop *loop;
    struct timer timer;  /* run_timeout */
    struct task *reader; /* who is told that something happened; NULL once released */
    int err;
    struct program_lines lines;
    char id[REQUEST_ID_LEN + 1];
    char path[];
};

/* Starts it for the current task, which has entered the governor; from here on the run leaves it.
 * Returns 0 and the run, or the -errno of what failed (then the caller leaves the governor). */
int cgi_run_start(struct cgi *cgi, const struct cgi_start *start, struct cgi_run **out_run);
/* Reads output: the number of bytes, 0 at its end, -EAGAIN when there is none now. */
ssize_t cgi_run_read(struct cgi_run *run, void *to, size_t len);
/* Waits until something has happened: output, or anything else. 0; -ETIME when the program has made
 * no progress for read_timeout or has run for too long; -ENODATA when it has ended and only others
 * hold its output open, in silence; -ECANCELED or -ETIMEDOUT of the task. */
SUSPENDS int cgi_run_wait(struct cgi_run *run);
/* The same for `ms` at most, without judging the program's silence: 0 then, too. */
SUSPENDS int cgi_run_linger(struct cgi_run *run, int64_t ms);
/* Waits a moment for the end of a program whose output has ended: 0, or -ECANCELED. */
SUSPENDS int cgi_run_wait_end(struct cgi_run *run);
/* The task is done with it; afterwards the run is not to be touched. */
void cgi_run_release(struct cgi_run *run, bool end);
/* Kills it and takes everything back. */
void cgi_run_destroy(struct cgi_run *run);
