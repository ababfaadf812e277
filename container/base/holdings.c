/* holdings.c - words of a tag and a count. */
#include "base/holdings.h"

#include <errno.h>

enum { COUNT_BITS = 16 };

static uint64_t tag_of(uint64_t word)
{
    return word >> COUNT_BITS;
}

static unsigned count_of(uint64_t word)
{
    return (unsigned)(word & HOLDINGS_MAX);
}

static unsigned place_of(uint64_t key, unsigned nth)
{
    return (unsigned)((key + nth) % HOLDINGS_ENTRIES);
}

/* The key's own place, or the first that is free; -ENOSPC: neither. */
static int find(const struct holdings *holdings, uint64_t key)
{
    int free = -ENOSPC;
    for (unsigned i = 0; i < HOLDINGS_WINDOW; i++) {
        int place = (int)place_of(key, i);
        uint64_t word = atomic_load_explicit(&holdings->entries[place], memory_order_relaxed);
        if (tag_of(word) == tag_of(key) && count_of(word))
            return place;
        if (free < 0 && !count_of(word))
            free = place;
    }
    return free;
}

/* Sequentially consistent, so that of two who add and ask then, one at least sees the other. */
int holdings_add(struct holdings *holdings, uint64_t key)
{
    int place = find(holdings, key);
    if (place < 0)
        return place;
    unsigned count = count_of(holdings->entries[place]);
    if (count == HOLDINGS_MAX)
        return -ENOSPC;
    holdings->entries[place] = tag_of(key) << COUNT_BITS | (count + 1);
    return place;
}

void holdings_remove(struct holdings *holdings, int place)
{
    uint64_t word = holdings->entries[place];
    if (count_of(word)) /* others can write here, too, and one of them may be out of its mind */
        holdings->entries[place] = word - 1;
}

unsigned holdings_count(const struct holdings *holdings, uint64_t key)
{
    for (unsigned i = 0; i < HOLDINGS_WINDOW; i++) {
        uint64_t word = holdings->entries[place_of(key, i)];
        if (tag_of(word) == tag_of(key) && count_of(word))
            return count_of(word);
    }
    return 0;
}
