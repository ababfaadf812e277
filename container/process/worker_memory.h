/* worker_memory.h - gale_shared in a worker: asking the master for a region of memory. */
#pragma once
#include <stddef.h>

struct channel_message;

/* From now on worker_memory_get asks over this channel. Messages of other kinds that arrive while
 * it waits for the answer go to `other` (borrowed), in their order. */
void worker_memory_init(int channel, void (*other)(struct channel_message *message));
/* An app_shared_fn: the mapping, or NULL with errno. Waits for the master, at most 5 s. */
void *worker_memory_get(const char *app, const char *name, size_t size);
