/* dev_held.h - notices of `gale dev` that come before its greeting, until that was printed. */
#pragma once
#include <stddef.h>
#include <stdio.h>

struct dev_notice;

struct dev_held {
    struct dev_notice *notices; /* copies; owned, and so are their texts */
    size_t count;
};

void dev_held_add(struct dev_held *held, const struct dev_notice *notice);
/* Prints and forgets them. */
void dev_held_print(struct dev_held *held, FILE *out);
