/* What a function prints: to a stream of its own, or to standard output and error. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct captured {
    FILE *out;
    char *text;
    size_t len;
};

static inline FILE *capture(struct captured *captured)
{
    return captured->out = open_memstream(&captured->text, &captured->len);
}

/* The text; to be freed. */
static inline char *captured_text(struct captured *captured)
{
    fclose(captured->out);
    return captured->text;
}

/* Replaces a standard stream by a file; give_back returns what was written, to be freed. */
struct taken {
    FILE *stream, *file;
    int saved;
};

static inline struct taken take(FILE *stream)
{
    struct taken taken = {stream, tmpfile(), dup(fileno(stream))};
    fflush(stream);
    dup2(fileno(taken.file), fileno(stream));
    return taken;
}

static inline char *give_back(struct taken *taken)
{
    char *text = calloc(1, 65536);
    fflush(taken->stream);
    dup2(taken->saved, fileno(taken->stream));
    close(taken->saved);
    rewind(taken->file);
    text[fread(text, 1, 65535, taken->file)] = 0;
    fclose(taken->file);
    return text;
}
