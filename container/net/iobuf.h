/* iobuf.h - the blocks in which streams keep bytes: 16 KiB each, from a capped free list.
 *
 * A stream holds a block only while the block holds something. */
#pragma once
#include <stddef.h>

enum { IOBUF_SIZE = 16 * 1024 };

/* A block, not zeroed; never NULL. */
char *iobuf_take(void);
void iobuf_give(char *block); /* takes NULL */
/* How many free blocks are kept at most (default 256), and how many there are. */
void iobuf_keep(size_t blocks);
size_t iobuf_kept(void);
