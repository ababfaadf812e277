/* sealed.h - a text for other processes, in memory that nobody can change any more. */
#pragma once
#include <gale/str.h>

/* A descriptor of such memory (owned, CLOEXEC), which `name` tells in /proc, or -errno. */
int sealed_make(const char *name, struct gale_str text);
/* All of what lies behind fd (borrowed), whatever its offset. 0 and the text, whose `at` is owned
 * and ends in a zero byte; or -errno, -EIO where it is shorter than it says. */
int sealed_read(int fd, struct gale_str *out_text);
