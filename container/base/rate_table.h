/* rate_table.h - how fast each client may ask: token buckets in memory that processes share.
 *
 * A bucket is one number, the moment at which it will be full again. Taking a token moves that
 * moment on by one interval, and is refused where it would lie further ahead than the bucket is
 * deep. So a charge is one compare-and-swap, a process that dies anywhere leaves nothing behind,
 * and a bucket that is full by now needs no memory: its entry is free for the next client.
 *
 *      now          until                    now + depth
 *   ----|=============|- - - - - - - - - - - - - |---->      here four of ten tokens are gone
 *
 * Entries are found by a key within a window of neighbours; there is no lock and no list. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { RATE_ENTRIES = 65536, RATE_WINDOW = 8 };

struct rate_limit {
    int64_t interval_ns; /* one token each; 0: no limit */
    int64_t depth_ns;    /* what a full bucket holds is worth: tokens * interval_ns */
    uint64_t scope;      /* buckets of different scopes have nothing to do with each other */
};

struct rate_entry {
    _Atomic uint64_t key; /* 0: never used */
    _Atomic int64_t until_ns;
};

/* All zero is a table without entries. */
struct rate_table {
    struct rate_entry entries[RATE_ENTRIES];
};

/* Takes a token of the bucket `key` (not 0; its lowest bits are spread evenly) at the monotonic
 * `now_ns`. Returns 0, how many ns to wait for the next token, or -ENOSPC where all neighbours are
 * in use by others. A bucket that was charged under a stricter limit is at most empty. */
int64_t rate_table_take(struct rate_table *table, uint64_t key, const struct rate_limit *limit,
                        int64_t now_ns);
