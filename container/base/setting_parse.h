/* setting_parse.h - from the text of one value to the field of its type; for setting*.c alone. */
#pragma once
#include "base/setting.h"

struct arena;

/* Units from the largest to the one whose factor is 1. */
struct setting_unit {
    const char *name;
    int64_t factor;
};
extern const struct setting_unit setting_units_size[], setting_units_ms[], setting_units_none[];

/* A piece of text on its way into a field: what setting_set was given. */
struct setting_input {
    const char *key, *value;
    const struct setting_place *place;
};

/* Reads the value into `field` by the row's type (lists and pairs grow). Returns NULL, or what is
 * wrong with the value: "is not a size". The row's own `parse` is not asked. */
const char *setting_parse(const struct setting *row, const struct setting_input *input, void *field,
                          struct arena *arena);
/* That of SETTING_RATE. */
const char *setting_parse_rate(const struct setting *row, const struct setting_input *input,
                               void *field, struct arena *arena);
/* What setting_parse would say of a text that makes no sense at all. */
const char *setting_parse_fault(enum setting_type type);
/* Makes the field what it is before anything is set: zero. */
void setting_parse_clear(enum setting_type type, void *field);

/* Room for one more item behind `len` of them: a bigger copy at each power of two. */
void *setting_grow(struct arena *arena, void *items, size_t len, size_t item_size);
