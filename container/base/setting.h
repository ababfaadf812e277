/* setting.h - tables of settings: one row a key, from which everything else follows.
 *
 * A table says for each key its type, its default, its range and one sentence about it. Reading a
 * section, refusing a wrong value with a sentence that says what is allowed, suggesting the
 * nearest key, and writing conf/full.ini and the manual page all come out of the same rows. The
 * values land in an ordinary struct, whose memory is the configuration's arena. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <gale/str.h>

struct arena;

enum setting_type {
    SETTING_TEXT,   /* const char *; NULL when unset and without default */
    SETTING_PATH,   /* const char *, absolute: a relative one starts at the configuration's base */
    SETTING_SIZE,   /* uint64_t bytes: 512, 16K, 8M, 1G */
    SETTING_MS,     /* int64_t milliseconds: 500ms, 30s, 5m, 1h, 1d; a bare number is refused */
    SETTING_COUNT,  /* int64_t */
    SETTING_FLAG,   /* bool: yes, no (also on, off, true, false) */
    SETTING_CHOICE, /* int: index into choices */
    SETTING_LIST,   /* struct setting_list: words separated by blanks; a repeated key adds */
    SETTING_PAIRS,  /* struct setting_pairs: `key = NAME VALUE`, repeated */
    SETTING_RATE,   /* struct rate_limit: 10/s, 10/s burst 20, 100/m, 5/h; off */
    SETTING_NAMED,  /* struct setting_pairs: `key NAME = VALUE`, repeated (set greeting = hi) */
};

struct setting_list {
    const char **items;
    size_t len;
};

struct setting_pair {
    const char *name, *value;
    unsigned line; /* where it stands, for errors found later */
    const char *file;
};

struct setting_pairs {
    struct setting_pair *items;
    size_t len;
};

struct setting {
    const char *key;
    enum setting_type type;
    size_t offset;              /* of the field in the struct of values */
    const char *initial;        /* the default as one would write it; NULL: none */
    int64_t min, max;           /* for numbers; both 0: any that is not negative */
    const char *const *choices; /* NULL-terminated, for SETTING_CHOICE */
    const char *help;           /* one sentence, "What it does." */
    const char *example;        /* shown in full.ini where there is no default */
    /* Instead of the type's own parser; may say in *out_error, on the arena, what was expected.
     * Returns 0 or -EINVAL. */
    int (*parse)(const char *value, void *field, struct arena *arena, char **out_error);
};

/* Errors of one configuration, in the order found. */
struct setting_error {
    const char *file;
    unsigned line; /* 0: the file as a whole */
    const char *text;
};

struct setting_errors {
    struct arena *arena;
    struct setting_error *items;
    size_t len;
    /* private */
    struct setting_mark *marks; /* where each key was set, newest first */
};

void setting_errors_add(struct setting_errors *errors, const char *file, unsigned line,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Whether the key of that field was set, and where, for errors that are found later; leaves both as
 * they are when it was not. */
bool setting_errors_place(const struct setting_errors *errors, const void *field, const char **file,
                          unsigned *line);
/* Within one file they are told in its order, in whatever passes they were found. */
void setting_errors_sort(struct setting_errors *errors);
/* "FILE:LINE: text", a line each. */
void setting_errors_print(const struct setting_errors *errors, FILE *out);
/* The same as a text, without the last newline; owned. */
char *setting_errors_text(const struct setting_errors *errors);

/* Where a key stands and where relative paths start. */
struct setting_place {
    const char *file;
    unsigned line;
    const char *base; /* absolute */
};

/* Fills `values` with the defaults of the table (a table ends with a row whose key is NULL). */
void setting_init(const struct setting *table, void *values, struct arena *arena, const char *base);
/* The row for `key` (for SETTING_NAMED rows: the key's first word), or NULL. */
const struct setting *setting_find(const struct setting *table, const char *key);
/* Sets one key; texts are copied. A list or pairs that had a default start empty; any other key
 * may be set once. Returns 0 or -EINVAL after adding an error that names key and expectation. */
int setting_set(const struct setting *row, void *values, const char *key, const char *value,
                const struct setting_place *place, struct setting_errors *errors);
/* The key of the tables nearest to `key` by edit distance (at most 2 edits, a third of its
 * length), or NULL. `tables` is NULL-terminated. */
const char *setting_nearest(const struct setting *const *tables, const char *key);
/* Adds the error for a key that is in none of the tables: with the nearest one, or else all in
 * lines of their own (once for a kind of section), and how an app's own settings are written where
 * there is a SETTING_NAMED row. */
void setting_add_unknown(const struct setting *const *tables, const char *key,
                         const struct setting_place *place, struct setting_errors *errors);
/* The values of a type in words: "a size such as 16K, from 1K to 1G". */
void setting_expectation(const struct setting *row, char *out, size_t size);
/* Writes the rows as INI comments and defaults, as conf/full.ini shows them. */
void setting_document(const struct setting *table, FILE *out);
