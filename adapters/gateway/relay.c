/* relay.c - a writer, a reader, and the spool between them. */
#include "adapters/gateway/relay.h"

#include <assert.h>
#include <errno.h>

#include "base/log.h"
#include "base/log_ration.h"
#include "net/iobuf.h"

enum { MEMORY = 2 * RELAY_PIECE_MAX /* and the least that the spool has room for */ };

/* ---- the reading task ---- */

static void warn_full(int error)
{
    static struct log_ration warnings;
    if (log_ration_take(&warnings, "answers that cannot be kept"))
        log_warn("there is no room to keep an answer for a slow client; its program waits for it",
                 LOG_ERRNO(error));
}

/* Writes what there is room for, and takes it from the piece. Returns 0 if there may be room for
 * the rest, -EAGAIN when somebody has to read first, or -errno. */
static int put_some(struct relay *relay, const char **at, size_t *len)
{
    size_t written = 0;
    int r = spool_write(&relay->spool, *at, *len, &written);
    *at += written;
    *len -= written;
    if (written)
        task_line_wake(&relay->filled, SIZE_MAX);
    if (spool_is_full(r))
        warn_full(r);
    else if (r != -EMSGSIZE)
        return r;
    return spool_left(&relay->spool) ? -EAGAIN : 0;
}

/* There is room at the latest when the spool is empty: in memory. */
int relay_put(struct relay *relay, const char *at, size_t len)
{
    int r = 0;
    assert(len <= RELAY_PIECE_MAX);
    while (len && r == 0) {
        r = put_some(relay, &at, &len);
        if (r == -EAGAIN)
            r = task_line_wait(&relay->emptied, -1);
    }
    relay->is_untaken |= r < 0;
    return r;
}

static void read_task(void *data)
{
    struct relay *relay = data;
    relay->result = relay->ends->read(relay->ends->data);
    relay->has_read = true;
    task_line_wake(&relay->filled, SIZE_MAX);
}

/* ---- the request's task ---- */

/* Takes what the spool has to the client; waits for more while the reader runs. */
static int pass_on(struct relay *relay, char *block)
{
    int r = 0;
    while (r == 0) {
        bool is_last = !subtask_is_running(&relay->reader);
        ssize_t n = spool_read(&relay->spool, block, IOBUF_SIZE);
        if (n < 0 || (n == 0 && is_last))
            return (int)n;
        if (n == 0) {
            r = task_line_wait(&relay->filled, -1);
            continue;
        }
        task_line_wake(&relay->emptied, SIZE_MAX);
        r = relay->ends->take(relay->ends->data, block, (size_t)n);
    }
    return r;
}

int relay_run(struct relay *relay, const struct relay_ends *ends, uint64_t limit,
              const struct task_label *label)
{
    *relay = (struct relay){.ends = ends};
    spool_init(&relay->spool, MEMORY, limit > MEMORY ? limit : MEMORY);
    task_line_init(&relay->filled);
    task_line_init(&relay->emptied);
    int r = subtask_start(&relay->reader, read_task, relay, label);
    if (r < 0)
        return r;
    char *block = iobuf_take();
    r = pass_on(relay, block);
    iobuf_give(block);
    subtask_stop(&relay->reader);
    relay->is_untaken |= r < 0;
    spool_finish(&relay->spool);
    return r < 0 ? r : relay->result;
}
