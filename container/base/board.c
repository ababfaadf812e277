/* board.c - a sparse memfd, a table that only grows, and sums that never go back.
 *
 * Registration is the only thing under a lock: the pid of who registers. One that has died in it
 * leaves at most an entry that was not yet counted; one that lives is waited for, but not for long.
 * A worker whose code writes anywhere may write here, too, so whoever reads (a master that may be
 * root) trusts no count and no text, and no lock that has pointers in it. Entries never change once
 * `metrics` counts them, so readers need no lock. Retiring a slot moves its counters from one
 * column to another; `folds` is odd meanwhile and readers that met it try again. */
#include "base/board.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clients.h"
#include "base/macros.h"

enum { MAGIC = 0x656C6167, SUM_TRIES = 1000, LOCK_TRIES = 1000, PAGE_MAX = 65536 };

struct metric {
    char name[BOARD_TEXT], labels[BOARD_TEXT], help[BOARD_TEXT];
    enum board_kind kind;
};

/* Whole pages each: a slot that was never claimed costs no memory. */
struct page_slot {
    _Alignas(4096) struct board_slot slot;
};

struct board {
    uint32_t magic;
    uint32_t size;
    _Atomic uint32_t registrar; /* the pid of who registers; 0: nobody */
    _Atomic uint32_t metrics;
    _Atomic uint32_t slots_used; /* no slot from here on was ever claimed */
    _Atomic uint32_t folds;
    _Atomic uint32_t condemned_count; /* so far: the list is used in a circle */
    char condemned[BOARD_CONDEMNED][BOARD_ID];
    uint16_t first[BOARD_METRICS]; /* the first metric of the same name */
    _Atomic uint64_t folded[BOARD_METRICS];
    struct metric metric[BOARD_METRICS];
    struct page_slot slot[BOARD_SLOTS + 1];
};

static bool is_claimed[BOARD_SLOTS]; /* by this process, a master: it need not trust the slots */
static struct board_slot private_slot;
static struct board *current;
static struct board *private_board; /* the table of a process without a board */

struct board_slot *board_mine = &private_slot;

/* ---- life cycle ---- */

static void init(struct board *board)
{
    board->magic = MAGIC;
    board->size = sizeof(struct board);
}

/* fd -1: memory of this process alone. NULL with errno set where there is none. */
static struct board *map(int fd)
{
    void *at = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE,
                    fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void make_private(void)
{
    private_board = map(-1);
    assert(private_board);
    init(private_board);
}

static struct board *here(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (current)
        return current;
    pthread_once(&once, make_private);
    return private_board;
}

uint64_t board_clients_offset(void)
{
    return (sizeof(struct board) + PAGE_MAX - 1) / PAGE_MAX * PAGE_MAX;
}

static off_t memory_size(void)
{
    return (off_t)(board_clients_offset() + clients_memory_size());
}

int board_create(struct board **out_board, int *out_fd)
{
    scoped_close int fd = memfd_create("gale-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, memory_size()) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    struct board *board = map(fd);
    if (!board)
        return -errno;
    init(board);
    memset(is_claimed, 0, sizeof(is_claimed));
    current = board;
    board_mine = board_slot(board, BOARD_SLOTS);
    board_mine->state = BOARD_SERVING;
    board_mine->pid = getpid();
    *out_board = board;
    *out_fd = steal_fd(&fd);
    return 0;
}

int board_attach(int fd, unsigned slot, struct board **out_board)
{
    struct stat st;
    if (slot > BOARD_SLOTS || fstat(fd, &st) < 0 || st.st_size != memory_size())
        return -EINVAL;
    struct board *board = map(fd);
    if (!board)
        return -errno;
    if (board->magic != MAGIC || board->size != sizeof(struct board)) {
        munmap(board, sizeof(*board));
        return -EINVAL;
    }
    current = board;
    board_mine = board_slot(board, slot);
    for (unsigned i = 0; i < BOARD_SLOTS; i++) /* a master goes on as another program */
        is_claimed[i] = i < board_used(board) && board_slot(board, i)->state != BOARD_FREE;
    *out_board = board;
    return 0;
}

void board_detach(struct board *board)
{
    if (board && board == current) {
        board_mine = &private_slot;
        current = NULL;
    }
    if (board)
        munmap(board, sizeof(*board));
}

struct board *board_current(void)
{
    return current;
}

/* ---- slots ---- */

struct board_slot *board_slot(struct board *board, unsigned index)
{
    assert(index <= BOARD_SLOTS);
    return &board->slot[index].slot;
}

unsigned board_used(const struct board *board)
{
    unsigned used = board->slots_used;
    return used < BOARD_SLOTS ? used : BOARD_SLOTS;
}

static unsigned metric_count(const struct board *board)
{
    unsigned count = board->metrics;
    return count < BOARD_METRICS ? count : BOARD_METRICS;
}

/* What a worker may have written over, and without which there would be no next one, or readers
 * that wait for the end of a fold that nobody makes. */
static void mend(struct board *board)
{
    board->magic = MAGIC;
    board->size = sizeof(struct board);
    board->folds += board->folds % 2;
}

int board_claim(struct board *board)
{
    mend(board);
    for (unsigned i = 0; i < BOARD_SLOTS; i++) {
        struct board_slot *slot = board_slot(board, i);
        if (is_claimed[i])
            continue;
        if (i < board->slots_used)
            memset(slot, 0, sizeof(*slot)); /* what its last worker left */
        else
            board->slots_used = i + 1;
        is_claimed[i] = true;
        slot->state = BOARD_STARTING;
        return (int)i;
    }
    return -ENOSPC;
}

static uint64_t value_in(const struct board_slot *slot, unsigned metric)
{
    return slot->values[metric] + slot->shared[metric];
}

void board_retire(struct board *board, unsigned index)
{
    struct board_slot *slot = board_slot(board, index);
    if (!is_claimed[index])
        return;
    is_claimed[index] = false;
    mend(board);
    board->folds++;
    for (unsigned i = 0; i < metric_count(board); i++)
        if (board->metric[i].kind == BOARD_COUNTER)
            board->folded[i] += value_in(slot, i);
    slot->state = BOARD_FREE;
    board->folds++;
}

void board_condemn(struct board *board, const char *request_id)
{
    char *to = board->condemned[board->condemned_count % BOARD_CONDEMNED];
    snprintf(to, BOARD_ID, "%s", request_id);
    board->condemned_count++;
}

bool board_is_condemned(const struct board *board, const char *request_id)
{
    uint32_t count = board->condemned_count;
    for (uint32_t i = 0; i < BOARD_CONDEMNED && i < count; i++)
        if (strncmp(board->condemned[i], request_id, BOARD_ID - 1) == 0)
            return true;
    return false;
}

/* ---- metrics ---- */

static bool is_name(const char *name)
{
    if (isdigit((unsigned char)name[0]))
        return false;
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");
    return len && !name[len] && len < BOARD_TEXT;
}

/* Looks at the entries from *at on: the metric's index, -ENOENT, or -EINVAL for another kind of
 * metric by that name. Leaves in *at where to go on, in *first the first entry of the name. */
static int find(const struct board *board, enum board_kind kind, const char *name,
                const char *labels, unsigned *at, unsigned *first)
{
    for (unsigned count = metric_count(board); *at < count; ++*at) {
        const struct metric *metric = &board->metric[*at];
        if (strncmp(metric->name, name, BOARD_TEXT) != 0)
            continue;
        if (metric->kind != kind)
            return -EINVAL;
        if (strncmp(metric->labels, labels, BOARD_TEXT) == 0)
            return (int)*at;
        if (*first == BOARD_METRICS)
            *first = *at;
    }
    return -ENOENT;
}

static bool try_lock(struct board *board)
{
    uint32_t holder = 0, own = (uint32_t)getpid();
    if (atomic_compare_exchange_strong(&board->registrar, &holder, own))
        return true;
    bool has_died = holder > INT32_MAX || (kill((pid_t)holder, 0) < 0 && errno == ESRCH);
    return has_died && atomic_compare_exchange_strong(&board->registrar, &holder, own);
}

/* Threads of one process wait for each other as processes do. Registering takes microseconds: who
 * seems to be at it for a second is stopped, or another process by now. */
static void lock(struct board *board)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int try = 0; try < LOCK_TRIES && !try_lock(board); try++)
        (void)nanosleep(&nap, NULL);
}

static void unlock(struct board *board)
{
    board->registrar = 0;
}

/* Registers what nobody has registered meanwhile. */
static int add_metric(struct board *board, const struct metric *fresh, unsigned at, unsigned first)
{
    int r = find(board, fresh->kind, fresh->name, fresh->labels, &at, &first);
    if (r != -ENOENT)
        return r;
    if (at == BOARD_METRICS)
        return -ENOSPC;
    board->metric[at] = *fresh;
    board->first[at] = (uint16_t)(first < BOARD_METRICS ? first : at);
    board->metrics = at + 1; /* from here on others see it */
    return (int)at;
}

int board_metric(enum board_kind kind, const char *name, const char *labels, const char *help)
{
    struct board *board = here();
    unsigned at = 0, first = BOARD_METRICS;
    if (!is_name(name) || strlen(labels) >= BOARD_TEXT)
        return -EINVAL;
    int r = find(board, kind, name, labels, &at, &first);
    if (r != -ENOENT)
        return r;
    struct metric fresh = {.kind = kind};
    snprintf(fresh.name, sizeof(fresh.name), "%s", name);
    snprintf(fresh.labels, sizeof(fresh.labels), "%s", labels);
    snprintf(fresh.help, sizeof(fresh.help), "%s", help);
    lock(board);
    r = add_metric(board, &fresh, at, first);
    unlock(board);
    return r;
}

void board_add_shared(int metric, int64_t delta)
{
    if (metric >= 0)
        atomic_fetch_add_explicit(&board_mine->shared[metric], (uint64_t)delta,
                                  memory_order_relaxed);
}

void board_set(int metric, int64_t value)
{
    if (metric >= 0)
        board_mine->values[metric] = (uint64_t)value - board_mine->shared[metric];
}

/* The sum over the slots in use. Free slots are not even looked into: that would make the kernel
 * give them memory. */
static uint64_t sum_slots(struct board *board, unsigned metric)
{
    unsigned used = board_used(board);
    uint64_t sum = board == current ? value_in(board_slot(board, BOARD_SLOTS), metric)
                                    : value_in(&private_slot, metric);
    for (unsigned i = 0; i < used; i++) {
        const struct board_slot *slot = board_slot(board, i);
        if (slot->state != BOARD_FREE)
            sum += value_in(slot, metric);
    }
    return sum;
}

/* Bounded: a master that was stopped in the middle of a fold must not stop its readers. */
int64_t board_sum(int metric)
{
    struct board *board = here();
    uint64_t sum = 0;
    for (int try = 0; metric >= 0 && try < SUM_TRIES; try++) {
        uint32_t folds = board->folds;
        sum = board->folded[metric] + sum_slots(board, (unsigned)metric);
        if (folds % 2 == 0 && folds == board->folds)
            break;
    }
    return (int64_t)sum;
}

/* Adds first and asks then: of those who hold together, the one who added last saw all others, so
 * there are never more than max. Both steps are sequentially consistent for that reason. */
bool board_hold(int gauge, uint64_t max)
{
    if (gauge < 0)
        return true;
    board_mine->values[gauge]++;
    if (sum_slots(here(), (unsigned)gauge) <= max)
        return true;
    board_mine->values[gauge]--;
    return false;
}

void board_release(int gauge)
{
    if (gauge >= 0)
        board_mine->values[gauge]--;
}

static int give(struct board *board, unsigned index, void *data,
                int (*fn)(void *data, const struct board_sample *sample))
{
    struct metric *metric = &board->metric[index];
    metric->name[BOARD_TEXT - 1] = metric->labels[BOARD_TEXT - 1] = metric->help[BOARD_TEXT - 1] =
        0;
    struct board_sample sample = {
        .kind = metric->kind == BOARD_COUNTER ? BOARD_COUNTER : BOARD_GAUGE,
        .name = metric->name,
        .labels = metric->labels,
        .help = metric->help,
        .value = board_sum((int)index),
    };
    return fn(data, &sample);
}

int board_each(int (*fn)(void *data, const struct board_sample *sample), void *data)
{
    struct board *board = here();
    unsigned count = metric_count(board);
    for (unsigned first = 0; first < count; first++) {
        for (unsigned i = first; i < count && board->first[first] == first; i++) {
            int r = board->first[i] == first ? give(board, i, data, fn) : 0;
            if (r)
                return r;
        }
    }
    return 0;
}
