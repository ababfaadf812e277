/* code.c - a list, and a text with names exchanged. */
#include "app/code.h"

#include <string.h>

#include "base/buffer.h"

static const struct code *known;
static size_t known_count;

void code_set(const struct code *codes, size_t count)
{
    known = codes;
    known_count = count;
}

const struct code *code_find(const char *app)
{
    for (size_t i = 0; i < known_count; i++)
        if (strcmp(known[i].app, app) == 0)
            return &known[i];
    return NULL;
}

/* How much of the text at `at` is to be exchanged for *out_new; 0: nothing. */
static size_t match(const struct code *code, const char *at, const char **out_new)
{
    size_t path_len = strlen(code->path), root_len = strlen(code->root);
    if (strncmp(at, code->path, path_len) == 0) {
        *out_new = code->original;
        return path_len;
    }
    *out_new = "";
    return root_len && strncmp(at, code->root, root_len) == 0 ? root_len : 0;
}

void code_add_text(const struct code *code, const char *text, struct buffer *out)
{
    for (const char *at = text; *at;) {
        const char *new;
        size_t len = match(code, at, &new);
        if (len)
            buffer_add_text(out, new);
        else
            buffer_add(out, at, len = 1);
        at += len;
    }
}
