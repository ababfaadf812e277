/* copies_make.h - making one copy: a plugin, and what it finds through $ORIGIN. */
#pragma once
#include <stdbool.h>

struct copied;

struct copies_order {
    const char *original; /* the plugin, an absolute path */
    const char *folder;   /* where the copy's own folder is to be; NULL: in memory */
};

/* Makes it. Returns 0 and the copy (owned); or fails as copies_take does, with *out_is_full when it
 * was for want of a place to write to: in memory it may work. */
int copied_make(const struct copies_order *order, struct copied **out_copied, bool *out_is_full,
                char **out_error);
/* Frees it. What it holds on disk stays. */
void copied_free(struct copied *copied);
