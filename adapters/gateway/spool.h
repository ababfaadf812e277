/* spool.h - bytes kept until somebody wants them: memory first, then an unlinked file.
 *
 * For request bodies whose length must be known before a program starts, and for replies that come
 * faster than their reader takes them. Written at the end, read from the front; the file is written
 * and read through offload, so that no slow disk holds the loop. */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/macros.h"

struct spool {
    /* private */
    char *memory;
    size_t memory_max, memory_len;
    int fd; /* -1: all is in memory */
    uint64_t limit, written, taken;
};

/* At most memory_max bytes in memory and `limit` in all. */
void spool_init(struct spool *spool, size_t memory_max, uint64_t limit);
void spool_finish(struct spool *spool);
/* Appends. 0, -EMSGSIZE beyond the limit, -ENOSPC, or -errno. */
SUSPENDS int spool_write(struct spool *spool, const void *data, size_t len);
/* Takes from the front: the number of bytes, 0 when nothing is left now. */
SUSPENDS ssize_t spool_read(struct spool *spool, void *to, size_t len);
/* Bytes written and not yet read. */
uint64_t spool_left(const struct spool *spool);
