/* holdings.h - how many connections each client has with one worker.
 *
 * A table that one process writes and others read. An entry is one word, so that readers need no
 * lock: 48 bits that tell clients apart, 16 bits of count. It lies near where its key points, in a
 * window of neighbours; one whose count is 0 is free. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { HOLDINGS_ENTRIES = 32768, HOLDINGS_WINDOW = 16, HOLDINGS_MAX = 65535 };

/* All zero is a table without entries. */
struct holdings {
    _Atomic uint64_t entries[HOLDINGS_ENTRIES];
};

/* One more for `key`, whose bits are spread evenly; the owner alone. Returns its place, or -ENOSPC:
 * all neighbours are others', or it has HOLDINGS_MAX. */
int holdings_add(struct holdings *holdings, uint64_t key);
/* One less at the place of an earlier holdings_add. */
void holdings_remove(struct holdings *holdings, int place);
/* Any process. */
unsigned holdings_count(const struct holdings *holdings, uint64_t key);
