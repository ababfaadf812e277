/* dev_held.c - deep copies, in order. */
#include "cli/dev_held.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "cli/dev_terminal.h"
#include "process/dev_master.h"

enum { TEXTS = 5 };

/* The texts of a notice, so that copying misses none. */
static void list_texts(struct dev_notice *notice, const char **out[TEXTS])
{
    const char **const texts[TEXTS] = {&notice->app, &notice->title, &notice->folder, &notice->text,
                                       &notice->stack};
    memcpy(out, texts, sizeof(texts));
}

void dev_held_add(struct dev_held *held, const struct dev_notice *notice)
{
    const char **texts[TEXTS];
    held->notices = memory_realloc(held->notices, (held->count + 1) * sizeof(*held->notices));
    struct dev_notice *copy = &held->notices[held->count++];
    *copy = *notice;
    list_texts(copy, texts);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (*texts[i])
            *texts[i] = memory_copy(*texts[i], strlen(*texts[i]));
}

void dev_held_print(struct dev_held *held, FILE *out)
{
    for (size_t i = 0; i < held->count; i++) {
        const char **texts[TEXTS];
        dev_terminal_print(&held->notices[i], out);
        list_texts(&held->notices[i], texts);
        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            free((char *)*texts[k]);
    }
    free(held->notices);
    *held = (struct dev_held){0};
}
