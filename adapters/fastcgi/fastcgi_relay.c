/* fastcgi_relay.c - a reply kept for a client that takes it slowly.
 *
 *   server --> a task of its own --> spool --> the request's task --> client
 *                  waits when the spool is full, frees the server at the end */
#include <errno.h>

#include "base/str.h"
#include "http/exchange.h"
#include "loop/task_sync.h"
#include "net/iobuf.h"
#include "adapters/fastcgi/fastcgi_private.h"

enum { MEMORY = 64 * 1024 /* and the least that the spool has room for */ };

struct fastcgi_relay {
    struct fastcgi_exchange *x;
    struct subtask reader;
    struct spool spool;
    struct task_line filled, emptied; /* who waits for the spool to become so */
    int result;                       /* of the reader */
};

/* ---- the reading task ---- */

static int take_for_spool(struct fastcgi_exchange *x, struct gale_str piece)
{
    struct fastcgi_relay *relay = x->relay;
    int r;
    /* A piece is no longer than an iobuf block: there is room for it at the latest when the spool
     * is empty. */
    while ((r = spool_write(&relay->spool, piece.at, piece.len)) == -EMSGSIZE)
        if ((r = task_line_wait(&relay->emptied, -1)) < 0)
            break;
    task_line_wake(&relay->filled, SIZE_MAX);
    x->reply.is_untaken = r < 0;
    return r;
}

static void read_task(void *data)
{
    struct fastcgi_relay *relay = data;
    relay->result = fastcgi_read_rest(relay->x);
    if (relay->result == 0)
        fastcgi_leave(relay->x);
    task_line_wake(&relay->filled, SIZE_MAX);
}

/* ---- the request's task ---- */

/* Takes what the spool has to the client; waits for more while the reader runs. */
static int pass_on(struct fastcgi_relay *relay, char *block)
{
    ssize_t n;
    int r = 0;
    while (r == 0) {
        bool is_last = !subtask_is_running(&relay->reader);
        n = spool_read(&relay->spool, block, IOBUF_SIZE);
        if (n < 0 || (n == 0 && is_last))
            return (int)n;
        if (n == 0) {
            r = task_line_wait(&relay->filled, -1);
            continue;
        }
        task_line_wake(&relay->emptied, SIZE_MAX);
        r = fastcgi_take_answer(relay->x, (struct gale_str){block, (size_t)n});
    }
    return r;
}

int fastcgi_relay(struct fastcgi_exchange *x)
{
    struct fastcgi_relay relay = {.x = x};
    uint64_t limit = x->fastcgi->settings->buffer;
    spool_init(&relay.spool, MEMORY, limit > MEMORY ? limit : MEMORY);
    task_line_init(&relay.filled);
    task_line_init(&relay.emptied);
    x->relay = &relay;
    x->reply.take = take_for_spool;
    int r = subtask_start(&relay.reader, read_task, &relay, &exchange_of_request(x->req)->label);
    if (r == 0) {
        char *block = iobuf_take();
        r = pass_on(&relay, block);
        iobuf_give(block);
        subtask_stop(&relay.reader);
    }
    x->reply.is_untaken |= r < 0 && r != -EBADMSG;
    spool_finish(&relay.spool);
    x->relay = NULL;
    return r < 0 ? r : relay.result;
}
