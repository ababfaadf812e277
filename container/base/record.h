/* record.h - lines of a kind, some numbers and a text, which one version of gale writes and another
 * reads.
 *
 *   address 3 1 0 4 14:127.0.0.1:8080        three numbers; fourteen bytes
 *
 * Numbers may be added at a record's end and records of new kinds anywhere: a reader finds zeros
 * for what is missing and passes over what it does not know. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

struct buffer;

enum { RECORD_KIND = 16, RECORD_NUMBERS = 12 };

struct record {
    char kind[RECORD_KIND];
    int64_t numbers[RECORD_NUMBERS];
    struct gale_str text; /* a view */
};

/* Appends one; the numbers end at `count`. */
void record_add(struct buffer *out, const char *kind, struct gale_str text, const int64_t *numbers,
                size_t count);
/* Takes the next one off *rest. Returns 1, 0 at the end, or -EBADMSG. */
int record_next(struct gale_str *rest, struct record *out_record);
