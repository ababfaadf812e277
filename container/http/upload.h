/* upload.h - the content of one part of a form on its way to memory or to a temporary file.
 *
 *   add, add, add ... |<- limit: from here on all of it goes to the file, a block at a time
 *
 * The file has no name (O_TMPFILE), so nothing is left behind however the worker ends. Writing
 * blocks goes to the offload threads when a task is there to wait: a full disk cache must not hold
 * the loop. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>
#include "base/buffer.h"
#include "base/macros.h"

struct arena;
struct gale_file;

struct upload {
    uint64_t limit;     /* bytes that stay in memory */
    struct buffer held; /* not yet in the file */
    int fd;             /* owned; -1: all of it is held */
    int64_t size;
};

/* Ready for the next part; what upload_end left of the buffer is used again. */
void upload_begin(struct upload *upload, uint64_t limit);
/* Returns 0 or the -errno of the file. */
SUSPENDS int upload_add(struct upload *upload, const char *at, size_t len);
/* Hands over what came: data on the arena and fd -1, or the file at offset 0. */
SUSPENDS int upload_end(struct upload *upload, struct arena *arena, struct gale_file *out_file);
/* Frees what was never handed over. */
void upload_finish(struct upload *upload);
