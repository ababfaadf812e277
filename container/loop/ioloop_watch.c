/* ioloop_watch.c - descriptors: who handles them, what the kernel was asked for, delivery.
 *
 * Every handler may change everything, the table's address included, so nothing is kept over a
 * call but numbers and tags. */
#include "loop/ioloop_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static struct ioloop_slot *find_slot(const struct ioloop *loop, int fd)
{
    return fd >= 0 && (size_t)fd < loop->slots_len ? &loop->slots[fd] : NULL;
}

static struct ioloop_slot *need_slot(struct ioloop *loop, int fd)
{
    size_t need = (size_t)fd + 1, old = loop->slots_len;
    if (need > old) {
        size_t len = need + need / 2 + 64;
        loop->slots = memory_realloc(loop->slots, len * sizeof(*loop->slots));
        memset(loop->slots + old, 0, (len - old) * sizeof(*loop->slots));
        loop->slots_len = len;
    }
    return &loop->slots[fd];
}

static unsigned index_of(unsigned event)
{
    assert(event == IOLOOP_READ || event == IOLOOP_WRITE || event == IOLOOP_HANGUP);
    return event >> 1; /* 1, 2, 4 -> 0, 1, 2 */
}

int ioloop_watch(struct ioloop *loop, int fd, unsigned event, ioloop_io_fn *fn, void *data)
{
    ioloop_check_process(loop);
    unsigned bits = event;
    event &= ~IOLOOP_EXCLUSIVE;
    unsigned i = index_of(event);
    assert(bits == event || event == IOLOOP_READ);
    if (fd < 0)
        return -EBADF;
    /* The kernel judges the descriptor before the table grows for it. */
    struct ioloop_slot *slot = find_slot(loop, fd);
    unsigned interest = slot ? slot->interest : 0;
    if ((interest & bits) != bits) {
        int r = loop->kind->set(loop->poller, fd, slot ? slot->tag : 0, interest, interest | bits);
        if (r < 0)
            return r;
    }
    slot = need_slot(loop, fd);
    slot->handlers[i] = (struct ioloop_handler){.fn = fn, .data = data};
    slot->wanted |= event;
    slot->interest |= bits;
    return 0;
}

void ioloop_unwatch(struct ioloop *loop, int fd, unsigned events)
{
    ioloop_check_process(loop);
    struct ioloop_slot *slot = find_slot(loop, fd);
    if (slot)
        slot->wanted &= ~events;
}

/* Empties the slot; what is still to come for this owner carries an old tag. */
static void clear_slot(struct ioloop *loop, struct ioloop_slot *slot)
{
    *slot = (struct ioloop_slot){.tag = slot->tag + 1};
    loop->has_forgotten = true;
}

void ioloop_forget(struct ioloop *loop, int fd)
{
    ioloop_check_process(loop);
    struct ioloop_slot *slot = find_slot(loop, fd);
    if (!slot)
        return;
    if (slot->interest)
        loop->kind->set(loop->poller, fd, slot->tag, slot->interest, 0);
    clear_slot(loop, slot);
}

void ioloop_close(struct ioloop *loop, int fd)
{
    ioloop_check_process(loop);
    struct ioloop_slot *slot = find_slot(loop, fd);
    if (slot && loop->kind->forgets_closed)
        clear_slot(loop, slot);
    else
        ioloop_forget(loop, fd);
    close(fd);
}

static struct ioloop_slot *owner_of(const struct ioloop *loop, const struct poller_event *event)
{
    struct ioloop_slot *slot = find_slot(loop, event->fd);
    return slot && slot->tag == event->tag ? slot : NULL;
}

/* Fills a new set with what the slots ask for, but for numbers that were closed behind the loop's
 * back and are nobody's now, or a file's, or the new set's own. */
static int fill(struct ioloop *loop, struct poller *poller)
{
    for (size_t fd = 0; fd < loop->slots_len; fd++) {
        struct ioloop_slot *slot = &loop->slots[fd];
        int r = slot->interest ? loop->kind->set(poller, (int)fd, slot->tag, 0, slot->interest) : 0;
        if (r == -ENOMEM || r == -ENOSPC)
            return r;
        if (r < 0)
            slot->interest = 0;
    }
    return 0;
}

/* A descriptor that was closed while a duplicate lives on, say in a child that a plugin forked,
 * stays in epoll's set, and its number can no longer take it out: without a new set its events
 * would keep the loop from ever sleeping. False where there is no room for one. */
static bool renew_poller(struct ioloop *loop)
{
    struct poller *fresh;
    if (loop->kind->open(&fresh) < 0)
        return false;
    if (fill(loop, fresh) < 0) {
        loop->kind->close(fresh);
        return false;
    }
    loop->kind->close(loop->poller);
    loop->poller = fresh;
    return true;
}

static void shrink_interest(struct ioloop *loop, int fd, struct ioloop_slot *slot,
                            unsigned unwanted)
{
    uint8_t had = slot->interest, want = had & (uint8_t)~unwanted;
    if (want == IOLOOP_EXCLUSIVE)
        want = 0;
    if (want == had)
        return;
    slot->interest = want;
    int r = loop->kind->set(loop->poller, fd, slot->tag, had, want);
    if (r < 0 && !renew_poller(loop))
        slot->interest = had; /* so that the next event tries again */
}

/* A handler that is set during this for another bit is not called: the readiness it would be told
 * of may be used up. */
void ioloop_deliver(struct ioloop *loop, const struct poller_event *event)
{
    struct ioloop_slot *slot = owner_of(loop, event);
    if (!slot && !loop->has_forgotten)
        renew_poller(loop);
    unsigned wanted = slot ? event->events & slot->wanted : 0;
    for (unsigned i = 0; i < IOLOOP_HANDLERS && slot; i++) {
        if (!(wanted & slot->wanted & 1u << i))
            continue;
        struct ioloop_handler handler = slot->handlers[i];
        handler.fn(handler.data, event->events & slot->wanted);
        slot = owner_of(loop, event);
    }
    if (slot)
        shrink_interest(loop, event->fd, slot, event->events & ~wanted & ~slot->wanted);
}
