/* rate_table.c - finding a bucket, and one number that is moved on.
 *
 * Two processes may come between each other's look and swap. What that can do is small: a client
 * pays for the one who had the entry before, or has two entries until one of them is full. */
#include "base/rate_table.h"

#include <errno.h>
#include <stddef.h>

enum { CLAIMS = 4 };

/* The key's own entry, or the first that is free; NULL: neither. */
static struct rate_entry *find(struct rate_table *table, uint64_t key, int64_t now_ns,
                               uint64_t *out_key)
{
    struct rate_entry *free = NULL;
    for (unsigned i = 0; i < RATE_WINDOW; i++) {
        struct rate_entry *entry = &table->entries[(key + i) % RATE_ENTRIES];
        uint64_t has = atomic_load_explicit(&entry->key, memory_order_relaxed);
        if (has == key) {
            *out_key = key;
            return entry;
        }
        if (!free && atomic_load_explicit(&entry->until_ns, memory_order_relaxed) <= now_ns) {
            free = entry;
            *out_key = has;
        }
    }
    return free;
}

static struct rate_entry *claim(struct rate_table *table, uint64_t key, int64_t now_ns)
{
    for (int i = 0; i < CLAIMS; i++) {
        uint64_t has = 0;
        struct rate_entry *entry = find(table, key, now_ns, &has);
        if (!entry || has == key || atomic_compare_exchange_strong(&entry->key, &has, key))
            return entry;
    }
    return NULL;
}

int64_t rate_table_take(struct rate_table *table, uint64_t key, const struct rate_limit *limit,
                        int64_t now_ns)
{
    struct rate_entry *entry = claim(table, key, now_ns);
    if (!entry)
        return -ENOSPC;
    int64_t until = atomic_load_explicit(&entry->until_ns, memory_order_relaxed), next;
    do {
        int64_t from = until > now_ns ? until : now_ns;
        if (from > now_ns + limit->depth_ns)
            from = now_ns + limit->depth_ns;
        next = from + limit->interval_ns;
        if (next > now_ns + limit->depth_ns)
            return next - now_ns - limit->depth_ns;
    } while (!atomic_compare_exchange_weak(&entry->until_ns, &until, next));
    return 0;
}
