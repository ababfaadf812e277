/* channel.h - what the master and a worker say to each other.
 *
 * One message is one packet: a kind, a number, a text, some descriptors. Neither side ever waits
 * to send; a worker that does not read for long misses messages, and the master's deadlines deal
 * with it. The end of the channel is the end of the other process.
 *
 *   worker                               master
 *     -- ERROR "..." ----------------->    each error it logs until it is ready
 *     -- FAILED "..." ---------------->    why it cannot start, in one sentence; then it exits
 *     -- SHARED app, name, size ------>    before and after (gale_shared)
 *     <----------------- MEMORY [fd] --
 *     -- APP n, title, version ------->    what each app turned out to be; worker 0
 *     -- READY ----------------------->    every app is open
 *     <--------------------------- GO --   accept
 *     <------------- LOGS [fd] [fd] --    reopened: error log, access log
 *     <--------------------- RETIRE n --   close the sockets from place n on
 *     <-------------------- DEV [fd] --   how builds stand (gale dev)
 *     -- LEAVE ----------------------->    why; a successor is to take this place, then drain me
 *     <-------------------- TAKE [fd] --   idle connections come from there (handover.h)
 *     <-------------------- GIVE [fd] --   and go there, now or when it drains
 *     <------------------ DRAIN in ms --   take nothing new, end; a later one may be shorter
 *     -- PASSED ---------------------->    its successor has what was idle; once
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

enum channel_kind {
    CHANNEL_ERROR = 1,
    CHANNEL_FAILED,
    CHANNEL_SHARED,
    CHANNEL_MEMORY,
    CHANNEL_READY,
    CHANNEL_GO,
    CHANNEL_LOGS,
    CHANNEL_RETIRE,
    CHANNEL_LEAVE,
    CHANNEL_APP,
    CHANNEL_DRAIN,
    CHANNEL_TAKE,
    CHANNEL_GIVE,
    CHANNEL_PASSED,
    CHANNEL_DEV,
};

/* DRAIN: also accept what waits in queues that will be closed; another worker takes over, so that
 * idle connections need not end. */
enum { CHANNEL_SWEEP = 1, CHANNEL_REPLACED = 2 };

enum { CHANNEL_TEXT = 4096, CHANNEL_FDS = 4 };

struct channel_message {
    uint32_t kind;
    uint32_t flags;
    int64_t value;
    char text[CHANNEL_TEXT + 1]; /* zero-terminated; may hold zeros */
    size_t text_len;
    int fds[CHANNEL_FDS]; /* owned by the receiver, borrowed from the sender; -1: none */
    size_t fd_count;
};

/* An empty message of that kind. */
void channel_message_init(struct channel_message *message, enum channel_kind kind, int64_t value);
/* Closes descriptors that nobody took (took: set to -1). */
void channel_message_finish(struct channel_message *message);

/* Sends it; a text beyond CHANNEL_TEXT is cut. Returns 0, -EPIPE, -EAGAIN or another -errno. */
int channel_send(int fd, const struct channel_message *message);
/* The same for a message that is a kind and a text. */
int channel_tell(int fd, enum channel_kind kind, struct gale_str text);
/* Receives one. Returns 0, -EAGAIN, -EPIPE at the channel's end, -EBADMSG for what is no message,
 * or -errno. */
int channel_receive(int fd, struct channel_message *out_message);
