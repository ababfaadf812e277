/* field.h - the grammar that many field values share (RFC 9110 5.6): lists, parameters, quotes.
 *
 *   form-data; name="a;b"; filename=x.txt        text/html;q=0.5, "a,b";c=1
 *   `-value-'  `-param--'  `-----------'         `-- element --'  `element'
 *
 * Each cut takes a piece from the front of a view, as str_cut does, but a quoted string is never
 * cut within. Nothing is copied until a quoted value with escapes is asked for. Linear. */
#pragma once
#include <stdbool.h>
#include <gale/str.h>

struct arena;

struct field_param {
    struct gale_str name;
    struct gale_str value; /* without its quotes, but with its escapes */
    bool is_quoted;
};

/* Cuts *rest at the next `separator` outside of a quoted string: the piece without blanks at its
 * ends. After the last piece *rest has at == NULL. A quote that is never closed takes the rest. */
struct gale_str field_cut(struct gale_str *rest, char separator);

/* Takes the next `name=value` from *rest, as field_cut(&rest, ';') leaves it behind the value that
 * the parameters belong to: 1, or 0 when none is left. Empty ones are skipped. -EINVAL for anything
 * but a token, '=', and either a quoted string or bytes without blank, quote or control byte (more
 * than RFC 9110 allows unquoted, since boundaries are sent so). */
int field_next_param(struct gale_str *rest, struct field_param *out_param);

/* The value as it was meant, ended with zero, on the arena. In a quoted string \" and \\ are
 * escapes; any other backslash stands for itself, since browsers send file names so. */
struct gale_str field_param_value(const struct field_param *param, struct arena *arena);
