/* link_server.h - an isolated app's worker as its front sees it: sessions, and the front that
 * answers over the link (link.h).
 *
 *            a request arrives                        answered
 *   IDLE ------------------------> ACTIVE (a task) -----------------> IDLE
 *    |   the front has closed         |  the front has closed: the task is cancelled
 *    v                                v
 *   closed                         closed
 *
 * It goes as fcgi_front.h goes, but trusts its peer: what it accepts from can be reached by nobody
 * but gale's own processes (net/hidden_socket.h). Logs of requests and their metrics are
 * the front's business, limits of time towards the client as well. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "fastcgi/fcgi_stream.h"
#include "fastcgi/link.h"
#include "http/exchange.h"
#include "loop/task.h"
#include "net/iostream.h"

struct http_server;

struct link_server {
    struct http_server *http; /* borrowed: settings, serve and the tasks of all sessions */
    struct list sessions;
    size_t session_count;
    /* One session at a time, of one request: whichever worker is free takes the next. Set before
     * the first one is accepted. */
    bool is_single;
};

struct link_session {
    struct link_server *server; /* owns it through its list */
    struct list link;
    struct iostream stream;
    struct fcgi_reader reader;
    struct task *task;             /* while ACTIVE */
    struct link_exchange *current; /* while its request is served */
    bool is_active;
    bool is_leaving; /* the front was told to close it */
    bool is_broken;  /* nothing that comes makes sense any more */
    bool is_unread;  /* some of the last request's body may still come */
};

struct link_exchange {
    struct exchange exchange;
    struct link_session *session;
    struct link_local local;
    bool is_wanted;      /* the body was asked for */
    bool is_input_ended; /* nothing of it is still to come */
    bool is_in_input;    /* within a record of STDIN */
};

/* Sessions live in the loop and the task group of `http`, which answers with its `serve`. */
void link_server_init(struct link_server *server, struct http_server *http);
/* Takes a connected socket. */
void link_server_accept(struct link_server *server, int fd);
/* No further requests: the front is told to close what is idle, and the rest when it is answered.
 * After http_server_drain. */
void link_server_drain(struct link_server *server);
bool link_server_is_empty(const struct link_server *server);
/* Closes what is idle; the tasks of the others were cancelled by http_server_close. Returns how
 * many requests that cut. */
size_t link_server_close(struct link_server *server);

extern const struct front link_front;

/* Goes on to the next record that the request has a use for, or to one of the type `wanted`. 1, 0
 * at the end, or -errno. */
SUSPENDS int link_next_record(struct link_session *session, uint8_t wanted);
