/* str.h - what gale does with bytes that have a length.
 *
 * A gale_str is a view and never owns. Comparisons that ignore case are ASCII only, whatever
 * the locale: protocols mean exactly that. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <gale/str.h>

#define STR(literal) ((struct gale_str){literal, sizeof(literal) - 1})

static inline struct gale_str str_of(const char *text)
{
    return (struct gale_str){text, strlen(text)};
}

static inline bool str_equals(struct gale_str a, struct gale_str b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* ASCII letters compare without case. */
bool str_equals_nocase(struct gale_str a, struct gale_str b);
bool str_starts_with(struct gale_str text, struct gale_str prefix);
bool str_ends_with(struct gale_str text, struct gale_str suffix);

/* Without the spaces and tabs (OWS, RFC 9110 5.6.3) at both ends. */
struct gale_str str_trim(struct gale_str text);

/* The first byte `c` in text, or NULL. */
static inline const char *str_find(struct gale_str text, char c)
{
    return text.len ? memchr(text.at, c, text.len) : NULL;
}

/* Cuts *rest at the next `c`: returns what stands before it, untrimmed, and leaves the rest.
 * Without a `c` all of it is returned and *rest becomes empty with at == NULL. */
struct gale_str str_cut(struct gale_str *rest, char c);

/* One or more decimal digits and nothing else. Returns 0 and the number, -EINVAL, or -ERANGE
 * above UINT64_MAX (RFC 9112 6.3: no sign, no blank, no hexadecimal). */
int str_to_u64(struct gale_str text, uint64_t *out_value);

/* The value of one hexadecimal digit, or -1. */
int str_hex_digit(char c);
