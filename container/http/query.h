/* query.h - application/x-www-form-urlencoded: query strings and form bodies. Pure.
 *
 *   a=1&b=x+y%21&a=&c   ->   a "1"   b "x y!"   a ""   c ""
 *
 * Names and values are bytes, percent-decoded exactly once; no charset is guessed. Only '&'
 * separates, '+' is a blank, an empty piece is nothing, and a '%' without two hexadecimal digits
 * stands for itself, as browsers read it. %00 is a zero byte within a view: who passes `.at` on as
 * text must look at `.len`. */
#pragma once
#include <stddef.h>
#include <gale/str.h>

struct arena;

struct query_pair {
    struct gale_str name, value; /* each ends in zero */
};

struct query {
    const struct query_pair *pairs; /* in the order of the text, on the arena */
    size_t count;
};

/* Reads `text` without its '?'. Two allocations, linear time; text is copied and not kept.
 * -EMSGSIZE for more than max_pairs. */
int query_parse(struct gale_str text, size_t max_pairs, struct arena *arena,
                struct query *out_query);

/* The nth pair (from 0) of exactly this name, or NULL. */
const struct query_pair *query_find(const struct query *query, struct gale_str name, size_t nth);

/* For a name or value of a link: everything but letters, digits and "-._~" becomes %XX. */
struct gale_str query_encode(struct arena *arena, struct gale_str bytes);
