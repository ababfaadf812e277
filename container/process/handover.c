/* handover.c - two messages, and who holds what while they travel. */
#include "process/handover.h"

#include <errno.h>
#include <assert.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "http/http_handover.h"
#include "http/http_server.h"
#include "net/message_socket.h"

enum {
    AGAIN_MS = 100,    /* until room is looked for again */
    ANOTHER_MS = 1000, /* until no other taker is waited for */
};

struct give_message {
    uint64_t count;
    struct http_parcel parcels[HANDOVER_BATCH];
};

struct take_message {
    uint64_t count;   /* of the message that it answers; 0: none */
    uint64_t refused; /* bits: these are not served here */
    uint64_t later;   /* bits: for these there is no room now */
    uint64_t room;    /* how many more may come */
};

static_assert(HANDOVER_BATCH <= 64, "a bit for each");

/* ---- giving ---- */

static void on_nobody(void *data)
{
    struct giver *giver = data;
    http_server_set_idle(giver->server, HTTP_IDLE_STAYS);
}

void giver_init(struct giver *giver, struct http_server *server)
{
    *giver = (struct giver){.server = server, .fd = -1};
    giver->timer = (struct timer){.fn = on_nobody, .data = giver};
}

bool giver_is_open(const struct giver *giver)
{
    return giver->fd >= 0;
}

static void take_back(const struct handover_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        http_server_take_back(batch->connections[i], false);
}

static struct handover_batch *pop_batch(struct giver *giver)
{
    struct handover_batch *batch = &giver->batches[giver->first];
    giver->first = (giver->first + 1) % HANDOVER_UNDER_WAY;
    giver->under_way--;
    return batch;
}

static void part(struct giver *giver)
{
    if (giver->fd >= 0)
        ioloop_close(giver->server->loop, steal_fd(&giver->fd));
    while (giver->under_way)
        take_back(pop_batch(giver));
    giver->room = 0;
}

void giver_close(struct giver *giver)
{
    part(giver);
    if (giver->server)
        timer_stop(giver->server->loop, &giver->timer);
}

/* Of several reloads in a row each takes the successor away and brings another. */
static void lose(struct giver *giver)
{
    part(giver);
    timer_start(giver->server->loop, &giver->timer, ANOTHER_MS);
}

static void settle(const struct handover_batch *batch, const struct take_message *answer)
{
    for (size_t i = 0; i < batch->count; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if ((answer->refused | answer->later) & bit)
            http_server_take_back(batch->connections[i], answer->refused & bit);
        else
            http_server_let_go(batch->connections[i]);
    }
}

/* Returns false for what no taker says. */
static bool hear(struct giver *giver, const struct take_message *answer)
{
    if (answer->count) {
        if (!giver->under_way || giver->batches[giver->first].count != answer->count)
            return false;
        settle(pop_batch(giver), answer);
    }
    giver->room += answer->room;
    return true;
}

static void on_answer(void *data, unsigned events)
{
    struct giver *giver = data;
    struct take_message answer;
    (void)events;
    for (;;) {
        size_t fds = 0;
        ssize_t n = message_socket_receive(giver->fd, &answer, sizeof(answer), NULL, &fds);
        if (n == -EAGAIN)
            break;
        if (n != (ssize_t)sizeof(answer) || !hear(giver, &answer)) {
            lose(giver);
            return;
        }
    }
    giver_pump(giver);
}

void giver_open(struct giver *giver, int fd)
{
    giver_close(giver);
    giver->fd = fd;
    if (ioloop_watch(giver->server->loop, fd, IOLOOP_READ, on_answer, giver) < 0)
        lose(giver);
    else
        http_server_set_idle(giver->server, HTTP_IDLE_PASSES);
}

static int send_batch(const struct giver *giver, const struct handover_batch *batch)
{
    struct give_message message = {.count = batch->count};
    int fds[HANDOVER_BATCH];
    for (size_t i = 0; i < batch->count; i++)
        fds[i] = http_parcel_of(batch->connections[i], &message.parcels[i]);
    struct iovec iov = {&message, sizeof(message)};
    return message_socket_send(giver->fd, &iov, 1, fds, batch->count);
}

/* A taker that is gone is seen by reading, after what it said last. */
void giver_pump(struct giver *giver)
{
    while (giver->fd >= 0 && giver->room && giver->under_way < HANDOVER_UNDER_WAY) {
        size_t place = (giver->first + giver->under_way) % HANDOVER_UNDER_WAY;
        struct handover_batch *batch = &giver->batches[place];
        size_t most = giver->room < HANDOVER_BATCH ? giver->room : HANDOVER_BATCH;
        batch->count = http_server_pack(giver->server, batch->connections, most);
        if (!batch->count) {
            if (!giver->under_way && giver->on_given)
                giver->on_given(giver->data);
            return;
        }
        if (send_batch(giver, batch) < 0) {
            take_back(batch);
            return;
        }
        giver->room -= batch->count;
        giver->under_way++;
    }
}

/* ---- taking ---- */

struct source {
    struct taker *taker;
    struct list link;
    int fd;      /* owned */
    size_t owed; /* room that it had and did not get back */
};

static struct source *of_link(struct list *link)
{
    return container_of(link, struct source, link);
}

static void close_source(struct source *source)
{
    ioloop_close(source->taker->server->loop, source->fd);
    list_remove(&source->link);
    free(source);
}

/* A transfer adds no connection to the instance, so a limit that is kept stays kept. */
static bool has_connections(const struct taker *taker)
{
    const struct tcp_server *tcp = &taker->server->tcp;
    return tcp->gauge < 0 || !tcp->max_connections ||
           board_sum(tcp->gauge) <= (int64_t)tcp->max_connections;
}

/* The lowest free number is given out first, so a high one tells how many there are. Some are kept
 * for what serving needs. */
static int highest_fd(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT32_MAX)
        return INT32_MAX;
    return (int)(limit.rlim_cur - limit.rlim_cur / 8);
}

static bool has_descriptors(void)
{
    int fd = dup(STDIN_FILENO), highest = highest_fd();
    if (fd >= 0)
        close(fd);
    return fd >= 0 && fd < highest;
}

static int answer(const struct source *source, const struct take_message *message)
{
    struct iovec iov = {(void *)message, sizeof(*message)};
    return message_socket_send(source->fd, &iov, 1, NULL, 0);
}

/* What was kept from givers while there was no room is given when there is. */
static void offer_again(void *data)
{
    struct taker *taker = data;
    bool is_owed = false, has_room = has_connections(taker) && has_descriptors();
    list_each (&taker->sources, link) {
        struct source *source = of_link(link);
        const struct take_message offer = {.room = source->owed};
        if (source->owed && has_room && answer(source, &offer) == 0)
            source->owed = 0;
        is_owed |= source->owed > 0;
    }
    if (is_owed)
        timer_start(taker->server->loop, &taker->timer, AGAIN_MS);
}

static struct take_message judge(const struct source *source, const struct give_message *given,
                                 const int *fds, size_t fd_count)
{
    const struct taker *taker = source->taker;
    struct take_message verdict = {.count = given->count};
    bool has_room = has_connections(taker);
    int highest = highest_fd();
    for (size_t i = 0; i < given->count; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (i >= fd_count || !has_room || fds[i] >= highest)
            verdict.later |= bit;
        else if (!taker->listens(taker->data, given->parcels[i].listener))
            verdict.refused |= bit;
    }
    verdict.room = verdict.later ? 0 : given->count;
    return verdict;
}

static void adopt(struct taker *taker, const struct give_message *given, const int *fds,
                  uint64_t not_taken)
{
    for (size_t i = 0; i < given->count; i++)
        if (!(not_taken & UINT64_C(1) << i))
            http_server_adopt(taker->server, fds[i], &given->parcels[i]);
        else if (fds[i] >= 0)
            close(fds[i]);
    taker->taken += given->count;
}

/* Answered first: what the giver does not hear about stays with it, and a socket must not be read
 * by two. Returns 0 or -errno. */
static int take(struct source *source)
{
    struct give_message given = {0};
    struct taker *taker = source->taker;
    int fds[HANDOVER_BATCH];
    size_t fd_count = HANDOVER_BATCH;
    ssize_t n = message_socket_receive(source->fd, &given, sizeof(given), fds, &fd_count);
    if (n < 0 || n == 0)
        return n < 0 ? (int)n : -EPIPE;
    bool is_sound = n == (ssize_t)sizeof(given) && given.count && given.count <= HANDOVER_BATCH &&
                    fd_count <= given.count;
    if (!is_sound)
        given.count = fd_count;
    for (size_t i = fd_count; i < HANDOVER_BATCH; i++)
        fds[i] = -1;
    struct take_message verdict = judge(source, &given, fds, fd_count);
    int r = is_sound ? answer(source, &verdict) : -EBADMSG;
    adopt(taker, &given, fds, r < 0 ? UINT64_MAX : verdict.refused | verdict.later);
    if (r < 0)
        return r == -EAGAIN ? -EPIPE : r;
    source->owed += given.count - verdict.room;
    if (source->owed)
        timer_start(taker->server->loop, &taker->timer, AGAIN_MS);
    return 0;
}

static bool may_take(struct taker *taker)
{
    uint64_t turn = ioloop_turn_number(taker->server->loop);
    if (taker->turn != turn)
        taker->taken = 0;
    taker->turn = turn;
    return taker->taken < HANDOVER_A_TURN;
}

static void on_given(void *data, unsigned events)
{
    struct source *source = data;
    int r = 0;
    (void)events;
    while (r == 0 && may_take(source->taker))
        r = take(source);
    if (r < 0 && r != -EAGAIN)
        close_source(source);
}

void taker_init(struct taker *taker, struct http_server *server, taker_listens_fn *listens,
                void *data)
{
    *taker = (struct taker){.server = server, .listens = listens, .data = data};
    taker->timer = (struct timer){.fn = offer_again, .data = taker};
    list_init(&taker->sources);
}

void taker_open(struct taker *taker, int fd)
{
    struct source *source = memory_zalloc(sizeof(*source));
    *source = (struct source){.taker = taker, .fd = fd, .owed = HANDOVER_A_TURN};
    list_append(&taker->sources, &source->link);
    if (ioloop_watch(taker->server->loop, fd, IOLOOP_READ, on_given, source) < 0)
        close_source(source);
    offer_again(taker);
}

void taker_close(struct taker *taker)
{
    if (!taker->server)
        return;
    list_each (&taker->sources, link)
        close_source(of_link(link));
    timer_stop(taker->server->loop, &taker->timer);
}
