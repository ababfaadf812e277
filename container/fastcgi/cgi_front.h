/* cgi_front.h - a web server that starts this process for one request: gale as a CGI program.
 *
 * The request comes from the variables of the environment (RFC 3875 4.1) and from standard input,
 * the answer goes to standard output with a Status line. Variables are read as those of FastCGI are
 * (fcgi_request.h), but for the path: a CGI program always stands at SCRIPT_NAME, so that is where
 * the web server has mounted gale, and PATH_INFO is what lies below. A web server that has gone
 * closes the output: then the task is cancelled.
 *
 * Many web servers write the whole request before they read any answer. So an answer that is longer
 * than every pipe holds first has the rest of the request read ahead, into a temporary file. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/macros.h"
#include "http/exchange.h"
#include "net/iostream.h"

struct http_server;

struct cgi_exchange {
    struct exchange exchange;
    struct http_server *http; /* borrowed: settings and `serve` */
    struct iostream input, output;
    struct task *task;
    uint64_t input_read;             /* taken from the input */
    int spool;                       /* owned: what was read ahead of it; -1: nothing */
    uint64_t spool_read, spool_size; /* what the app has got of that */
    uint64_t sent;
    struct gale_str local; /* the address that the client reached */
    unsigned local_port;
    bool is_reading_ahead; /* in the midst of sending */
    bool is_started;       /* some of the answer was sent */
    bool is_gone;          /* nobody takes it any more */
};

extern const struct front cgi_front;

enum cgi_end {
    CGI_WHOLE, /* the web server has got a whole answer */
    CGI_GONE,  /* it has got nothing, or wants no more */
    CGI_CUT,   /* it has got a part, and must not take that for the whole */
};

/* Serves the one request that `environment` (NULL-terminated "NAME=value") describes, through
 * http->serve; why != NULL: answers with that status and sentence instead. `input` and `output` are
 * taken. On a task. */
SUSPENDS enum cgi_end cgi_serve(struct http_server *http, char *const *environment, int input,
                                int output, int status, const char *why);
/* Whether these variables come from a web server. */
bool cgi_is_asked(char *const *environment);
