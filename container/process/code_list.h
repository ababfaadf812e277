/* code_list.h - what the master tells a worker of the copies that it is to load.
 *
 * A sealed memfd of texts, each ended by a zero; five for an app: name, original, path, root, and
 * numbers of descriptors. Both sides are in this file, so that they cannot differ. */
#pragma once
#include <stddef.h>

struct arena;
struct code;
struct config;
struct copied;

/* Writes the copies of a configuration's apps (by their index; NULL: none). Returns the descriptor
 * (owned, CLOEXEC) or -errno. */
int code_list_write(const struct config *config, const struct copied *const *copies);
/* Reads them back onto the arena. Returns 0, -EBADMSG for what no master writes, or -errno. */
int code_list_read(int fd, struct arena *arena, struct code **out_codes, size_t *out_count);
