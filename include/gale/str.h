/* gale/str.h - bytes with a length.
 *
 * gale never guesses a charset: what a peer sent is bytes. A gale_str that gale hands out
 * always has at[len] == 0, so `.at` can be printed with %s where the bytes hold no zero. */
#pragma once
#include <stddef.h>

struct gale_str {
    const char *at;
    size_t len;
};
