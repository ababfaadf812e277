/* clients.c - the memory behind the board. */
#include "base/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/board.h"
#include "base/clock.h"
#include "base/holdings.h"
#include "base/memory.h"

/* A page, mostly: what nobody touches costs nothing. */
enum { PART = 4096 };

struct note {
    _Atomic uint64_t count;
    _Atomic int64_t told_ms;
};

struct clients_memory {
    _Atomic uint64_t seeds[2]; /* 0: not chosen yet */
    struct note notes[CLIENTS_KINDS];
    _Alignas(PART) struct rate_table rates;
    _Alignas(PART) struct holdings holdings[BOARD_SLOTS];
};

struct clients {
    struct clients_memory *memory; /* shared */
    struct holdings *mine;
    uint64_t seeds[2];
};

size_t clients_memory_size(void)
{
    return sizeof(struct clients_memory);
}

/* ---- life cycle ---- */

/* Whoever comes first chooses. */
static uint64_t find_seed(_Atomic uint64_t *seed)
{
    uint64_t none = 0, chosen = 0;
    if (getrandom(&chosen, sizeof(chosen), GRND_NONBLOCK) < 0)
        chosen = (uint64_t)clock_mono_ns();
    chosen |= 1;
    return atomic_compare_exchange_strong(seed, &none, chosen) ? chosen : none;
}

/* What the slot's last worker held. */
static void forget(struct holdings *holdings)
{
    if (madvise(holdings, sizeof(*holdings), MADV_REMOVE) < 0)
        memset((void *)holdings, 0, sizeof(*holdings));
}

int clients_open(int board_fd, unsigned slot, struct clients **out_clients)
{
    bool is_shared = board_fd >= 0;
    void *at = mmap(NULL, sizeof(struct clients_memory), PROT_READ | PROT_WRITE,
                    is_shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, board_fd,
                    is_shared ? (off_t)board_clients_offset() : 0);
    if (at == MAP_FAILED)
        return -errno;
    struct clients *clients = memory_zalloc(sizeof(*clients));
    clients->memory = at;
    clients->mine = &clients->memory->holdings[slot];
    if (is_shared)
        forget(clients->mine);
    for (int i = 0; i < 2; i++)
        clients->seeds[i] = find_seed(&clients->memory->seeds[i]);
    *out_clients = clients;
    return 0;
}

void clients_close(struct clients *clients)
{
    if (clients)
        munmap(clients->memory, sizeof(*clients->memory));
    free(clients);
}

/* ---- clients ---- */

/* Of the product of two numbers each half depends on all bits of both. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Spread over all bits; never 0. */
static uint64_t key_of(const struct clients *clients, uint64_t address, uint64_t scope)
{
    uint64_t scoped = mix(scope ^ clients->seeds[1], UINT64_C(0x9e3779b97f4a7c15));
    uint64_t key = mix(mix(address ^ clients->seeds[0], scoped | 1), clients->seeds[1]);
    return key ? key : 1;
}

/* A worker that does not serve yet has none, and its slot may hold what the last one left. */
static bool has_connections(const struct board_slot *slot)
{
    uint32_t state = atomic_load_explicit(&slot->state, memory_order_acquire);
    return state == BOARD_SERVING || state == BOARD_DRAINING;
}

static uint64_t sum(const struct clients *clients, uint64_t key)
{
    struct board *board = board_current();
    unsigned used = board ? board_used(board) : 0;
    uint64_t sum = holdings_count(clients->mine, key);
    for (unsigned i = 0; i < used; i++) {
        const struct holdings *holdings = &clients->memory->holdings[i];
        if (holdings != clients->mine && has_connections(board_slot(board, i)))
            sum += holdings_count(holdings, key);
    }
    return sum;
}

int clients_hold(struct clients *clients, uint64_t address, uint64_t max)
{
    uint64_t key = key_of(clients, address, 0);
    int place = holdings_add(clients->mine, key);
    if (place < 0 || max == UINT64_MAX || sum(clients, key) <= max)
        return place;
    holdings_remove(clients->mine, place);
    return -EAGAIN;
}

void clients_release(struct clients *clients, int place)
{
    holdings_remove(clients->mine, place);
}

int64_t clients_take(struct clients *clients, uint64_t address, const struct rate_limit *limit,
                     int64_t now_ns)
{
    uint64_t key = key_of(clients, address, limit->scope);
    return rate_table_take(&clients->memory->rates, key, limit, now_ns);
}

uint64_t clients_note(struct clients *clients, unsigned kind, int64_t now_ms, int64_t interval_ms)
{
    struct note *note = &clients->memory->notes[kind];
    atomic_fetch_add(&note->count, 1);
    int64_t told_ms = atomic_load(&note->told_ms);
    bool is_due = !told_ms || now_ms - told_ms >= interval_ms;
    if (!is_due || !atomic_compare_exchange_strong(&note->told_ms, &told_ms, now_ms))
        return 0;
    return atomic_exchange(&note->count, 0);
}
