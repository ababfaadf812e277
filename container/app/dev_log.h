/* dev_log.h - the last lines of the log in memory that all processes share, by request.
 *
 * An error page of `gale dev` shows what was logged for its request, by whichever process: the
 * front that makes the page is not the one whose plugin has logged. Lines are written by anybody
 * without locks; a line that is overwritten while it is read is left out. */
#pragma once
#include <stddef.h>
#include <gale/str.h>

struct buffer;

/* Makes the memory. Returns a descriptor of it (owned) or -errno. */
int dev_log_create(void);
/* From now on lines of this process go there, too, and short ones to the log. Returns 0 or -errno.
 */
int dev_log_attach(int fd);
/* Adds the lines with this request's id, the oldest first; nothing where none is attached. */
void dev_log_find(struct gale_str id, struct buffer *out);
