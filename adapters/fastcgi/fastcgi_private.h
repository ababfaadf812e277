/* fastcgi_private.h - what the files of the FastCGI adapter share: the app, and one request to it.
 *
 *   x = one request            main task: reads the reply, writes to the client
 *    |                         sender task: reads the client's body, writes STDIN
 *    +-- script    what is asked
 *    +-- body      what the client sends
 *    +-- reply     what the server has said so far
 *    `-- connection, to which server */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>
#include "base/buffer.h"
#include "base/log_ration.h"
#include "base/macros.h"
#include "base/setting.h"
#include "net/hidden_socket.h"
#include "adapters/gateway/subtask.h"
#include "adapters/fastcgi/upstream.h"
#include "adapters/gateway/answer.h"
#include "adapters/gateway/body.h"
#include "adapters/gateway/governor.h"
#include "adapters/gateway/handoff.h"
#include "adapters/gateway/program_log.h"
#include "adapters/gateway/relay.h"
#include "adapters/gateway/variables.h"

struct app_config;
struct app_servers;
struct arena;
struct fastcgi_exchange;
struct gale_app;
struct gale_request;
struct gale_response;
struct setting_errors;
struct upstream_connection;

struct fastcgi_settings {
    struct setting_list servers; /* or the one word "spawn" */
    struct setting_list backup;
    const char *command; /* and the next five: with "spawn" */
    int64_t processes, grace_ms;
    const char *folder, *user;
    struct setting_pairs env;
    struct setting_pairs param;
    const char *root, *index, *script, *split;
    bool pass_authorization;
    int64_t connect_timeout_ms, read_timeout_ms, queue_timeout_ms;
    int64_t connections, queue;
    int64_t keep_alive, keep_alive_age_ms;
    uint64_t buffer;
    const char *sendfile;
    struct setting_pairs accel;
};

/* The servers that the master runs for the app, as this worker sees them. */
struct fastcgi_spawned {
    char address[HIDDEN_SOCKET_TEXT];
    int running, down; /* board metrics, kept by the master; -1: there are none */
};

/* The app. */
struct fastcgi {
    struct gale_app *app;                    /* borrowed */
    const struct fastcgi_settings *settings; /* borrowed */
    struct upstreams upstreams;
    struct governor governor;
    struct handoff handoff;
    struct program_log log;
    struct log_ration refusals;
    struct fastcgi_spawned spawned;
    struct buffer title; /* its servers, for status */
    int root_fd;         /* owned; -1: `root` is not on this machine, or not set */
};

/* ---- fastcgi_script.c ---- */

/* Errors in root, index, script and split. */
void fastcgi_script_check(const struct app_config *config, struct setting_errors *errors);
/* Fills in what the request asks for. Returns 0, with *out_is_answered when the response redirects
 * to a folder's name with its slash; GALE_DECLINE when it is none of the program's; or a status. */
int fastcgi_script_find(const struct fastcgi *fastcgi, struct gale_request *req,
                        struct gale_response *res, struct gateway_script *out_script,
                        bool *out_is_answered);

/* What an authorizer is told of its program: `script` where the server needs to know one (php-fpm),
 * nothing that the app behind it decides. */
void fastcgi_script_of_authorizer(const struct fastcgi *fastcgi, struct gale_request *req,
                                  struct gateway_script *out_script);

/* ---- fastcgi_spawn.c ---- */

/* Whether the servers are those that the master starts. */
bool fastcgi_is_spawned(const struct fastcgi_settings *settings);
/* Errors in the keys that say which. */
void fastcgi_spawn_check(const struct app_config *config, struct setting_errors *errors);
/* The adapter's `servers`. */
bool fastcgi_spawn_describe(const struct app_config *config, struct arena *arena,
                            struct app_servers *out_servers);
void fastcgi_spawn_open(struct fastcgi *fastcgi);
/* Whether none of them runs, nor will in a moment: who connects waits in vain. */
bool fastcgi_spawn_is_down(const struct fastcgi *fastcgi);

/* ---- one request ---- */

/* The client's body: what came first, and what is still to come. */
struct fastcgi_body {
    char *first; /* an iobuf block; NULL: no body */
    size_t first_len;
    bool is_whole; /* `first` is all of it */
    bool is_gone;  /* some of the rest was taken: it cannot be sent again */
    struct gateway_body rest;
};

/* The task that sends the rest of the body. */
struct fastcgi_sender {
    struct subtask subtask;
    bool is_reading;     /* it waits for the client, not for the server */
    bool is_cut;         /* the body has not been sent to its end */
    int64_t progress_ms; /* when it last got something from the client */
    int error;           /* of the client's side, -errno */
};

/* Takes output of the program behind its header block. 0 or -errno. */
typedef int fastcgi_take_fn(struct fastcgi_exchange *x, struct gale_str piece);

/* What the server has said. */
struct fastcgi_reply {
    struct answer answer;
    struct program_lines lines; /* of STDERR */
    fastcgi_take_fn *take;
    bool is_begun;       /* some record of this request came */
    bool is_output_end;  /* STDOUT was ended */
    bool has_end;        /* END_REQUEST came */
    bool is_untaken;     /* `take` failed, not the server */
    uint8_t status;      /* protocolStatus of END_REQUEST */
    int64_t progress_ms; /* when it last said something */
};

/* How one server fared with the request. */
enum fastcgi_outcome {
    FASTCGI_ANSWERED, /* the verdict is final */
    FASTCGI_STALE,    /* a kept connection was of no use, and nothing was answered: `stale` says */
    FASTCGI_FAILED,   /* another server may do better; else the verdict counts */
};

struct fastcgi_exchange {
    struct fastcgi *fastcgi;
    struct gale_request *req;
    struct gale_response *res;
    uint8_t role; /* FCGI_RESPONDER, or FCGI_AUTHORIZER: it sees no body */
    struct gateway_script script;
    struct buffer prologue; /* BEGIN_REQUEST and PARAMS, coded once for every server asked */
    struct fastcgi_body body;
    struct fastcgi_sender sender;
    struct fastcgi_reply reply;
    struct relay relay; /* while a slow client's answer goes through it */
    struct upstream *upstream;
    struct upstream_connection *connection; /* owned; NULL: given back */
    uint16_t id;                            /* of the request, on this connection */
    bool is_seated;                         /* holds a place in the governor */
    bool is_unsent;                         /* the server took no byte of the request */
    enum upstream_failure failure;          /* the last one */
    const char *stale;                      /* what a kept connection did, for the log */
    int verdict;
};

/* ---- fastcgi_send.c ---- */

/* Reads what it takes to know the length: the first bytes, or all of it if nobody said how long it
 * is. Returns 0, or -errno of the client's side. */
SUSPENDS int fastcgi_body_begin(struct fastcgi_exchange *x);
void fastcgi_body_finish(struct fastcgi_exchange *x);
/* Codes BEGIN_REQUEST and PARAMS. */
void fastcgi_prologue_make(struct fastcgi_exchange *x);
/* Sends the request; a body of which there is more goes on in a task of its own. Returns 0, or
 * -errno of the connection. */
SUSPENDS int fastcgi_send(struct fastcgi_exchange *x);
/* Whether the server may still be waiting for the client: then it is not late. */
bool fastcgi_is_client_slow(const struct fastcgi_exchange *x);

/* ---- fastcgi_reply.c ---- */

/* Makes ready for a reply, dropping what there is of an earlier one. */
void fastcgi_reply_begin(struct fastcgi_exchange *x);
void fastcgi_reply_finish(struct fastcgi_exchange *x);
static inline bool fastcgi_has_head(const struct fastcgi_exchange *x)
{
    return x->reply.answer.state != ANSWER_HEAD;
}
/* Reads records until the header block is whole, or until the end. Returns 1, 0 at END_REQUEST, or
 * -errno: -EBADMSG for output and -EPROTO for records that make no sense, -ENODATA or another one
 * of the connection at its end, or that of whoever takes the output, with is_untaken. */
SUSPENDS int fastcgi_read_head(struct fastcgi_exchange *x);
/* Reads on to the end, all output going to `take`. 0 at END_REQUEST, or as above. */
SUSPENDS int fastcgi_read_rest(struct fastcgi_exchange *x);
/* The `take` that gives output to the answer. */
fastcgi_take_fn fastcgi_take_answer;

/* ---- fastcgi_answer.c ---- */

/* Reads the reply to the request that was sent, and answers the client with it. */
SUSPENDS enum fastcgi_outcome fastcgi_answer(struct fastcgi_exchange *x);
/* Counts and logs a failure of the server. */
enum fastcgi_outcome fastcgi_fail(struct fastcgi_exchange *x, enum upstream_failure failure,
                                  const char *what, int error);

/* ---- fastcgi_serve.c ---- */

int fastcgi_serve(struct gale_app *app, struct gale_request *req, struct gale_response *res);
int fastcgi_authorize(struct gale_app *app, struct gale_request *req, struct gale_response *res,
                      bool *out_granted);
/* The connection is not needed any more: kept, or closed (with ABORT_REQUEST, if the server is
 * still at work). Fine twice. */
SUSPENDS void fastcgi_release(struct fastcgi_exchange *x);
/* The same, and the place among the app's `connections` is another request's. Fine twice. */
SUSPENDS void fastcgi_leave(struct fastcgi_exchange *x);

/* ---- fastcgi_values.c ---- */

/* Asks the server in the background how many connections it takes (GET_VALUES), once. */
void fastcgi_ask_values(struct upstream *upstream);
