/* spool.h - bytes kept until somebody wants them: memory first, then an unlinked file.
 *
 * For request bodies whose length must be known before a program starts, and for replies that come
 * faster than their reader takes them. Written at the end, read from the front. What the kernel can
 * take or give at once is moved at once; else the file is written and read through offload, so that
 * no slow disk holds the loop. The file is used in a circle and never grows beyond the limit.
 *
 *   taken | in memory ....... | in the file ....... |
 *           read from here      and then here         written to the file while there is any */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/macros.h"

struct spool {
    /* private */
    char *memory; /* owned; NULL while it was never needed */
    size_t memory_max, memory_cap, memory_start, memory_end;
    int fd; /* -1: all is in memory */
    uint64_t limit;
    uint64_t file_start, file_end; /* positions; their place in the file is modulo limit */
};

/* At most memory_max bytes in memory and `limit` in all are kept at a time. */
void spool_init(struct spool *spool, size_t memory_max, uint64_t limit);
void spool_finish(struct spool *spool);
/* Appends all of it. 0, -EMSGSIZE beyond the limit (then nothing was written), or -errno: then the
 * first *out_written bytes were (NULL: it does not matter). One writer and one reader at a time. */
SUSPENDS int spool_write(struct spool *spool, const void *data, size_t len, size_t *out_written);
/* Whether such an error of spool_write means that the file has no room, or cannot be had, for now:
 * memory may have room again when what was written has been read. */
bool spool_is_full(int error);
/* Takes from the front: the number of bytes, 0 when nothing is left now. */
SUSPENDS ssize_t spool_read(struct spool *spool, void *to, size_t len);
/* Bytes written and not yet read. */
uint64_t spool_left(const struct spool *spool);
